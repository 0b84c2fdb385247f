"""Adjusted p-values against scipy, shrinkage by hand and against the truth."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bullbear.statistics.multiple_tests import benjamini_hochberg, shrunk_differences


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
