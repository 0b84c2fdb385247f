"""What the engine says at one close: the odds of every event seen in the look-back, newest first.

Only what was known at that close is used. A day without a session is answered from the close before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.errors import HistoryError, InputError, NoDataError
from bullbear.odds.counting import Counts, count
from bullbear.odds.definitions import EventSpec
from bullbear.odds.statements import EventOdds
from bullbear.odds.tape import Tape, followed, read_tape, worst_drawdown
from bullbear.statistics.proportions import LEVEL

HORIZONS = (5, 21, 63)
YEARS = 5
"""Length of the look-back unless another start is asked for."""
LEAST_HORIZONS = 3
"""Horizons that a look-back must span: fewer leave no base rate to speak of."""
_STALE_DAYS = 7


def tell(
    store: Store,
    ticker: str,
    events: Sequence[EventSpec],
    *,
    horizon: int = 21,
    as_of: str | None = None,
    since: str | None = None,
) -> list[EventOdds]:
    """The odds of the events that occurred in the look-back, as of a close.

    Parameters
    ----------
    store
        Where the ticker's bars are.
    ticker
        Any ticker with bars.
    events
        What to look for; the q-values are adjusted over those that have a resolved case.
    horizon
        Sessions over which an event is judged.
    as_of
        The day at whose close the answer is given; None is the last one stored.
    since
        The first day of the look-back; None is five years before.

    Returns
    -------
    One entry per event, newest occurrence first.

    Raises
    ------
    NoDataError
        No bars of the ticker, or a day outside the data.
    InputError
        A look-back that ends before it has begun, or spans fewer than three horizons.
    HistoryError
        There are not yet three horizons of bars.
    """
    session = session_of(store, ticker, as_of)
    tape = read_tape(store.as_of(sessions.closes(pd.DatetimeIndex([session]))[0]), ticker, events)
    at = len(tape.sessions) - 1
    first = look_back(tape, horizon, since)
    occurred = np.asarray(tape.flags[first:].any(axis=0))
    shown = Tape(
        tape.ticker,
        tape.sessions,
        tape.close,
        tuple(event for event, seen in zip(tape.events, occurred, strict=True) if seen),
        tape.flags[:, occurred],
    )
    counts = count(shown, horizon, np.array([at]), np.array([first]))
    told = [_entry(shown, column, counts, horizon, first) for column in range(len(shown.events))]
    return sorted(told, key=lambda each: (each.age_sessions, each.event))


def session_of(store: Store, ticker: str, as_of: str | None) -> pd.Timestamp:
    """The session at whose close a question about `as_of` is answered: that day's, or the last one before it.

    Raises
    ------
    NoDataError
        No bars of the ticker, or a day before its first or more than a week after its last.
    """
    traded = pd.DatetimeIndex(store.as_of().bars(ticker).index)
    first, last = traded[0], traded[-1]
    if as_of is None:
        return pd.Timestamp(last)
    day = sessions.day(as_of)
    if day < first or day > last + pd.Timedelta(days=_STALE_DAYS):
        raise NoDataError(
            "--as-of", str(day.date()), f"{first.date()} to {last.date()} for {ticker}", "choose such a day"
        )
    return pd.Timestamp(traded[traded <= day][-1])


def look_back(tape: Tape, horizon: int, since: str | None) -> int:
    """The row of the tape at which the look-back of its last session begins.

    Raises
    ------
    InputError
        `since` leaves fewer than three horizons.
    HistoryError
        The tape itself is shorter than that.
    """
    last = pd.Timestamp(tape.sessions[-1])
    least = LEAST_HORIZONS * horizon
    if len(tape.sessions) <= least:
        raise HistoryError(
            f"history of {tape.ticker} by {last.date()}",
            f"{len(tape.sessions)} sessions",
            f"more than {least}, three horizons",
            "choose a later day or a shorter horizon",
        )
    start = last - pd.DateOffset(years=YEARS) if since is None else sessions.day(since)
    first = int(tape.sessions.searchsorted(start))
    if first > len(tape.sessions) - 1 - least:
        latest = tape.sessions[len(tape.sessions) - 1 - least].date()
        raise InputError("--since", str(start.date()), f"days up to {latest}, three horizons back", "look back further")
    return first


def opposed(tape: Tape, column: int) -> int:
    """The row of the latest event of the same indicator and the other direction; -1 if there is none."""
    event = tape.events[column]
    rivals = [
        place
        for place, other in enumerate(tape.events)
        if other.indicator == event.indicator and other.direction != event.direction
    ]
    rows = np.flatnonzero(tape.flags[:, rivals].any(axis=1)) if rivals else np.array([], dtype=np.int64)
    return int(rows[-1]) if len(rows) else -1


def _entry(tape: Tape, column: int, counts: Counts, horizon: int, first: int) -> EventOdds:
    event = tape.events[column]
    at = len(tape.sessions) - 1
    rows = np.flatnonzero(tape.flags[:, column])
    latest = int(rows[-1])
    cases = rows[rows >= first]
    returns = _known(followed(tape.close, horizon)[cases])
    falls = _known(worst_drawdown(tape.close, horizon)[cases])
    low, lower, middle, upper, high = _quantiles(returns, (0.1, 0.25, 0.5, 0.75, 0.9))
    fall_low, fall_middle, fall_high = _quantiles(falls, (0.1, 0.5, 0.9))

    def number(name: str) -> float:
        return float(getattr(counts, name)[0, column])

    return EventOdds(
        event=event.name,
        indicator=event.indicator,
        direction=event.direction,
        says=event.says,
        ticker=tape.ticker,
        as_of=pd.Timestamp(tape.sessions[at]),
        occurred_on=pd.Timestamp(tape.sessions[latest]),
        age_sessions=at - latest,
        active=at - latest < horizon and opposed(tape, column) <= latest,
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
        since=pd.Timestamp(tape.sessions[first]),
        level=LEVEL,
    )


def _known(values: np.ndarray) -> np.ndarray:
    return np.asarray(values[~np.isnan(values)])


def _quantiles(values: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    return [float(each) for each in np.quantile(values, shares)] if len(values) else [float("nan")] * len(shares)
