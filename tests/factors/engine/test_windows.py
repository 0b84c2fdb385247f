from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors.engine import windows
from bullbear.factors.engine.registry import Array

series = arrays(np.float64, st.integers(0, 90), elements=st.floats(-1e3, 1e3))
window = st.integers(1, 70)


@given(x=series, rows=window)
def test_total_and_mean_against_pandas(x: Array, rows: int) -> None:
    assert_allclose(windows.total(x, rows), pd.Series(x).rolling(rows).sum(), atol=1e-9)
    assert_allclose(windows.mean(x, rows), pd.Series(x).rolling(rows).mean(), atol=1e-9)


@given(x=series, rows=st.integers(2, 70))
def test_variance_against_numpy(x: Array, rows: int) -> None:
    expected = np.full(len(x), np.nan)
    for i in range(rows - 1, len(x)):
        expected[i] = np.var(x[i - rows + 1 : i + 1], ddof=1)
    assert_allclose(windows.variance(x, rows, ddof=1), expected, rtol=1e-10, atol=1e-9)


@given(x=series, rows=st.integers(2, 70), seed=st.integers(0, 9))
def test_covariance_against_numpy(x: Array, rows: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(0.0, 1.0, len(x))
    expected = np.full(len(x), np.nan)
    for i in range(rows - 1, len(x)):
        expected[i] = np.cov(x[i - rows + 1 : i + 1], y[i - rows + 1 : i + 1], ddof=0)[0, 1]
    assert_allclose(windows.covariance(x, y, rows), expected, rtol=1e-9, atol=1e-8)


@given(x=series, rows=st.integers(2, 70))
def test_line_against_least_squares(x: Array, rows: int) -> None:
    slope, height = windows.line(x, rows)
    assert np.isnan(slope[: rows - 1]).all()
    for i in range(rows - 1, len(x)):
        steep, level = np.polyfit(np.arange(rows), x[i - rows + 1 : i + 1], 1)
        assert_allclose([slope[i], height[i]], [steep, level + steep * (rows - 1)], rtol=1e-9, atol=1e-9)


def slope(x: Array, rows: int) -> Array:
    return windows.line(x, rows)[0]


def height(x: Array, rows: int) -> Array:
    return windows.line(x, rows)[1]


def correlation(x: Array, rows: int) -> Array:
    return windows.correlation(x, np.sin(x), rows)


SUMS = [windows.total, windows.mean, windows.variance, windows.deviation, windows.standard_score, slope, height]
ITSELF = [*SUMS, correlation, windows.highest, windows.lowest]


@pytest.mark.parametrize("rows", [3, 21, 63, 64, 252])
@pytest.mark.parametrize("of", ITSELF, ids=lambda of: of.__name__)
def test_a_window_depends_on_its_own_rows_to_the_last_bit(of: Callable[..., Array], rows: int) -> None:
    x = np.random.default_rng(1).lognormal(3.0, 0.3, 900)
    whole = of(x, rows)
    for stop in (rows, rows + 1, 400, 777, 900):
        if stop >= rows:
            assert of(x[stop - rows : stop].copy(), rows)[-1] == whole[stop - 1]


@pytest.mark.parametrize("of", SUMS, ids=lambda of: of.__name__)
def test_an_unknown_value_spoils_its_windows_only(of: Callable[..., Array]) -> None:
    x = np.random.default_rng(2).normal(0.0, 1.0, 60)
    holed = x.copy()
    holed[30] = np.nan
    whole, found = of(x, 5), of(holed, 5)
    assert np.isnan(found[30:35]).all()
    assert_array_equal(np.delete(found, range(30, 35)), np.delete(whole, range(30, 35)))


def test_a_small_spread_on_a_large_level_is_kept() -> None:
    x = 1e9 + np.tile([0.0, 1.0], 50)
    assert windows.variance(x, 50)[-1] == pytest.approx(0.25, rel=1e-12)


def test_correlation_against_pandas_with_sizes_far_apart() -> None:
    random = np.random.default_rng(3)
    x = random.normal(0.0, 1e-5, 300)
    y = 1e6 * x + random.normal(0.0, 10.0, 300)
    assert_allclose(windows.correlation(x, y, 40), pd.Series(x).rolling(40).corr(pd.Series(y)), rtol=1e-7, atol=1e-9)


def test_correlation_with_something_that_stands_still_is_missing() -> None:
    x = np.random.default_rng(4).normal(0.0, 1.0, 30)
    assert np.isnan(windows.correlation(x, np.full(30, 0.1), 7)).all()
    assert np.isnan(windows.standard_score(np.full(30, 0.1), 7)).all()


@given(x=arrays(np.float64, st.integers(0, 40), elements=st.sampled_from([-1.0, 0.0, 1.0])), cap=st.integers(1, 12))
def test_run_length_against_a_loop(x: Array, cap: int) -> None:
    expected = np.full(len(x), np.nan)
    for i in range(cap - 1, len(x)):
        k = 1
        while k < cap and x[i - k] == x[i]:
            k += 1
        expected[i] = k
    assert_array_equal(windows.run_length(x, cap), expected)


def test_run_length_waits_for_known_rows() -> None:
    state = np.array([np.nan, np.nan, 1.0, 1.0, 1.0, np.nan, 1.0])
    assert_array_equal(windows.run_length(state, 2), [np.nan, np.nan, np.nan, 2, 2, np.nan, 1])


@pytest.mark.parametrize(("x", "rows", "expected"), [([1, 2, 3], 2, [np.nan, np.nan, 1]), ([1, 2], 5, [np.nan] * 2)])
def test_lagged(x: list[float], rows: int, expected: list[float]) -> None:
    assert_array_equal(windows.lagged(np.array(x, dtype=np.float64), rows), expected)


def test_ratio_by_zero_is_missing() -> None:
    assert_array_equal(windows.ratio(np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0])), [np.nan, np.nan, 1.5])


@pytest.mark.parametrize("of", [windows.total, windows.variance, windows.standard_score, windows.lagged, slope, height])
def test_series_one_above_the_other_are_as_each_alone(of: Callable[..., Array]) -> None:
    rows = np.random.default_rng(3).normal(0.0, 1.0, (3, 40))
    rows[1, 7] = np.nan
    assert_array_equal(of(rows, 5), np.stack([of(row, 5) for row in rows]))


def test_a_fold_may_begin_with_the_newest_row() -> None:
    def told(older: windows.Blocks, newer: windows.Blocks, rows_older: int, rows_newer: int) -> windows.Blocks:
        assert np.ptp(older[1]) == np.ptp(newer[1]) == 0.0
        assert (older[1][0], newer[1][0]) == (rows_older, rows_newer)
        return [10.0**rows_newer * older[0] + newer[0], older[1] + newer[1]]

    digits = [np.arange(1.0, 10.0), np.ones(9)]
    expected = [[1234567.0, 2345678.0, 3456789.0], [7.0, 7.0, 7.0]]
    for from_newest in (False, True):
        assert_array_equal(windows.fold(digits, 7, told, from_newest=from_newest), expected)
        one = windows.fold([row[:7] for row in digits], 7, told, from_newest=from_newest)
        assert_array_equal(one, [[1234567.0], [7.0]])


@given(
    low=arrays(np.float64, st.integers(0, 14), elements=st.sampled_from([1.0, 2.0])),
    rows=st.integers(2, 5),
    seed=st.integers(0, 99),
)
def test_flat_is_a_window_of_one_price(low: Array, rows: int, seed: int) -> None:
    ranges = np.random.default_rng(seed).choice([0.0, 0.0, 0.0, 1.0], len(low))
    high = low + ranges
    found = windows.unless_flat(np.ones(len(low)), high, low, rows)
    for i in range(len(low)):
        window = slice(i - rows + 1, i + 1)
        flat = i >= rows - 1 and high[window].max() == low[window].min()
        assert np.isnan(found[i]) == flat
