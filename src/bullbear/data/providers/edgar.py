"""SEC EDGAR: which company has which ticker, what it files, and the figures of its filings.

`company_tickers_exchange.json` lists the tickers of today by CIK, the number that a company keeps for life.
`submissions/CIK##########.json` has one company's tickers, former names and latest filings; a form 25 among them says
that an exchange has struck a security off. `companyfacts/CIK##########.json` holds every figure of every filing since
2009 with the day on which it was filed: the figure is known from the end of that day. A figure that a later filing
repeats is no new row; one that it restates is, so that both stay readable at their time.

The SEC asks each client for a name and an e-mail address and allows ten requests a second over all of its hosts. A
client without a name is refused here, before the SEC does it.

References
----------
https://www.sec.gov/search-filings/edgar-application-programming-interfaces
https://www.sec.gov/about/webmaster-frequently-asked-questions#developers
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bullbear.data import publication
from bullbear.data.providers.delivery import LARGEST, Delivery, days
from bullbear.data.providers.edgar_tags import CONCEPTS
from bullbear.data.providers.http import RETRY_LATER, Client, Request, Response
from bullbear.data.providers.wire import FORMAT_CHANGED, Number, Text, Wire, parsed
from bullbear.errors import InputError

SPACING = 0.11
"""Seconds between two requests to any host of the SEC, which allows ten a second."""
KNOWN_AT = "22:00"
"""New York; EDGAR accepts filings of a day until then."""
PERIODIC = re.compile(r"(10-K|10-KT|10-Q|10-QT|20-F|40-F|6-K|8-K)(/A)?")
"""Forms that may bring figures."""
_STRUCK_OFF = ("25", "25-NSE", "15-12B", "15-12G")
_FIRST, _LAST = pd.Timestamp("1980-01-01"), pd.Timestamp("2099-12-31")
_ADDRESS = re.compile(r"\S+@\S+\.\S+")
_REFUSED = (
    "wait ten minutes, since the SEC locks out a client that asks too often, or that it does not know: "
    "name yourself and an e-mail address in `edgar_user_agent` of `[http]`"
)
_FACTS = ["concept", "event_date", "start_date", "value", "unit", "form", "known_at"]
_PERIOD = ["concept", "unit", "event_date", "start_date"]


def declared(user_agent: str | None) -> str:
    """The user agent, if it names somebody.

    Raises
    ------
    InputError
        It is not set or has no e-mail address.

    Example
    -------
    >>> declared("Jane Doe jane@example.org")
    'Jane Doe jane@example.org'
    """
    agent = (user_agent or "").strip()
    if _ADDRESS.search(agent) is None or not agent.isascii():
        raise InputError(
            "edgar_user_agent", agent, "a name and an e-mail address, as the SEC asks of every client",
            'set `edgar_user_agent = "NAME ADDRESS"` in `[http]` of bullbear.toml, '
            "or leave facts out with `facts = false` in `[fetch]`",
        )  # fmt: skip
    return agent


@dataclass(frozen=True)
class Entry:
    """A ticker of today, in the spelling of the SEC (`BRK-B`), with the company's CIK (ten digits)."""

    cik: str
    ticker: str
    name: str
    exchange: str


@dataclass(frozen=True)
class Profile:
    """A company as the SEC has it today.

    Attributes
    ----------
    names
        The name, then the former ones.
    struck_off
        The day of the latest notice that a security was struck off or deregistered; None without one.
    last_filing
        The accession number of the latest filing that may bring figures; empty without one.
    """

    cik: str
    names: tuple[str, ...]
    tickers: tuple[str, ...]
    exchanges: tuple[str, ...]
    struck_off: pd.Timestamp | None
    last_filing: str


class _Directory(Wire):
    fields: list[Text]
    data: list[list[Any]]


class _Name(Wire):
    name: Text = ""


class _Filings(Wire):
    accessionNumber: list[Text]  # noqa: N815
    filingDate: list[Text]  # noqa: N815
    form: list[Text]


class _Recent(Wire):
    recent: _Filings


class _Submissions(Wire):
    name: Text = ""
    tickers: tuple[Text, ...] = ()
    exchanges: tuple[Text, ...] = ()
    formerNames: tuple[_Name, ...] = ()  # noqa: N815
    filings: _Recent


class _Fact(Wire):
    end: Text
    filed: Text
    val: Number
    start: Text = ""
    form: Text = ""
    accn: Text = ""


class _Tag(Wire):
    units: dict[str, list[_Fact]]


class _Company(Wire):
    facts: dict[str, dict[str, Any]]


def fetch_directory(client: Client, url: str, user_agent: str) -> tuple[Entry, ...]:
    """All tickers of today, from `url`, the host of the SEC's files."""
    request = _request("tickers", f"{url}/files/company_tickers_exchange.json", user_agent)
    response = client.get(request)
    table = parsed(response, _Directory)
    missing = [name for name in ("cik", "name", "ticker", "exchange") if name not in table.fields]
    if missing:
        raise request.error(f"no field {', '.join(missing)}", FORMAT_CHANGED)
    places = [table.fields.index(name) for name in ("cik", "ticker", "name", "exchange")]
    found: dict[str, Entry] = {}
    for row in table.data:
        if len(row) != len(table.fields) or not str(row[places[0]]).isdecimal():
            raise request.error(f"{str(row)[:60]} is no row of {', '.join(table.fields)}", FORMAT_CHANGED)
        cik, ticker, name, exchange = ("" if row[place] is None else str(row[place]).strip() for place in places)
        if ticker:
            found.setdefault(ticker.upper(), Entry(padded(cik), ticker.upper(), name, exchange))
    if not found:
        raise request.error("no tickers", RETRY_LATER)
    return tuple(found.values())


def fetch_profile(client: Client, url: str, user_agent: str, cik: str) -> Profile:
    """The company `cik`, from `url`, the host of the SEC's data."""
    request = _request(f"submissions of {cik}", f"{url}/submissions/CIK{padded(cik)}.json", user_agent)
    found = parsed(client.get(request), _Submissions)
    recent = found.filings.recent
    if not len(recent.form) == len(recent.filingDate) == len(recent.accessionNumber):
        raise request.error("columns of filings of different length", FORMAT_CHANGED)
    filed = days(request, pd.Series(recent.filingDate, name="filingDate", dtype="str"))
    rows = sorted(zip(filed, recent.form, recent.accessionNumber, strict=True), key=lambda row: row[0], reverse=True)
    return Profile(
        cik=padded(cik),
        names=tuple(filter(None, (found.name, *(each.name for each in found.formerNames)))),
        tickers=tuple(ticker.upper() for ticker in found.tickers if ticker),
        exchanges=tuple(exchange for exchange in found.exchanges if exchange),
        struck_off=next((day for day, form, _ in rows if form.removesuffix("/A") in _STRUCK_OFF), None),
        last_filing=next((number for _, form, number in rows if PERIODIC.fullmatch(form)), ""),
    )


def fetch_facts(client: Client, url: str, user_agent: str, cik: str) -> Delivery:
    """The figures of all filings of `cik` by concept: frame `("facts", cik)`, sorted by period and known_at.

    Columns concept, event_date (end of the period, or the day described), start_date (NaT of a day), value, unit, form,
    known_at.
    """
    remedies = {404: "none; the company has filed no figures that a program can read"}
    request = _request(f"facts of {cik}", f"{url}/api/xbrl/companyfacts/CIK{padded(cik)}.json", user_agent, remedies)
    response = client.get(request)
    notes: list[str] = []
    frame = _versions(_plausible(request, _listed(response), notes))
    return Delivery({("facts", padded(cik)): frame}, response.served_at, notes)


def no_facts() -> pd.DataFrame:
    """The columns of `fetch_facts`, without rows."""
    days, texts = dict.fromkeys(("event_date", "start_date"), "datetime64[us]"), ("concept", "unit", "form")
    types = {**days, "known_at": "datetime64[us, UTC]", "value": "float64", **dict.fromkeys(texts, "str")}
    return pd.DataFrame({name: pd.Series(dtype=types[name]) for name in _FACTS})


def padded(cik: str) -> str:
    """A CIK as ten digits."""
    return cik.strip().zfill(10)


def _request(series: str, url: str, user_agent: str, remedies: Mapping[int, str] | None = None) -> Request:
    headers = {"User-Agent": declared(user_agent)}
    return Request(
        "edgar", series, url, headers=headers, remedies={403: _REFUSED, **(remedies or {})}, spacing=("sec", SPACING)
    )


def _listed(response: Response) -> pd.DataFrame:
    """Every figure under a tag that we know, with the rank of the tag."""
    company = parsed(response, _Company)
    rows = []
    for (taxonomy, tag), (concept, rank) in CONCEPTS.items():
        content = company.facts.get(taxonomy, {}).get(tag)
        if content is None:
            continue
        for unit, facts in parsed(response, _Tag, content).units.items():
            rows += [(concept, rank, unit, each.start, each.end, each.val, each.filed, each.form, each.accn)
                     for each in facts]  # fmt: skip
    columns = ["concept", "rank", "unit", "start_date", "event_date", "value", "filed", "form", "accn"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("start_date", "event_date", "filed"):
        frame[name] = days(response.request, frame[name].astype("str"))
    return frame.astype({"value": "float64"})


def _plausible(request: Request, frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The figures that can be: finite, of days in order, and filed after the day that they describe."""
    end, start, filed = frame["event_date"], frame["start_date"], frame["filed"]
    fine = frame["value"].abs().le(LARGEST) & end.between(_FIRST, _LAST) & filed.between(end, _LAST)
    fine &= start.isna() | start.between(_FIRST, end)
    if not fine.all():
        notes.append(request.note(f"{int((~fine).sum())} impossible figures left out"))
    kept: pd.DataFrame = frame[fine]
    return kept


def _versions(frame: pd.DataFrame) -> pd.DataFrame:
    """Of one day's filings the best tag, then the latest filing; a value that is only repeated is left out."""
    frame = frame.sort_values([*_PERIOD, "filed", "rank", "accn"], ascending=[True] * 6 + [False], kind="stable")
    once = frame.drop_duplicates([*_PERIOD, "filed"])
    before = once.groupby(_PERIOD, dropna=False, sort=False)["value"].shift()
    changed = once[before.isna() | (once["value"] != before)]
    filed = changed["filed"].to_numpy().astype("datetime64[D]")
    known_at = publication.at(filed, KNOWN_AT) if len(filed) else pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    return changed.assign(known_at=known_at)[_FACTS].reset_index(drop=True)
