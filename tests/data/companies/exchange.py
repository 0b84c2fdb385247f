"""A replay of the price provider, the fund and the SEC on 127.0.0.1, for companies of a small exchange.

Each company has a CIK, a price path of its own and a ticker that may change; `World` says what each source tells today,
and how often it refuses. The formats are those of the services.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.settings import Settings, Urls

FIRST = "2023-10-02"
AGENT = "Jane Doe jane@example.org"


@dataclass
class Company:
    """One security: where it is priced from and until, its splits and dividends, and what it has filed."""

    cik: int
    ticker: str
    name: str
    sector: str = "Industrials"
    first: str = FIRST
    last: str = "2099-12-31"
    splits: dict[str, float] = field(default_factory=dict)
    dividends: dict[str, float] = field(default_factory=dict)
    former: tuple[str, ...] = ()
    filings: list[tuple[str, str, str]] = field(default_factory=list)  # accession number, day, form
    facts: dict[str, Any] = field(default_factory=dict)
    corrected: dict[str, float] = field(default_factory=dict)  # closes that the provider now tells otherwise
    lists_splits: bool = True

    def raw(self, today: str) -> pd.DataFrame:
        """Bars as traded."""
        days = sessions.between(FIRST, today)
        step = np.arange(len(days))
        close = np.round(20 + self.cik % 50 + 0.1 * step + np.sin(step + self.cik), 2)
        split = np.ones(len(days))
        for day, ratio in self.splits.items():
            close[days >= pd.Timestamp(day)] /= ratio
            split[days == pd.Timestamp(day)] = ratio
        paid = np.array([self.dividends.get(str(day.date()), 0.0) for day in days])
        for day, value in self.corrected.items():
            close[days == pd.Timestamp(day)] = value
        frame = pd.DataFrame({"date": days, "close": close, "volume": 1e5 + 10.0 * step, "split": split, "paid": paid})
        frame["open"], frame["high"], frame["low"] = close * 0.995, close * 1.01, close * 0.99
        inside = (days >= pd.Timestamp(self.first)) & (days <= pd.Timestamp(self.last))
        return frame[inside].reset_index(drop=True)


@dataclass
class World:
    """What the sources tell; `refusals` are answered first, by provider and ticker (or `*`): status and how often."""

    companies: list[Company]
    today: str = "2024-03-08"
    listed: str = "2024-03-07"
    priced: dict[str, Company] = field(default_factory=dict)
    held: list[tuple[str, str, str]] = field(default_factory=list)
    refusals: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.settle()

    def settle(self) -> None:
        """Price and hold every company under its own ticker; the SEC writes classes of shares with a hyphen."""
        self.priced = {company.ticker: company for company in self.companies}
        self.held = [(each.ticker.replace("-", ""), each.name, each.sector) for each in self.companies]

    @property
    def now(self) -> pd.Timestamp:
        return pd.Timestamp(f"{self.today}T23:30", tz="UTC")

    def count(self, provider: str) -> int:
        return sum(name == provider for name, _ in self.asked)

    def names(self, provider: str) -> list[str]:
        return [what for name, what in self.asked if name == provider]


def twelve() -> list[Company]:
    """AAA to LLL: one with two classes of shares, one with a split and a dividend."""
    made = [Company(1000 + place, chr(65 + place) * 3, f"{word} Works, Inc.") for place, word in enumerate(
        ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gum", "Hazel", "Ironwood", "Juniper", "Katsura")
    )]  # fmt: skip
    made.append(Company(1003, "DDD-A", "Dogwood Works, Inc."))
    made[1].splits, made[1].dividends = {"2024-02-26": 2.0}, {"2024-02-15": 0.5}
    return made


def yahoo(world: World, path: str, query: dict[str, str]) -> tuple[int, Any]:
    company = world.priced.get(unquote(path.rsplit("/", 1)[1]))
    missing = {
        "chart": {
            "result": None,
            "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
        }
    }
    if company is None:
        return 404, missing
    frame = company.raw(world.today)
    if frame.empty:
        return 404, missing
    later = np.array([np.prod([r for d, r in company.splits.items() if day < pd.Timestamp(d) and d <= world.today])
                      for day in frame["date"]])  # fmt: skip
    shown = np.flatnonzero(frame["date"] >= pd.Timestamp(int(query["period1"]), unit="s"))
    stamps = sessions.opens(pd.DatetimeIndex(frame["date"])).as_unit("s").asi8
    quote = {name: (frame[name] / later)[shown].tolist() for name in ("open", "high", "low", "close")}
    quote["volume"] = (frame["volume"] * later)[shown].tolist()
    events = {
        "splits": {str(stamps[p]): {"date": int(stamps[p]), "numerator": frame["split"][p], "denominator": 1.0}
                   for p in shown if frame["split"][p] != 1 and company.lists_splits},
        "dividends": {str(stamps[p]): {"date": int(stamps[p]), "amount": frame["paid"][p] / later[p]}
                      for p in shown if frame["paid"][p]},
    }  # fmt: skip
    traded = int(sessions.closes(pd.DatetimeIndex(frame["date"][-1:]))[0].timestamp())
    result = {"meta": {"regularMarketTime": traded}, "timestamp": stamps[shown].tolist(), "events": events,
              "indicators": {"quote": [quote]}}  # fmt: skip
    return 200, {"chart": {"result": [result], "error": None}}


def ishares(world: World, path: str, query: dict[str, str]) -> tuple[int, Any]:
    weight = 99.0 / len(world.held)
    names = {name: name.upper().replace(",", "").replace(".", "") for _, name, _ in world.held}
    lines = [f'"{ticker}","{names[name]}","{sector}","Equity","1,000.00","{weight:.6f}","1.00","10"'
             for ticker, name, sector in world.held]  # fmt: skip
    lines += [
        '"XTSLA","BLK CSH FND TREASURY SL AGENCY","Cash and/or Derivatives","Money Market","1.00","0.80","1","1"',
        '"-","USD CASH","Cash and/or Derivatives","Cash","1.00","0.10","1","1"',
        '"RTYH4","RUSSELL 2000 EMINI CME MAR 24","Cash and/or Derivatives","Futures","0.00","0.10","1","1"',
    ]
    preamble = ["iShares Russell 2000 ETF", f'Fund Holdings as of,"{pd.Timestamp(world.listed):%b %d, %Y}"', "\xa0"]
    head = "Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value,Quantity"
    return 200, "\n".join([*preamble, head, *lines, "\xa0", '"legal text"']) + "\n"


def sec(world: World, path: str, query: dict[str, str]) -> tuple[int, Any]:
    if path == "/files/company_tickers_exchange.json":
        data = [[each.cik, each.name, each.ticker, "NYSE"] for each in world.companies if each.last > world.today]
        return 200, {"fields": ["cik", "name", "ticker", "exchange"], "data": data}
    cik = int(path.rsplit("CIK", 1)[1].removesuffix(".json"))
    own = [each for each in world.companies if each.cik == cik]
    if not own:
        return 404, "<html>not found</html>"
    if path.startswith("/submissions/"):
        numbers, days, forms = ([row[place] for row in own[0].filings] for place in range(3))
        return 200, {
            "cik": str(cik), "name": own[0].name, "tickers": [each.ticker for each in own], "exchanges": ["NYSE"],
            "formerNames": [{"name": name, "from": "2010-01-01T00:00:00.000Z", "to": None} for name in own[0].former],
            "filings": {"recent": {"accessionNumber": numbers, "filingDate": days, "form": forms}, "files": []},
        }  # fmt: skip
    if not own[0].facts:
        return 404, "<html>not found</html>"
    return 200, {"cik": cik, "entityName": own[0].name, "facts": own[0].facts}


ROUTES = {"/v8/": ("yahoo", yahoo), "/us/products/": ("ishares", ishares), "/files/": ("sec", sec),
          "/submissions/": ("sec", sec), "/api/xbrl/": ("sec", sec)}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World

    def log_message(self, format: str, *args: object) -> None:
        return

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.world.now.strftime("%a, %d %b %Y %H:%M:%S GMT")

    def do_GET(self) -> None:
        world, parts = self.world, urlsplit(self.path)
        name, answer = next(route for start, route in ROUTES.items() if parts.path.startswith(start))
        what = unquote(parts.path.rsplit("/", 1)[1])
        world.asked.append((name, what if name != "sec" else parts.path))
        world.arrived.append(time.monotonic())
        if name == "sec":
            world.agents.add(self.headers.get("User-Agent", ""))
        refusal = world.refusals.get((name, what)) or world.refusals.get((name, "*"))
        if refusal and refusal[1] > 0:
            refusal[1] -= 1
            self.send(refusal[0], "<html><title>Request Rate Threshold Exceeded</title></html>")
        elif name == "sec" and "@" not in self.headers.get("User-Agent", ""):
            self.send(403, "<html>Your Request Originates from an Undeclared Automated Tool</html>")
        else:
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            self.send(*answer(world, parts.path, query))

    def send(self, status: int, document: Any) -> None:
        body = (document if isinstance(document, str) else json.dumps(document)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving() -> Iterator[tuple[type[Handler], str]]:
    """The handler, whose `world` is answered from, and the address."""

    class Bound(Handler):
        world = World(twelve())

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return

    server = Quiet(("127.0.0.1", 0), Bound)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Bound, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def settings_for(url: str, **fetch: Any) -> Settings:
    """Small, quick, and never anywhere but on 127.0.0.1."""
    return Settings.model_validate(
        {
            "fetch": {"companies_start": date(2023, 10, 2), "overlap_sessions": 10, "company_batch": 4, **fetch},
            "http": {"attempts": 3, "first_wait": 0.002, "longest_wait": 0.05, "timeout": 5, "pause": 0,
                     "edgar_user_agent": AGENT},
            "urls": dict.fromkeys(Urls.model_fields, url),
        }
    )  # fmt: skip
