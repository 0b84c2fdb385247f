"""Swing highs and lows, each with the row from which it could be known, and what the last ones say.

A swing of strength k is a high above the k highs before it and not below the k after it, so it is known k sessions
later and never earlier: a chart that marks a top on the day of the top marks it with hindsight. Distances are in ATRs,
here the plain mean of the true range over a window, since Wilder's average would depend on the whole history. Prices
are those of `Bars`, adjusted for dividends: an old swing lies lower than on an unadjusted chart by what was paid since.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import talib
from numpy.typing import NDArray

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.parameter_groups import within
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import highest, mean, ratio

Rows = NDArray[np.int64]
ATR = (2.0, 252.0)
WINDOW = (10.0, 2520.0)
Turn = Literal["high", "low"]
TURNS = get_args(Turn)


@dataclass(frozen=True)
class SwingRules:
    """Which swings count.

    Parameters
    ----------
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    """

    strength: int = within(5, 1, 63)
    window: int = within(252, *WINDOW)

    @property
    def rows(self) -> int:
        """Rows that decide which swings count at one row: the window, and what its oldest swing needs before it.

        InputError if the window cannot hold a confirmed swing.
        """
        return in_order(strength=self.strength, window=self.window) + self.strength


@dataclass(frozen=True)
class ScaledSwingRules(SwingRules):
    """Which swings count, and the range that distances from them are measured in.

    Parameters
    ----------
    atr
        Sessions of the mean true range.
    """

    atr: int = within(20, *ATR)

    @property
    def rows(self) -> int:
        """Rows that decide the swings and the range at one row."""
        return max(super().rows, self.atr + 1)


SWINGS = SwingRules()
SCALED_SWINGS = ScaledSwingRules()


@dataclass(frozen=True)
class Swings:
    """Swings in the order of their rows; a swing at row p is known from row p + `strength` on."""

    strength: int
    high_rows: Rows
    high_prices: Array
    low_rows: Rows
    low_prices: Array

    def of(self, side: Turn) -> tuple[Rows, Array]:
        """Rows and prices of the highs or of the lows."""
        return (self.high_rows, self.high_prices) if side == "high" else (self.low_rows, self.low_prices)


def mean_true_range(bars: Bars, window: int) -> Array:
    """Mean true range of the last `window` sessions, shape (n_sessions,); missing where prices did not move.

    Example
    -------
    >>> mean_true_range(bars_from([10, 12, 11], high=[10, 13, 12], low=[10, 11, 11]), 2)
    array([nan, nan,  2.])
    """
    result = mean(np.asarray(talib.TRANGE(bars.high, bars.low, bars.close)), window)
    result[result == 0.0] = np.nan
    return result


@cached_by_bars(4)
def swings(bars: Bars, *, strength: int = 5) -> Swings:
    """Every swing high and swing low that the bars confirm.

    High at p: high[p] > high[p - j] and high[p] >= high[p + j] for j = 1 ... `strength`; lows alike. Of equal highs the
    first is the swing.

    Example
    -------
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


def _newest(found: Swings, side: Turn, window: int, n: int, *, back: int = 0) -> tuple[Array, Array]:
    """Price and age of the newest swing known at each row, or of the `back`-th before it; missing beyond `window`."""
    rows, prices = found.of(side)
    if not len(rows):
        return np.full(n, np.nan), np.full(n, np.nan)
    place = np.searchsorted(rows + found.strength, np.arange(n), side="right") - 1 - back
    age = (np.arange(n) - rows[np.maximum(place, 0)]).astype(np.float64)
    missing = (place < 0) | (age >= window)
    age[missing] = np.nan
    return np.where(missing, np.nan, prices[np.maximum(place, 0)]), age


def rows_of(rules: SwingRules) -> int:
    """The look-back of a factor that obeys a group of rules."""
    return rules.rows


@factor(windowed=True, unit="ATRs", choices={"side": TURNS}, lookback=rows_of)
def swing_distance(bars: Bars, *, side: Turn = "high", rules: ScaledSwingRules = SCALED_SWINGS) -> Array:
    """Last confirmed swing high above the close, or close above the last swing low, in ATRs.

    (high - close) / ATR or (close - low) / ATR; negative once the close is beyond the swing, missing where no swing is
    known

    Example
    -------
    >>> swing_distance(bars_from([1, 3, 2, 1.5]), rules=ScaledSwingRules(strength=1, window=3, atr=2))[-1]
    np.float64(2.0)
    """
    price, _ = _newest(swings(bars, strength=rules.strength), side, rules.window, len(bars.close))
    away = price - bars.close if side == "high" else bars.close - price
    return away / mean_true_range(bars, rules.atr)


@factor(windowed=True, unit="sessions", lookback=rows_of)
def swing_age_gap(bars: Bars, *, rules: SwingRules = SWINGS) -> Array:
    """How much older the last confirmed swing low is than the last confirmed swing high, in sessions.

    Positive where the last turn was a high, missing where a swing is missing.
    """
    found, n = swings(bars, strength=rules.strength), len(bars.close)
    (_, high_age), (_, low_age) = (_newest(found, side, rules.window, n) for side in TURNS)
    return low_age - high_age


@factor(windowed=True, unit="score", bounds=(-1.0, 1.0), limits={"steps": (1, 10)}, lookback=rows_of)
def swing_trend(bars: Bars, *, rules: SwingRules = SWINGS, steps: int = 2) -> Array:
    """Dow's trend: higher highs and higher lows, less lower ones, over the last `steps` pairs of swings.

    mean over highs and lows and the last `steps` steps of sign(swing - swing before it); 1 where every high and low is
    above the one before it, missing where too few swings are known

    Parameters
    ----------
    steps
        Steps from swing to swing that are counted.
    """
    found, n = swings(bars, strength=rules.strength), len(bars.close)
    score = np.zeros(n)
    for side in TURNS:
        values = [_newest(found, side, rules.window, n, back=back)[0] for back in range(steps + 1)]
        for later, earlier in pairwise(values):
            score += np.sign(later - earlier)
    return score / (2 * steps)


@factor(windowed=True, unit="share of the leg", bounds=(-2.0, 3.0), lookback=rows_of)
def swing_position(bars: Bars, *, rules: SwingRules = SWINGS) -> Array:
    """Where the close stands between the last swing low (0) and the last swing high (1).

    (close - low) / (high - low), clipped two legs beyond either end; missing where a swing is missing or the low is not
    below the high
    """
    found, n = swings(bars, strength=rules.strength), len(bars.close)
    (high, _), (low, _) = (_newest(found, side, rules.window, n) for side in TURNS)
    leg = high - low
    leg[leg <= 0.0] = np.nan
    return np.clip(ratio(bars.close - low, leg), -2.0, 3.0)
