"""Momentum and risk of companies from their bars, at some sessions of a panel; each reads no later session."""

from __future__ import annotations

import numpy as np

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.reported_periods import Integers
from bullbear.group.returns import GAP, carried, share_value, total_return

MONTH, QUARTER, YEAR = 21, 63, 252
PRESENT = 0.8
"""Share of a window's sessions that need a bar, or a return."""


def price_characteristics(panel: Panel, rows: Integers, member: BoolArray | None = None) -> dict[str, Array]:
    """Figures by name, each of shape (n_rows, n_companies); NaN before a whole window, or with too many holes.

    `member`, of the panel's shape, says whose returns make up the group's; all by default.
    """
    price = share_value(panel)
    held = carried(price, GAP)
    growth = np.log1p(total_return(panel, 1, gap=0))
    group = _mean(np.where(True if member is None else member, growth, np.nan))
    names = ("price_momentum_12_1", "nearness_to_high", "log_volatility_63", "log_volatility_252", "log_beta_252")
    found = {name: np.full((len(rows), panel.shape[1]), np.nan) for name in names}
    for place, row in enumerate(rows.tolist()):
        if row >= QUARTER:
            found["log_volatility_63"][place] = _deviation(growth[row - QUARTER + 1 : row + 1])
        if row >= YEAR:
            year = slice(row - YEAR + 1, row + 1)
            found["log_volatility_252"][place] = _deviation(growth[year])
            found["log_beta_252"][place] = _slope(growth[year], group[year])
            found["price_momentum_12_1"][place] = held[row - MONTH] / held[row - YEAR] - 1.0
            found["nearness_to_high"][place] = price[row] / _highest(price[year])
    return found


def _known(window: Array) -> tuple[BoolArray, Array]:
    known = ~np.isnan(window)
    count = known.sum(axis=0)
    return known, np.where(count >= PRESENT * len(window), count, np.nan)


def _mean(growth: Array) -> Array:
    """Mean of each session over the companies that have a return."""
    known = ~np.isnan(growth)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, growth, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _deviation(window: Array) -> Array:
    known, count = _known(window)
    mean = np.where(known, window, 0.0).sum(axis=0) / count
    return np.asarray(np.sqrt((np.where(known, window - mean, 0.0) ** 2).sum(axis=0) / (count - 1)))


def _slope(window: Array, group: Array) -> Array:
    """Least-squares slope of each column on the group's returns, over the sessions that have both."""
    window = np.where(np.isnan(group)[:, None], np.nan, window)
    known, count = _known(window)
    on = np.where(known, np.nan_to_num(group)[:, None], 0.0)
    own = np.where(known, window, 0.0)
    on, own = (np.where(known, each - each.sum(axis=0) / count, 0.0) for each in (on, own))
    spread = (on**2).sum(axis=0)
    return np.asarray((on * own).sum(axis=0) / np.where(spread > 0.0, spread, np.nan))


def _highest(window: Array) -> Array:
    known, count = _known(window)
    return np.where(np.isnan(count), np.nan, np.where(known, window, -np.inf).max(axis=0))
