"""Horizontal levels: which stand after each close, which swings touched them, and on which side the price is.

Rule, at the close of row i. Swings that are known by i and lie in the last `window` sessions are taken in the order of
their rows. One within `tolerance` ATRs (the ATR of the row at which it became known) of the nearest level touches it:
the level's price becomes the mean of its touches, its band reaches `tolerance` of the newest touch's ATRs to either
side. Any other swing makes a new level. A level is support while the last close outside its band was above it and
resistance while it was below; before any close was outside, a level that a high touched is resistance, others support.

Everything is worked out again when a swing leaves the window, so that the levels of row i depend on the rows of the
window alone, wherever a chart begins.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bullbear.errors import InputError
from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.parameter_groups import within
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import mean, ratio
from bullbear.factors.levels.swings import WINDOW, Rows, ScaledSwingRules, mean_true_range, swings

TOUCHES = (1.0, 10.0)
HALF_LIFE = 126
"""Sessions in which a touch loses half of its weight."""
SUPPORT, RESISTANCE = 1, -1
Side = Literal["support", "resistance"]
SIDES: dict[Side, int] = {"support": SUPPORT, "resistance": RESISTANCE}


@dataclass(frozen=True)
class LevelRules(ScaledSwingRules):
    """Which levels stand: those of the swings that count (see `SwingRules`).

    Parameters
    ----------
    atr
        Sessions of the mean true range, and of the mean volume to which a touch's volume is compared.
    tolerance
        Half the height of a level's band, in ATRs.
    """

    window: int = within(504, *WINDOW)
    tolerance: float = within(0.5, 0.05, 5.0)

    @property
    def rows(self) -> int:
        """Rows that decide the levels of one row: the window, and what its oldest swing needs before it."""
        return in_order(strength=self.strength, window=self.window) + max(self.strength, self.atr - 1)


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
    """The row at which the first touch was confirmed: the level could not be drawn before."""
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


def level_table(bars: Bars, rules: LevelRules = LEVELS) -> LevelTable:
    """The levels after every close, by the rule of this module.

    Example
    -------
    >>> table = level_table(bars_from([1, 3, 2, 3, 1]), LevelRules(strength=1, window=5, atr=2))
    >>> table.price[table.epoch[-1]], table.touches[table.epoch[-1]], table.role[-1]
    (array([2., 3.]), array([1., 2.]), array([-1, -1], dtype=int8))
    """
    # Without what a group that extends these rules adds to them, so that all of them share one table.
    return _table(bars, LevelRules(rules.strength, rules.window, rules.atr, rules.tolerance))


@cached_by_bars(4)
def _table(bars: Bars, rules: LevelRules) -> LevelTable:
    n = len(bars.close)
    starts, counts, records = _epochs(_touches(bars, rules), rules.strength, rules.window, n)
    most = int(counts.max(initial=0))
    filled = np.arange(most) < counts[:, None]
    columns = []
    for values, empty in zip(records.T, (np.nan, np.nan, 0.0, 0.0, 0.0, -1.0, -1.0), strict=True):
        column = np.full((len(starts), most), empty)
        column[filled] = values
        columns.append(column)
    epoch = np.searchsorted(starts, np.arange(n), side="right") - 1
    price, band, count, highs, weight, born, last = columns
    role = _roles(bars.close, epoch, starts, price - band, price + band, count, highs, born, rules.window)
    return LevelTable(epoch, price, band, count, highs, weight, born, last, role)


@dataclass(frozen=True)
class _Touches:
    """Swings of both kinds in the order of their rows, as lists for the loop over them."""

    rows: list[int]
    prices: list[float]
    is_high: list[bool]
    reach: list[float]
    volume: list[float]


def _touches(bars: Bars, rules: LevelRules) -> _Touches:
    found = swings(bars, strength=rules.strength)
    rows = np.concatenate([found.high_rows, found.low_rows])
    prices = np.concatenate([found.high_prices, found.low_prices])
    is_high = np.arange(len(rows)) < len(found.high_rows)
    reach = rules.tolerance * mean_true_range(bars, rules.atr)[rows + rules.strength]
    usual = mean(bars.volume, rules.atr)
    volume = ratio(bars.volume, usual)[rows]
    volume = np.where(np.isnan(volume), 1.0, volume)  # a touch of unknown volume counts as one of usual volume
    order = np.lexsort((~is_high, rows))
    order = order[~np.isnan(reach[order])]
    return _Touches(*(column[order].tolist() for column in (rows, prices, is_high, reach, volume)))


_Record = tuple[float, float, float, float, float, float, float]


def _epochs(touches: _Touches, strength: int, window: int, n: int) -> tuple[Rows, Rows, Array]:
    """First row of each epoch, its number of levels, and the records of all epochs one after the other.

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
    return starts, np.array(counts, dtype=np.int64), np.array(flat, dtype=np.float64).reshape(-1, 7)


def _touch(centres: list[float], records: list[_Record], touches: _Touches, place: int, decay: list[float]) -> None:
    """Add one swing to the nearest level, or make one of it; `centres` stays sorted: no mean passes a neighbour."""
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
    close: Array,
    epoch: Rows,
    starts: Rows,
    lower: Array,
    upper: Array,
    count: Array,
    highs: Array,
    born: Array,
    window: int,
) -> NDArray[np.int8]:
    """Side of the last close outside each level's band since the level's first touch."""
    side = np.zeros((len(close), lower.shape[1]), dtype=np.int8)
    side[close[:, None] > upper[epoch]] = SUPPORT
    side[close[:, None] < lower[epoch]] = RESISTANCE
    first = np.where(highs > 0, RESISTANCE, SUPPORT)
    for place, row in enumerate(starts.tolist()):
        one = place, slice(0, int(np.count_nonzero(count[place])))
        band = lower[one], upper[one], row - born[one]
        role = _last_side(close[max(row - 7, 0) : row + 1], *band, 0 * first[one])
        if not role.all():  # the last few closes mostly decide
            role = _last_side(close[max(row - window + 1, 0) : row + 1], *band, first[one])
        side[row, one[1]] = role
    # Within an epoch a close inside the band leaves the role as it was.
    newest = np.maximum.accumulate(np.where(side != 0, np.arange(len(side))[:, None], 0), axis=0)
    return np.where(count[epoch] > 0, np.take_along_axis(side, newest, axis=0), 0).astype(np.int8)


def _last_side(close: Array, lower: Array, upper: Array, age: Array, otherwise: Array) -> Array:
    """Side of the last close outside the band, among those not older than the level; `otherwise` where none was."""
    back = close[::-1]
    above = back > upper[:, None]
    outside = (above | (back < lower[:, None])) & (np.arange(len(back)) <= age[:, None])
    newest = outside.argmax(axis=1)[:, None]
    side = np.where(np.take_along_axis(above, newest, axis=1), SUPPORT, RESISTANCE)
    return np.where(np.take_along_axis(outside, newest, axis=1), side, otherwise[:, None])[:, 0]


def levels_at(bars: Bars, row: int, rules: LevelRules = LEVELS, *, touches: int = 1) -> tuple[Level, ...]:
    """The levels that could be drawn at the close of one row, from the lowest to the highest; nothing later is read.

    Parameters
    ----------
    row
        Counted from the first bar; negative from the last.
    touches
        Levels with fewer touches are left out.

    Raises
    ------
    InputError
        There is no such row.

    Example
    -------
    >>> bars = bars_from([1, 3, 2, 3, 1, 4])
    >>> *_, top = levels_at(bars, -1, LevelRules(strength=1, window=6, atr=2), touches=2)
    >>> top.price, top.kind, top.born_row, top.known_row, top.last_touch_row, top.broken_row
    (3.0, 'support', 1, 2, 3, 5)
    """
    n = len(bars.close)
    if not -n <= row < n:
        raise InputError("row", row, f"-{n} to {n - 1}", "choose a row of the bars")
    row %= n
    table = level_table(bars, rules)
    epoch = table.epoch[row]
    found = []
    for place in np.flatnonzero(table.touches[epoch] >= max(touches, 1)).tolist():
        price, band = float(table.price[epoch, place]), float(table.band[epoch, place])
        born, last = int(table.born[epoch, place]), int(table.last[epoch, place])
        found.append(
            Level(
                price=price,
                band=band,
                kind="support" if table.role[row, place] == SUPPORT else "resistance",
                touches=int(table.touches[epoch, place]),
                high_touches=int(table.high_touches[epoch, place]),
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
