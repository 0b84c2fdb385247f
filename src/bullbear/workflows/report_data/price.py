"""The price of the target up to a close, its levels, the agents' trades, and the events of the odds."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import pandas as pd

from bullbear import sessions
from bullbear.data.view import View
from bullbear.decide import Backtest
from bullbear.errors import BullbearError
from bullbear.forecasting.card.sources import Sources
from bullbear.odds.event_series import read_event_series

if TYPE_CHECKING:
    from bullbear.report.level_chart import LevelChart
    from bullbear.report.sections.price import EventMark, PriceData, TradeMark

EVENT_SESSIONS = 504
"""Sessions whose events are marked: those that have candles."""
_LINE = 52
"""Characters of a line of a reason."""
_ENDED = {"stop": "is stopped out of", "expiry": "is paid out of"}


def price_data(sources: Sources, tested: Backtest | None) -> PriceData:
    """What the price chart shows at the close of an entry; without levels, events or trades where there are none."""
    from bullbear.report.level_chart import quoted_bars
    from bullbear.report.sections.price import PriceData

    ticker = str(sources.entry["ticker"])
    return PriceData(
        ticker=ticker,
        bars=quoted_bars(sources.view, ticker),
        levels=_levels(sources, ticker),
        trades=trade_marks(tested) if tested is not None else (),
        events=event_marks(sources, ticker),
    )


def _levels(sources: Sources, ticker: str) -> LevelChart | None:
    from bullbear.report.level_chart import level_chart

    try:
        return level_chart(sources.store, ticker, as_of=str(sources.session.date()))
    except BullbearError:  # the first two years of a fund
        return None


def trade_marks(tested: Backtest) -> list[TradeMark]:
    """The trades of both agents, each with the first reason of its decision."""
    from bullbear.report.sections.price import TradeMark

    wanted = {(stance.decided_at, each.name): each for stance in tested.stances for each in stance.sleeves}
    marks = []
    for row in tested.trades.to_dict("records"):
        decided = wanted.get((row["decided_at"], row["sleeve"]))
        agent: Literal["bull", "bear"] = "bear" if decided is not None and decided.agent == "bear" else "bull"
        before, after = float(row["weight_before"]), float(row["weight_after"])
        what = _ENDED.get(row["why"], "buys" if after > before else "sells")
        session = sessions.day(row["executed_at"])
        moved = f"{100 * before:.0f} % to {100 * after:.0f} % at {row['price']:,.2f}"
        why = textwrap.wrap(decided.reasons[0], _LINE) if decided is not None and decided.reasons else []
        text = f"{session.day} {session:%b %Y}: {agent} {what} {row['ticker']}, {moved}"
        marks.append(TradeMark(session, agent, after > before, "<br>".join([text, *why])))
    return marks


def event_marks(sources: Sources, ticker: str) -> list[EventMark]:
    """The events of odds.toml on the last sessions, those of a day and a direction together."""
    from bullbear.report.sections.price import EventMark

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
