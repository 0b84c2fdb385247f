"""The session that `--as-of DATE` means: that day's, or on a closed day the one before; never one that has no bar.

A weekend or a holiday has no close of its own, so the close before is the answer, and `closed_day` says so. A session
without a bar is refused: an older close would pass for the one that was asked for.
"""

from __future__ import annotations

import pandas as pd

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.errors import NoDataError
from bullbear.wording import long_date


def session_as_of(store: Store, ticker: str, as_of: str | None, stored: pd.Timestamp | None = None) -> pd.Timestamp:
    """The session of `as_of`, or the last one before it; the last one stored if `as_of` is None.

    Raises
    ------
    NoDataError
        The ticker has no bars, or none of that session.
    """
    view = store.as_of(stored=stored)
    if not view.has("bars", ticker):
        raise NoDataError(
            "--ticker", ticker, "a ticker listed by `bullbear status`", "fetch or ingest its prices first"
        )
    traded = pd.DatetimeIndex(view.bars(ticker).index)
    return (
        pd.Timestamp(traded[-1]) if as_of is None else last_session(as_of, traded, ticker, simulated=store.is_simulated)
    )


def last_session(as_of: str, traded: pd.DatetimeIndex, ticker: str, *, simulated: bool = False) -> pd.Timestamp:
    """The last session of the exchange up to `as_of`, which must be one of the days `traded`.

    NoDataError if it is not, InputError if `as_of` is no day.

    Example
    -------
    >>> str(last_session("2019-12-25", pd.DatetimeIndex(["2019-12-23", "2019-12-24"]), "IWM").date())
    '2019-12-24'
    """
    day = sessions.day(as_of)
    first, last = traded[0], traded[-1]
    beyond = pd.Timedelta(days=14)  # no closure lasted so long; the calendar does not know every year
    found = sessions.between(first, day) if first <= day <= last + beyond else pd.DatetimeIndex([])
    if len(found) and found[-1] in traded:
        return pd.Timestamp(found[-1])
    span = f"{first.date()} to {last.date()}, the bars of {ticker} in the store"
    if not len(found) or found[-1] > last:
        later = day > last
        more = "simulate more years" if simulated else "fetch or ingest newer data"
        remedy = f"{more}, or choose an earlier day" if later else "choose a later day"
        raise NoDataError("--as-of", str(day.date()), span, remedy)
    allowed = f"a session with a bar of {ticker}, which {found[-1].date()} has not"
    raise NoDataError("--as-of", str(day.date()), allowed, "choose another day, or fetch the missing bar")


def closed_day(as_of: str, session: pd.Timestamp) -> str | None:
    """That the exchange held no session on the day asked for, so that `session` answers; None if it did.

    Example
    -------
    >>> print(closed_day("2019-12-25", sessions.day("2019-12-24")))
    the exchange was closed on Wed 25 Dec 2019: the answer is that of the close before, Tue 24 Dec 2019
    """
    asked = sessions.day(as_of)
    if asked == session:
        return None
    return (
        f"the exchange was closed on {long_date(asked)}: the answer is that of the close before, {long_date(session)}"
    )
