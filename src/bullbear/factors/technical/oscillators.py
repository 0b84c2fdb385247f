"""Oscillators: how stretched the price is within its recent range, on a scale that is the same in every market.

Where the price has not moved at all a position in its range does not exist, and the factor is missing; TA-Lib would
say 0, which reads as deeply oversold.
"""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.parameters import WINDOW
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import in_order, wilder_settles
from bullbear.factors.engine.windows import SMA, highest, lagged, lowest, mean, ratio, total, unless_flat


@factor(unit="points", bounds=(0.0, 100.0), lookback=wilder_settles)
def rsi(bars: Bars, *, window: int = 14) -> Array:
    """Relative strength index: the advances' share of all movement.

    100 * W(gains) / (W(gains) + W(losses)), W Wilder's smoothing of changes; missing while the close has not moved

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    >>> rsi(bars_from([10, 12, 11]), window=2)[-1].round(4)
    np.float64(66.6667)
    """
    value = talib.RSI(bars.close, window)
    return unless_flat(value, bars.close, bars.close, wilder_settles(window))


@factor(
    unit="points",
    bounds=(0.0, 100.0),
    limits={"span": WINDOW},
    lookback=lambda window, span: wilder_settles(window) + span - 1,
)
def rsi_position(bars: Bars, *, window: int = 14, span: int = 14) -> Array:
    """Stochastic RSI: where the RSI stands in its own recent range.

    100 * (RSI - min(RSI)) / (max(RSI) - min(RSI)) over `span` sessions; missing where the RSI did not move

    Parameters
    ----------
    span
        Sessions of the RSI's range.

    References
    ----------
    Chande and Kroll (1994), The New Technical Trader.

    Example
    -------
    >>> rsi_position(bars_from([10, 12, 11, 12, 10]), window=2, span=2)[-1]
    np.float64(0.0)
    """
    value = rsi(bars, window=window)
    # TA-Lib's extremes cannot step over a gap, so it is bridged first and every window that holds it taken out after.
    known = np.nan_to_num(value, nan=50.0)
    bottom, top = lowest(known, span), highest(known, span)
    known_throughout = 0.0 * total(value, span)
    spread = np.where(top - bottom < 1e-9, np.nan, top - bottom)
    return np.clip(100.0 * (value - bottom) / spread + known_throughout, 0.0, 100.0)


@factor(
    unit="points",
    bounds=(0.0, 100.0),
    limits={"smooth": (1, 252), "signal": (1, 252)},
    lookback=lambda window, smooth, signal: window + smooth + signal - 2,
    windowed=True,
)
def stochastic_k(bars: Bars, *, window: int = 14, smooth: int = 3, signal: int = 1) -> Array:
    """Stochastic %K, or its signal line %D: close within the window's range, averaged over a few sessions.

    SMA(SMA(100 * (close - min(low)) / (max(high) - min(low)), smooth), signal); missing where a range averaged is zero

    Parameters
    ----------
    smooth
        Sessions averaged; 1 gives the fast stochastic.
    signal
        Sessions averaged once more for %D; 1 gives %K itself.

    Example
    -------
    >>> stochastic_k(bars_from([10, 12, 11]), window=3, smooth=1)[-1]
    np.float64(50.0)
    """
    fast, _ = talib.STOCHF(bars.high, bars.low, bars.close, window, 1, SMA)
    slow = np.clip(mean(fast, smooth), 0.0, 100.0) + _no_flat_window(bars, window, smooth)
    return slow if signal == 1 else mean(slow, signal)


def _no_flat_window(bars: Bars, window: int, rows: int) -> Array:
    """0, or missing where one of the last `rows` windows had no range."""
    flat = highest(bars.high, window) == lowest(bars.low, window)
    return total(np.where(flat, np.nan, 0.0), rows)


@factor(unit="points", bounds=(-100.0, 0.0), windowed=True)
def williams_r(bars: Bars, *, window: int = 14) -> Array:
    """Williams %R: close below the window's high, as a share of its range.

    -100 * (max(high) - close) / (max(high) - min(low)); missing where the range is zero

    Example
    -------
    >>> williams_r(bars_from([10, 12, 11]), window=3)[-1]
    np.float64(-50.0)
    """
    value = np.clip(talib.WILLR(bars.high, bars.low, bars.close, window), -100.0, 0.0)
    return unless_flat(value, bars.high, bars.low, window)


@factor(unit="index points")
def cci(bars: Bars, *, window: int = 20) -> Array:
    """Commodity channel index: the typical price's distance from its mean in mean absolute deviations.

    (TP - SMA(TP)) / (0.015 * mean abs(TP - SMA(TP))), TP = (high + low + close) / 3; missing where TP did not move

    References
    ----------
    Lambert (1980), Commodities magazine, October.

    Example
    -------
    >>> cci(bars_from([10, 10, 13]), window=3)[-1].round(4)
    np.float64(100.0)
    """
    typical = talib.TYPPRICE(bars.high, bars.low, bars.close)
    return unless_flat(talib.CCI(bars.high, bars.low, bars.close, window), typical, typical, window)


@factor(
    unit="points",
    bounds=(0.0, 100.0),
    limits={"medium": (1, 504)},
    lookback=lambda short, medium, long: in_order(short=short, medium=medium, long=long) + 1,
    windowed=True,
)
def ultimate_oscillator(bars: Bars, *, short: int = 7, medium: int = 14, long: int = 28) -> Array:
    """Williams' ultimate oscillator: buying pressure as a share of true range on three horizons.

    100 * (4 * A(short) + 2 * A(medium) + A(long)) / 7, A = sum(close - true low) / sum(true range)
    Missing where the true range of the shortest horizon is zero.

    Parameters
    ----------
    short, medium, long
        Sessions added up, growing.

    References
    ----------
    Williams (1985), Technical Analysis of Stocks & Commodities 3(4).

    Example
    -------
    >>> ultimate_oscillator(bars_from([10, 11, 12, 11]), short=1, medium=2, long=3)[-1].round(4)
    np.float64(23.8095)
    """
    before = lagged(bars.close, 1)
    true_low = np.minimum(bars.low, before)
    pressure, true_range = bars.close - true_low, np.maximum(bars.high, before) - true_low
    first, second, third = (ratio(total(pressure, n), total(true_range, n)) for n in (short, medium, long))
    value = 100.0 * (4.0 * first + 2.0 * second + third) / 7.0
    return unless_flat(np.clip(value, 0.0, 100.0), bars.high, bars.low, short + 1)


@factor(unit="share of the range", bounds=(0.0, 1.0), limits={"window": (1, 252)}, windowed=True)
def closing_strength(bars: Bars, *, window: int = 5) -> Array:
    """Internal bar strength: where sessions close in their own ranges, 0 at the low and 1 at the high.

    sum(close - low) / sum(high - low); missing where no session had a range

    Example
    -------
    >>> closing_strength(bars_from([11], high=[14], low=[10]), window=1)[-1]
    np.float64(0.25)
    """
    value = ratio(total(bars.close - bars.low, window), total(bars.high - bars.low, window))
    return np.clip(value, 0.0, 1.0)
