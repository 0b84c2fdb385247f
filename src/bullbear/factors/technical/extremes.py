"""Extremes: where the price stands in the range of earlier sessions, and on what volume it leaves it.

The range that a new extreme must leave behind is that of the sessions before; the current one is no part of it.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import highest, lagged, lowest, mean, positive_part, ratio, total
from bullbear.factors.technical.volume import log_volume


@factor(unit="per cent", bounds=(-100.0, np.inf), choices={"side": ("high", "low")}, windowed=True)
def extreme_distance(bars: Bars, *, window: int = 252, side: str = "high") -> Array:
    """Close below the window's high, or above its low: 0 at a 52-week high or low.

    100 * (close / max(high) - 1), never positive, or 100 * (close / min(low) - 1), never negative

    References
    ----------
    George and Hwang (2004), Journal of Finance 59(5), doi:10.1111/j.1540-6261.2004.00695.x

    Example
    -------
    >>> extreme_distance(bars_from([10, 12, 9]), window=3)[-1].round(4)
    np.float64(-25.0)
    """
    # Adjusting prices can round a close above its own high or below its own low.
    if side == "high":
        return np.minimum(100.0 * (bars.close / highest(bars.high, window) - 1.0), 0.0)
    return np.maximum(100.0 * (bars.close / lowest(bars.low, window) - 1.0), 0.0)


@factor(unit="share of the range", bounds=(0.0, 1.0), windowed=True)
def range_position(bars: Bars, *, window: int = 252) -> Array:
    """Close within the window's range of closes: 0 at the lowest, 1 at the highest.

    (close - min(close)) / (max(close) - min(close)); missing where the close never moved

    Example
    -------
    >>> range_position(bars_from([10, 8, 9]), window=3)[-1]
    np.float64(0.5)
    """
    bottom = lowest(bars.close, window)
    return ratio(bars.close - bottom, highest(bars.close, window) - bottom)


def _earlier(high: Array, low: Array, window: int) -> tuple[Array, Array]:
    """The top and the bottom of the `window` sessions before, which a new extreme must leave behind."""
    return lagged(highest(high, window), 1), lagged(lowest(low, window), 1)


def _usual(bars: Bars, window: int) -> Array:
    """Mean volume of the `window` sessions before; missing where none was traded."""
    usual = lagged(mean(bars.volume, window), 1)
    return np.where(usual > 0.0, usual, np.nan)


@factor(
    unit="share of sessions, signed",
    bounds=(-1.0, 1.0),
    limits={"memory": (1, 1260)},
    lookback=lambda window, memory: window + memory,
    windowed=True,
)
def new_extreme_balance(bars: Bars, *, window: int = 63, memory: int = 21) -> Array:
    """Share of recent sessions that closed at a new high, less the share that closed at a new low.

    mean over `memory` of 1{close > max(the `window` closes before)} - 1{close < min(the `window` closes before)}

    Example
    -------
    >>> new_extreme_balance(bars_from([10, 11, 12, 11.5]), window=2, memory=2)[-1]
    np.float64(0.5)
    """
    top, bottom = _earlier(bars.close, bars.close, window)
    score = (bars.close > top).astype(np.float64) - (bars.close < bottom)
    return mean(np.where(np.isnan(top), np.nan, score), memory)


@factor(unit="per cent, volume-weighted", lookback=lambda window, memory: window + memory, windowed=True)
def volume_breakout(bars: Bars, *, window: int = 63, memory: int = 5) -> Array:
    """Breakouts from the earlier range, each weighted by how unusual its volume was.

    Sum over `memory` sessions of 100 * b * volume / mean(volume of the `window` sessions before), where b is
    close / max(earlier highs) - 1 above the range, close / min(earlier lows) - 1 below it, and 0 inside.
    Positive after breakouts upward, 0 where the price stayed in its range.

    Example
    -------
    >>> volume_breakout(bars_from([10, 10, 11], volume=[1, 1, 3]), window=2, memory=1)[-1].round(4)
    np.float64(30.0)
    """
    top, bottom = _earlier(bars.high, bars.low, window)
    above, below = positive_part(bars.close / top - 1.0), positive_part(1.0 - bars.close / bottom)
    return total(100.0 * (above - below) * (bars.volume / _usual(bars, window)), memory)


@factor(unit="times the usual volume", lookback=lambda window: window + 1, windowed=True)
def volume_break(bars: Bars, *, window: int = 20) -> Array:
    """Volume of a close that leaves the earlier range, signed by the side on which it leaves.

    b * volume / mean(volume of the `window` sessions before), b = 1 where the close is above their highest high, -1
    where it is below their lowest low, 0 inside; missing where the volume is, or where none was usual

    Example
    -------
    >>> volume_break(bars_from([10, 11, 12, 11, 9], volume=[1, 3, 4, 2, 6]), window=2)
    array([nan, nan,  2.,  0., -2.])
    """
    top, bottom = _earlier(bars.high, bars.low, window)
    side = (bars.close > top).astype(np.float64) - (bars.close < bottom)
    return side * (bars.volume / _usual(bars, window))


@factor(
    unit="log ratio",
    choices={"side": ("low", "high")},
    lookback=lambda window, memory: window + memory,
    windowed=True,
)
def dry_extremes(bars: Bars, *, window: int = 21, memory: int = 21, side: str = "low") -> Array:
    """Volume drying up on new closing lows or highs: positive when they are made on ever fewer shares.

    Mean over `memory` sessions of 1{close < min(the `window` closes before)} * log(mean volume before / volume), or of
    1{close > max(...)} * log(...); thin new lows are sellers who run out, thin new highs buyers.
    0 without new extremes, negative when they come on heavy volume.

    Example
    -------
    >>> dry_extremes(bars_from([10, 10, 9], volume=[4, 4, 2]), window=2, memory=1)[-1].round(4)
    np.float64(0.6931)
    """
    top, bottom = _earlier(bars.close, bars.close, window)
    new = bars.close < bottom if side == "low" else bars.close > top
    thin = np.log(_usual(bars, window)) - log_volume(bars)
    return mean(np.where(np.isnan(top), np.nan, new) * thin, memory)
