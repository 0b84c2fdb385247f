"""The price of the target up to a close, its levels, the agents' trades, and the events of the odds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from bullbear.data.view import View
from bullbear.errors import BullbearError
from bullbear.forecasting.card.sources import Sources
from bullbear.odds.event_series import read_event_series
from bullbear.report.level_chart import LevelChart, level_chart, quoted_bars
from bullbear.report.sections.price import EventMark, PriceData
from bullbear.report.trades import Trade

EVENT_SESSIONS = 504
"""Sessions whose events are marked: those that have candles."""


def price_data(sources: Sources, trades: Sequence[Trade] = ()) -> PriceData:
    """What the price chart shows at the close of an entry; without levels or events where there are none."""
    ticker = str(sources.entry["ticker"])
    return PriceData(
        ticker=ticker,
        bars=quoted_bars(sources.view, ticker),
        levels=_levels(sources, ticker),
        trades=trades,
        events=event_marks(sources, ticker),
    )


def _levels(sources: Sources, ticker: str) -> LevelChart | None:
    try:
        return level_chart(sources.store, ticker, as_of=str(sources.session.date()), stored=sources.stored)
    except BullbearError:  # the first two years of a fund
        return None


def event_marks(sources: Sources, ticker: str) -> list[EventMark]:
    """The events of odds.toml on the last sessions, those of a day and a direction together."""
    try:
        found = _events(sources.view, ticker, sources)
    except BullbearError:  # events that this home's data cannot answer are no reason to have no chart
        return []
    return [EventMark(session, rises, "<br>".join(said)) for (session, rises), said in found.items()]


def _events(view: View, ticker: str, sources: Sources) -> dict[tuple[pd.Timestamp, bool], list[str]]:
    series = read_event_series(view, ticker, sources.home.events().event)
    first = max(len(series.sessions) - EVENT_SESSIONS, 0)
    found: dict[tuple[pd.Timestamp, bool], list[str]] = defaultdict(list)
    for row, column in zip(*series.flags[first:].nonzero(), strict=True):
        event = series.events[column]
        found[series.sessions[first + row], event.direction == "bullish"].append(event.says)
    return found
