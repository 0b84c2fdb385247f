"""Which prices cannot be right, decided at each session from what was known at its close, and never revised.

A price is compared with the last one accepted. A large move is real where shares changed hands as they do in a real
one: more dollars than usual for a fall, more shares for a rise. One that nobody traded is explained, if it can be, by a
shifted decimal point or by a split that was not recorded or not applied; the price is then read at the scale that
explains it. What nothing explains is set aside until two more closes confirm the new level.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.surprise import Surprise

Places = NDArray[np.intp]


class Reason(IntEnum):
    """Why a bar is suspicious."""

    NONE = 0
    DECIMAL = 1
    SPLIT = 2
    STALE = 3
    ZERO = 4
    RANGE = 5
    JUMP = 6
    VOLUME = 7
    NO_VOLUME = 8


_DECIMALS = (0.1, 0.01, 0.001, 10.0, 100.0, 1000.0)
_RATIOS = (
    2.0,
    5 / 2,
    3.0,
    4.0,
    5.0,
    6.0,
    7.0,
    8.0,
    10.0,
    12.0,
    15.0,
    20.0,
    25.0,
    30.0,
    40.0,
    50.0,
)
_FACTORS = np.array([*_DECIMALS, *_RATIOS, *(1 / ratio for ratio in _RATIOS)])
_IS_DECIMAL = np.arange(len(_FACTORS)) < len(_DECIMALS)
# Splits of less than two for one are not searched for: falls of a third are far more often real.
# The odd ratios are rare, and a wide net for chance.
_COMMON = np.isin(np.round(np.maximum(_FACTORS, 1 / _FACTORS), 9), (2.0, 3.0, 10.0))
_RARITY = np.where(_IS_DECIMAL, 0.0, np.where(_COMMON, 2.0, 5.0))
LASTING = 5
"""Sessions after which a shift of scale is a split that nobody recorded, and no passing error."""
THIN = 50_000.0
"""Usual dollars a day below which a jump says little: there, two trades of a session may lie a third apart."""
LATE = 3
"""Sessions by which a recorded split may be applied too early or too late."""
_UNLIKELY = np.where(_IS_DECIMAL, np.inf, 20.0)
"""Squared deviations, of move, volume and range together, above which no split is read into a move."""
CONFIRMING = 2
"""Closes near a price set aside after which its level is accepted."""
STILL = 4
"""Sessions in a row without any change of the close that are no chance."""
MEMORY = 20
"""Sessions over which the volatility of a company is averaged."""
FORGOTTEN = 20
"""Sessions without an accepted price after which any price is accepted."""


@dataclass(frozen=True)
class PriceScreen:
    """Shape (n_sessions, n_companies) each.

    Parameters
    ----------
    reason
        `Reason` of each bar, 0 where nothing is wrong.
    usable
        Bars with a price, as printed or corrected.
    scale
        What the printed price is multiplied by to be right.
    split
        Splits as recorded, with those moved or added that the prices show.
    rebased
        The part of `split` that corrects a wrong start of the company's prices, and changed no number of shares.
    expected
        The price that had been expected, of the session's share: what is right, or the last accepted price.
    move
        Logarithm of the accepted price over the one accepted before; 0 where there is none.
    """

    reason: Array
    usable: BoolArray
    scale: Array
    split: Array
    rebased: Array
    expected: Array
    move: Array


def screen_prices(panel: Panel, unusual: Surprise) -> PriceScreen:
    """Screen the closes of a panel; see the module."""
    walk = _Walk(panel, unusual)
    for row in range(panel.shape[0]):
        walk.step(row)
    return PriceScreen(walk.reason, walk.usable, walk.scale, walk.split, walk.rebased, walk.expected, walk.move)


class _Walk:
    """The state of every company as the sessions pass; prices are per share of the session at hand."""

    def __init__(self, panel: Panel, unusual: Surprise) -> None:
        shape, columns = panel.shape, panel.shape[1]
        self.panel, self.unusual = panel, unusual
        self.close = np.where(panel.close > 0, panel.close, np.nan)
        self.outside, self.repeated = _outside(panel), _repeated(panel)
        self.reason, self.move = np.zeros(shape), np.zeros(shape)
        self.usable = np.zeros(shape, dtype=bool)
        self.scale, self.split, self.rebased = np.ones(shape), panel.split.copy(), np.ones(shape)
        self.expected = np.full(shape, np.nan)
        self.accepted = np.full(columns, np.nan)  # the last accepted price
        self.age = np.zeros(columns)  # sessions since
        self.seen = np.zeros(columns)  # accepted prices
        self.volatility = np.full(columns, 0.03)
        self.shift = np.ones(columns)  # what printed prices are multiplied by now
        self.why = np.zeros(columns)
        self.shifted_for = np.zeros(columns)
        self.seen_before = np.zeros(columns)  # accepted prices before the shift
        self.refused = np.full(columns, np.nan)  # the last price set aside
        self.confirmed = np.zeros(columns)  # closes near it since
        self.unchanged = np.zeros(columns)

    def step(self, row: int) -> None:
        """Judge the bars of one session."""
        self._make_lasting_shifts_splits(row)
        split, printed = self.panel.split[row], self.close[row]
        self.accepted, self.refused = self.accepted / split, self.refused / split
        self.age += 1
        given = ~np.isnan(printed)
        known = given & ~np.isnan(self.accepted) & (self.age <= FORGOTTEN)
        move = np.log(np.where(known, printed * self.shift / self.accepted, 1.0))
        use, reason = given.copy(), np.zeros(len(printed))
        recent = np.any(self.panel.split[max(row - LATE, 0) : row + 1] != 1, axis=0)
        large = np.abs(move) > np.maximum(5 * self._reach(), 0.15)
        odd = np.flatnonzero(known & (large | (self.shift != 1) | recent | self.outside[row]))
        if len(odd):
            self._explain(row, odd, move, use, reason)
        reason = np.where(given & use & (self.shift != 1), self.why, reason)
        stale = known & use & self._is_stale(row, move)
        reason = np.where(stale & (reason == 0), Reason.STALE, reason)
        use &= ~stale
        reason = np.where(self.panel.close[row] <= 0, Reason.ZERO, reason)
        self.reason[row], self.usable[row] = reason, use
        self.scale[row] = np.where(use, self.shift, 1.0)
        self.expected[row] = np.where(use, printed * self.shift, self.accepted)
        self.move[row] = np.where(use & known, move, 0.0)
        self._accept(use, known, move, self.expected[row])

    def _reach(self) -> Array:
        """How far a price usually gets since the last accepted one."""
        return self.volatility * np.sqrt(np.maximum(self.age, 1))

    def _explain(self, row: int, at: Places, move: Array, use: BoolArray, reason: Array) -> None:
        """Accept the odd prices as they are, read them at the scale that explains them, or set them aside."""
        reach, moved, outside = self._reach()[at], move[at], self.outside[row, at]
        size, volume = np.abs(moved), self.unusual.volume[row, at]
        traded = is_traded(moved, volume, self.unusual.span[row, at]) & ~outside
        # In thin trading, unless the move is very large, volume has nothing to say.
        silent = (self.unusual.dollars[row, at] < THIN) & ((size < 1.6) | (volume > 2)) & ~outside
        back = 1 / self.shift[at]
        undo = _nearest(moved, 1 / self.panel.split[max(row - LATE, 0) : row + 1, at])
        is_back = self._fits(moved, back, reach)
        is_undone = ~is_back & ~traded & (size > np.maximum(3 * reach, 0.08)) & self._fits(moved, undo, reach)
        strange = ~is_back & ~is_undone & ~traded & ~silent
        strange &= size > np.where(outside, np.maximum(5 * reach, 0.15), np.maximum(6 * reach, 0.2))
        searched, why, found = _explained(moved, volume, self.unusual.span[row, at], reach)
        again = self._is_near_refused(row, at)
        found &= ~again  # yesterday's verdict stands until it is confirmed
        for some, factor, because in (
            (is_back, back, np.zeros(len(at))),
            (is_undone, undo, np.full(len(at), float(Reason.SPLIT))),
            (strange & found, searched, why),
        ):
            self._shift_to(at[some], factor[some], because[some])
            move[at[some]] += np.log(factor[some])
        unexplained = strange & ~found & (outside | again | (size > np.maximum(10 * reach, 0.5)))
        aside = self._set_aside(row, at[unexplained])
        use[aside] = False
        reason[aside] = np.where(self.outside[row, aside], float(Reason.RANGE), float(Reason.JUMP))

    def _fits(self, move: Array, factor: Array, reach: Array) -> BoolArray:
        """Whether a factor that offers itself takes most of a move away, and leaves a usual one."""
        left = np.abs(move + np.log(factor))
        fits: BoolArray = (factor != 1) & (left < np.maximum(6 * reach, 0.25)) & (left < 0.7 * np.abs(move))
        return fits

    def _set_aside(self, row: int, at: Places) -> Places:
        """Those of the companies whose new level no later close has confirmed yet."""
        near = self._is_near_refused(row, at)
        self.confirmed[at] = np.where(near, self.confirmed[at] + 1, 0)
        self.refused[at] = self.close[row, at] * self.shift[at]
        return at[self.confirmed[at] < CONFIRMING]

    def _is_near_refused(self, row: int, at: Places) -> BoolArray:
        away = np.abs(np.log(self.close[row, at] * self.shift[at] / self.refused[at]))
        near: BoolArray = away < np.maximum(5 * self.volatility[at], 0.1)
        return near

    def _shift_to(self, at: Places, factor: Array, why: Array) -> None:
        new = self.shift[at] * factor
        new = np.where(np.abs(np.log(new)) < 1e-9, 1.0, new)
        self.seen_before[at] = np.where(self.shift[at] == 1, self.seen[at], self.seen_before[at])
        self.shift[at], self.why[at], self.shifted_for[at] = new, why, 0

    def _make_lasting_shifts_splits(self, row: int) -> None:
        lasting = (self.shift != 1) & (self.shifted_for >= LASTING)
        if lasting.any():
            self.split[row] = np.where(lasting, self.split[row] * self.shift, self.split[row])
            self.rebased[row] = np.where(lasting & (self.seen_before < LASTING), self.shift, 1.0)
            self.accepted = np.where(lasting, self.accepted / self.shift, self.accepted)
            self.shift = np.where(lasting, 1.0, self.shift)
            self.shifted_for = np.where(lasting, 0, self.shifted_for)

    def _is_stale(self, row: int, move: Array) -> BoolArray:
        """A bar that repeats the one before, or a close that stands still in a share that moves and is traded."""
        still = (move == 0) & (self.panel.high[row] > self.panel.low[row])
        self.unchanged = np.where(still, self.unchanged + 1, 0)
        lively = (self.volatility > 0.01) & (self.unusual.dollars[row] > 20 * THIN) & (self.close[row] > 2)
        repeated = self.repeated[row] & (self.volatility > 0.003) & (self.unusual.dollars[row] > 5 * THIN)
        stale: BoolArray = repeated | ((self.unchanged >= STILL) & lively)
        return stale

    def _accept(self, use: BoolArray, known: BoolArray, move: Array, price: Array) -> None:
        moved = use & known
        size = 1.25 * np.minimum(np.abs(move), 4 * self.volatility) / np.sqrt(np.maximum(self.age, 1))
        weight = 1.0 / np.minimum(self.seen + 1, MEMORY)
        self.volatility = np.where(moved, self.volatility + weight * (size - self.volatility), self.volatility)
        self.accepted = np.where(use, price, self.accepted)
        self.refused = np.where(use, np.nan, self.refused)
        self.confirmed = np.where(use, 0, self.confirmed)
        self.age = np.where(use, 0, self.age)
        self.seen = self.seen + use
        self.shifted_for = np.where(use & (self.shift != 1), self.shifted_for + 1, self.shifted_for)


def is_traded(move: Array, volume: Array, span: Array) -> BoolArray:
    """Whether trading speaks for a large move."""
    size, evidence = np.abs(move), volume + 0.5 * np.maximum(span, 0)
    needed = np.clip(1.3 + 2.0 * (size - 0.3), 1.3, 3.0)
    rise = (evidence > needed) & ((size < 2) | ((volume > 3.5) & (span > 1)))
    # A split leaves the dollars that change hands as they were; a collapse does not, or it spans half the price.
    tens = np.abs(size - np.log(10) * np.maximum(np.round(size / np.log(10)), 1)) < 0.06
    collapse = (size > 1) & (evidence > np.where(tens, 2.5, 1.5)) & (span > 0.4)
    fall = ((evidence + move > 1.0) & ((size < 2) | (volume > 2.5))) | collapse
    # Both come with a wide range, but for a takeover, in which everybody trades at one new price.
    wide = (size < 0.6) | (span > 0.4) | (volume > np.where(move > 0, 3.0, 2.0))
    pinned = (move > 0) & (size < 1) & (span < -1) & (volume > 0.8)
    modest = (size < 0.4) & (span > 0.9) & (volume > 0.6)
    spoken: BoolArray = (np.where(move > 0, rise, fall) & wide) | pinned | modest
    return spoken


def _nearest(move: Array, factors: Array) -> Array:
    """Of the factors of each column, shape (k, n), the one that leaves least of the move."""
    best = np.argmin(np.abs(move + np.log(factors)), axis=0)
    nearest: Array = factors[best, np.arange(len(move))]
    return nearest


def _explained(move: Array, volume: Array, span: Array, reach: Array) -> tuple[Array, Array, BoolArray]:
    """The factor that explains each move best, why, and whether it does."""
    logs = np.log(_FACTORS)
    off = np.abs(move[:, None] + logs)
    tolerance = np.where(_IS_DECIMAL, np.maximum(6 * reach, 0.25)[:, None], np.maximum(4 * reach, 0.06)[:, None])
    as_split = ((volume[:, None] - logs) / 0.6) ** 2
    as_error = (volume[:, None] / 0.6) ** 2
    traded = np.where(_IS_DECIMAL, as_error, np.minimum(as_split, as_error + 2)) + _RARITY
    # Neither widens the range of the day.
    traded += (np.maximum(span, 0)[:, None] / 0.6) ** 2
    cost = np.where(off <= tolerance, (off / np.maximum(1.5 * reach, 0.02)[:, None]) ** 2 + traded, np.inf)
    best = np.argmin(cost, axis=1)
    why = np.where(_IS_DECIMAL[best], float(Reason.DECIMAL), float(Reason.SPLIT))
    return _FACTORS[best], why, cost[np.arange(len(move)), best] < _UNLIKELY[best]


def _outside(panel: Panel) -> BoolArray:
    """Closes beyond the range of their own bar."""
    return (panel.close > panel.high * 1.005) | (panel.close < panel.low * 0.995)


def _repeated(panel: Panel) -> BoolArray:
    """Bars that repeat every number of the bar before, traded volume included."""
    repeated = np.zeros(panel.shape, dtype=bool)
    same = panel.volume[1:] > 0
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(panel, name)
        same = same & (values[1:] == values[:-1])
    repeated[1:] = same
    return repeated
