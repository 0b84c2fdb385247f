from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.technical import trend


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


@pytest.mark.parametrize("window", [25, 100])
def test_aroon_is_talib_to_the_bit(bars: Bars, window: int) -> None:
    assert_array_equal(trend.aroon_oscillator(bars, window=window), talib.AROONOSC(bars.high, bars.low, window))


def test_aroon_against_pandas(bars: Bars) -> None:
    since_high = 25 - pd.Series(bars.high).rolling(26).apply(np.argmax, raw=True)
    since_low = 25 - pd.Series(bars.low).rolling(26).apply(np.argmin, raw=True)
    assert_allclose(trend.aroon_oscillator(bars, window=25), 100 * (since_low - since_high) / 25, atol=1e-10)


def test_efficiency_ratio_is_talib(bars: Bars) -> None:
    assert_allclose(trend.efficiency_ratio(bars, window=21), talib.ER(bars.close, 21), rtol=1e-12, atol=1e-12)


def test_regression_slope_is_talib(bars: Bars) -> None:
    expected = 100 * talib.LINEARREG_SLOPE(np.log(bars.close), 63)
    assert_allclose(trend.regression_slope(bars, window=63), expected, rtol=0, atol=1e-12)


def line(logs: Array) -> tuple[float, float, float]:
    """Slope in per cent, signed R squared and standardised last residual of one window, by least squares."""
    times = np.arange(len(logs))
    slope, level = np.polyfit(times, logs, 1)
    residual = logs - level - slope * times
    fit = 1 - residual.var() / logs.var()
    return 100 * slope, np.sign(slope) * fit, residual[-1] / residual.std()


def test_the_channel_against_least_squares(bars: Bars) -> None:
    logs = np.log(bars.close)
    expected = np.array([line(logs[i - 62 : i + 1]) for i in range(62, len(logs))])
    assert_allclose(trend.regression_slope(bars, window=63)[62:], expected[:, 0], rtol=1e-9, atol=1e-11)
    assert_allclose(trend.regression_fit(bars, window=63)[62:], expected[:, 1], rtol=1e-9, atol=1e-10)
    assert_allclose(trend.regression_position(bars, window=63)[62:], expected[:, 2], rtol=1e-9, atol=1e-9)


def test_a_straight_line_has_a_fit_and_no_position() -> None:
    bars = bars_from(np.exp(0.01 * np.arange(80)))
    assert trend.regression_fit(bars, window=63)[-1] == pytest.approx(1.0, abs=1e-12)
    assert np.isnan(trend.regression_position(bars, window=63)[-1])


def test_vortex_is_talib(bars: Bars) -> None:
    plus, minus = talib.VORTEX(bars.high, bars.low, bars.close, 14)
    assert_allclose(trend.vortex_spread(bars, window=14), plus - minus, rtol=0, atol=1e-12)


def test_vortex_against_pandas(bars: Bars) -> None:
    high, low, close = pd.Series(bars.high), pd.Series(bars.low), pd.Series(bars.close)
    move = (high - low.shift()).abs() - (low - high.shift()).abs()
    ranges = pd.concat([high - low, (high - close.shift()).abs(), (low - close.shift()).abs()], axis=1).max(axis=1)
    ranges[0] = np.nan
    expected = move.rolling(14).sum() / ranges.rolling(14).sum()
    assert_allclose(trend.vortex_spread(bars, window=14), expected, rtol=1e-9, atol=1e-12)


def test_aroon_trend_is_read_off_talibs_lines(bars: Bars) -> None:
    down, up = talib.AROON(bars.high, bars.low, 14)
    expected = ((up > 70) & (down < 30)).astype(float) - ((down > 70) & (up < 30))
    assert_array_equal(trend.aroon_trend(bars, window=14)[14:], expected[14:])
    assert {-1.0, 0.0, 1.0} == set(expected[14:])
