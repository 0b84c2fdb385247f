"""What a ranking predicts: the total return of the next sessions, less the mean of the group.

A company that dies within the horizon counts with its last price and is cash from then on. Who belongs to the group is
what was known at the decision. A label is known at the close `horizon` sessions later, never before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.errors import Found, HistoryError, InputError
from bullbear.picking.cross_section import Array, BoolArray, CrossSection, Rows


@dataclass(frozen=True)
class Labels:
    """Of each decision (rows of the sessions) and asset.

    `total` is the total return, `relative` that less the mean of the members, shape (n_decisions, n_assets); NaN for
    who was no member, had no bar at the decision, or whose label is not resolved yet. `resolved` are the rows at whose
    close the labels are known; they may lie beyond the last session.
    """

    decided: Rows
    resolved: Rows
    total: Array
    relative: Array

    def of(self, decisions: Rows) -> Labels:
        """Some of the decisions, by number."""
        return Labels(
            self.decided[decisions], self.resolved[decisions], self.total[decisions], self.relative[decisions]
        )

    def grades(self, levels: int) -> Array:
        """The quantile of `relative` among the members of its decision, 0 (worst) to `levels` - 1; NaN without one.

        Ties go by the order of the assets.
        """
        return np.stack([quantile_of(row, levels) for row in self.relative]) if len(self.relative) else self.relative


def labels(section: CrossSection, decided: Rows, horizon: int, member: BoolArray) -> Labels:
    """The labels of decisions at the closes of rows `decided`.

    Parameters
    ----------
    member
        Who belonged to the group as known at each decision, shape (n_decisions, n_assets).

    Raises
    ------
    InputError
        `member` has another shape.
    """
    shape = (len(decided), len(section.assets))
    if member.shape != shape:
        raise InputError("member", f"shape {member.shape}", f"shape {shape}", "give a row for each decision")
    resolved = decided + horizon
    total = np.full(shape, np.nan)
    known = resolved < len(section.sessions)
    with np.errstate(invalid="ignore"):
        total[known] = section.level[resolved[known]] / section.level[decided[known]] - 1.0
    total[~(member & section.traded[decided])] = np.nan
    count = np.isfinite(total).sum(axis=1, keepdims=True)
    mean = np.nansum(total, axis=1, keepdims=True) / np.maximum(count, 1)
    return Labels(decided, resolved, total, total - mean)


def quantile_of(values: Array, levels: int) -> Array:
    """The quantile of each finite value, 0 (lowest) to `levels` - 1, in parts as equal as can be; NaN for NaN.

    Example
    -------
    >>> quantile_of(np.array([0.3, np.nan, 0.1, 0.2, 0.4]), 2).tolist()
    [1.0, nan, 0.0, 0.0, 1.0]
    """
    found = np.full(len(values), np.nan)
    finite = np.flatnonzero(np.isfinite(values))
    order = finite[np.argsort(values[finite], kind="stable")]
    if len(order):
        found[order] = (np.arange(len(order)) * levels) // len(order)
    return found


def require_labels(found: Labels, least: int) -> None:
    """Refuse a history with fewer than `least` decisions whose labels have resolved."""
    resolved = int(np.isfinite(found.relative).any(axis=1).sum())
    if resolved < least:
        raise HistoryError(
            "decisions",
            Found(f"{resolved} with a resolved label"),
            f"at least {least}",
            "bring a longer history of prices",
        )
