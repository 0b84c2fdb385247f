"""Short interest of companies as last published by each close."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data.companies.panel import Array, Panel
from bullbear.group.fundamentals import MICROSECONDS_A_DAY as DAY
from bullbear.group.reported_periods import Integers
from bullbear.group.shares import splits_since

OLDEST = 60
"""Days after settlement for which short interest counts; it is published twice a month, some eleven days later."""


def short_characteristics(
    published: pd.DataFrame | None, instants: pd.DatetimeIndex, shares: Array, panel: Panel, rows: Integers
) -> dict[str, Array]:
    """`short_share` and `days_to_cover`, each of shape (n_rows, n_companies); NaN where nothing is known.

    Parameters
    ----------
    published
        Rows of company, event_date (settlement), known_at, shares_short, avg_daily_volume, days_to_cover.
    instants
        The closes of `rows`.
    shares
        Shares outstanding at those closes.
    """
    shape = len(rows), panel.shape[1]
    found = {name: np.full(shape, np.nan) for name in ("short", "volume", "days", "settled")}
    columns = ["event_date", "known_at", "shares_short", "avg_daily_volume", "days_to_cover"]
    if published is not None and len(published):
        places = {name: place for place, name in enumerate(panel.companies)}
        for company, own in published.sort_values(["known_at", "event_date"], kind="stable").groupby("company"):
            if str(company) not in places:
                continue
            settled, known, *figures = (own[column] for column in columns)
            days = pd.DatetimeIndex(settled).to_numpy().astype("M8[D]").astype(np.int64)
            row = np.searchsorted(pd.DatetimeIndex(known).as_unit("us").asi8, instants.as_unit("us").asi8, "right") - 1
            # A late correction of an older settlement does not replace a newer one.
            newest = np.maximum.accumulate(np.where(days >= np.maximum.accumulate(days), np.arange(len(days)), 0))
            last = newest[np.maximum(row, 0)]
            for name, figure in zip(found, [*(each.to_numpy(float) for each in figures), days], strict=True):
                found[name][:, places[str(company)]] = np.where(row >= 0, figure[last], np.nan)
    today = instants.as_unit("us").asi8[:, None] // DAY
    with np.errstate(divide="ignore", invalid="ignore"):
        fresh = today - found["settled"] <= OLDEST
        short = found["short"] * splits_since((found["settled"] + 1) * DAY, panel, rows)
        days = np.where(np.isnan(found["days"]), found["short"] / found["volume"], found["days"])
        share = short / np.where(shares > 0, shares, np.nan)
    return {
        "short_share": np.where(fresh, share, np.nan),
        "days_to_cover": np.where(fresh & np.isfinite(days), days, np.nan),
    }
