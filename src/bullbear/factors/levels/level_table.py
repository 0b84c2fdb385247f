"""Horizontal levels: which stand after each close, who touched them, and on which side the price is.

Rule, at the close of row i. Swings that are known by i and lie in the last `window` sessions are taken in the order of
their rows. One within `tolerance` ATRs (the ATR of the row at which it became known) of the nearest level touches it:
the level's price becomes the mean of its touches, its band reaches `tolerance` of the newest touch's ATRs to either
side. Any other swing founds a level. A level is support while the last close outside its band was above it, resistance
while it was below; before any close was outside, a level that a high touched is resistance, any other support.

Everything is worked out again when a swing leaves the window, so that the levels of row i depend on the rows of the
window alone: two people who start their charts on different days see the same levels.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bullbear.errors import InputError
from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.parameter_groups import within
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import in_order, mean
from bullbear.factors.levels.swings import HISTORY, Rows, ScaledSwingRules, average_true_range, swings

TOLERANCE = (0.05, 5.0)
TOUCHES = (1.0, 10.0)
HALF_LIFE = 126
"""Sessions in which a touch loses half of its weight."""
SUPPORT, RESISTANCE = 1, -1
Side = Literal["support", "resistance"]
SIDES: dict[Side, int] = {"support": SUPPORT, "resistance": RESISTANCE}


@dataclass(frozen=True)
class LevelRules(ScaledSwingRules):
    """Which levels stand.

    Parameters
    ----------
    strength, window
        Which swings make levels: as in `SwingRules`.
    atr
        Sessions of the mean true range, and of the mean volume to which a touch's volume is compared.
    tolerance
        Half the height of a level's band, in ATRs.
    """

    window: int = within(504, *HISTORY)
    tolerance: float = within(0.5, *TOLERANCE)

    @property
    def rows(self) -> int:
        """Rows that decide the levels of one row: the window, and what its oldest swing needs before it.

        Raises
        ------
        InputError
            The window cannot hold a confirmed swing.
        """
        return in_order(strength=self.strength, window=self.window) + max(self.strength, self.atr - 1)

    def of_levels(self, **fields: Any) -> LevelRules:
        """These rules with some fields changed, without what a group that goes further adds to them."""
        changed = replace(self, **fields)
        return LevelRules(changed.strength, changed.window, changed.atr, changed.tolerance)


LEVELS = LevelRules()


@dataclass(frozen=True)
class Level:
    """One horizontal level as it stood after the close of a row; rows count from the first bar."""

    price: float
    band: float
    """Half the height of the zone around `price`, in price."""
    kind: Side
    touches: int
    high_touches: int
    """Touches that were swing highs: a support with many of them was resistance once."""
    strength: float
    """Touches, each weighed by its relative volume and halved every `HALF_LIFE` sessions."""
    born_row: int
    """The row of the first touch."""
    known_row: int
    """The row at which the first touch was confirmed: before it nobody could have drawn the level."""
    last_touch_row: int
    broken_row: int | None
    """The last row at which a close beyond the band turned the known level's kind; None if none did."""


@dataclass(frozen=True)
class LevelTable:
    """The levels after every close; levels change only now and then, so rows share epochs.

    `price`, `band`, `weight`, `touches`, `high_touches`, `born` and `last` have shape (n_epochs, most_levels), padded
    with NaN or 0; `weight` is the strength at the row of the last touch. `role` has shape (n_sessions, most_levels): 1
    support, -1 resistance, 0 no level.
    """

    epoch: Rows
    price: Array
    band: Array
    touches: Array
    high_touches: Array
    weight: Array
    born: Array
    last: Array
    role: NDArray[np.int8]

    def nearest(self, kind: int, touches: int) -> tuple[Rows, NDArray[np.bool_]]:
        """For each row the column of the nearest level of a kind with so many touches, and whether there is one.

        The nearest support is the highest one, the nearest resistance the lowest.
        """
        if not self.price.shape[1]:
            return np.zeros(len(self.epoch), dtype=np.int64), np.zeros(len(self.epoch), dtype=np.bool_)
        fits = (self.role == kind) & (self.touches >= touches)[self.epoch]
        order = np.where(fits, kind * self.price[self.epoch], -np.inf)
        return np.argmax(order, axis=1), fits.any(axis=1)


def table_rows(rules: LevelRules = LEVELS, **fields: Any) -> int:
    """Rows that decide the levels of one row; see `LevelRules.rows`."""
    return rules.of_levels(**fields).rows


def level_table(bars: Bars, rules: LevelRules = LEVELS, **fields: Any) -> LevelTable:
    """The levels after every close, by the rule of this module.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules, fields
        Which levels stand: see `LevelRules`; single fields of it may be given by their names.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> table = level_table(bars_from([1, 3, 2, 3, 1]), strength=1, window=5, atr=2)
    >>> table.price[table.epoch[-1]], table.touches[table.epoch[-1]], table.role[-1]
    (array([2., 3.]), array([1., 2.]), array([-1, -1], dtype=int8))
    """
    return _table(bars, rules.of_levels(**fields))


@cached_by_bars(4)
def _table(bars: Bars, rules: LevelRules) -> LevelTable:
    strength, window = rules.strength, rules.window
    touches = _touches(bars, strength, rules.atr, rules.tolerance)
    n = len(bars.close)
    starts, counts, flat = _epochs(touches, strength, window, n)
    most = int(counts.max()) if len(counts) else 0
    epoch = np.searchsorted(starts, np.arange(n), side="right") - 1
    records = np.array(flat, dtype=np.float64).reshape(-1, 7)
    filled = np.arange(most) < counts[:, None]
    columns = []
    for place, empty in enumerate((np.nan, np.nan, 0.0, 0.0, 0.0, -1.0, -1.0)):
        column = np.full((len(starts), most), empty)
        column[filled] = records[:, place]
        columns.append(column)
    price, band, count, highs, weight, born, last = columns
    role = _roles(bars.close, epoch, starts, price - band, price + band, born, highs, window)
    return LevelTable(epoch, price, band, count, highs, weight, born, last, role)


@dataclass(frozen=True)
class _Touches:
    """Swings of both kinds in the order of their rows, as lists for the loop over them."""

    rows: list[int]
    prices: list[float]
    is_high: list[bool]
    reach: list[float]
    volume: list[float]


def _touches(bars: Bars, strength: int, atr: int, tolerance: float) -> _Touches:
    found = swings(bars, strength=strength)
    rows = np.concatenate([found.high_rows, found.low_rows])
    prices = np.concatenate([found.high_prices, found.low_prices])
    is_high = np.arange(len(rows)) < len(found.high_rows)
    order = np.lexsort((~is_high, rows))
    rows, prices, is_high = rows[order], prices[order], is_high[order]
    reach = tolerance * average_true_range(bars, atr)[rows + strength]
    usual = mean(bars.volume, atr)
    usual[usual == 0.0] = np.nan
    volume = (bars.volume / usual)[rows]
    # A touch whose volume nobody knows counts as one of usual volume.
    volume = np.where(np.isnan(volume), 1.0, volume)
    known = ~np.isnan(reach)
    return _Touches(
        rows[known].tolist(),
        prices[known].tolist(),
        is_high[known].tolist(),
        reach[known].tolist(),
        volume[known].tolist(),
    )


_Record = tuple[float, float, float, float, float, float, float]


def _epochs(touches: _Touches, strength: int, window: int, n: int) -> tuple[Rows, Rows, list[_Record]]:
    """First row of each epoch, its number of levels, and the levels of all epochs one after the other.

    A record is (price, band, touches, touches by highs, weight, born, last).
    """
    rows = np.array(touches.rows, dtype=np.int64)
    changes = np.concatenate([[0], rows + strength, rows + window])
    starts = np.unique(changes[changes < n])
    # Known by the row, and inside the window of the row.
    stops = np.searchsorted(rows + strength, starts, side="right").tolist()
    firsts = np.searchsorted(rows + window, starts, side="right").tolist()
    decay = [2.0 ** (-age / HALF_LIFE) for age in range(window + 1)]
    centres: list[float] = []
    records: list[_Record] = []
    flat: list[_Record] = []
    counts = []
    first = stop = 0
    for next_first, next_stop in zip(firsts, stops, strict=True):
        if next_first > first:
            centres, records, stop = [], [], next_first
        for place in range(stop, next_stop):
            _touch(centres, records, touches, place, decay)
        first, stop = next_first, next_stop
        flat.extend(records)
        counts.append(len(records))
    return starts, np.array(counts, dtype=np.int64), flat


def _touch(centres: list[float], records: list[_Record], touches: _Touches, place: int, decay: list[float]) -> None:
    """Add one swing to the nearest level, or found one; `centres` stays sorted, as a mean never passes a neighbour."""
    price, reach, row = touches.prices[place], touches.reach[place], touches.rows[place]
    high, volume = float(touches.is_high[place]), touches.volume[place]
    right = bisect_left(centres, price)
    near = right
    if right == len(centres) or (right > 0 and price - centres[right - 1] <= centres[right] - price):
        near = right - 1
    if near >= 0 and abs(price - centres[near]) <= reach:
        centre, _, count, highs, weight, born, last = records[near]
        centre += (price - centre) / (count + 1.0)
        centres[near] = centre
        faded = weight * decay[row - int(last)]
        records[near] = (centre, reach, count + 1.0, highs + high, faded + volume, born, float(row))
    else:
        centres.insert(right, price)
        records.insert(right, (price, reach, 1.0, high, volume, float(row), float(row)))


def _roles(
    close: Array, epoch: Rows, starts: Rows, lower: Array, upper: Array, born: Array, highs: Array, window: int
) -> NDArray[np.int8]:
    """Side of the last close outside each level's band since the level's first touch."""
    n = len(close)
    side = np.zeros((n, lower.shape[1]), dtype=np.int8)
    if not lower.shape[1]:
        return side
    side[close[:, None] > upper[epoch]] = SUPPORT
    side[close[:, None] < lower[epoch]] = RESISTANCE
    stops = np.append(starts[1:], n)
    for place, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        levels = int(np.count_nonzero(born[place] >= 0))
        if levels:
            role = _role_at(close, start, lower[place, :levels], upper[place, :levels], born[place, :levels], window)
            undecided = role == 0
            role[undecided] = np.where(highs[place, :levels][undecided] > 0, RESISTANCE, SUPPORT)
            for row in range(start, stop):
                here = side[row, :levels]
                role = np.where(here == 0, role, here)
                side[row, :levels] = role
    return side


def _role_at(close: Array, row: int, lower: Array, upper: Array, born: Array, window: int) -> NDArray[np.int8]:
    """Roles at one row by looking back from it: first a few sessions, and the whole window where these do not tell."""
    role = np.zeros(len(lower), dtype=np.int8)
    left = np.arange(len(lower))
    for reach in (8, window):
        oldest = max(row - reach + 1, 0)
        back = close[oldest : row + 1][::-1]
        above = back > upper[left, None]
        outside = above | (back < lower[left, None])
        outside &= (row - np.arange(len(back))) >= born[left, None]
        newest = outside.argmax(axis=1)
        decided = outside[np.arange(len(left)), newest]
        side = np.where(above[np.arange(len(left)), newest], SUPPORT, RESISTANCE)
        role[left[decided]] = side[decided]
        left = left[~decided]
        if not len(left):
            break
    return role


def levels_at(
    bars: Bars, row: int, rules: LevelRules = LEVELS, *, touches: int = 1, **fields: Any
) -> tuple[Level, ...]:
    """The levels that could be drawn at the close of one row, from the lowest to the highest.

    Nothing after the row is read.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    row
        The row, counted from the first bar; negative from the last.
    rules, fields
        As in `level_table`.
    touches
        Levels with fewer touches are left out.

    Raises
    ------
    InputError
        There is no such row.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> bars = bars_from([1, 3, 2, 3, 1, 4])
    >>> *_, top = levels_at(bars, -1, strength=1, window=6, atr=2, touches=2)
    >>> top.price, top.kind, top.born_row, top.known_row, top.last_touch_row, top.broken_row
    (3.0, 'support', 1, 2, 3, 5)
    """
    n = len(bars.close)
    if not -n <= row < n:
        raise InputError("row", row, f"-{n} to {n - 1}", "choose a row of the bars")
    row %= n
    rules = rules.of_levels(**fields)
    table = level_table(bars, rules)
    epoch = table.epoch[row]
    found = []
    for place in np.flatnonzero(table.touches[epoch] >= max(touches, 1)).tolist():
        price, band = float(table.price[epoch, place]), float(table.band[epoch, place])
        born, last = int(table.born[epoch, place]), int(table.last[epoch, place])
        highs = int(table.high_touches[epoch, place])
        found.append(
            Level(
                price=price,
                band=band,
                kind="support" if table.role[row, place] == SUPPORT else "resistance",
                touches=int(table.touches[epoch, place]),
                high_touches=highs,
                strength=float(table.weight[epoch, place]) * 2.0 ** (-(row - last) / HALF_LIFE),
                born_row=born,
                known_row=born + rules.strength,
                last_touch_row=last,
                broken_row=_broken(bars.close[: row + 1], price - band, price + band, born + rules.strength),
            )
        )
    return tuple(found)


def _broken(close: Array, lower: float, upper: float, known: int) -> int | None:
    """The last row after `known` at which the side of the last close outside the band changed."""
    outside = np.flatnonzero((close[known:] < lower) | (close[known:] > upper)) + known
    sides = close[outside] > upper
    turns = np.flatnonzero(sides[1:] != sides[:-1])
    return int(outside[turns[-1] + 1]) if len(turns) else None
