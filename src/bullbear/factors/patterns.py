"""Double tops and double bottoms, with neckline and measured target.

A double top at row i: two confirmed swing highs at most `window` and at least `gap` sessions apart, within `tolerance`
ATRs of each other; no high between them above both; the lowest low between them, the neckline, at least `depth` ATRs
below their mean. The measured target lies as far below the neckline as the neckline lies below the tops. Of several
first tops the nearest in time is taken. It is *formed* once the second top is confirmed, *completed* by the first
close below the neckline, and over when a low reaches the target, when a close stands above both tops, or `memory`
sessions after the second top. A double bottom is a double top of the tape turned upside down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bullbear.factors.registry import Array, Bars, factor
from bullbear.factors.remembered import remembered
from bullbear.factors.swings import ATR, HISTORY, STRENGTH, Swings, average_true_range, swings
from bullbear.factors.windows import in_order

_LIMITS = {
    "strength": STRENGTH,
    "window": HISTORY,
    "atr": ATR,
    "tolerance": (0.05, 5.0),
    "depth": (0.5, 20.0),
    "gap": (2.0, 252.0),
    "memory": (2.0, 504.0),
}


@dataclass(frozen=True)
class DoublePattern:
    """A double top or bottom; rows count from the first bar."""

    first_row: int
    second_row: int
    known_row: int
    """The row from which it could be drawn: that at which the second extreme was confirmed."""
    first_price: float
    second_price: float
    neckline: float
    target: float
    completed_row: int | None
    """The first row, not before `known_row`, at which a close beyond the neckline was known."""
    over_row: int
    """The first row at which the pattern no longer stands; past the last row while it stands."""
    outcome: str
    """Why it is over: "target", "failed", "expired"; "open" while it stands."""


@remembered(4)
def double_tops(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 126,
    gap: int = 15,
    tolerance: float = 0.5,
    depth: float = 4.0,
    atr: int = 20,
    memory: int = 63,
) -> tuple[DoublePattern, ...]:
    """Every double top that the bars confirm, in the order of the second top, with what came of it so far.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window, gap
        Most and fewest sessions between the tops.
    tolerance, depth
        Largest difference of the tops and least height above the neckline, in ATRs of the row of confirmation.
    atr
        Sessions of the mean true range.
    memory
        Sessions after the second top for which the pattern stands.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> (found,) = double_tops(bars_from([1, 5, 3, 5, 4, 2.5]), strength=1, gap=2, depth=1.0, atr=2)
    >>> found.known_row, found.neckline, found.target, found.completed_row, found.outcome
    (4, 3.0, 1.0, 5, 'open')
    """
    size = average_true_range(bars, atr)
    return _tops(swings(bars, strength=strength), bars, size, window, gap, tolerance, depth, memory)


@remembered(4)
def double_bottoms(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 126,
    gap: int = 15,
    tolerance: float = 0.5,
    depth: float = 4.0,
    atr: int = 20,
    memory: int = 63,
) -> tuple[DoublePattern, ...]:
    """Every double bottom that the bars confirm, in the order of the second bottom, with what came of it so far.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window, gap
        Most and fewest sessions between the bottoms.
    tolerance, depth
        Largest difference of the bottoms and least depth below the neckline, in ATRs of the row of confirmation.
    atr
        Sessions of the mean true range.
    memory
        Sessions after the second bottom for which the pattern stands.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> (found,) = double_bottoms(bars_from([9, 5, 7, 5, 6, 7.5]), strength=1, gap=2, depth=1.0, atr=2)
    >>> found.known_row, found.neckline, found.target, found.completed_row, found.outcome
    (4, 7.0, 9.0, 5, 'open')
    """
    size = average_true_range(bars, atr)
    found = swings(bars, strength=strength)
    turned = Swings(strength, found.low_rows, -found.low_prices, found.high_rows, -found.high_prices)
    mirror = replace(bars, high=-bars.low, low=-bars.high, close=-bars.close)
    return tuple(
        replace(
            one,
            first_price=-one.first_price,
            second_price=-one.second_price,
            neckline=-one.neckline,
            target=-one.target,
        )
        for one in _tops(turned, mirror, size, window, gap, tolerance, depth, memory)
    )


def _tops(
    found: Swings, bars: Bars, size: Array, window: int, gap: int, tolerance: float, depth: float, memory: int
) -> tuple[DoublePattern, ...]:
    rows, prices, strength = found.high_rows.tolist(), found.high_prices.tolist(), found.strength
    tops = []
    for place, (second, price) in enumerate(zip(rows, prices, strict=True)):
        known = second + strength
        between = -np.inf
        for earlier in range(place - 1, -1, -1):
            first, other = rows[earlier], prices[earlier]
            if second - first > window:
                break
            allowed = second - first >= gap and between <= max(other, price)
            if allowed and abs(other - price) <= tolerance * size[known]:
                neckline = float(bars.low[first + 1 : second].min())
                height = (other + price) / 2.0 - neckline
                highest = float(bars.high[first + 1 : second].max())
                if height >= depth * size[known] and highest <= max(other, price):
                    ceiling, target = max(other, price), neckline - height
                    story = _story(bars, known, min(second + memory, len(size)), second, ceiling, neckline, target)
                    tops.append(DoublePattern(first, second, known, other, price, neckline, target, *story))
                    break
            between = max(between, other)
    return tuple(tops)


def _story(
    bars: Bars, known: int, stop: int, second: int, ceiling: float, neckline: float, target: float
) -> tuple[int | None, int, str]:
    """Completion, end and outcome; what happened between the second top and its confirmation is known at the latter."""
    completed = None
    n = len(bars.close)
    for row in range(second + 1, stop):
        seen = max(row, known)
        if bars.close[row] > ceiling:
            return completed, seen, "failed"
        if completed is None and bars.close[row] < neckline:
            completed = seen
        if completed is not None and bars.low[row] <= target:
            return completed, seen, "target"
    return (completed, n, "open") if stop == n else (completed, stop, "expired")


def _rows(*, strength: int, window: int, gap: int, atr: int, memory: int, **_: float) -> int:
    in_order(gap=gap, window=window)
    in_order(strength=strength, memory=memory)
    return memory + max(window + strength, atr)


def _standing(found: tuple[DoublePattern, ...], n: int) -> tuple[Array, Array, Array]:
    """Stage, neckline and target of the pattern that stands at each row; of several the one known last."""
    stage, neckline, target = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
    for one in found:
        rows = slice(one.known_row, one.over_row)
        stage[rows], neckline[rows], target[rows] = 1.0, one.neckline, one.target
        if one.completed_row is not None:
            stage[one.completed_row : one.over_row] = 2.0
    return stage, neckline, target


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="0 none, 1 formed, 2 completed",
    bounds=(0.0, 2.0),
    limits=_LIMITS,
    lookback=_rows,
)
def double_top_stage(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 126,
    gap: int = 15,
    tolerance: float = 0.5,
    depth: float = 4.0,
    atr: int = 20,
    memory: int = 63,
) -> Array:
    """Stage of the double top that stands: 0 none, 1 formed, 2 completed by a close beyond the neckline.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window, gap
        Most and fewest sessions between the two extremes.
    tolerance, depth
        Largest difference of the extremes and least distance of the neckline, in ATRs.
    atr
        Sessions of the mean true range.
    memory
        Sessions after the second extreme for which the pattern stands.

    Returns
    -------
    Shape (n_sessions,).

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([1, 5, 3, 5, 4, 2.5])
    >>> double_top_stage(bars, strength=1, window=4, gap=2, depth=1.0, atr=2, memory=4)[-1]
    np.float64(2.0)
    """
    found = double_tops(
        bars,
        strength=strength,
        window=window,
        gap=gap,
        tolerance=tolerance,
        depth=depth,
        atr=atr,
        memory=memory,
    )
    return _standing(found, len(bars.close))[0]


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="ATRs",
    bounds=(0.0, float("inf")),
    limits=_LIMITS,
    lookback=_rows,
)
def double_top_room(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 126,
    gap: int = 15,
    tolerance: float = 0.5,
    depth: float = 4.0,
    atr: int = 20,
    memory: int = 63,
) -> Array:
    """Room to the measured target of a completed double top: (close - target) / ATR.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window, gap
        Most and fewest sessions between the two extremes.
    tolerance, depth
        Largest difference of the extremes and least distance of the neckline, in ATRs.
    atr
        Sessions of the mean true range.
    memory
        Sessions after the second extreme for which the pattern stands.

    Returns
    -------
    Shape (n_sessions,); 0 where no double top is completed.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([1, 5, 3, 5, 4, 2.5])
    >>> double_top_room(bars, strength=1, window=4, gap=2, depth=1.0, atr=2, memory=4)[-1]
    np.float64(1.2)
    """
    found = double_tops(
        bars,
        strength=strength,
        window=window,
        gap=gap,
        tolerance=tolerance,
        depth=depth,
        atr=atr,
        memory=memory,
    )
    return _room(bars, found, atr, 1.0)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="0 none, 1 formed, 2 completed",
    bounds=(0.0, 2.0),
    limits=_LIMITS,
    lookback=_rows,
)
def double_bottom_stage(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 126,
    gap: int = 15,
    tolerance: float = 0.5,
    depth: float = 4.0,
    atr: int = 20,
    memory: int = 63,
) -> Array:
    """Stage of the double bottom that stands: 0 none, 1 formed, 2 completed by a close beyond the neckline.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window, gap
        Most and fewest sessions between the two extremes.
    tolerance, depth
        Largest difference of the extremes and least distance of the neckline, in ATRs.
    atr
        Sessions of the mean true range.
    memory
        Sessions after the second extreme for which the pattern stands.

    Returns
    -------
    Shape (n_sessions,).

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([9, 5, 7, 5, 6, 7.5])
    >>> double_bottom_stage(bars, strength=1, window=4, gap=2, depth=1.0, atr=2, memory=4)[-1]
    np.float64(2.0)
    """
    found = double_bottoms(
        bars,
        strength=strength,
        window=window,
        gap=gap,
        tolerance=tolerance,
        depth=depth,
        atr=atr,
        memory=memory,
    )
    return _standing(found, len(bars.close))[0]


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="ATRs",
    bounds=(0.0, float("inf")),
    limits=_LIMITS,
    lookback=_rows,
)
def double_bottom_room(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 126,
    gap: int = 15,
    tolerance: float = 0.5,
    depth: float = 4.0,
    atr: int = 20,
    memory: int = 63,
) -> Array:
    """Room to the measured target of a completed double bottom: (target - close) / ATR.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window, gap
        Most and fewest sessions between the two extremes.
    tolerance, depth
        Largest difference of the extremes and least distance of the neckline, in ATRs.
    atr
        Sessions of the mean true range.
    memory
        Sessions after the second extreme for which the pattern stands.

    Returns
    -------
    Shape (n_sessions,); 0 where no double bottom is completed.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([9, 5, 7, 5, 6, 7.5])
    >>> double_bottom_room(bars, strength=1, window=4, gap=2, depth=1.0, atr=2, memory=4)[-1]
    np.float64(1.2)
    """
    found = double_bottoms(
        bars,
        strength=strength,
        window=window,
        gap=gap,
        tolerance=tolerance,
        depth=depth,
        atr=atr,
        memory=memory,
    )
    return _room(bars, found, atr, -1.0)


def _room(bars: Bars, found: tuple[DoublePattern, ...], atr: int, sign: float) -> Array:
    stage, _, target = _standing(found, len(bars.close))
    size = average_true_range(bars, atr)
    # A pattern that has reached its target is over, so no room is negative but by rounding.
    room = np.maximum(sign * (bars.close - target) / size, 0.0)
    return np.where(stage == 2.0, room, np.where(np.isnan(size), np.nan, 0.0))
