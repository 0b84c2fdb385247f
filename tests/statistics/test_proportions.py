"""Shares against published values, statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from bullbear.errors import InputError
from bullbear.statistics.proportions import binomial_p_value, wilson


def test_wilson_published():
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81 of 263 and 15 of 148 at 95 %
    assert wilson(81 / 263, 263, level=0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15 / 148, 148, level=0.95) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0.0, 20, level=0.95) == pytest.approx((0.0, 0.1611), abs=5e-5)


@pytest.mark.parametrize(("count", "n", "level"), [(7, 10, 0.9), (0, 12, 0.9), (30, 31, 0.8)])
def test_wilson_agrees_with_statsmodels(count, n, level):
    expected = proportion_confint(count, n, alpha=1 - level, method="wilson")
    assert wilson(count / n, n, level=level) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("hits", "n"), [(0, 3), (2, 9), (7, 10), (150, 187), (5, 5)])
def test_wilson_equals_statsmodels(hits: int, n: int) -> None:
    low, high = wilson(np.array([hits / n]), np.array([float(n)]))
    expected = proportion_confint(hits, n, alpha=0.1, method="wilson")
    np.testing.assert_allclose([low[0], high[0]], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("hits", "n", "base"), [(0, 5, 0.6), (1, 5, 0.01), (4, 5, 0.99), (9, 10, 0.6), (30, 61, 0.39), (61, 61, 0.9)]
)
def test_p_value_is_twice_the_smaller_binomial_tail(hits: int, n: int, base: float) -> None:
    tails = [stats.binomtest(hits, n, base, alternative=side).pvalue for side in ("less", "greater")]
    found = binomial_p_value(np.array([hits / n]), np.array([base]), np.array([float(n)]))
    assert found[0] == pytest.approx(min(1.0, 2.0 * min(tails)), rel=1e-9)


def test_no_comparison_is_no_evidence() -> None:
    share, base, n = np.array([0.4, 1.0, np.nan]), np.array([0.4, 1.0, 0.5]), np.array([np.inf, 8.0, 8.0])
    np.testing.assert_array_equal(binomial_p_value(share, base, n), [1.0, 1.0, np.nan])


def test_refusals():
    with pytest.raises(InputError, match="share: got 70"):
        wilson(70, 10)
    with pytest.raises(InputError, match="n: got 0"):
        wilson(0.7, 0)
    with pytest.raises(InputError, match="level: got 90"):
        wilson(0.7, 10, level=90)
