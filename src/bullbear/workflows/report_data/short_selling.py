"""Five years of short interest, as each publication first showed it, and of short volume."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.factors.engine.registry import ShortInterest
from bullbear.factors.positioning.short_interest import days_to_cover, short_interest_ratio
from bullbear.report.sections.short_selling import ShortSelling
from bullbear.sessions import days

YEARS = 5
WINDOW = 5
"""Sessions over which short volume is summed: a day's share is noise."""


def short_selling(view: View, ticker: str) -> ShortSelling:
    """What was known of a ticker at the view's instant, over the five years before."""
    since = view.instant - pd.DateOffset(years=YEARS)
    interest, revised = _interest(view, ticker, since)
    return ShortSelling(ticker, interest, revised, _volume(view, ticker, since), WINDOW)


def _interest(view: View, ticker: str, since: pd.Timestamp) -> tuple[pd.DataFrame | None, int]:
    if not view.has("short_interest", ticker):
        return None, 0
    versions = view.versions("short_interest", ticker)
    # The first version before the cut: of an old settlement revised since, the revision is not the first.
    first = versions.drop_duplicates("event_date", keep="first").sort_values("known_at", kind="stable")
    first = first[first["known_at"] >= since]
    versions = versions[versions["event_date"].isin(first["event_date"])]
    if first.empty:
        return None, 0
    names = ("shares_short", "avg_daily_volume", "days_to_cover", "shares_outstanding")
    columns = ShortInterest(*(first[name].to_numpy(dtype=np.float64) for name in names))
    table = pd.DataFrame(
        {
            "published_on": days(pd.DatetimeIndex(first["known_at"])),
            "shares_short": columns.shares_short,
            "days_to_cover": days_to_cover(columns),
            "share_outstanding": short_interest_ratio(columns),
        },
        index=pd.DatetimeIndex(first["event_date"], name="settlement_date"),
    )
    counted = versions.drop_duplicates(["event_date", "shares_short"]).groupby("event_date").size()
    return table, int((counted > 1).sum())


def _volume(view: View, ticker: str, since: pd.Timestamp) -> pd.Series | None:
    if not view.has("short_volume", ticker):
        return None
    rows = view.short_volume(ticker)
    sums = rows[["short_volume", "total_volume"]].rolling(WINDOW).sum()
    share = (sums["short_volume"] / sums["total_volume"]).dropna()
    share = share[share.index >= since.tz_localize(None).normalize()].rename("share")
    return None if share.empty else share
