"""The last year of a block of companies, as one decision sees it.

Every value is a function of the `LOOK_BACK` sessions that end at the decision, laid out by company, with a fixed number
of columns. So it depends neither on where the panel begins, nor on later sessions, nor on which other companies are in
the block: the same bits for one company alone and for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Table = TypeVar("Table", Array, BoolArray)

LOOK_BACK = 253
"""Sessions that a history holds: a price, and 252 growths that follow it."""
LONGEST_GAP = 5
"""Sessions without a bar over which a price still counts; what lies before a longer gap is not compared."""
LEAST = 0.8
"""Share of a window's sessions that need a bar."""


@dataclass(frozen=True)
class Daily:
    """Bars of a block of companies, as arrays of shape (n_companies, n_sessions).

    Attributes
    ----------
    gross
        A session's total growth since the previous bar: splits applied, dividends included. 1 on a session without a
        bar; NaN before the first bar, and where the previous bar is more than `LONGEST_GAP` sessions back.
    traded
        Whether there is a bar.
    volume
        Shares as traded; NaN where unknown.
    dollars
        Close times volume; NaN where unknown.
    split
        New shares for an old one; 1 where none.
    """

    gross: Array
    traded: BoolArray
    volume: Array
    dollars: Array
    split: Array

    @classmethod
    def of(cls, close: Array, volume: Array, split: Array, dividend: Array) -> Daily:
        """From arrays of shape (n_sessions, n_companies), prices as traded; NaN where there is no bar."""
        traded = np.isfinite(close)
        shares = np.where(traded, volume, np.nan)
        by_session = (_gross(close, traded, split, dividend), traded, shares, close * shares, split)
        return cls(*(np.ascontiguousarray(each.T) for each in by_session))

    def until(self, place: int) -> tuple[Array, BoolArray, Array, Array, Array]:
        """The `LOOK_BACK` sessions that end at `place`; sessions before the first are unknown."""
        return (
            _ending(self.gross, place, np.nan),
            _ending(self.traded, place, False),
            _ending(self.volume, place, np.nan),
            _ending(self.dollars, place, np.nan),
            _ending(self.split, place, 1.0),
        )


DAILY = tuple(each.name for each in fields(Daily))
"""The arrays of `Daily`, by name."""


@dataclass(frozen=True)
class History:
    """What one decision knows of a block of companies; arrays (n_companies, LOOK_BACK), the decision's session last.

    `group` is the growth of the group on the same sessions, shape (LOOK_BACK,), as a fraction; NaN where unknown. The
    other arrays are those of `Daily`.
    """

    gross: Array
    traded: BoolArray
    volume: Array
    dollars: Array
    split: Array
    group: Array

    @classmethod
    def of(cls, daily: Daily, group: Array, place: int) -> History:
        """The history of the decision at the close of session `place`."""
        return cls(*daily.until(place), _ending(group[None, :], place, np.nan)[0])

    @cached_property
    def growth(self) -> Array:
        """Total growth of each session as a fraction; NaN without a bar, or without one to compare it with."""
        return np.where(self.traded, self.gross - 1.0, np.nan)

    @cached_property
    def price(self) -> Array:
        """Value of a holding, dividends reinvested, as a fraction of its value now; NaN where not comparable."""
        back = np.cumprod(self.gross[:, :0:-1], axis=1)[:, ::-1]
        return np.concatenate([1.0 / back, np.ones((len(back), 1))], axis=1)

    @cached_property
    def against_group(self) -> tuple[Array, Array]:
        """Slope on the group's growth over the year, and the residuals, see `slope_and_rest`."""
        return slope_and_rest(self.growth[:, 1:], self.group[1:])

    @cached_property
    def shares(self) -> Array:
        """Volume in shares of today."""
        later = np.cumprod(self.split[:, :0:-1], axis=1)[:, ::-1]
        of_today: Array = self.volume * np.concatenate([later, np.ones((len(later), 1))], axis=1)
        return of_today


def mean(values: Array, sessions: int, least: float = LEAST) -> Array:
    """Mean of the finite values of the last sessions, per company; NaN where fewer than a share of `least` are."""
    total, count = _summed(values[:, -sessions:])
    return np.where(count >= least * sessions, total / np.maximum(count, 1), np.nan)


def deviation(values: Array, sessions: int, least: float = LEAST) -> Array:
    """Sample standard deviation of the finite values of the last sessions, as `mean`."""
    recent = values[:, -sessions:]
    centre = mean(recent, sessions, least)
    total, count = _summed((recent - centre[:, None]) ** 2)
    return np.where(count >= 2, np.sqrt(total / np.maximum(count - 1, 1)), np.nan) + 0.0 * centre


def highest(values: Array, sessions: int) -> Array:
    """The highest finite value of the last sessions, missing where `mean` is."""
    recent = values[:, -sessions:]
    peak: Array = np.where(np.isfinite(recent), recent, -np.inf).max(axis=1)
    return np.where(np.isfinite(mean(recent, sessions)), peak, np.nan)


def slope_and_rest(own: Array, group: Array, least: float = LEAST) -> tuple[Array, Array]:
    """Regression of companies' growth on the group's: slopes, and residuals of shape (n_companies, sessions).

    Sessions on which one of both is unknown are left out; NaN where fewer than a share of `least` remain, or where the
    group does not move.
    """
    sessions = own.shape[1]
    known = np.isfinite(own) & np.isfinite(group)
    x, y = np.where(known, group, np.nan), np.where(known, own, np.nan)
    x, y = x - mean(x, sessions, least)[:, None], y - mean(y, sessions, least)[:, None]
    covariance, variance = _summed(x * y)[0], _summed(x * x)[0]
    slope = covariance / np.where(variance > 0, variance, np.nan)
    return slope, y - slope[:, None] * x


def _summed(values: Array) -> tuple[Array, NDArray[np.int64]]:
    # Contiguous rows: NumPy then adds each row pairwise, in an order that only its length decides.
    known = np.isfinite(values)
    filled = np.ascontiguousarray(np.where(known, values, 0.0))
    return filled.sum(axis=1), known.sum(axis=1)


def _gross(close: Array, traded: BoolArray, split: Array, dividend: Array) -> Array:
    gross = np.full(close.shape, np.nan)
    companies = close.shape[1]
    last, shares, cash = np.full(companies, np.nan), np.ones(companies), np.zeros(companies)
    age = np.zeros(companies, dtype=np.int64)
    for place in range(len(close)):
        # A holder of one share at the last bar has `shares` now, and was paid `cash` on the way.
        shares = shares * split[place]
        cash = cash + shares * dividend[place]
        age += 1
        here = traded[place]
        grown = np.where(age <= LONGEST_GAP + 1, (close[place] * shares + cash) / last, np.nan)
        gross[place] = np.where(here, grown, np.where(np.isnan(last), np.nan, 1.0))
        last = np.where(here, close[place], last)
        shares[here], cash[here], age[here] = 1.0, 0.0, 0
    return gross


def _ending(values: Table, place: int, missing: float | bool) -> Table:
    recent = values[:, max(place + 1 - LOOK_BACK, 0) : place + 1]
    whole = np.full((len(values), LOOK_BACK), missing, dtype=values.dtype)
    whole[:, LOOK_BACK - recent.shape[1] :] = recent
    return whole
