"""The paths that prices took after each case of an event: what a chart of its odds is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.errors import HistoryError
from bullbear.factors.engine.registry import Array
from bullbear.odds.definitions import EventSpec
from bullbear.odds.tape import read_tape
from bullbear.odds.telling import look_back, session_of


@dataclass(frozen=True)
class Episodes:
    """Total returns since the event, by session from 0; `past` has shape (n_cases, horizon + 1), all resolved.

    `latest` is the newest occurrence's path so far, shape (age + 1,) or shorter than the horizon's.
    """

    event: EventSpec
    ticker: str
    as_of: pd.Timestamp
    occurred_on: pd.Timestamp
    past: Array
    latest: Array


def episodes(
    store: Store,
    ticker: str,
    event: EventSpec,
    *,
    horizon: int = 21,
    as_of: str | None = None,
    since: str | None = None,
) -> Episodes:
    """The paths after every resolved case in the look-back, and after the latest occurrence so far.

    Raises
    ------
    HistoryError
        The event did not occur in the look-back.
    """
    session = session_of(store, ticker, as_of)
    tape = read_tape(store.as_of(sessions.closes(pd.DatetimeIndex([session]))[0]), ticker, [event])
    first = look_back(tape, horizon, since)
    rows = np.flatnonzero(tape.flags[:, 0])
    rows = rows[rows >= first]
    if not len(rows):
        raise HistoryError(
            f"event {event.name}", "no occurrence", f"one since {tape.sessions[first].date()}", "look back further"
        )
    resolved = rows[rows + horizon < len(tape.close)]
    paths = tape.close[resolved[:, None] + np.arange(horizon + 1)] / tape.close[resolved][:, None] - 1.0
    latest = int(rows[-1])
    return Episodes(
        event=event,
        ticker=ticker,
        as_of=pd.Timestamp(tape.sessions[-1]),
        occurred_on=pd.Timestamp(tape.sessions[latest]),
        past=paths[~np.isnan(paths[:, -1])],
        latest=tape.close[latest : latest + horizon + 1] / tape.close[latest] - 1.0,
    )
