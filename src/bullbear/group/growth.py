"""Average growth of a group's prices and volumes: median, weighted by market value, and trimmed.

A plain mean of growth is dominated by whichever company grew most and by every misprint; it is not shown. The
weighted figure is the growth of the members' joint value at the shares outstanding now, which a portfolio held in
proportion would have made, dividends aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.returns import GAP, latest_volume_growth, price_growth

TRIM = 0.05
"""Share of the names left out at each end of the trimmed mean."""
WINDOWS = (5, 21, 63)
"""Sessions: a week, a month, a quarter."""


@dataclass(frozen=True)
class Averages:
    """Averages of growth as fractions, NaN where no name has it; the weighted one is of `weighted_names`."""

    median: float
    weighted: float
    trimmed: float
    names: int
    weighted_names: int


@dataclass(frozen=True)
class Growth:
    """Of price and of volume over the same sessions."""

    price: Averages
    volume: Averages


@dataclass(frozen=True)
class CompanyGrowth:
    """Growth of each company over `sessions` sessions, shape (n_companies,); NaN where it cannot be said."""

    sessions: int
    price: Array
    volume: Array


def company_growth(panel: Panel, sessions: int) -> CompanyGrowth:
    """Growth over the last `sessions` sessions of a panel, which should be a screened one."""
    price = price_growth(panel.last(sessions + GAP + 1), sessions)[-1]
    trading = np.isfinite(panel.last(GAP + 1).volume).any(axis=0)  # as long as its last price is carried
    return CompanyGrowth(sessions, price, np.where(trading, latest_volume_growth(panel, sessions), np.nan))


def group_growth(of: CompanyGrowth, member: BoolArray, value: Array) -> Growth:
    """The average growth of the members.

    Parameters
    ----------
    member
        Who is asked about, shape (n_companies,).
    value
        Market values at the last session, NaN where not known, shape (n_companies,).
    """
    # A company without a growth of price has no value at the start, and no weight.
    start = value / (1 + of.price)
    return Growth(averages(of.price, member, start), averages(of.volume, member, start))


def averages(values: Array, member: BoolArray, weight: Array) -> Averages:
    """Median, weighted and trimmed mean of the members' values that are known.

    Parameters
    ----------
    weight
        Market value at the start of the growth; members without one do not count for the weighted mean.

    Example
    -------
    >>> everyone = np.ones(3, dtype=bool)
    >>> found = averages(np.array([0.1, 0.2, 0.6]), everyone, np.array([2.0, 1.0, 1.0]))
    >>> round(found.median, 6), round(found.weighted, 6), round(found.trimmed, 6)
    (0.2, 0.25, 0.3)
    """
    known = member & np.isfinite(values)
    weighed = known & np.isfinite(weight) & (weight > 0)
    total = float(np.sum(weight[weighed]))
    nan = float("nan")
    return Averages(
        median=float(np.median(values[known])) if known.any() else nan,
        weighted=float(np.sum(values[weighed] * weight[weighed])) / total if total > 0 else nan,
        trimmed=trimmed_mean(values[known]),
        names=int(np.count_nonzero(known)),
        weighted_names=int(np.count_nonzero(weighed)),
    )


def trimmed_mean(values: Array) -> float:
    """Mean without the lowest and highest 5 % of the values, rounded down to whole names; NaN of nothing."""
    if not len(values):
        return float("nan")
    cut = int(TRIM * len(values))
    return float(np.mean(np.sort(values)[cut : len(values) - cut]))
