from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.technical import extremes


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


def test_distances_to_the_extremes(bars: Bars) -> None:
    high, low = pd.Series(bars.high).rolling(252).max(), pd.Series(bars.low).rolling(252).min()
    assert_allclose(
        extremes.extreme_distance(bars, window=252, side="high"), 100 * (bars.close / high - 1), rtol=1e-12, atol=1e-13
    )
    assert_allclose(
        extremes.extreme_distance(bars, window=252, side="low"), 100 * (bars.close / low - 1), rtol=1e-12, atol=1e-13
    )
    assert_array_equal(
        extremes.extreme_distance(bars, window=252, side="high"),
        np.minimum(100 * (bars.close / talib.MAX(bars.high, 252) - 1), 0),
    )


def test_range_position_is_the_fast_stochastic_of_closes(bars: Bars) -> None:
    fast, _ = talib.STOCHF(bars.close, bars.close, bars.close, 252, 1, 0)
    assert_allclose(100 * extremes.range_position(bars, window=252), fast, rtol=1e-12, atol=1e-12)


def test_new_extreme_balance_against_pandas(bars: Bars) -> None:
    close = pd.Series(bars.close)
    top, bottom = close.rolling(21).max().shift(), close.rolling(21).min().shift()
    score = ((close > top).astype(float) - (close < bottom)).where(top.notna())
    expected = score.rolling(10).mean()
    assert_allclose(extremes.new_extreme_balance(bars, window=21, memory=10), expected, atol=1e-12)


def test_volume_breakout_against_a_loop(bars: Bars) -> None:
    n, window, memory = len(bars.close), 21, 5
    daily = np.full(n, np.nan)
    for i in range(window, n):
        before = slice(i - window, i)
        top, bottom, usual = bars.high[before].max(), bars.low[before].min(), bars.volume[before].mean()
        size = max(bars.close[i] / top - 1, 0) - max(1 - bars.close[i] / bottom, 0)
        daily[i] = 100 * size * bars.volume[i] / usual
    expected = pd.Series(daily).rolling(memory).sum()
    found = extremes.volume_breakout(bars, window=window, memory=memory)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert (found[30:] > 0).any()
    assert (found[30:] < 0).any()
    assert (found[30:] == 0).any()


@pytest.mark.parametrize("side", ["low", "high"])
def test_dryness_against_a_loop(bars: Bars, side: str) -> None:
    n, window, memory = len(bars.close), 21, 10
    daily = np.full(n, np.nan)
    for i in range(window, n):
        before = slice(i - window, i)
        closes = bars.close[before]
        extreme = bars.close[i] < closes.min() if side == "low" else bars.close[i] > closes.max()
        daily[i] = np.log(bars.volume[before].mean() / bars.volume[i]) if extreme else 0.0
    expected = pd.Series(daily).rolling(memory).mean()
    found = extremes.dry_extremes(bars, window=window, memory=memory, side=side)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert np.nanstd(found) > 0


def test_new_lows_on_half_the_volume_are_dry_and_on_double_are_not() -> None:
    closes = [10.0] * 21 + [9.0]
    thin = extremes.dry_extremes(bars_from(closes, volume=[100.0] * 21 + [50.0]), window=21, memory=1)
    heavy = extremes.dry_extremes(bars_from(closes, volume=[100.0] * 21 + [200.0]), window=21, memory=1)
    assert thin[-1] == pytest.approx(np.log(2), abs=1e-12)
    assert heavy[-1] == pytest.approx(-np.log(2), abs=1e-12)


@pytest.mark.parametrize("window", [20, 63])
def test_volume_break_against_a_loop(bars: Bars, window: int) -> None:
    expected = np.full(len(bars.close), np.nan)
    for i in range(window, len(bars.close)):
        before = slice(i - window, i)
        side = int(bars.close[i] > bars.high[before].max()) - int(bars.close[i] < bars.low[before].min())
        expected[i] = side * bars.volume[i] / bars.volume[before].mean()
    found = extremes.volume_break(bars, window=window)
    assert_allclose(found, expected, rtol=1e-12)
    assert {-1.0, 0.0, 1.0} == set(np.sign(found[window:]))
