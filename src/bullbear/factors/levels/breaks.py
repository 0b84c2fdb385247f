"""Breaks of levels and what came of them: departure, return, a held retest, or the level reclaimed.

A support breaks at the first close below its band, a resistance at the first close above it; the level is taken as it
stood at the close before. What follows is told by stated rules. *Departed*: a whole bar beyond the band. *Returned*:
after that, a bar that touches the band again. *Held*: then a close beyond the band, so the break stands (the old
support turned the price back; the old resistance has become support). *Undone*: at any time a close on the far side of
the band. Each of the four has the row at which it became known; the story is followed for `memory` sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.parameter_groups import within
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.levels.level_table import RESISTANCE, SUPPORT, TOUCHES, LevelRules, level_table
from bullbear.factors.levels.swings import Rows

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
    """Which levels stand, and which breaks of them count.

    Parameters
    ----------
    strength, window, atr, tolerance
        Which levels stand: as in `LevelRules`.
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


def breaks(bars: Bars, rules: BreakRules = BREAKS, **fields: Any) -> Breaks:
    """Every break of a level with at least `rules.touches` touches, and its story by the rules of this module.

    Of several levels broken by one close the last is the one that counts as the latest: the most touched, and of equal
    ones the farthest.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules, fields
        Which breaks count: see `BreakRules`; single fields of it may be given by their names.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> found = breaks(bars_from([9, 5, 7, 5, 7, 4, 3]), strength=1, window=7, atr=2, tolerance=0.3)
    >>> found.row, found.price, found.kind
    (array([5]), array([5.]), array([1], dtype=int8))
    """
    return _breaks(bars, replace(rules, **fields))


@cached_by_bars(4)
def _breaks(bars: Bars, rules: BreakRules) -> Breaks:
    table = level_table(bars, rules)
    before, close = table.epoch[:-1], bars.close[1:, None]
    stood = table.touches[before] >= rules.touches
    down = stood & (table.role[:-1] == SUPPORT) & (close < (table.price - table.band)[before])
    up = stood & (table.role[:-1] == RESISTANCE) & (close > (table.price + table.band)[before])
    rows, places = np.nonzero(down | up)
    epochs = before[rows]
    kind = np.where(down[rows, places], SUPPORT, RESISTANCE).astype(np.int8)
    price, band = table.price[epochs, places], table.band[epochs, places]
    count = table.touches[epochs, places].astype(np.int64)
    order = np.lexsort((-kind * price, count, rows))
    rows, kind, price, band = rows[order] + 1, kind[order], price[order], band[order]
    stories = _stories(bars, rows, kind, price, band, rules.memory)
    born = table.born[epochs, places].astype(np.int64)[order]
    return Breaks(rows, kind, price, band, count[order], born, *stories.T.copy())


def _stories(bars: Bars, rows: Rows, kind: NDArray[np.int8], price: Array, band: Array, memory: int) -> Rows:
    """Rows of departure, return, hold and undoing of each break; shape (n_breaks, 4)."""
    # An upward break is a downward one of the mirrored tape.
    fallen = (bars.high.tolist(), bars.close.tolist())
    risen = ((-bars.low).tolist(), (-bars.close).tolist())
    result = np.full((len(rows), 4), -1, dtype=np.int64)
    for place, (row, side, level, half) in enumerate(
        zip(rows.tolist(), kind.tolist(), price.tolist(), band.tolist(), strict=True)
    ):
        high, close = fallen if side == SUPPORT else risen
        result[place] = _story(
            high, close, row, min(row + memory, len(close)), side * level - half, side * level + half
        )
    return result


def _story(
    high: list[float], close: list[float], row: int, stop: int, near: float, far: float
) -> tuple[int, int, int, int]:
    departed = returned = held = -1
    for t in range(row, stop):
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


def level_events(bars: Bars, rules: BreakRules = BREAKS, **fields: Any) -> dict[str, Rows]:
    """Rows at whose close each kind of event happened and was known.

    "support_break", "resistance_break": the close left the band of a level downwards, upwards. "support_retest": a
    broken support was touched again from below and turned the price back. "resistance_turned_support": a broken
    resistance was touched again from above and held. "reclaim": a close above a support that had broken.
    "failed_breakout": a close below a resistance that had broken.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules, fields
        As in `breaks`.

    Returns
    -------
    For each of `EVENTS` the rows, rising, each once; a longer history adds rows and changes none.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> bars = bars_from([9, 5, 7, 5, 7, 4, 3, 5, 4, 6])
    >>> events = level_events(bars, strength=1, window=10, atr=2, tolerance=0.2)
    >>> [events[name].tolist() for name in ("support_break", "support_retest", "reclaim")]
    [[5], [8], [9]]
    """
    found = breaks(bars, rules, **fields)
    fell = found.kind == SUPPORT
    rows = (
        found.row[fell],
        found.row[~fell],
        found.held[fell],
        found.held[~fell],
        found.undone[fell],
        found.undone[~fell],
    )
    return {name: np.unique(each[each >= 0]) for name, each in zip(EVENTS, rows, strict=True)}
