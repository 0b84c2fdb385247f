"""The paths that prices took after each case of an event: what a chart of its odds is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.as_of_session import session_as_of
from bullbear.data.store import Store
from bullbear.errors import Found, HistoryError
from bullbear.factors.engine.registry import Array
from bullbear.odds.current import look_back
from bullbear.odds.definitions import EventSpec
from bullbear.odds.event_series import read_event_series


@dataclass(frozen=True)
class EventPaths:
    """Total returns since the event, by session from 0; `past` has shape (n_cases, horizon + 1), all resolved.

    `latest` is the newest occurrence's path so far, shape (age + 1,) or shorter than the horizon's.
    """

    event: EventSpec
    ticker: str
    as_of: pd.Timestamp
    occurred_on: pd.Timestamp
    past: Array
    latest: Array


def event_paths(
    store: Store,
    ticker: str,
    event: EventSpec,
    *,
    horizon: int = 21,
    as_of: str | None = None,
    since: str | None = None,
) -> EventPaths:
    """The paths after every resolved case in the look-back and after the latest occurrence; HistoryError if none."""
    session = session_as_of(store, ticker, as_of)
    series = read_event_series(store.as_of(sessions.closes(pd.DatetimeIndex([session]))[0]), ticker, [event])
    first = look_back(series, horizon, since)
    rows = np.flatnonzero(series.flags[:, 0])
    rows = rows[rows >= first]
    if not len(rows):
        raise HistoryError(
            f"event {event.name}",
            Found("no occurrence"),
            f"one since {series.sessions[first].date()}",
            "look back further",
        )
    resolved = rows[rows + horizon < len(series.close)]
    paths = series.close[resolved[:, None] + np.arange(horizon + 1)] / series.close[resolved][:, None] - 1.0
    latest = int(rows[-1])
    return EventPaths(
        event=event,
        ticker=ticker,
        as_of=pd.Timestamp(series.sessions[-1]),
        occurred_on=pd.Timestamp(series.sessions[latest]),
        past=paths[~np.isnan(paths[:, -1])],
        latest=series.close[latest : latest + horizon + 1] / series.close[latest] - 1.0,
    )
