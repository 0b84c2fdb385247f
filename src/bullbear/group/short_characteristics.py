"""Short interest of companies as last published by each close."""

from __future__ import annotations

from itertools import pairwise

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
    at = instants.as_unit("us").asi8
    if published is not None and len(published):
        rows_of = published.sort_values(["company", "known_at", "event_date"], kind="stable")
        column = pd.Index(panel.companies).get_indexer(pd.Index(rows_of["company"]))
        known = pd.DatetimeIndex(rows_of["known_at"]).as_unit("us").asi8
        days = pd.DatetimeIndex(rows_of["event_date"]).to_numpy().astype("M8[D]").astype(np.int64)
        figures = [rows_of[name].to_numpy(float) for name in ("shares_short", "avg_daily_volume", "days_to_cover")]
        bounds = [0, *(np.flatnonzero(np.diff(column)) + 1), len(column)]
        for first, stop in pairwise(bounds):
            if column[first] < 0:
                continue
            own = days[first:stop]
            # A late correction of an older settlement does not replace a newer one.
            newest = np.maximum.accumulate(np.where(own >= np.maximum.accumulate(own), np.arange(len(own)), 0))
            place = np.searchsorted(known[first:stop], at, side="right") - 1
            last = first + newest[np.maximum(place, 0)]
            for name, figure in zip(found, [*figures, days.astype(float)], strict=True):
                found[name][:, column[first]] = np.where(place >= 0, figure[last], np.nan)
    today = at[:, None] // DAY
    with np.errstate(divide="ignore", invalid="ignore"):
        fresh = today - found["settled"] <= OLDEST
        short = found["short"] * splits_since((found["settled"] + 1) * DAY, panel, rows)
        days = np.where(np.isnan(found["days"]), found["short"] / found["volume"], found["days"])
        share = short / np.where(shares > 0, shares, np.nan)
    return {
        "short_share": np.where(fresh, share, np.nan),
        "days_to_cover": np.where(fresh & np.isfinite(days), days, np.nan),
    }
