"""The odds of every event as of a close, for the report's table."""

from __future__ import annotations

import math

import pandas as pd

from bullbear.errors import BullbearError
from bullbear.home import Home
from bullbear.odds import event_odds
from bullbear.report.sections.odds import OddsTable
from bullbear.sessions import day


def odds_table(
    home: Home, ticker: str, horizon: int, decided_at: pd.Timestamp, *, stored: pd.Timestamp | None = None
) -> OddsTable:
    """What `bullbear odds --all --as-of DAY` says; where that refuses, the table holds its reason instead.

    `stored` is what the machine had stored when the forecast was made.
    """
    store, asked = home.filled_store(), str(day(decided_at).date())
    try:
        found = event_odds(store, ticker, home.events().event, horizon=horizon, as_of=asked, stored=stored)
    except BullbearError as bad:
        return OddsTable(ticker, horizon, (), str(bad))
    found.sort(key=lambda each: (not each.active, math.inf if math.isnan(each.q_value) else each.q_value))
    note = "" if found else f"No event of odds.toml occurred in the look-back of {ticker}."
    return OddsTable(ticker, horizon, tuple(each.as_dict() for each in found), note)
