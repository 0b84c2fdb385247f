"""Breadth: how many of a group's members take part, for every session of a panel.

Figures are about the members of each session that have the prices needed; nobody else is counted, and `names` says how
many there were. Row i reads rows up to i only. Give a screened panel (`screening`): a single misprint makes a new high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.returns import FULL, GAP, carried, share_value

YEAR = 252
"""Sessions that a new high or low is measured against."""
DISPERSION = 21
"""Sessions of the growth whose dispersion is shown."""


@dataclass(frozen=True)
class Marks:
    """What each company does on each session, shape (n_sessions, n_companies); NaN where it cannot be said.

    Parameters
    ----------
    change
        Close over the one before, at most a week back, less 1.
    above_50, above_200
        1 where the close is above the mean of the last 50 or 200 closes, 0 where not.
    high, low
        1 where the close is beyond all of the 251 sessions before, 0 where not.
    growth_21
        Growth of the price over 21 sessions.
    """

    change: Array
    above_50: Array
    above_200: Array
    high: Array
    low: Array
    growth_21: Array


@dataclass(frozen=True)
class Breadth:
    """Shape (n_sessions,) each; NaN where no member has the prices needed.

    Parameters
    ----------
    names
        Members with a close on the session and one before it.
    advances, declines, unchanged
        Members whose close is above, below or at the one before.
    above_50, above_200
        Share of members above the mean of their last 50 or 200 closes.
    new_highs, new_lows
        Members whose close is beyond all of the 251 sessions before.
    aged
        Members with the history for that.
    dispersion_21
        Spread of the members' growth over 21 sessions: the interquartile range over 1.349, which is the standard
        deviation of a normal distribution, and unlike it is not the affair of the two or three largest movers. At least
        four members.
    """

    names: Array
    advances: Array
    declines: Array
    unchanged: Array
    above_50: Array
    above_200: Array
    new_highs: Array
    new_lows: Array
    aged: Array
    dispersion_21: Array


def breadth(panel: Panel, member: BoolArray) -> Breadth:
    """The breadth of a group at every session.

    Parameters
    ----------
    panel
        Screened.
    member
        Who belonged to it at each session's close, shape (n_sessions, n_companies); see `membership.Universe.mask`.
    """
    return counted(marks(panel), member)


def marks(panel: Panel) -> Marks:
    """What each company of a panel does on each session."""
    worth = share_value(panel)
    filled = carried(worth, GAP)
    high, low = extremes(worth)
    growth = np.full(worth.shape, np.nan)
    growth[DISPERSION:] = filled[DISPERSION:] / filled[:-DISPERSION] - 1
    return Marks(change(worth), above_average(worth, 50), above_average(worth, 200), high, low, growth)


def latest_marks(panel: Panel) -> Marks:
    """The last row of `marks` in a tenth of the time."""
    worth = share_value(panel.last(YEAR))
    short = worth[-max(DISPERSION, GAP) - GAP - 2 :]
    filled, close = carried(short, GAP), worth[-1:]
    given = ~np.isnan(worth)
    growth = np.full(close.shape, np.nan)
    if len(filled) > DISPERSION:
        growth = filled[-1:] / filled[-1 - DISPERSION : -DISPERSION] - 1
    aged = given[-1:] & (np.sum(given[:-1], axis=0) >= _enough(YEAR - 1))
    highest = np.max(np.where(given, worth, -np.inf)[:-1], axis=0, initial=-np.inf)
    lowest = np.min(np.where(given, worth, np.inf)[:-1], axis=0, initial=np.inf)
    return Marks(
        change=change(short)[-1:],
        above_50=above_average(worth[-50:], 50)[-1:],
        above_200=above_average(worth[-200:], 200)[-1:],
        high=np.where(aged, close > highest, np.nan),
        low=np.where(aged, close < lowest, np.nan),
        growth_21=growth,
    )


def counted(of: Marks, member: BoolArray) -> Breadth:
    """The breadth of those that are members, shape (n_sessions, n_companies)."""
    names, aged = _known(of.change, member), _known(of.high, member)
    return Breadth(
        names=names,
        advances=_count(member & (of.change > 0), names),
        declines=_count(member & (of.change < 0), names),
        unchanged=_count(member & (of.change == 0), names),
        above_50=_share(of.above_50, member),
        above_200=_share(of.above_200, member),
        new_highs=_count(member & (of.high == 1), aged),
        new_lows=_count(member & (of.low == 1), aged),
        aged=aged,
        dispersion_21=_dispersion(of.growth_21, member),
    )


def change(worth: Array) -> Array:
    """Close over the one before, which lies at most a week back, less 1; NaN without a close on the session itself.

    A change of less than a millionth is none: splits leave such behind.
    """
    step = np.full(worth.shape, np.nan)
    step[1:] = worth[1:] / carried(worth, GAP)[:-1] - 1
    step[np.abs(step) < 1e-6] = 0.0
    return step


def above_average(worth: Array, sessions: int) -> Array:
    """1 where the close is above the mean of the last `sessions` closes, 0 where not.

    NaN without a close, or with closes on fewer than four fifths of the sessions.
    """
    given = ~np.isnan(worth)
    count = _last(np.cumsum(given, axis=0, dtype=float), sessions)
    total = _last(np.cumsum(np.where(given, worth, 0.0), axis=0), sessions)
    mean = total / np.maximum(count, 1)
    # Sums of many prices differ in the last digits with the order of adding.
    above = (worth > mean * (1 + 1e-12)).astype(float)
    return np.where(given & (count >= _enough(sessions)), above, np.nan)


def extremes(worth: Array) -> tuple[Array, Array]:
    """1 at new highs and at new lows of 252 sessions by the close, 0 elsewhere, NaN without the history to say."""
    given = ~np.isnan(worth)
    before = np.zeros(worth.shape)
    before[1:] = _last(np.cumsum(given, axis=0, dtype=float), YEAR - 1)[:-1]
    aged = given & (before >= _enough(YEAR - 1))
    with np.errstate(invalid="ignore"):
        high = worth > _largest_before(np.where(given, worth, -np.inf))
        low = -worth > _largest_before(np.where(given, -worth, -np.inf))
    return np.where(aged, high, np.nan), np.where(aged, low, np.nan)


def _largest_before(values: Array) -> Array:
    """The largest of the 251 rows before each; those of 1, 2, 4, ... rows are joined to those of all."""
    reach, best = 1, np.full(values.shape, -np.inf)
    window, covered = values, 0
    while covered < YEAR - 1:
        if (YEAR - 1) & reach:
            best = np.maximum(best, _shifted(window, covered + 1))
            covered += reach
        window = np.maximum(window, _shifted(window, reach))
        reach *= 2
    return best


def _shifted(values: Array, rows: int) -> Array:
    moved = np.full(values.shape, -np.inf)
    moved[rows:] = values[:-rows]
    return moved


def _last(running: Array, rows: int) -> Array:
    """Of running sums, the sums of the last `rows` rows."""
    last = running.copy()
    last[rows:] -= running[:-rows]
    return last


def _dispersion(growth: Array, member: BoolArray) -> Array:
    found = np.full(len(growth), np.nan)
    for row, each in enumerate(growth):
        known = each[member[row] & np.isfinite(each)]
        if len(known) >= 4:
            low, high = np.percentile(known, [25, 75])
            found[row] = (high - low) / 1.349
    return found


def _share(held: Array, member: BoolArray) -> Array:
    count = _known(held, member)
    return np.where(count > 0, np.sum(member & (held == 1), axis=1) / np.maximum(count, 1), np.nan)


def _known(values: Array, member: BoolArray) -> Array:
    return np.asarray(np.sum(member & ~np.isnan(values), axis=1), dtype=np.float64)


def _count(which: BoolArray, known: Array) -> Array:
    return np.where(known > 0, np.sum(which, axis=1), np.nan)


def _enough(sessions: int) -> int:
    return int(np.ceil(FULL * sessions - 1e-9))
