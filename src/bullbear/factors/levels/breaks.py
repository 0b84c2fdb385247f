"""Breaks of levels and what came of them: departure, return, a retest that held, or the level reclaimed.

A support breaks at the first close below its band, a resistance at the first close above it; the level is taken as it
stood at the close before. *Departed*: a whole bar beyond the band. *Returned*: after that, a bar that touches the band
again. *Held*: then a close beyond the band, so the break stands (the old support turned the price back; the old
resistance has become support). *Undone*: at any time a close on the far side of the band. Each of the four has the row
at which it became known; a break is followed for `memory` sessions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.parameter_groups import within
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.levels.horizontal_levels import RESISTANCE, SIDES, SUPPORT, TOUCHES, LevelRules, Side, level_table
from bullbear.factors.levels.swings import Rows, mean_true_range, rows_of

EVENTS = (
    "support_break",
    "resistance_break",
    "support_retest",
    "resistance_turned_support",
    "reclaim",
    "failed_breakout",
)


@dataclass(frozen=True)
class BreakRules(LevelRules):
    """Which levels stand (see `LevelRules`), and which breaks of them count.

    Parameters
    ----------
    touches
        Touches that a level needs for its break to count.
    memory
        Sessions, that of the break included, for which a break is followed and remembered.
    """

    touches: int = within(2, *TOUCHES)
    memory: int = within(63, 2, 504)

    @property
    def rows(self) -> int:
        """Rows that decide the breaks that are remembered at one row."""
        return super().rows + self.memory


BREAKS = BreakRules()


@dataclass(frozen=True)
class Breaks:
    """Breaks in the order of their rows; every array has shape (n_breaks,), rows are -1 for what has not happened."""

    row: Rows
    kind: NDArray[np.int8]
    """What broke: 1 a support (downwards), -1 a resistance (upwards)."""
    price: Array
    band: Array
    touches: Rows
    born: Rows
    departed: Rows
    returned: Rows
    held: Rows
    undone: Rows


@cached_by_bars(4)
def breaks(bars: Bars, rules: BreakRules = BREAKS) -> Breaks:
    """Every break of a level with at least `rules.touches` touches, and what came of it by the rules of this module.

    Of several levels broken by one close the last is the one that counts as the latest: the most touched, and of equal
    ones the farthest.

    Example
    -------
    >>> found = breaks(bars_from([9, 5, 7, 5, 7, 4, 3]), BreakRules(strength=1, window=7, atr=2, tolerance=0.3))
    >>> found.row, found.price, found.kind
    (array([5]), array([5.]), array([1], dtype=int8))
    """
    table = level_table(bars, rules)
    before, close = table.epoch[:-1], bars.close[1:, None]
    stood = table.touches[before] >= rules.touches
    down = stood & (table.role[:-1] == SUPPORT) & (close < (table.price - table.band)[before])
    up = stood & (table.role[:-1] == RESISTANCE) & (close > (table.price + table.band)[before])
    rows, places = np.nonzero(down | up)
    epochs = before[rows]
    kind = np.where(down[rows, places], SUPPORT, RESISTANCE).astype(np.int8)
    price, band = table.price[epochs, places], table.band[epochs, places]
    count, born = (column[epochs, places].astype(np.int64) for column in (table.touches, table.born))
    order = np.lexsort((-kind * price, count, rows))
    rows, kind, price, band = rows[order] + 1, kind[order], price[order], band[order]
    outcomes = np.full((len(rows), 4), -1, dtype=np.int64)
    # An upward break is a downward one of the mirrored prices.
    sides = {
        SUPPORT: (bars.high.tolist(), bars.close.tolist()),
        RESISTANCE: ((-bars.low).tolist(), (-bars.close).tolist()),
    }
    for place, (row, side) in enumerate(zip(rows.tolist(), kind.tolist(), strict=True)):
        level, half = side * price[place], band[place]
        outcomes[place] = _followed(*sides[side], row, row + rules.memory, level - half, level + half)
    return Breaks(rows, kind, price, band, count[order], born[order], *outcomes.T.copy())


def _followed(
    high: list[float], close: list[float], row: int, stop: int, near: float, far: float
) -> tuple[int, int, int, int]:
    """Rows of departure, return, hold and undoing of a downward break."""
    departed = returned = held = -1
    for t in range(row, min(stop, len(close))):
        if close[t] > far:
            return departed, returned, held, t
        if departed < 0:
            if high[t] < near:
                departed = t
        elif returned < 0 and high[t] >= near:
            returned = t
        if returned >= 0 and held < 0 and close[t] < near:
            held = t
    return departed, returned, held, -1


def level_events(bars: Bars, rules: BreakRules = BREAKS) -> dict[str, Rows]:
    """Rows at whose close each kind of event happened and was known.

    "support_break", "resistance_break": the close left the band of a level downwards, upwards. "support_retest": a
    broken support was touched again from below and turned the price back. "resistance_turned_support": a broken
    resistance was touched again from above and held. "reclaim": a close above a support that had broken.
    "failed_breakout": a close below a resistance that had broken.

    Returns
    -------
    For each of `EVENTS` the rows, rising, each once; a longer history adds rows and changes none.

    Example
    -------
    >>> bars = bars_from([9, 5, 7, 5, 7, 4, 3, 5, 4, 6])
    >>> events = level_events(bars, BreakRules(strength=1, window=10, atr=2, tolerance=0.2))
    >>> [events[name].tolist() for name in ("support_break", "support_retest", "reclaim")]
    [[5], [8], [9]]
    """
    found = breaks(bars, rules)
    fell = found.kind == SUPPORT
    rows = [each for column in (found.row, found.held, found.undone) for each in (column[fell], column[~fell])]
    return {name: np.unique(each[each >= 0]) for name, each in zip(EVENTS, rows, strict=True)}


def _latest(found: Breaks, kind: int, memory: int, n: int) -> Rows:
    """For each of `n` rows the place of the latest break of a kind within `memory` sessions, -1 where there is none."""
    places = np.flatnonzero(found.kind == kind)
    if not len(places):
        return np.full(n, -1, dtype=np.int64)
    newest = np.searchsorted(found.row[places], np.arange(n), side="right") - 1
    place = places[np.maximum(newest, 0)]
    return np.where((newest >= 0) & (np.arange(n) - found.row[place] < memory), place, -1)


@factor(windowed=True, unit="sessions", bounds=(0.0, float("inf")), choices={"side": tuple(SIDES)}, lookback=rows_of)
def break_age(bars: Bars, *, side: Side = "support", rules: BreakRules = BREAKS) -> Array:
    """Sessions since the last break of a support (or of a resistance), `memory` where there was none within it."""
    found, n = breaks(bars, rules), len(bars.close)
    place = _latest(found, SIDES[side], rules.memory, n)
    row = np.append(found.row, 0)[place]
    return np.where(place >= 0, np.arange(n) - row, rules.memory).astype(np.float64)


@factor(windowed=True, unit="ATRs", choices={"side": tuple(SIDES)}, lookback=rows_of)
def break_size(bars: Bars, *, side: Side = "support", rules: BreakRules = BREAKS) -> Array:
    """How far the close is below the support (or above the resistance) that broke last, in ATRs.

    (support - close) / ATR or (close - resistance) / ATR; negative once the close is back, 0 where none broke within
    `memory`
    """
    found, kind = breaks(bars, rules), SIDES[side]
    place = _latest(found, kind, rules.memory, len(bars.close))
    price = np.append(found.price, np.nan)[place]
    beyond = np.where(place >= 0, kind * (price - bars.close), 0.0)
    return beyond / mean_true_range(bars, rules.atr)


@factor(
    windowed=True,
    unit="0 none, 1 broken, 2 returned, 3 held, -1 undone",
    bounds=(-1.0, 3.0),
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def break_stage(bars: Bars, *, side: Side = "support", rules: BreakRules = BREAKS) -> Array:
    """Break and retest of the support (or resistance) that broke last: how far they have gone.

    0 no break within `memory`, 1 broken, 2 returned to the band, 3 retest held, -1 undone
    """
    found, rows = breaks(bars, rules), np.arange(len(bars.close))
    place = _latest(found, SIDES[side], rules.memory, len(rows))

    def happened(row: Rows) -> NDArray[np.bool_]:
        when = np.append(row, -1)[place]
        return (when >= 0) & (when <= rows)

    stage = 1.0 + happened(found.returned) + happened(found.held)
    return np.where(place < 0, 0.0, np.where(happened(found.undone), -1.0, stage))


@factor(windowed=True, unit="score", bounds=(-1.0, 1.0), lookback=rows_of)
def break_balance(bars: Bars, *, rules: BreakRules = BREAKS) -> Array:
    """Breaks of resistance less breaks of support within `memory` sessions, per break.

    (up - down) / (up + down), without breaks that have been undone; 0 where nothing broke
    """
    found, n = breaks(bars, rules), len(bars.close)
    ends = np.minimum(found.row + rules.memory, n)
    ends = np.where(found.undone < 0, ends, np.minimum(found.undone, ends))
    count = np.zeros((2, n + 1))
    np.add.at(count, ((found.kind == SUPPORT).astype(np.int64), found.row), 1.0)
    np.add.at(count, ((found.kind == SUPPORT).astype(np.int64), ends), -1.0)
    up, down = np.cumsum(count, axis=1)[:, :n]  # whole numbers, so the sum is exact
    return np.asarray((up - down) / np.maximum(up + down, 1.0))


@factor(
    unit="1 at the close at which it happened, else 0", bounds=(0.0, 1.0), choices={"kind": EVENTS}, lookback=rows_of
)
def level_signal(bars: Bars, *, kind: str = "support_break", rules: BreakRules = BREAKS) -> Array:
    """Whether one kind of event of the levels became known at this close; see `level_events`."""
    result = np.zeros(len(bars.close))
    result[level_events(bars, rules)[kind]] = 1.0
    return result
