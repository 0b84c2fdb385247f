"""Double tops and double bottoms, with neckline and measured target.

A double top at row i: two confirmed swing highs at most `window` and at least `gap` sessions apart, within `tolerance`
ATRs of each other; no high between them above both; the lowest low between them, the neckline, at least `depth` ATRs
below their mean. The measured target lies as far below the neckline as the neckline lies below the tops. Of several
first tops the nearest in time is taken. It is *formed* once the second top is confirmed, *completed* by the first
close below the neckline, and over when a low reaches the target, when a close stands above both tops, or `memory`
sessions after the second top. A double bottom is a double top of the prices turned upside down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.parameter_groups import within
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.levels.swings import WINDOW, ScaledSwingRules, Swings, mean_true_range, rows_of, swings

Turn = Literal["top", "bottom"]
TURNS = get_args(Turn)


@dataclass(frozen=True)
class DoubleRules(ScaledSwingRules):
    """What counts as a double top or bottom.

    Parameters
    ----------
    window, gap
        Most and fewest sessions between the two extremes.
    tolerance, depth
        Largest difference of the extremes and least distance of the neckline from them, in ATRs of the row of
        confirmation.
    memory
        Sessions after the second extreme for which the pattern stands.
    """

    window: int = within(126, *WINDOW)
    gap: int = within(15, 2, 252)
    tolerance: float = within(0.5, 0.05, 5)
    depth: float = within(4.0, 0.5, 20)
    memory: int = within(63, 2, 504)

    @property
    def rows(self) -> int:
        """Rows that decide which pattern stands at one row.

        InputError if the window cannot hold the gap, or the memory not the confirmation.
        """
        in_order(gap=self.gap, window=self.window)
        in_order(strength=self.strength, memory=self.memory)
        return self.memory + max(self.window + self.strength, self.atr)


DOUBLES = DoubleRules()


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


@cached_by_bars(8)
def double_patterns(bars: Bars, side: Turn = "top", rules: DoubleRules = DOUBLES) -> tuple[DoublePattern, ...]:
    """Every double top (or bottom) that the bars confirm, in the order of the second extreme, and what came of it.

    Example
    -------
    >>> rules = DoubleRules(strength=1, gap=2, depth=1.0, atr=2)
    >>> (found,) = double_patterns(bars_from([1, 5, 3, 5, 4, 2.5]), "top", rules)
    >>> found.known_row, found.neckline, found.target, found.completed_row, found.outcome
    (4, 3.0, 1.0, 5, 'open')
    """
    size = mean_true_range(bars, rules.atr)
    found = swings(bars, strength=rules.strength)
    if side == "top":
        return _tops(found, bars, size, rules)
    turned = Swings(rules.strength, found.low_rows, -found.low_prices, found.high_rows, -found.high_prices)
    mirror = replace(bars, high=-bars.low, low=-bars.high, close=-bars.close)
    prices = ("first_price", "second_price", "neckline", "target")
    return tuple(
        replace(one, **{name: -getattr(one, name) for name in prices}) for one in _tops(turned, mirror, size, rules)
    )


def _tops(found: Swings, bars: Bars, size: Array, rules: DoubleRules) -> tuple[DoublePattern, ...]:
    rows, prices = found.high_rows.tolist(), found.high_prices.tolist()
    tops = []
    for place, (second, price) in enumerate(zip(rows, prices, strict=True)):
        known = second + rules.strength
        between = -np.inf
        for earlier in range(place - 1, -1, -1):
            first, other = rows[earlier], prices[earlier]
            if second - first > rules.window:
                break
            allowed = second - first >= rules.gap and between <= max(other, price)
            if allowed and abs(other - price) <= rules.tolerance * size[known]:
                neckline = float(bars.low[first + 1 : second].min())
                height = (other + price) / 2.0 - neckline
                highest = float(bars.high[first + 1 : second].max())
                if height >= rules.depth * size[known] and highest <= max(other, price):
                    ceiling, target = max(other, price), neckline - height
                    stop = min(second + rules.memory, len(size))
                    outcome = _outcome(bars, known, stop, second, ceiling, neckline, target)
                    tops.append(DoublePattern(first, second, known, other, price, neckline, target, *outcome))
                    break
            between = max(between, other)
    return tuple(tops)


def _outcome(
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


def _standing(found: tuple[DoublePattern, ...], n: int) -> tuple[Array, Array]:
    """Stage and target of the pattern that stands at each row; of several the one known last."""
    stage, target = np.zeros(n), np.full(n, np.nan)
    for one in found:
        rows = slice(one.known_row, one.over_row)
        stage[rows], target[rows] = 1.0, one.target
        if one.completed_row is not None:
            stage[one.completed_row : one.over_row] = 2.0
    return stage, target


@factor(
    windowed=True, unit="0 none, 1 formed, 2 completed", bounds=(0.0, 2.0), choices={"side": TURNS}, lookback=rows_of
)
def double_pattern_stage(bars: Bars, *, side: Turn = "top", rules: DoubleRules = DOUBLES) -> Array:
    """Stage of the double top (or bottom) that stands: 0 none, 1 formed, 2 completed by a close beyond the neckline."""
    return _standing(double_patterns(bars, side, rules), len(bars.close))[0]


@factor(windowed=True, unit="ATRs", bounds=(0.0, float("inf")), choices={"side": TURNS}, lookback=rows_of)
def double_pattern_room(bars: Bars, *, side: Turn = "top", rules: DoubleRules = DOUBLES) -> Array:
    """Room to the measured target of a completed double top (or bottom), in ATRs.

    (close - target) / ATR of a top, (target - close) / ATR of a bottom; 0 where no such pattern is completed
    """
    stage, target = _standing(double_patterns(bars, side, rules), len(bars.close))
    size = mean_true_range(bars, rules.atr)
    left = bars.close - target if side == "top" else target - bars.close
    # A pattern that has reached its target is over, so only rounding could make the room negative.
    return np.where(stage == 2.0, np.maximum(left / size, 0.0), np.where(np.isnan(size), np.nan, 0.0))
