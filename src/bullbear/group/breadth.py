"""Breadth as `bullbear group` counts it: how many of a group's members take part in a session.

Figures are about the members that have the prices needed; nobody else is counted, and `names` says how many there were.
They follow from the `marks` of a screened panel: a single misprint makes a new high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.data.companies.panel import Array, BoolArray
from bullbear.group.marks import Marks

QUARTILES = 1.3489795003921634
"""The interquartile range of a normal distribution, in standard deviations."""


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
        Spread of the members' growth over 21 sessions: the interquartile range over `QUARTILES`, which is the standard
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


def counted(of: Marks, member: BoolArray) -> Breadth:
    """The breadth of those that are members, shape (n_sessions, n_companies)."""
    names, aged = _known(of.growth_1, member), _known(of.high, member)
    return Breadth(
        names=names,
        advances=_count(member & (of.growth_1 > 0), names),
        declines=_count(member & (of.growth_1 < 0), names),
        unchanged=_count(member & (of.growth_1 == 0), names),
        above_50=_share(of.above_50, member),
        above_200=_share(of.above_200, member),
        new_highs=_count(member & (of.high == 1), aged),
        new_lows=_count(member & (of.low == 1), aged),
        aged=aged,
        dispersion_21=_dispersion(of.growth_21, member),
    )


def _dispersion(growth: Array, member: BoolArray) -> Array:
    found = np.full(len(growth), np.nan)
    for row, each in enumerate(growth):
        known = each[member[row] & np.isfinite(each)]
        if len(known) >= 4:
            low, _, high = quartiles(known)
            found[row] = (high - low) / QUARTILES
    return found


def quartiles(values: Array) -> Array:
    """The three of some numbers, as `numpy.quantile` gives them, for a twentieth of its time on a session."""
    ordered, place = np.sort(values), np.array([0.25, 0.5, 0.75]) * (len(values) - 1)
    below = place.astype(int)
    above = np.minimum(below + 1, len(values) - 1)
    return np.asarray(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def _share(held: Array, member: BoolArray) -> Array:
    count = _known(held, member)
    return np.where(count > 0, np.sum(member & (held == 1), axis=1) / np.maximum(count, 1), np.nan)


def _known(values: Array, member: BoolArray) -> Array:
    return np.asarray(np.sum(member & ~np.isnan(values), axis=1), dtype=np.float64)


def _count(which: BoolArray, known: Array) -> Array:
    return np.where(known > 0, np.sum(which, axis=1), np.nan)
