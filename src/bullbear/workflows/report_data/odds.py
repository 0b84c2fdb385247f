"""The odds of every event as of a close, for the report's table."""

from __future__ import annotations

import math

import pandas as pd

from bullbear.errors import BullbearError
from bullbear.home import Home
from bullbear.odds import event_odds
from bullbear.report.sections.odds import OddsTable
from bullbear.sessions import day


def odds_table(home: Home, ticker: str, horizon: int, decided_at: pd.Timestamp) -> OddsTable:
    """What `bullbear odds --all --as-of DAY` says; where that refuses, the table holds its reason instead."""
    try:
        found = event_odds(
            home.filled_store(), ticker, home.events().event, horizon=horizon, as_of=str(day(decided_at).date())
        )
    except BullbearError as bad:
        return OddsTable(ticker, horizon, (), str(bad))
    found.sort(key=lambda each: (not each.active, math.inf if math.isnan(each.q_value) else each.q_value))
    note = "" if found else f"No event of odds.toml occurred in the look-back of {ticker}."
    return OddsTable(ticker, horizon, tuple(each.as_dict() for each in found), note)
