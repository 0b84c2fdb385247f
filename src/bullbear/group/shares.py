"""Shares outstanding and market value at a close, from the latest count filed by then.

A count is that of its filing: filings restate it for a split between the balance sheet and the filing (SEC Staff
Accounting Bulletin Topic 4.C), so it is multiplied by the splits effective since then, and by no earlier ones.
"""

from __future__ import annotations

import numpy as np

from bullbear import sessions as exchange
from bullbear.data.companies.panel import Array, Panel
from bullbear.group.fundamentals import Figure
from bullbear.group.reported_periods import Integers


def shares_now(count: Figure, panel: Panel, rows: Integers) -> Array:
    """Shares outstanding at rows of a panel, shape (n_rows, n_companies); NaN where no count is known.

    Parameters
    ----------
    count
        `shares_outstanding` as known at the closes of `rows`.
    panel
        From before the counts were filed, else splits before its first session are not applied.
    """
    return count.value * splits_since(count.known, panel, rows)


def splits_since(instants: Array, panel: Panel, rows: Integers) -> Array:
    """New shares for one old share from after each instant up to each row, shape (n_rows, n_companies).

    `instants` are microseconds since 1970, UTC, of the same shape; a split is effective at the open.
    """
    factor = np.concatenate([np.ones((1, panel.shape[1])), np.cumprod(panel.split, axis=0)])
    opened = exchange.opens(panel.sessions).as_unit("us").asi8
    until = np.searchsorted(opened, np.nan_to_num(instants), side="right")
    return np.asarray(factor[rows + 1] / np.take_along_axis(factor, until, axis=0))


def market_value(shares: Array, panel: Panel, rows: Integers) -> Array:
    """Dollars, shape (n_rows, n_companies); NaN where prices were delivered divided by later splits."""
    worth = shares * panel.close[rows]
    return np.where(panel.restated | ~(worth > 0.0), np.nan, worth)
