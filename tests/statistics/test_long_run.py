"""The long-run variance against a slow loop, and the effective number against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.errors import InputError
from bullbear.statistics.long_run import default_lag, effective_number, long_run_covariance, long_run_variance


def _slow_variance(x, lag):
    n, mean, total = len(x), sum(x) / len(x), 0.0
    for i in range(n):
        for j in range(n):
            if abs(i - j) <= lag:
                total += (1 - abs(i - j) / (lag + 1)) * (x[i] - mean) * (x[j] - mean)
    return total / n


def test_long_run_variance_by_hand():
    # deviations -1.5 -0.5 1.5 0.5: gamma 5/4, 0.75/4, -2.5/4; 1.25 + 2 (2/3 * 0.1875 - 1/3 * 0.625)
    assert long_run_variance([1, 2, 4, 3], 2) == pytest.approx(1.25 + 0.25 - 1.25 / 3, abs=1e-15)


@pytest.mark.parametrize("lag", [0, 1, 5, 29])
def test_long_run_variance_agrees_with_a_slow_loop(lag):
    x = np.cumsum(np.random.default_rng(2).standard_normal(60))
    assert long_run_variance(x, lag) == pytest.approx(_slow_variance(x.tolist(), lag), rel=1e-10)


def test_effective_number_by_hand():
    # n = 6, h = 2, c(1) = 2/pi asin(1/2) = 1/3: 6 / (1 + 2 * 5/6 * 1/3) = 27 / 7
    assert effective_number(6, 2) == pytest.approx(27 / 7, abs=1e-12)


def test_effective_number_of_overlapping_signs():
    # The variance of the share of ups of sums over 21 days: the arcsine law, not that of the sums themselves.
    rng = np.random.default_rng(5)
    path = np.cumsum(rng.standard_normal((4000, 521)), axis=1)
    ups = path[:, 21:] > path[:, :-21]
    assert effective_number(500, 21) == pytest.approx(0.25 / ups.mean(axis=1).var(), rel=0.06)


def test_persistent_errors_count_for_less():
    rng = np.random.default_rng(7)
    independent = rng.standard_normal(2000)
    persistent = np.repeat(rng.standard_normal(20), 100)
    assert effective_number(2000, 5, independent) == pytest.approx(effective_number(2000, 5), rel=1e-12)
    assert effective_number(2000, 21, persistent) < 0.6 * effective_number(2000, 21)


@given(st.integers(2, 300), st.integers(1, 60), st.integers(0, 2**31))
@settings(max_examples=150, deadline=None)
def test_effective_number_is_bounded_and_falls_with_the_horizon(n, horizon, seed):
    difference = np.cumsum(np.random.default_rng(seed).standard_normal(n))
    for scores in (None, difference):
        near, far = effective_number(n, horizon, scores), effective_number(n, horizon + 1, scores)
        assert 1 <= far <= near * (1 + 1e-12) <= n * (1 + 1e-9)
    assert effective_number(n + 1, horizon) >= effective_number(n, horizon) - 1e-9


def test_lag_covers_the_horizon():
    assert [default_lag(4000, 21), default_lag(1000, 1), default_lag(50, 21)] == [82, 41, 49]


def test_refusals():
    for length in (9, 11):
        with pytest.raises(InputError, match="difference: got"):
            effective_number(10, 2, [0.1] * length)
    for wrong in (3.0, [[1.0, 2.0]], [1.0, np.nan]):
        with pytest.raises(InputError, match=r"x: got .*allowed: a one-dimensional array of finite numbers"):
            long_run_variance(wrong, 0)
    with pytest.raises(InputError, match="lag: got 3; allowed: 0 to 2"):
        long_run_variance([1, 2, 4], 3)


@pytest.mark.parametrize("lag", [0, 3, 20])
def test_the_covariance_of_several_series_is_that_of_statsmodels(lag):
    from statsmodels.stats.sandwich_covariance import S_hac_simple

    x = np.cumsum(np.random.default_rng(3).standard_normal((60, 3)), axis=0)
    found = long_run_covariance(x, lag)
    assert found == pytest.approx(S_hac_simple(x - x.mean(axis=0), nlags=lag) / 60, rel=1e-9)
    assert np.diag(found) == pytest.approx([long_run_variance(column, lag) for column in x.T], rel=1e-9)


@pytest.mark.parametrize(
    ("x", "lag", "words"),
    [
        ([1.0, 2.0], 1, r"x: got 'shape \(2,\)'; allowed: a two-dimensional array"),
        ([[1.0], [2.0]], 2, r"lag: got 2; allowed: 0 to 1"),
    ],
)
def test_a_covariance_that_makes_no_sense_is_refused(x, lag, words):
    with pytest.raises(InputError, match=words):
        long_run_covariance(x, lag)
