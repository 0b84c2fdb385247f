"""The session that `--as-of DATE` means."""

from __future__ import annotations

import pandas as pd

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.errors import NoDataError

STALE_DAYS = 7


def session_as_of(store: Store, ticker: str, as_of: str | None) -> pd.Timestamp:
    """The session of `as_of`, or the last one before it; the last one stored if `as_of` is None.

    NoDataError without bars of the ticker, before its first, or more than a week after its last.
    """
    view = store.as_of()
    if not view.has("bars", ticker):
        raise NoDataError(
            "--ticker", ticker, "a ticker listed by `bullbear status`", "fetch or ingest its prices first"
        )
    traded = pd.DatetimeIndex(view.bars(ticker).index)
    first, last = traded[0], traded[-1]
    if as_of is None:
        return pd.Timestamp(last)
    day = sessions.day(as_of)
    if day < first or day > last + pd.Timedelta(days=STALE_DAYS):
        raise NoDataError(
            "--as-of", str(day.date()), f"{first.date()} to {last.date()} for {ticker}", "choose such a day"
        )
    return pd.Timestamp(traded[traded <= day][-1])
