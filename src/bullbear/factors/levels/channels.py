"""The trend channel through the confirmed swings: two parallel lines, one through the highs and one through the lows.

The common slope and the two heights are the least-squares fit to the swings of the last `window` sessions that are
known; nothing later than the close is read, so the newest part of the channel is an extrapolation, as it is on a chart
drawn that day. `regression_position` (family technical) measures the channel around the closes instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.levels.swings import (
    TURNS,
    Rows,
    ScaledSwingRules,
    SwingRules,
    mean_true_range,
    rows_of,
    swings,
)

HALF_YEAR = SwingRules(window=126)
HALF_YEAR_SCALED = ScaledSwingRules(window=126)


@dataclass(frozen=True)
class Channel:
    """The channel known at each row, shape (n_sessions,); NaN where there are fewer than two swings of a kind.

    `lower` and `upper` are the lines' heights at the row, `slope` their common change a session, `spreading` the slope
    of the line through the highs alone less that of the line through the lows alone; all in price.
    """

    lower: Array
    upper: Array
    slope: Array
    spreading: Array


def channel(bars: Bars, rules: SwingRules = HALF_YEAR) -> Channel:
    """The parallel channel through the swings of the last `rules.window` sessions, at every row.

    Example
    -------
    >>> found = channel(bars_from([1, 4, 2, 5, 3, 6, 4]), SwingRules(strength=1, window=7))
    >>> found.lower[-1], found.upper[-1], found.slope[-1], found.spreading[-1]
    (np.float64(4.0), np.float64(6.5), np.float64(0.5), np.float64(0.0))
    """
    return _channel(bars, rules.strength, rules.window)


@cached_by_bars(4)
def _channel(bars: Bars, strength: int, window: int) -> Channel:
    found, n = swings(bars, strength=strength), len(bars.close)
    sides = [found.of(turn) for turn in TURNS]
    # The lines change only where a swing becomes known or leaves the window.
    changes = np.concatenate([[0], *(rows + lag for rows, _ in sides for lag in (strength, window))])
    starts = np.unique(changes[changes < n])
    spans = [[np.searchsorted(rows + lag, starts, side="right") for lag in (window, strength)] for rows, _ in sides]
    # Rows count from the newest swing, which every history that reaches the row shares, so the bits are shared too.
    origin = np.max([np.append(0, rows)[stop] for (rows, _), (_, stop) in zip(sides, spans, strict=True)], axis=0)
    high, low = (
        _moments(rows, prices, first, stop, origin) for (rows, prices), (first, stop) in zip(sides, spans, strict=True)
    )
    slope = (high.products + low.products) / (high.squares + low.squares)
    spreading = high.products / high.squares - low.products / low.squares
    span = np.searchsorted(starts, np.arange(n), side="right") - 1
    ahead = np.arange(n) - origin[span]
    lower, upper = (side.price[span] + slope[span] * (ahead - side.row[span]) for side in (low, high))
    return Channel(lower, upper, slope[span], spreading[span])


@dataclass(frozen=True)
class _Moments:
    """Mean row and price of the swings of each span, and sums of products of deviations; NaN for fewer than two."""

    row: Array
    price: Array
    products: Array
    squares: Array


def _moments(rows: Rows, prices: Array, first: Rows, stop: Rows, origin: Rows) -> _Moments:
    count = stop - first
    place = first[:, None] + np.arange(count.max(initial=1))
    inside = place < stop[:, None]
    place = np.where(inside, place, -1)
    x = np.append(rows, 0)[place] - origin[:, None]
    y = np.append(prices, 0.0)[place]

    def total(values: NDArray[Any]) -> Array:
        # From the left to the right: the zeros behind the last swing then change no bit.
        sums = np.cumsum(np.where(inside, values, 0.0), axis=1)[:, -1]
        return np.where(count >= 2, sums, np.nan)

    row, price = total(x) / count, total(y) / count
    away = x - row[:, None]
    return _Moments(row, price, total(away * (y - price[:, None])), total(away * away))


@factor(windowed=True, unit="share of the width", bounds=(-2.0, 3.0), lookback=rows_of)
def channel_position(bars: Bars, *, rules: SwingRules = HALF_YEAR) -> Array:
    """Where the close stands in the trend channel: (close - lower) / (upper - lower), clipped two widths outside.

    0 on the lower line, 1 on the upper; missing where there is no channel or its lines have crossed.
    """
    found = channel(bars, rules)
    width = found.upper - found.lower
    width[width <= 0.0] = np.nan
    return np.clip((bars.close - found.lower) / width, -2.0, 3.0)


@factor(windowed=True, unit="ratio - 1", choices={"line": ("lower", "upper")}, lookback=rows_of)
def channel_ratio(bars: Bars, *, line: str = "lower", rules: SwingRules = HALF_YEAR) -> Array:
    """Height of a line of the trend channel against the close: line / close - 1; missing where there is no channel.

    Parameters
    ----------
    line
        The line through the lows or the one through the highs.

    Example
    -------
    >>> channel_ratio(bars_from([1, 4, 2, 5, 3, 6, 4]), rules=SwingRules(strength=1, window=7))[-1]
    np.float64(0.0)
    """
    found = channel(bars, rules)
    return (found.lower if line == "lower" else found.upper) / bars.close - 1.0


@factor(windowed=True, unit="ATRs a session", lookback=rows_of)
def channel_slope(bars: Bars, *, rules: ScaledSwingRules = HALF_YEAR_SCALED) -> Array:
    """Slope of the trend channel: change of its lines in a session / ATR."""
    return channel(bars, rules).slope / mean_true_range(bars, rules.atr)


@factor(windowed=True, unit="ATRs", lookback=rows_of)
def channel_width(bars: Bars, *, rules: ScaledSwingRules = HALF_YEAR_SCALED) -> Array:
    """Width of the trend channel: (upper - lower) / ATR."""
    found = channel(bars, rules)
    return (found.upper - found.lower) / mean_true_range(bars, rules.atr)


@factor(windowed=True, unit="ATRs a session", lookback=rows_of)
def channel_spreading(bars: Bars, *, rules: ScaledSwingRules = HALF_YEAR_SCALED) -> Array:
    """How the swings open or close: slope through the highs less slope through the lows, in ATRs a session.

    Negative in a triangle, positive in a broadening range.
    """
    return channel(bars, rules).spreading / mean_true_range(bars, rules.atr)
