"""How the latest breaks stand: how long ago, how far, and whether the retest held; the rules are those of `breaks`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.levels.breaks import BREAKS, BreakRules, Breaks, breaks
from bullbear.factors.levels.level_table import SIDES, SUPPORT, Side
from bullbear.factors.levels.swings import Rows, average_true_range, rows_of


def _latest(found: Breaks, kind: int, memory: int, n: int) -> Rows:
    """For each of `n` rows the place of the latest break of a kind within `memory` sessions, -1 where there is none."""
    places = np.flatnonzero(found.kind == kind)
    if not len(places):
        return np.full(n, -1, dtype=np.int64)
    newest = np.searchsorted(found.row[places], np.arange(n), side="right") - 1
    place = places[np.maximum(newest, 0)]
    return np.where((newest >= 0) & (np.arange(n) - found.row[place] < memory), place, -1)


@factor(
    family="levels",
    windowed=True,
    unit="sessions",
    bounds=(0.0, float("inf")),
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def break_age(bars: Bars, *, side: Side = "support", rules: BreakRules = BREAKS) -> Array:
    """Sessions since the last break of a support (or of a resistance), `memory` where there was none within it.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    side
        What broke: "support" (downwards) or "resistance" (upwards).
    rules
        Which breaks count: see `BreakRules`.

    Returns
    -------
    Shape (n_sessions,); 0 on the session of the break.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> rules = BreakRules(strength=1, window=7, atr=2, tolerance=0.2)
    >>> break_age(bars_from([9, 5, 7, 5, 7, 4, 3]), rules=rules)[-1]
    np.float64(1.0)
    """
    found, n = breaks(bars, rules), len(bars.close)
    place = _latest(found, SIDES[side], rules.memory, n)
    if not len(found.row):
        return np.full(n, float(rules.memory))
    return np.where(place >= 0, np.arange(n) - found.row[place], rules.memory).astype(np.float64)


@factor(
    family="levels",
    windowed=True,
    unit="ATRs",
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def break_size(bars: Bars, *, side: Side = "support", rules: BreakRules = BREAKS) -> Array:
    """How far the close is below the support (or above the resistance) that broke last, in ATRs.

    (support - close) / ATR or (close - resistance) / ATR

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    side
        What broke: "support" (downwards) or "resistance" (upwards).
    rules
        Which breaks count: see `BreakRules`.

    Returns
    -------
    Shape (n_sessions,); negative once the close is back, 0 where none broke within `memory`.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> rules = BreakRules(strength=1, window=7, atr=2, tolerance=0.2)
    >>> break_size(bars_from([1, 5, 3, 5, 3, 6, 7]), side="resistance", rules=rules)[-1]
    np.float64(1.0)
    """
    found, kind = breaks(bars, rules), SIDES[side]
    place = _latest(found, kind, rules.memory, len(bars.close))
    size = average_true_range(bars, rules.atr)
    if not len(found.row):
        return np.where(np.isnan(size), np.nan, 0.0)
    beyond = kind * (found.price[place] - bars.close) / size
    return np.where(place >= 0, beyond, np.where(np.isnan(size), np.nan, 0.0))


@factor(
    family="levels",
    windowed=True,
    unit="0 none, 1 broken, 2 returned, 3 held, -1 undone",
    bounds=(-1.0, 3.0),
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def break_stage(bars: Bars, *, side: Side = "support", rules: BreakRules = BREAKS) -> Array:
    """Break and retest of the support (or resistance) that broke last: how far the story has gone.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    side
        What broke: "support" (downwards) or "resistance" (upwards).
    rules
        Which breaks count: see `BreakRules`.

    Returns
    -------
    Shape (n_sessions,); 0 no break within `memory`, 1 broken, 2 returned to the band, 3 retest held, -1 undone.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> rules = BreakRules(strength=1, window=7, atr=2, tolerance=0.2)
    >>> break_stage(bars_from([9, 5, 7, 5, 7, 4, 3]), rules=rules)[-1]
    np.float64(1.0)
    """
    found, n = breaks(bars, rules), len(bars.close)
    place = _latest(found, SIDES[side], rules.memory, n)
    if not len(found.row):
        return np.zeros(n)
    rows = np.arange(n)

    def happened(when: Rows) -> NDArray[np.bool_]:
        return (when[place] >= 0) & (when[place] <= rows)

    stage = 1.0 + happened(found.returned) + happened(found.held)
    return np.where(place < 0, 0.0, np.where(happened(found.undone), -1.0, stage))


@factor(
    family="levels",
    windowed=True,
    unit="score",
    bounds=(-1.0, 1.0),
    lookback=rows_of,
)
def break_balance(bars: Bars, *, rules: BreakRules = BREAKS) -> Array:
    """Breaks of resistance less breaks of support within `memory` sessions, per break.

    (up - down) / (up + down), breaks that have been undone not counted

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules
        Which breaks count: see `BreakRules`.

    Returns
    -------
    Shape (n_sessions,); 0 where nothing broke.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> rules = BreakRules(strength=1, window=7, atr=2, tolerance=0.2)
    >>> break_balance(bars_from([1, 5, 3, 5, 3, 6, 7]), rules=rules)[-1]
    np.float64(1.0)
    """
    found, n = breaks(bars, rules), len(bars.close)
    count = np.zeros((2, n + 1))
    for kind, row, undone in zip(found.kind.tolist(), found.row.tolist(), found.undone.tolist(), strict=True):
        stop = min(row + rules.memory, n) if undone < 0 else min(undone, row + rules.memory)
        count[int(kind == SUPPORT), row] += 1.0
        count[int(kind == SUPPORT), stop] -= 1.0
    up, down = np.cumsum(count, axis=1)[:, :n]  # whole numbers, so the sum is exact
    balance: Array = (up - down) / np.maximum(up + down, 1.0)
    return balance
