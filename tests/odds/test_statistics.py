from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from bullbear.odds.statistics import benjamini_hochberg, binomial_p_value, shrunk_differences, wilson


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


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40))
def test_adjustment_equals_scipy(p_values: list[float]) -> None:
    found = benjamini_hochberg(np.array(p_values))
    np.testing.assert_allclose(found, stats.false_discovery_control(p_values), atol=1e-12)


def test_adjustment_works_row_by_row_and_skips_the_unknown() -> None:
    rows = np.array([[0.01, np.nan, 0.5], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(benjamini_hochberg(rows), [[0.02, np.nan, 0.5], [np.nan] * 3])


def test_differences_no_wider_than_chance_are_shrunk_to_nothing() -> None:
    found = shrunk_differences(np.array([0.05, -0.05, np.nan]), np.array([0.01, 0.01, np.nan]))
    np.testing.assert_array_equal(found, [0.0, 0.0, np.nan])


def test_the_less_certain_difference_is_shrunk_more() -> None:
    # w = 100, 25: sum w d^2 = 9 + 2.25; (11.25 - 2) / 125 = 0.074; factors 0.074 / 0.084 and 0.074 / 0.114
    found = shrunk_differences(np.array([0.3, 0.3]), np.array([0.01, 0.04]))
    np.testing.assert_allclose(found, [0.3 * 0.074 / 0.084, 0.3 * 0.074 / 0.114])


def test_shrinkage_brings_estimates_nearer_to_the_truth() -> None:
    random = np.random.default_rng(1)
    truth = random.normal(0.0, 0.05, (400, 30))
    variance = np.broadcast_to(np.linspace(0.001, 0.02, 30), truth.shape)
    seen = truth + random.normal(size=truth.shape) * np.sqrt(variance)
    told = shrunk_differences(seen, variance)
    assert ((told - truth) ** 2).mean() < 0.5 * ((seen - truth) ** 2).mean()
