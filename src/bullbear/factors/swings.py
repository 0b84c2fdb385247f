"""Swing highs and lows, each with the row from which it could be known, and what the last ones say.

A swing of strength k is a high above the k highs before it and not below the k after it, so it is known k sessions
later and never earlier: a chart that marks a top on the day of the top marks it with hindsight. Distances are in ATRs,
here the plain mean of the true range over a window, since Wilder's average would remember the whole history. Prices are
those of `Bars`, adjusted for dividends: an old swing lies lower than on an unadjusted chart by what was paid since.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import talib
from numpy.typing import NDArray

from bullbear.factors.registry import Array, Bars, factor
from bullbear.factors.remembered import remembered
from bullbear.factors.windows import highest, in_order, mean, ratio

Rows = NDArray[np.int64]
STRENGTH = (1.0, 63.0)
ATR = (2.0, 252.0)
HISTORY = (10.0, 2520.0)


@dataclass(frozen=True)
class Swings:
    """Swings in the order of their rows; a swing at row p is known from row p + `strength` on."""

    strength: int
    high_rows: Rows
    high_prices: Array
    low_rows: Rows
    low_prices: Array


def average_true_range(bars: Bars, window: int) -> Array:
    """Mean true range of the last `window` sessions, shape (n_sessions,); missing where prices stood still.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> average_true_range(bars_from([10, 12, 11], high=[10, 13, 12], low=[10, 11, 11]), 2)
    array([nan, nan,  2.])
    """
    result = mean(np.asarray(talib.TRANGE(bars.high, bars.low, bars.close)), window)
    result[result == 0.0] = np.nan
    return result


@remembered(4)
def swings(bars: Bars, *, strength: int = 5) -> Swings:
    """Every swing high and swing low that the bars confirm.

    High at p: high[p] > high[p - j] and high[p] >= high[p + j] for j = 1 ... `strength`; lows alike. Of equal highs the
    first is the swing.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that the swing must exceed.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> found = swings(bars_from([1, 2, 3, 2, 1, 2]), strength=1)
    >>> found.high_rows, found.high_prices, found.low_rows
    (array([2]), array([3.]), array([4]))
    """
    highs, lows = _pivots(bars.high, strength), _pivots(-bars.low, strength)
    return Swings(strength, highs, bars.high[highs], lows, bars.low[lows])


def _pivots(x: Array, k: int) -> Rows:
    if len(x) < 2 * k + 1:
        return np.empty(0, dtype=np.int64)
    top = highest(x, k)
    middle = x[k:-k]
    return np.flatnonzero((middle > top[k - 1 : len(x) - k - 1]) & (middle >= top[2 * k :])) + k


def newest_known(rows: Rows, strength: int, n: int, *, back: int = 0) -> Rows:
    """For each of `n` rows the place in `rows` of the newest swing known by then, or of the `back`-th before it.

    -1 where there is none.

    Example
    -------
    >>> newest_known(np.array([2, 4]), 1, 7)
    array([-1, -1, -1,  0,  0,  1,  1])
    """
    place = np.searchsorted(rows + strength, np.arange(n), side="right") - 1 - back
    return np.maximum(place, -1)


def _newest(rows: Rows, values: Array, strength: int, window: int, n: int, *, back: int = 0) -> tuple[Array, Array]:
    """Value and age of the newest known swing (or an earlier one), missing where it is `window` sessions old."""
    if not len(rows):
        return np.full(n, np.nan), np.full(n, np.nan)
    place = newest_known(rows, strength, n, back=back)
    age = (np.arange(n) - rows[place]).astype(np.float64)
    missing = (place < 0) | (age >= window)
    age[missing] = np.nan
    return np.where(missing, np.nan, values[place]), age


def _swing_rows(*, strength: int, window: int) -> int:
    return in_order(strength=strength, window=window) + strength


def _scaled_rows(*, strength: int, window: int, atr: int) -> int:
    return max(_swing_rows(strength=strength, window=window), atr + 1)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="ATRs",
    limits={"strength": STRENGTH, "window": HISTORY, "atr": ATR},
    lookback=_scaled_rows,
)
def swing_high_distance(bars: Bars, *, strength: int = 5, window: int = 252, atr: int = 20) -> Array:
    """Last confirmed swing high above the close: (high - close) / ATR.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which the swing must lie.
    atr
        Sessions of the mean true range.

    Returns
    -------
    Shape (n_sessions,); negative once the close is above the swing, missing where no swing is known.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> swing_high_distance(bars_from([1, 3, 2, 1.5]), strength=1, window=3, atr=2)[-1]
    np.float64(2.0)
    """
    found = swings(bars, strength=strength)
    price, _ = _newest(found.high_rows, found.high_prices, strength, window, len(bars.close))
    return (price - bars.close) / average_true_range(bars, atr)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="ATRs",
    limits={"strength": STRENGTH, "window": HISTORY, "atr": ATR},
    lookback=_scaled_rows,
)
def swing_low_distance(bars: Bars, *, strength: int = 5, window: int = 252, atr: int = 20) -> Array:
    """Close above the last confirmed swing low: (close - low) / ATR.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which the swing must lie.
    atr
        Sessions of the mean true range.

    Returns
    -------
    Shape (n_sessions,); negative once the close is below the swing, missing where no swing is known.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> swing_low_distance(bars_from([3, 1, 2, 3]), strength=1, window=3, atr=2)[-1]
    np.float64(2.0)
    """
    found = swings(bars, strength=strength)
    price, _ = _newest(found.low_rows, found.low_prices, strength, window, len(bars.close))
    return (bars.close - price) / average_true_range(bars, atr)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="sessions",
    limits={"strength": STRENGTH, "window": HISTORY},
    lookback=_swing_rows,
)
def swing_age_gap(bars: Bars, *, strength: int = 5, window: int = 252) -> Array:
    """How much older the last confirmed swing low is than the last confirmed swing high, in sessions.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which both swings must lie.

    Returns
    -------
    Shape (n_sessions,); positive where the last turn was a high, missing where a swing is missing.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> swing_age_gap(bars_from([2, 1, 2, 3, 2]), strength=1, window=5)[-1]
    np.float64(2.0)
    """
    found, n = swings(bars, strength=strength), len(bars.close)
    _, high_age = _newest(found.high_rows, found.high_prices, strength, window, n)
    _, low_age = _newest(found.low_rows, found.low_prices, strength, window, n)
    return low_age - high_age


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="score",
    bounds=(-1.0, 1.0),
    limits={"strength": STRENGTH, "window": HISTORY, "steps": (1, 10)},
    lookback=lambda *, strength, window, **_: _swing_rows(strength=strength, window=window),
)
def swing_trend(bars: Bars, *, strength: int = 5, window: int = 252, steps: int = 2) -> Array:
    """Dow's trend: higher highs and higher lows, less lower ones, over the last `steps` pairs of swings.

    mean over highs and lows and the last `steps` steps of sign(swing - swing before it)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which all swings must lie.
    steps
        Steps from swing to swing that are counted.

    Returns
    -------
    Shape (n_sessions,); 1 where every high and low is above the one before it, missing where too few swings are known.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> swing_trend(bars_from([1, 3, 2, 4, 3, 5]), strength=1, window=5, steps=1)[-1]
    np.float64(1.0)
    """
    found, n = swings(bars, strength=strength), len(bars.close)
    score = np.zeros(n)
    for rows, prices in ((found.high_rows, found.high_prices), (found.low_rows, found.low_prices)):
        values = [_newest(rows, prices, strength, window, n, back=back)[0] for back in range(steps + 1)]
        for later, earlier in pairwise(values):
            score += np.sign(later - earlier)
    return score / (2 * steps)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="share of the leg",
    bounds=(-2.0, 3.0),
    limits={"strength": STRENGTH, "window": HISTORY},
    lookback=_swing_rows,
)
def swing_position(bars: Bars, *, strength: int = 5, window: int = 252) -> Array:
    """Where the close stands between the last swing low and the last swing high.

    (close - low) / (high - low), held within two legs of either end

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which both swings must lie.

    Returns
    -------
    Shape (n_sessions,); 0 at the low, 1 at the high, missing where a swing is missing or the low is not below the high.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> swing_position(bars_from([2, 1, 2, 3, 2.5]), strength=1, window=5)[-1]
    np.float64(0.75)
    """
    found, n = swings(bars, strength=strength), len(bars.close)
    high, _ = _newest(found.high_rows, found.high_prices, strength, window, n)
    low, _ = _newest(found.low_rows, found.low_prices, strength, window, n)
    leg = high - low
    leg[leg <= 0.0] = np.nan
    return np.clip(ratio(bars.close - low, leg), -2.0, 3.0)
