"""Directional movement: which side widens the range, how strongly, and whether that is a trend.

Wilder's smoothing never forgets its start altogether; the look-backs are the lengths after which it weighs nothing.
"""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import wilder_settles
from bullbear.factors.engine.windows import unless_flat


@factor(unit="points", bounds=(0.0, 100.0), lookback=lambda window: wilder_settles(window, stages=2))
def adx(bars: Bars, *, window: int = 14) -> Array:
    """Average directional index: the strength of a trend in either direction.

    Wilder's average of DX = 100 * abs(+DI - -DI) / (+DI + -DI); missing while prices have not moved at all

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    >>> adx(bars_from([10, 11, 12, 13, 14]), window=2)[-1]
    np.float64(100.0)
    """
    value = talib.ADX(bars.high, bars.low, bars.close, window)
    return unless_flat(value, bars.high, bars.low, wilder_settles(window, stages=2))


@factor(unit="points", bounds=(0.0, 100.0), choices={"side": ("up", "down")}, lookback=wilder_settles)
def directional_indicator(bars: Bars, *, window: int = 14, side: str = "up") -> Array:
    """Directional indicator +DI or -DI: the upward or the downward share of the true range.

    100 * W(DM) / W(true range), W Wilder's smoothing; +DM is the rise of the high where it exceeds the fall of the low,
    -DM the fall of the low where it exceeds the rise of the high; missing while prices have not moved at all

    Parameters
    ----------
    side
        "up" for +DI, "down" for -DI.

    Example
    -------
    >>> directional_indicator(bars_from([10, 11, 12, 13, 14]), window=2, side="up")[-1]
    np.float64(100.0)
    """
    line = talib.PLUS_DI if side == "up" else talib.MINUS_DI
    value = line(bars.high, bars.low, bars.close, window)
    return unless_flat(value, bars.high, bars.low, wilder_settles(window))


@factor(unit="points", bounds=(-100.0, 100.0), lookback=wilder_settles)
def directional_spread(bars: Bars, *, window: int = 14) -> Array:
    """Positive less negative directional indicator: the direction that `adx` leaves out.

    +DI - -DI; missing while prices have not moved at all

    Example
    -------
    >>> directional_spread(bars_from([14, 13, 12, 11, 10]), window=2)[-1]
    np.float64(-100.0)
    """
    up, down = (directional_indicator(bars, window=window, side=side) for side in ("up", "down"))
    return up - down


@factor(unit="points", bounds=(-100.0, 100.0), lookback=lambda window: wilder_settles(window, stages=2))
def directed_adx(bars: Bars, *, window: int = 14) -> Array:
    """Strength of the trend with its direction: above 25 a strong rise, below -25 a strong fall.

    ADX * sign(+DI - -DI); missing while prices have not moved at all

    Example
    -------
    >>> directed_adx(bars_from([14, 13, 12, 11, 10]), window=2)[-1]
    np.float64(-100.0)
    """
    return adx(bars, window=window) * np.sign(directional_spread(bars, window=window))
