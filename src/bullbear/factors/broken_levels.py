"""How the latest breaks stand: how long ago, how far, and whether the retest held; the rules are those of `breaks`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bullbear.factors.breaks import Breaks, breaks
from bullbear.factors.level_table import RESISTANCE, SHAPE_LIMITS, SUPPORT, table_rows
from bullbear.factors.registry import Array, Bars, factor
from bullbear.factors.swings import Rows, average_true_range

_LIMITS = {**SHAPE_LIMITS, "touches": (1.0, 10.0), "memory": (2.0, 504.0)}


def _rows(*, strength: int, window: int, atr: int, memory: int, **_: float) -> int:
    return table_rows(strength=strength, window=window, atr=atr) + memory


def _latest(found: Breaks, kind: int, memory: int, n: int) -> Rows:
    """For each of `n` rows the place of the latest break of a kind within `memory` sessions, -1 where there is none."""
    places = np.flatnonzero(found.kind == kind)
    if not len(places):
        return np.full(n, -1, dtype=np.int64)
    newest = np.searchsorted(found.row[places], np.arange(n), side="right") - 1
    place = places[np.maximum(newest, 0)]
    return np.where((newest >= 0) & (np.arange(n) - found.row[place] < memory), place, -1)


def _age(found: Breaks, kind: int, memory: int, n: int) -> Array:
    place = _latest(found, kind, memory, n)
    if not len(found.row):
        return np.full(n, float(memory))
    return np.where(place >= 0, np.arange(n) - found.row[place], memory).astype(np.float64)


def _size(bars: Bars, found: Breaks, kind: int, memory: int, atr: int) -> Array:
    place = _latest(found, kind, memory, len(bars.close))
    size = average_true_range(bars, atr)
    if not len(found.row):
        return np.where(np.isnan(size), np.nan, 0.0)
    beyond = kind * (found.price[place] - bars.close) / size
    return np.where(place >= 0, beyond, np.where(np.isnan(size), np.nan, 0.0))


def _stage(found: Breaks, kind: int, memory: int, n: int) -> Array:
    place = _latest(found, kind, memory, n)
    if not len(found.row):
        return np.zeros(n)
    rows = np.arange(n)

    def happened(when: Rows) -> NDArray[np.bool_]:
        return (when[place] >= 0) & (when[place] <= rows)

    stage = 1.0 + happened(found.returned) + happened(found.held)
    return np.where(place < 0, 0.0, np.where(happened(found.undone), -1.0, stage))


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="sessions",
    bounds=(0.0, float("inf")),
    limits=_LIMITS,
    lookback=_rows,
)
def support_break_age(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 2,
    memory: int = 63,
) -> Array:
    """Sessions since the last break of a support, `memory` where there was none within it.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs for its break to count.
    memory
        Sessions for which a break is remembered.

    Returns
    -------
    Shape (n_sessions,); 0 on the session of the break.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([9, 5, 7, 5, 7, 4, 3])
    >>> support_break_age(bars, strength=1, window=7, atr=2, tolerance=0.2)[-1]
    np.float64(1.0)
    """
    found = breaks(bars, strength=strength, window=window, atr=atr, tolerance=tolerance, touches=touches, memory=memory)
    return _age(found, SUPPORT, memory, len(bars.close))


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="ATRs",
    limits=_LIMITS,
    lookback=_rows,
)
def support_break_size(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 2,
    memory: int = 63,
) -> Array:
    """How far the close is below the support that broke last: (support - close) / ATR.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs for its break to count.
    memory
        Sessions for which a break is remembered.

    Returns
    -------
    Shape (n_sessions,); negative once the close is back, 0 where no support broke within `memory`.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([9, 5, 7, 5, 7, 4, 3])
    >>> support_break_size(bars, strength=1, window=7, atr=2, tolerance=0.2)[-1]
    np.float64(1.0)
    """
    found = breaks(bars, strength=strength, window=window, atr=atr, tolerance=tolerance, touches=touches, memory=memory)
    return _size(bars, found, SUPPORT, memory, atr)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="0 none, 1 broken, 2 returned, 3 held, -1 undone",
    bounds=(-1.0, 3.0),
    limits=_LIMITS,
    lookback=_rows,
)
def support_break_stage(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 2,
    memory: int = 63,
) -> Array:
    """Break and retest of the support that broke last: how far the story has gone.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs for its break to count.
    memory
        Sessions for which a break is remembered.

    Returns
    -------
    Shape (n_sessions,); 0 no break within `memory`, 1 broken, 2 returned to the band, 3 retest held, -1 undone.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([9, 5, 7, 5, 7, 4, 3])
    >>> support_break_stage(bars, strength=1, window=7, atr=2, tolerance=0.2)[-1]
    np.float64(1.0)
    """
    found = breaks(bars, strength=strength, window=window, atr=atr, tolerance=tolerance, touches=touches, memory=memory)
    return _stage(found, SUPPORT, memory, len(bars.close))


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="sessions",
    bounds=(0.0, float("inf")),
    limits=_LIMITS,
    lookback=_rows,
)
def resistance_break_age(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 2,
    memory: int = 63,
) -> Array:
    """Sessions since the last break of a resistance, `memory` where there was none within it.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs for its break to count.
    memory
        Sessions for which a break is remembered.

    Returns
    -------
    Shape (n_sessions,); 0 on the session of the break.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([1, 5, 3, 5, 3, 6, 7])
    >>> resistance_break_age(bars, strength=1, window=7, atr=2, tolerance=0.2)[-1]
    np.float64(1.0)
    """
    found = breaks(bars, strength=strength, window=window, atr=atr, tolerance=tolerance, touches=touches, memory=memory)
    return _age(found, RESISTANCE, memory, len(bars.close))


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="ATRs",
    limits=_LIMITS,
    lookback=_rows,
)
def resistance_break_size(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 2,
    memory: int = 63,
) -> Array:
    """How far the close is above the resistance that broke last: (close - resistance) / ATR.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs for its break to count.
    memory
        Sessions for which a break is remembered.

    Returns
    -------
    Shape (n_sessions,); negative once the close is back, 0 where no resistance broke within `memory`.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([1, 5, 3, 5, 3, 6, 7])
    >>> resistance_break_size(bars, strength=1, window=7, atr=2, tolerance=0.2)[-1]
    np.float64(1.0)
    """
    found = breaks(bars, strength=strength, window=window, atr=atr, tolerance=tolerance, touches=touches, memory=memory)
    return _size(bars, found, RESISTANCE, memory, atr)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="0 none, 1 broken, 2 returned, 3 held, -1 undone",
    bounds=(-1.0, 3.0),
    limits=_LIMITS,
    lookback=_rows,
)
def resistance_break_stage(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 2,
    memory: int = 63,
) -> Array:
    """Break and retest of the resistance that broke last: how far the story has gone.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs for its break to count.
    memory
        Sessions for which a break is remembered.

    Returns
    -------
    Shape (n_sessions,); 0 no break within `memory`, 1 broken, 2 returned to the band, 3 retest held, -1 undone.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([1, 5, 3, 5, 3, 6, 7])
    >>> resistance_break_stage(bars, strength=1, window=7, atr=2, tolerance=0.2)[-1]
    np.float64(1.0)
    """
    found = breaks(bars, strength=strength, window=window, atr=atr, tolerance=tolerance, touches=touches, memory=memory)
    return _stage(found, RESISTANCE, memory, len(bars.close))


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="score",
    bounds=(-1.0, 1.0),
    limits=_LIMITS,
    lookback=_rows,
)
def break_balance(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 2,
    memory: int = 63,
) -> Array:
    """Breaks of resistance less breaks of support within `memory` sessions, per break.

    (up - down) / (up + down), breaks that have been undone not counted

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs for its break to count.
    memory
        Sessions for which a break is remembered.

    Returns
    -------
    Shape (n_sessions,); 0 where nothing broke.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([1, 5, 3, 5, 3, 6, 7])
    >>> break_balance(bars, strength=1, window=7, atr=2, tolerance=0.2)[-1]
    np.float64(1.0)
    """
    found = breaks(bars, strength=strength, window=window, atr=atr, tolerance=tolerance, touches=touches, memory=memory)
    return _balance(found, memory, len(bars.close))


def _balance(found: Breaks, memory: int, n: int) -> Array:
    count = np.zeros((2, n + 1))
    for kind, row, undone in zip(found.kind.tolist(), found.row.tolist(), found.undone.tolist(), strict=True):
        stop = min(row + memory, n) if undone < 0 else min(undone, row + memory)
        count[int(kind == SUPPORT), row] += 1.0
        count[int(kind == SUPPORT), stop] -= 1.0
    up, down = np.cumsum(count, axis=1)[:, :n]  # whole numbers, so the sum is exact
    balance: Array = (up - down) / np.maximum(up + down, 1.0)
    return balance
