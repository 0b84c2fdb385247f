"""What each company's own past says of a session: growth, new highs, whether it trades above its average.

A mark follows from the last `LOOKBACK` sessions of one company and from nothing else, to the last bit, whatever stretch
of history it is computed on: sums run from the session backwards, and splits are applied from the session backwards.
So a late correction touches the marks of that company near it, and no other.

Two read them. `bullbear group` looks at one session of a panel that `screening` has screened, with a missing close
carried for a week. The screen remembers all of the past and compares companies, so the breadth factors cannot use it:
for them a price far from those of the week before is left out until the next ones confirm it (see `plausible`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.returns import FULL

YEAR = 252
"""Sessions that a new high or low is measured against."""
WEEK = 5
LOOKBACK = YEAR + WEEK
"""Sessions, the current one included, that a mark follows from."""
JUMP = 3.0
"""A price this many times the median of the week before, or that part of it, is not believed at once."""
GROWTH = (1, 5, 21, 63)
_SAME = 1e-6
"""A growth in one session of less than this is none: splits leave such behind."""
_ROUNDING = 1e-12
"""By how much a close must exceed its average: sums of equal prices differ from them in the last digits."""


@dataclass(frozen=True)
class Marks:
    """Shape (n_sessions, n_companies) each, NaN where the company's past does not tell.

    Attributes
    ----------
    growth_1, growth_5, growth_21, growth_63
        Of the price over so many sessions, with splits applied; a fraction. `growth_1` asks for a close on the session
        itself.
    above_50, above_200
        1 where the close lies above its average over so many sessions, else 0; with closes on fewer than four fifths
        of them it cannot be said. So for the others.
    high, low
        1 where the close is the highest (lowest) of the last 252 sessions, else 0.
    rising_volume
        1 where volume in the last 21 sessions was above that in the 42 before, else 0.
    """

    growth_1: Array
    growth_5: Array
    growth_21: Array
    growth_63: Array
    above_50: Array
    above_200: Array
    high: Array
    low: Array
    rising_volume: Array

    def replaced(self, rows: np.ndarray, columns: np.ndarray, other: Marks) -> Marks:
        """With the marks of `other`, shape (n_rows, n_columns), on some rows and columns."""
        made = {}
        for field in fields(self):
            values = getattr(self, field.name).copy()
            values[np.ix_(rows, columns)] = getattr(other, field.name)
            made[field.name] = values
        return Marks(**made)

    def without(self, rows: np.ndarray, columns: np.ndarray) -> Marks:
        """With nothing in some cells, one of each row with one of the columns."""
        made = {}
        for field in fields(self):
            values = getattr(self, field.name).copy()
            values[rows, columns] = np.nan
            made[field.name] = values
        return Marks(**made)


def marks_of(panel: Panel, first: int = 0, *, gap: int = 0, screened: bool = False) -> Marks:
    """The marks of the sessions of a panel from the row `first` on.

    The first `LOOKBACK - 1` rows of a panel that does not begin where the companies do lack what came before.

    Parameters
    ----------
    gap
        Sessions for which the last close stands in for a missing one in growth, and in nothing else.
    screened
        Whether misprints have been left out of the panel already; else prices that are not `plausible` are.
    """
    rows, companies = panel.shape[0] - first, panel.shape[1]
    made = {field.name: np.full((rows, companies), np.nan) for field in fields(Marks)}
    split = np.any(panel.split != 1.0, axis=0)
    for columns in (np.flatnonzero(~split), np.flatnonzero(split)):
        if len(columns):
            _mark(panel, first, columns, made, gap=gap, screened=screened)
    return Marks(**made)


def plausible(close: Array, split: Array) -> Array:
    """Closes without those that are no price, or more than `JUMP` times off the median of the five sessions before.

    A level that lasts is believed after three sessions, when it has become the median. Row i reads rows i - 5 to i.

    Example
    -------
    >>> prices = np.array([[10.0], [10.5], [10.0], [100.0], [10.0], [2.0], [2.0], [2.0], [2.0]])
    >>> plausible(prices, np.ones_like(prices)).ravel().tolist()
    [10.0, 10.5, 10.0, nan, 10.0, nan, nan, nan, 2.0]
    """
    rows, companies = close.shape
    price = np.where(close > 0.0, close, np.nan)
    before = np.full((WEEK, rows, companies), np.nan)
    factor = np.ones((rows, companies))
    for lag in range(1, min(WEEK, rows - 1) + 1):
        factor[lag:] *= split[1 : rows - lag + 1]
        before[lag - 1, lag:] = price[: rows - lag] / factor[lag:]
    before.sort(axis=0)  # holes last
    count = np.count_nonzero(~np.isnan(before), axis=0)
    median = np.take_along_axis(before, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    with np.errstate(invalid="ignore"):
        far = (count >= 3) & ((price > JUMP * median) | (price * JUMP < median))
    return np.where(far, np.nan, price)


def _mark(panel: Panel, first: int, columns: np.ndarray, made: dict[str, Array], *, gap: int, screened: bool) -> None:
    """Fill in the marks of some columns; those without a split are spared dividing by one."""
    split, close = panel.split[:, columns], panel.close[:, columns]
    close = np.where(close > 0.0, close, np.nan) if screened else plausible(close, split)
    held = _held(close, split, gap)
    volume = np.where(panel.volume[:, columns] >= 0.0, panel.volume[:, columns], np.nan)
    padding = max(YEAR - first, 0)
    close, held, volume = (
        np.pad(each, ((padding, 0), (0, 0)), constant_values=np.nan) for each in (close, held, volume)
    )
    split = np.pad(split, ((padding, 0), (0, 0)), constant_values=1.0)
    has_split = bool((split != 1.0).any())
    start, rows = first + padding, panel.shape[0] - first

    def ago(values: Array, lag: int) -> Array:
        return values[start - lag : start - lag + rows]

    known, traded = ~np.isnan(close), ~np.isnan(volume)
    filled, shares = np.where(known, close, 0.0), np.where(traded, volume, 0.0)
    above, below = np.where(known, close, -np.inf), np.where(known, close, np.inf)
    now = ago(close, 0)
    total, sold = ago(filled, 0).copy(), ago(shares, 0).copy()
    highest, lowest = np.full(now.shape, -np.inf), np.full(now.shape, np.inf)
    factor = np.ones(now.shape)
    recent = np.zeros(now.shape)
    for lag in range(1, YEAR):
        if has_split:
            factor *= ago(split, lag - 1)

        def level(values: Array, lag: int = lag) -> Array:
            return ago(values, lag) / factor if has_split else ago(values, lag)  # noqa: B023

        np.maximum(highest, level(above), out=highest)
        np.minimum(lowest, level(below), out=lowest)
        if lag < 200:
            total += level(filled)
        if lag == 21:
            recent, sold = sold, np.zeros(now.shape)
        if lag < 63:
            sold += ago(shares, lag) * factor if has_split else ago(shares, lag)
        if lag in GROWTH:
            growth = (now if lag == 1 else ago(held, 0)) / level(held) - 1.0
            made[f"growth_{lag}"][:, columns] = np.where(np.abs(growth) < _SAME, 0.0, growth) if lag == 1 else growth
        if lag in (49, 199):
            window = lag + 1
            count = _count(known, start, rows, window)
            enough = ~np.isnan(now) & (count >= FULL * window)
            mean = total / np.where(enough, count, np.nan)
            made[f"above_{window}"][:, columns] = np.where(
                enough, (now > mean * (1.0 + _ROUNDING)).astype(float), np.nan
            )
    enough = ~np.isnan(now) & (_count(known, start, rows, YEAR) >= FULL * YEAR)
    made["high"][:, columns] = np.where(enough, (now > highest).astype(float), np.nan)
    made["low"][:, columns] = np.where(enough, (now < lowest).astype(float), np.nan)
    late, all_of_them = (_count(traded, start, rows, window) for window in (21, 63))
    early = all_of_them - late
    enough = (late >= FULL * 21) & (early >= FULL * 42)
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = recent / late > sold / early
    made["rising_volume"][:, columns] = np.where(enough, rising.astype(float), np.nan)


def _held(close: Array, split: Array, gap: int) -> Array:
    """Closes, and the last one at today's split level where there is none, at most `gap` rows on."""
    held, factor, rows = close.copy(), np.ones(close.shape), len(close)
    for lag in range(1, min(gap, rows - 1) + 1):
        factor[lag:] *= split[1 : rows - lag + 1]
        held[lag:] = np.where(np.isnan(held[lag:]), close[: rows - lag] / factor[lag:], held[lag:])
    return held


def _count(flags: BoolArray, start: int, rows: int, window: int) -> Array:
    """How many of the last `window` rows are flagged, from the row `start` on."""
    counts = np.zeros((len(flags) + 1, flags.shape[1]))
    np.cumsum(flags, axis=0, out=counts[1:])
    stops = np.arange(start + 1, start + rows + 1)
    return np.asarray(counts[stops] - counts[np.maximum(stops - window, 0)])
