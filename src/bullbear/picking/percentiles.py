"""Where a company stands among the members of a group at one decision, whatever the level of the market."""

from __future__ import annotations

import numpy as np

from bullbear.picking.cross_section import Array, BoolArray, CrossSection


def percentiles(values: Array, member: BoolArray) -> Array:
    """The rank of each value among the members of its decision, scaled to 0 to 1, ties sharing theirs; NaN for NaN.

    A decision with a single value has 0.5. Shapes (n_decisions, n_assets).

    Example
    -------
    >>> percentiles(np.array([[3.0, 1.0, 2.0, np.nan]]), np.ones((1, 4), dtype=bool)).tolist()
    [[1.0, 0.0, 0.5, nan]]
    """
    from scipy.stats import rankdata

    found = np.full(values.shape, np.nan)
    for place in range(len(values)):
        known = np.flatnonzero(np.isfinite(values[place]) & member[place])
        if len(known) == 1:
            found[place, known] = 0.5
        elif len(known):
            found[place, known] = (rankdata(values[place, known]) - 1.0) / (len(known) - 1.0)
    return found


def group_growth(section: CrossSection, member: BoolArray | None = None) -> Array:
    """The mean growth of each session over those that traded in it, a fraction, (n_sessions,); NaN where none did.

    Parameters
    ----------
    member
        Who belongs to the group in each session, shape (n_sessions, n_assets); None for all.
    """
    counted = section.traded if member is None else section.traded & member
    count = counted.sum(axis=1)
    total = np.where(counted, section.growth - 1.0, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
