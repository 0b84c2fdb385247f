"""Tests of significance against slow loops, statsmodels, and their own size on noise."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.tsa.stattools import diebold_mariano_test

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.scores import losses
from bullbear.evaluate.significance import (
    clark_west,
    diebold_mariano,
)


@pytest.fixture
def rivals(market) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """600 overlapping outcomes, a sharp forecast and a dull one."""
    made = market(600, np.random.default_rng(4), 0.06)
    return made.y, made.truth, made.climatology


def _slow_variance(x, lag):
    n, mean, total = len(x), sum(x) / len(x), 0.0
    for i in range(n):
        for j in range(n):
            if abs(i - j) <= lag:
                total += (1 - abs(i - j) / (lag + 1)) * (x[i] - mean) * (x[j] - mean)
    return total / n


@pytest.mark.parametrize(("horizon", "lag"), [(1, 1), (5, 5), (21, 30)])
def test_diebold_mariano_agrees_with_statsmodels(rivals, horizon, lag):
    y, p, reference = rivals
    oracle = diebold_mariano_test(y, reference, p, lags=lag, harvey_adj=True, horizon=horizon)
    test = diebold_mariano(y, p, reference, horizon, lag=lag)
    assert test.statistic == pytest.approx(oracle.statistic, rel=1e-9)
    freedom = min(len(y) - 1, 1.5 * len(y) / lag)
    assert test.p_value == pytest.approx(2 * stats.t.sf(abs(oracle.statistic), freedom), rel=1e-9)


@pytest.mark.parametrize("score", ["brier", "log_loss"])
def test_diebold_mariano_is_a_hac_regression_on_a_constant(rivals, score):
    y, p, reference = rivals
    gain = losses(y, reference, score) - losses(y, p, score)
    fit = sm.OLS(gain, np.ones(len(y))).fit(cov_type="HAC", cov_kwds={"maxlags": 21})
    n, h = len(y), 21
    test = diebold_mariano(y, p, reference, 21, score=score, lag=21)
    assert test.gain == pytest.approx(gain.mean(), rel=1e-12)
    assert test.statistic == pytest.approx(fit.tvalues[0] * np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n), rel=1e-9)


def test_diebold_mariano_by_hand():
    # squared errors 0.16 0.36 0.16 0.16 0.36 0.16 less 0.09 0.16 0.16 0.04 0.36 0.09
    y, p = [1, 0, 1, 1, 0, 1], [0.7, 0.4, 0.6, 0.8, 0.6, 0.7]
    d = np.array([0.07, 0.2, 0.0, 0.12, 0.0, 0.07])
    variance = _slow_variance(d.tolist(), 1)
    test = diebold_mariano(y, p, [0.6] * 6, horizon=1, lag=1)
    assert test.gain == pytest.approx(0.46 / 6, abs=1e-12)
    assert test.statistic == pytest.approx(0.46 / 6 / np.sqrt(variance / 6) * np.sqrt(5 / 6), rel=1e-9)
    assert test.degrees_of_freedom == 5


def test_diebold_mariano_turns_with_the_rivals(rivals):
    y, p, reference = rivals
    one, other = diebold_mariano(y, p, reference, 21), diebold_mariano(y, reference, p, 21)
    assert (one.statistic, one.p_value) == pytest.approx((-other.statistic, other.p_value))


def test_rivals_that_never_differ_are_equal(rivals):
    y, p, _ = rivals
    test = diebold_mariano(y, p, p, 21)
    assert (test.statistic, test.p_value) == (0.0, 1.0)


def test_clark_west_by_hand():
    # f = d + (reference - p)^2 = 0.08 0.24 0 0.16 0 0.08
    y, p = [1, 0, 1, 1, 0, 1], [0.7, 0.4, 0.6, 0.8, 0.6, 0.7]
    f = [0.08, 0.24, 0.0, 0.16, 0.0, 0.08]
    test = clark_west(y, p, [0.6] * 6, horizon=1, lag=1)
    statistic = (0.56 / 6) / np.sqrt(_slow_variance(f, 1) / 6)
    assert test.gain == pytest.approx(0.56 / 6, abs=1e-12)
    assert test.statistic == pytest.approx(statistic, rel=1e-9)
    assert test.p_value == pytest.approx(stats.t.sf(statistic, 5), rel=1e-9)


def test_clark_west_forgives_the_noise_of_estimation(market):
    # An informed but overconfident forecast loses on Brier score and still carries information.
    made = market(4000, np.random.default_rng(6), 0.06)
    bold = np.clip(0.5 + 2.5 * (made.truth - 0.5), 0.01, 0.99)
    assert diebold_mariano(made.y, bold, made.climatology, 21).gain < 0
    assert clark_west(made.y, bold, made.climatology, 21).p_value < 0.01


@pytest.mark.parametrize("horizon", [1, 21])
def test_size_of_diebold_mariano_under_the_null(market, horizon):
    # Two equally bad forecasts of a market without signal; 400 tests at 10 % with a standard error of 1.5 %.
    rng = np.random.default_rng(11)
    p_values = []
    for _ in range(400):
        y = market(1000, rng, 0.0, horizon).y
        one, other = (market(1000, rng, 0.04, horizon).truth for _ in range(2))
        p_values.append(diebold_mariano(y, one, other, horizon).p_value)
    assert 0.05 < np.mean(np.array(p_values) < 0.10) < 0.16


def test_a_plain_t_test_would_find_skill_in_noise(market):
    # Why all this: the same null with the overlap ignored rejects several times too often.
    rng = np.random.default_rng(12)
    rejected = []
    for _ in range(200):
        y = market(1000, rng, 0.0).y
        one, other = (market(1000, rng, 0.04).truth for _ in range(2))
        rejected.append(stats.ttest_1samp((y - one) ** 2 - (y - other) ** 2, 0).pvalue < 0.10)
    assert np.mean(rejected) > 0.5


def test_size_of_clark_west_under_the_null(market):
    rng = np.random.default_rng(13)
    p_values = []
    for _ in range(400):
        made, bogus = market(1500, rng, 0.0), market(1500, rng, 0.04)
        p_values.append(clark_west(made.y, bogus.truth, made.climatology, 21).p_value)
    assert 0.05 < np.mean(np.array(p_values) < 0.10) < 0.17


def test_refusals(rivals):
    y, p, reference = rivals
    with pytest.raises(InputError, match=r"lag: got 20; allowed: 21 \(the horizon\) to 599"):
        diebold_mariano(y, p, reference, 21, lag=20)
    with pytest.raises(HistoryError, match=r"y: got '41 rows'; allowed: at least 42"):
        clark_west(y[:41], p[:41], reference[:41], 21)
    with pytest.raises(InputError, match=r"log_loss\[1\]: got -inf; .*probabilities of 0 and 1"):
        diebold_mariano([1, 0, 1], [0.5, 1.0, 0.5], [0.6, 0.5, 0.5], 1, score="log_loss")
    with pytest.raises(InputError, match="horizon: got 0"):
        diebold_mariano(y, p, reference, 0)
    with pytest.raises(HistoryError, match=r"y: got '2 rows'; allowed: at least 3"):
        clark_west([1, 0], [0.5, 0.5], [0.6, 0.5], 1)
    assert clark_west([1, 0, 1], [0.7, 0.4, 0.6], [0.6, 0.5, 0.5], 1).lag == 2
    with pytest.raises(InputError, match="reference: got '599 values'"):
        clark_west(y, p, reference[1:], 21)
    with pytest.raises(InputError, match="reference: got '599 values'; allowed: 600 values"):
        diebold_mariano(y, p, reference[1:], 21)
