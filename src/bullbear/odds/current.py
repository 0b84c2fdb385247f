"""The odds of every event of the look-back as of one close, from what was known at that close."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.as_of_session import session_as_of
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.definitions import UP, Question
from bullbear.errors import HistoryError, InputError
from bullbear.odds.counting import Counts, count, directed
from bullbear.odds.definitions import EventSpec
from bullbear.odds.event_series import EventSeries, forward_drawdowns, forward_returns, read_event_series
from bullbear.odds.statements import EventOdds
from bullbear.statistics.proportions import LEVEL

HORIZONS = (5, 21, 63)
YEARS = 5
"""Length of the look-back unless another start is asked for."""
LEAST_HORIZONS = 3
"""Horizons that a look-back must span: fewer leave no base rate to speak of."""


def event_odds(
    store: Store,
    ticker: str,
    events: Sequence[EventSpec],
    *,
    horizon: int = 21,
    question: Question = UP,
    as_of: str | None = None,
    since: str | None = None,
    stored: pd.Timestamp | None = None,
) -> list[EventOdds]:
    """The odds of the events that occurred in the look-back, as of a close; newest occurrence first.

    Parameters
    ----------
    events
        The q-values are adjusted over those that have a resolved case.
    horizon
        Sessions over which an event is judged, whatever the question's own.
    question
        What is asked after an event; see `counting`.
    stored
        Of what the machine had stored by then alone; None is all.
    as_of
        The day at whose close the answer is given, or the last session before it; None is the last one stored.
    since
        The first day of the look-back; None is five years before.

    Raises
    ------
    NoDataError
        No bars of the ticker, or a day outside the data.
    InputError
        A look-back that ends before it has begun, or spans fewer than three horizons.
    HistoryError
        There are not yet three horizons of bars.
    """
    session = session_as_of(store, ticker, as_of, stored)
    view = store.as_of(sessions.closes(pd.DatetimeIndex([session]))[0], stored=stored)
    return odds_at(view, ticker, events, horizon=horizon, question=question, since=since)


def odds_at(
    view: View,
    ticker: str,
    events: Sequence[EventSpec],
    *,
    horizon: int = 21,
    question: Question = UP,
    since: str | None = None,
) -> list[EventOdds]:
    """`event_odds` of what a view of a close knows."""
    series = read_event_series(view, ticker, events)
    at = len(series.sessions) - 1
    first = look_back(series, horizon, since)
    occurred = np.asarray(series.flags[first:].any(axis=0))
    shown = EventSeries(
        series.ticker,
        series.sessions,
        series.close,
        tuple(event for event, seen in zip(series.events, occurred, strict=True) if seen),
        series.flags[:, occurred],
    )
    counts = count(shown, horizon, np.array([at]), np.array([first]), question)
    age, active = shown.activity(horizon)
    found = [
        _entry(shown, column, counts, question, horizon, first, int(age[at, column]), bool(active[at, column]))
        for column in range(len(shown.events))
    ]
    return sorted(found, key=lambda each: (each.age_sessions, each.event))


def look_back(series: EventSeries, horizon: int, since: str | None) -> int:
    """The row of the series at which the look-back of its last session begins.

    InputError if `since` leaves fewer than three horizons, HistoryError if the series itself is shorter than that.
    """
    last = pd.Timestamp(series.sessions[-1])
    least = LEAST_HORIZONS * horizon
    if len(series.sessions) <= least:
        raise HistoryError(
            f"history of {series.ticker} by {last.date()}",
            f"{len(series.sessions)} sessions",
            f"more than {least}, three horizons",
            "choose a later day or a shorter horizon",
        )
    start = last - pd.DateOffset(years=YEARS) if since is None else sessions.day(since)
    first = int(series.sessions.searchsorted(start))
    if first > len(series.sessions) - 1 - least:
        latest = series.sessions[len(series.sessions) - 1 - least].date()
        raise InputError("--since", str(start.date()), f"days up to {latest}, three horizons back", "look back further")
    return first


def _entry(
    series: EventSeries,
    column: int,
    counts: Counts,
    question: Question,
    horizon: int,
    first: int,
    age: int,
    active: bool,
) -> EventOdds:
    event = series.events[column]
    at = len(series.sessions) - 1
    rows = np.flatnonzero(series.flags[:, column])
    cases = rows[rows >= first]
    returns = _known(forward_returns(series.close, horizon)[cases])
    falls = _known(forward_drawdowns(series.close, horizon)[cases])
    low, lower, middle, upper, high = _quantiles(returns, (0.1, 0.25, 0.5, 0.75, 0.9))
    fall_low, fall_middle, fall_high = _quantiles(falls, (0.1, 0.5, 0.9))

    def number(name: str) -> float:
        return float(getattr(counts, name)[0, column])

    return EventOdds(
        event=event.name,
        indicator=event.indicator,
        direction=event.direction,
        says=event.says,
        ticker=series.ticker,
        as_of=pd.Timestamp(series.sessions[at]),
        occurred_on=pd.Timestamp(series.sessions[at - age]),
        age_sessions=age,
        active=active,
        cases=int(number("cases")),
        pending=int(number("pending")),
        continued=int(number("continued")),
        odds=number("odds"),
        odds_low=number("low"),
        odds_high=number("high"),
        base_rate=number("base_rate"),
        lift=number("lift"),
        lift_low=number("lift_low"),
        lift_high=number("lift_high"),
        effective_cases=number("effective") if number("cases") else 0.0,
        p_value=number("p_value"),
        q_value=number("q_value"),
        tested=int((~np.isnan(counts.p_value[0])).sum()),
        shrunk_odds=number("shrunk"),
        return_median=middle,
        return_q10=low,
        return_q25=lower,
        return_q75=upper,
        return_q90=high,
        drawdown_median=fall_middle,
        drawdown_q10=fall_low,
        drawdown_q90=fall_high,
        horizon_sessions=horizon,
        since=pd.Timestamp(series.sessions[first]),
        level=LEVEL,
        question=UP.name if directed(question) else question.name,
        sentence=UP.sentence if directed(question) else question.sentence,
    )


def _known(values: np.ndarray) -> np.ndarray:
    return np.asarray(values[~np.isnan(values)])


def _quantiles(values: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    return [float(each) for each in np.quantile(values, shares)] if len(values) else [float("nan")] * len(shares)
