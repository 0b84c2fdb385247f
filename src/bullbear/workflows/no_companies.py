"""The session of companies that a day means, and why there are none to report or to rank.

None in the store, no list known then, or none with a score.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.as_of_session import last_session
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.errors import Found, HistoryError, NoDataError
from bullbear.group.membership import MAX_AGE_DAYS, Members, Universe
from bullbear.picking.history import LOOK_BACK
from bullbear.wording import count, few


def no_companies(store: Store) -> NoDataError:
    """The refusal of a store without bars of companies; only a simulated one may be filled by a simulation."""
    ways = "run `bullbear fetch --holdings` or `bullbear ingest DIR` first"
    if store.is_simulated:
        ways = "simulate them in another home: `bullbear simulate --companies N --home DIR`"
    found = Found("no bars of any company in the store")
    return NoDataError("companies", found, "a store with companies", ways)


def company_session(store: Store, as_of: str | None, stored: pd.Timestamp | None = None) -> pd.Timestamp:
    """The session of `as_of`, or the last one before it; the last one with a bar of any company if `as_of` is None.

    Raises
    ------
    NoDataError
        There are no bars of companies, or none of that session.
    """
    companies = store.as_of(stored=stored).companies
    first, last = companies.first_session, companies.last_session
    if first is None or last is None:
        raise no_companies(store)
    if as_of is None:
        return last
    return last_session(as_of, exchange.between(first, last), "companies", simulated=store.is_simulated)


def no_members(
    universe: Universe, latest: View, name: str, session: pd.Timestamp, members: Members | None
) -> NoDataError:
    """The refusal of a group without members at a close; `latest` knows what was stored later."""
    where = f"group {name}"
    remedy = "choose another day, fetch or ingest lists of holdings, or fix a list on a day in models/groups.toml"
    if members is not None and not len(members) and not members.unresolved:
        found = f"its list of {members.day.date()} has no line that is a company"
        return NoDataError(where, Found(found), "a list of companies", remedy)
    if members is not None:
        listed = few(sorted({*members.tickers, *members.unresolved}))
        when = f"the close of {session.date()}"
        found = f"no company of its list of {members.day.date()} in the store at {when}: {listed}"
        correct = (
            "correct models/groups.toml, or fetch or ingest them" if universe.fund is None else "ingest their bars"
        )
        return NoDataError(where, Found(found), "companies of the store", correct)
    if universe.fund is None or not latest.has("holdings", universe.fund):
        found = f"no list of the holdings of {universe.fund or name} in the store"
    else:
        known = latest.versions("holdings", universe.fund)["known_at"]
        first, last = exchange.day(known.min()).date(), exchange.day(known.max()).date()
        span = f"on {first}" if first == last else f"from {first} to {last}"
        found = (
            f"membership is not known at the close of {session.date()}: lists of {universe.fund} became known {span}, "
            f"and none is used for more than {MAX_AGE_DAYS} days after its own"
        )
    return NoDataError(where, Found(found), "a session with a list of members", remedy)


def never_heard_of(universe: Universe, members: Members, latest: View) -> tuple[str, ...]:
    """Tickers of a list in models/groups.toml that have neither a bar nor a listing in `latest`: mistyped, perhaps."""
    if universe.fund is not None:
        return ()
    known = {*latest.companies.names, *latest.companies.listings(every_version=True)["company"]}
    found = [ticker for company, ticker in zip(members.companies, members.tickers, strict=True) if company not in known]
    return tuple(sorted(found))


def unknown_tickers(tickers: Sequence[str]) -> str:
    """What is said of them.

    Example
    -------
    >>> unknown_tickers(["ACADX"])
    'ACADX: no company of that ticker in the store; correct models/groups.toml'
    """
    which = "company of that ticker" if len(tickers) == 1 else "companies of those tickers"
    return f"{few(tickers)}: no {which} in the store; correct models/groups.toml"


def no_scores(group: str, session: pd.Timestamp, first_bar: pd.Timestamp, members: int, picker: str) -> HistoryError:
    """The refusal of a close at which no member has a score."""
    where, whole = f"picks of {group}", exchange.offset(first_bar, LOOK_BACK - 1)
    found = f"none of {count(members, 'member')} has a score at the close of {session.date()}"
    if session < whole:
        found += f": scores need up to a year of bars, and those of the store begin on {first_bar.date()}"
        allowed, remedy = f"a day from {whole.date()} on", "choose a later day, or bring a longer history"
    else:
        found += f": nothing that the picker {picker} reads is known of them"
        allowed, remedy = "members with half of what the picker reads", "choose another day or --picker"
    return HistoryError(where, Found(found), allowed, remedy)
