"""The trend channel through the confirmed swings: two parallel lines, one through the highs and one through the lows.

The common slope and the two heights are the least-squares fit to the swings of the last `window` sessions that are
known; nothing later than the close is read, so the newest part of the channel is an extrapolation, as it is on a chart
drawn that day. `regression_position` (family technical) measures the channel around the closes instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.levels.swings import ScaledSwingRules, SwingRules, average_true_range, rows_of, swings

HALF_YEAR = SwingRules(window=126)
HALF_YEAR_SCALED = ScaledSwingRules(window=126)
EACH = 2
"""Swings of each kind without which there is no channel."""


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


def channel(bars: Bars, rules: SwingRules = HALF_YEAR, **fields: Any) -> Channel:
    """The parallel channel through the swings of the last `rules.window` sessions, at every row.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules, fields
        Which swings count: see `SwingRules`; single fields of it may be given by their names.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> found = channel(bars_from([1, 4, 2, 5, 3, 6, 4]), strength=1, window=7)
    >>> found.lower[-1], found.upper[-1], found.slope[-1], found.spreading[-1]
    (np.float64(4.0), np.float64(6.5), np.float64(0.5), np.float64(0.0))
    """
    return _channel(bars, rules.of_swings(**fields))


@cached_by_bars(4)
def _channel(bars: Bars, rules: SwingRules) -> Channel:
    strength, window = rules.strength, rules.window
    found, n = swings(bars, strength=strength), len(bars.close)
    result = np.full((4, n), np.nan)
    highs = found.high_rows.tolist(), found.high_prices.tolist()
    lows = found.low_rows.tolist(), found.low_prices.tolist()
    changes = np.concatenate([rows + lag for rows in (found.high_rows, found.low_rows) for lag in (strength, window)])
    starts = np.unique(changes[changes < n])
    spans = [
        [np.searchsorted(rows + lag, starts, side="right").tolist() for lag in (window, strength)]
        for rows in (found.high_rows, found.low_rows)
    ]
    stops = np.append(starts, n)[1:].tolist()
    for place, (start, stop) in enumerate(zip(starts.tolist(), stops, strict=True)):
        (high_first, high_stop), (low_first, low_stop) = ((first[place], last[place]) for first, last in spans)
        if high_stop - high_first < EACH or low_stop - low_first < EACH:
            continue
        # Counted from the newest swing, which every history that reaches the row shares, so the bits are shared too.
        origin = max(highs[0][high_stop - 1], lows[0][low_stop - 1])
        high_row, high, high_xy, high_xx = _moments(*highs, high_first, high_stop, origin)
        low_row, low, low_xy, low_xx = _moments(*lows, low_first, low_stop, origin)
        slope = (high_xy + low_xy) / (high_xx + low_xx)
        ahead = np.arange(start, stop) - origin
        result[0, start:stop] = low + slope * (ahead - low_row)
        result[1, start:stop] = high + slope * (ahead - high_row)
        result[2, start:stop] = slope
        result[3, start:stop] = high_xy / high_xx - low_xy / low_xx
    return Channel(*result)


def _moments(
    rows: list[int], prices: list[float], first: int, stop: int, origin: int
) -> tuple[float, float, float, float]:
    """Mean row, mean price, and the sums of products of deviations of rows with prices and with themselves."""
    x = [float(row - origin) for row in rows[first:stop]]
    y = prices[first:stop]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    xy = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    xx = sum((a - mean_x) ** 2 for a in x)
    return mean_x, mean_y, xy, xx


@factor(
    family="levels",
    windowed=True,
    unit="share of the width",
    bounds=(-2.0, 3.0),
    lookback=rows_of,
)
def channel_position(bars: Bars, *, rules: SwingRules = HALF_YEAR) -> Array:
    """Where the close stands in the trend channel: (close - lower) / (upper - lower), held within two widths.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules
        Which swings count: see `SwingRules`.

    Returns
    -------
    Shape (n_sessions,); 0 on the lower line, 1 on the upper, below 0 or above 1 where the channel is broken; missing
    where there is no channel or its lines have crossed.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> channel_position(bars_from([1, 4, 2, 5, 3, 6, 5.25]), rules=SwingRules(strength=1, window=7))[-1]
    np.float64(0.5)
    """
    found = channel(bars, rules)
    width = found.upper - found.lower
    width[width <= 0.0] = np.nan
    return np.clip((bars.close - found.lower) / width, -2.0, 3.0)


@factor(
    family="levels",
    windowed=True,
    unit="ATRs a session",
    lookback=rows_of,
)
def channel_slope(bars: Bars, *, rules: ScaledSwingRules = HALF_YEAR_SCALED) -> Array:
    """Slope of the trend channel: change of its lines in a session / ATR.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules
        Which swings count, and the range: see `ScaledSwingRules`.

    Returns
    -------
    Shape (n_sessions,); missing where there is no channel.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> channel_slope(bars_from([1, 4, 2, 5, 3, 6, 4]), rules=ScaledSwingRules(strength=1, window=7, atr=2))[-1]
    np.float64(0.2)
    """
    return channel(bars, rules).slope / average_true_range(bars, rules.atr)


@factor(
    family="levels",
    windowed=True,
    unit="ATRs",
    lookback=rows_of,
)
def channel_width(bars: Bars, *, rules: ScaledSwingRules = HALF_YEAR_SCALED) -> Array:
    """Width of the trend channel: (upper - lower) / ATR.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules
        Which swings count, and the range: see `ScaledSwingRules`.

    Returns
    -------
    Shape (n_sessions,); missing where there is no channel.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> channel_width(bars_from([1, 4, 2, 5, 3, 6, 4]), rules=ScaledSwingRules(strength=1, window=7, atr=2))[-1]
    np.float64(1.0)
    """
    found = channel(bars, rules)
    return (found.upper - found.lower) / average_true_range(bars, rules.atr)


@factor(
    family="levels",
    windowed=True,
    unit="ATRs a session",
    lookback=rows_of,
)
def channel_spreading(bars: Bars, *, rules: ScaledSwingRules = HALF_YEAR_SCALED) -> Array:
    """How the swings open or close: slope through the highs less slope through the lows, in ATRs a session.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules
        Which swings count, and the range: see `ScaledSwingRules`.

    Returns
    -------
    Shape (n_sessions,); negative in a triangle, positive in a broadening range, missing where there is no channel.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> channel_spreading(bars_from([1, 6, 2, 5, 3, 4, 3]), rules=ScaledSwingRules(strength=1, window=7, atr=2))[-1]
    np.float64(-1.0)
    """
    return channel(bars, rules).spreading / average_true_range(bars, rules.atr)
