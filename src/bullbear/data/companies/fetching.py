"""`bullbear fetch --holdings`: the bars and filings of all companies that the funds hold, brought up to date.

First the lists of holdings and the SEC's tickers, which say who is who; then bars, one request a company; then what was
filed. Companies that left a fund are still asked for until they are delisted, so that a group of the past keeps its
dead. Everything is stored in batches as it arrives, and what is stored up to the last session is not asked again: a
killed fetch continues where it stopped. One company that does not arrive stops no other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from bullbear import sessions
from bullbear.data.companies.asking import Fetch, Provider
from bullbear.data.companies.bar_fetching import BarFetch
from bullbear.data.companies.evidence import NO_DIRECTORY, Directory, member_lists
from bullbear.data.companies.fact_fetching import fetch_facts
from bullbear.data.companies.filed_facts import AskedFile
from bullbear.data.companies.identity import PATIENCE, bring_up_to_date, note_delisted
from bullbear.data.companies.names import plain, provider_spelling
from bullbear.data.companies.register import Listing, Register
from bullbear.data.companies.stored_bars import StoredBars
from bullbear.data.fetching import FetchReport, fetch_all
from bullbear.data.providers import edgar
from bullbear.data.providers.http import Client
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.errors import FetchError, InputError
from bullbear.files import FileLock
from bullbear.settings import Settings

Say = Callable[[str], None]


def fetch_companies(
    store: Store, settings: Settings, now: pd.Timestamp, *, only: tuple[str, ...] = (), say: Say = lambda _: None
) -> FetchReport:
    """Bring the companies of the funds in `settings.fetch.holdings` up to date.

    Parameters
    ----------
    now
        The time by our clock, with a time zone.
    only
        Ask only for these companies or tickers, in any letter case; empty: all.

    Returns
    -------
    What was stored; `failures` holds one error per company that did not arrive, in bars or figures.

    Raises
    ------
    InputError
        The store holds the simulated market, no fund is set, or `only` names no company that the funds held.
    """
    if store.is_simulated:
        raise InputError("store", str(store.root.name), "a store without simulated rows", "use another --home")
    if not settings.fetch.holdings:
        raise InputError("holdings of `[fetch]`", [], "at least one fund, such as IWM", "name a fund")
    report = _lists(store, settings, now, say)
    clock = now.tz_convert("UTC").as_unit("us")
    with FileLock(store.root / ".fetching"), Client(settings.http) as client:
        _bring(Fetch(store, settings, client, clock, report, say), only)
    return report


def _lists(store: Store, settings: Settings, now: pd.Timestamp, say: Say) -> FetchReport:
    """Fetch the lists of holdings that are absent or old."""
    view, fresh = store.as_of(), pd.Timedelta(days=settings.fetch.holdings_days)
    today = sessions.day(now)
    due = tuple(
        fund
        for fund in settings.fetch.holdings
        if not view.has("holdings", fund) or today - view.holdings(fund).index.max() >= fresh
    )
    if not due:
        return FetchReport()
    others = ("prices", "indices", "macro", "vintages", "short_interest", "short_volume", "put_call")
    wanted = settings.fetch.model_copy(update={**dict.fromkeys(others, ()), "holdings": due})
    return fetch_all(store, settings.model_copy(update={"fetch": wanted}), now, say=say)


def _bring(fetch: Fetch, only: tuple[str, ...]) -> None:
    view, funds = fetch.store.as_of(), fetch.settings.fetch.holdings
    lists = member_lists(view.versions("holdings", fund) for fund in funds if view.has("holdings", fund))
    latest = _latest_members(view, funds)
    register, asked = Register.of(view.companies.listings()), AskedFile(fetch.store.companies.root)
    numbers = {company: rows[-1].cik for company, rows in register.rows.items()}
    sec, agent = Provider("edgar", fetch), _agent(fetch)
    directory = _directory(fetch, sec, agent)

    last = sessions.last_closed(fetch.settled())
    every = {member.ticker for each in lists for member in each.members} | set(register.rows)
    bars = StoredBars(view.companies, every, last, fetch.settings.fetch.overlap_sessions)
    bring_up_to_date(register, lists, directory, asked.profiles, bars.last, fetch.now)
    _store_listings(fetch, register)

    chosen = _chosen(register, latest, only)
    spelled = directory.spelled or frozenset(t for profile in asked.profiles.values() for t in profile.tickers)
    brought = BarFetch(fetch, register, bars, last)
    brought.through(
        [
            (row, provider_spelling(row.ticker, spelled), directory.cik(row.ticker) == numbers.get(row.company) != "")
            for row in chosen
        ]
    )
    waited = sessions.between(sessions.offset(last, -2 * PATIENCE), last)
    note_delisted(register, bars.last, frozenset(brought.unknown), latest, directory, waited, fetch.now)
    _store_listings(fetch, register)

    if agent is not None and fetch.settings.fetch.facts:
        companies: dict[str, list[str]] = {}
        for row in (register.rows[each.company][-1] for each in chosen):
            if row.cik:
                companies.setdefault(row.cik, []).append(row.company)
        fetch_facts(fetch, sec, asked, agent, companies)
    fetch.remark()


def _agent(fetch: Fetch) -> str | None:
    """The name by which we ask the SEC; without one the figures of filings are refused, and nothing else."""
    try:
        return edgar.declared(fetch.settings.http.edgar_user_agent)
    except InputError as bad:
        if fetch.settings.fetch.facts:
            error = FetchError("edgar", "facts", "not asked, `edgar_user_agent` is not set", bad.remedy)
            Provider("edgar", fetch).fail(error)
        return None


def _directory(fetch: Fetch, sec: Provider, agent: str | None) -> Directory:
    entries = None
    if agent is not None:
        entries = sec.ask("tickers", partial(edgar.fetch_directory, fetch.client, fetch.settings.urls.sec, agent))
    if entries is None:
        fetch.report.notes.append("without the SEC, renamed and recycled tickers are told apart by names alone")
        return NO_DIRECTORY
    return Directory.of(entries)


def _store_listings(fetch: Fetch, register: Register) -> None:
    fetch.append(register.taken())
    fetch.report.notes += register.notes
    register.notes.clear()


def _latest_members(view: View, funds: tuple[str, ...]) -> frozenset[str]:
    """The tickers in the latest list of each fund."""
    found: set[str] = set()
    for fund in funds:
        if view.has("holdings", fund):
            rows = view.holdings(fund).reset_index()
            (each,) = member_lists([rows[rows["event_date"] == rows["event_date"].max()]])
            found.update(member.ticker for member in each.members)
    return frozenset(found)


def _chosen(register: Register, members: frozenset[str], only: tuple[str, ...]) -> list[Listing]:
    """The companies to ask for, those that the funds hold first."""
    rows = sorted(register.current().values(), key=lambda row: (row.ticker not in members, row.company))
    wanted = {plain(name): name for name in only}
    unknown = wanted.keys() - {plain(name) for row in rows for name in (row.ticker, row.company)}
    if unknown:
        name = wanted[min(unknown)]
        raise InputError("--only", name, "a company that the funds held and that is listed", "correct the ticker")
    return [row for row in rows if not wanted or wanted.keys() & {plain(row.ticker), plain(row.company)}]
