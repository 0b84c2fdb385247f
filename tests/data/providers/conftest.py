"""A replay server on 127.0.0.1 that speaks every provider's wire format, and misbehaves when told to.

Its world is small and fixed: sessions from 2024-01-02 on, IWM with a dividend on 2024-02-15 and a 2-for-1 split on
2024-02-26, SPY without either. `today` moves the world on.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.settings import Settings, Urls

FIRST, DIVIDEND, SPLIT = "2024-01-02", date(2024, 2, 15), date(2024, 2, 26)
SETTLEMENTS = ("2024-01-12", "2024-01-31", "2024-02-15", "2024-02-29")
UNRATE = {"2023-11-01": 3.7, "2023-12-01": 3.7, "2024-01-01": 3.7, "2024-02-01": 3.9}
RELEASES = {"2023-12-08": 1, "2024-01-05": 2, "2024-02-02": 3, "2024-03-08": 4}


@dataclass
class World:
    """What the server tells, and how it misbehaves: `fault` for the requests of `faulty`, at most `times`."""

    today: str = "2024-03-08"
    now: str = "2024-03-08T23:30"
    fault: str = ""
    faulty: str = ""
    times: int = 10**9
    slow: float = 0.0
    most_vintages: int = 2000
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)

    @property
    def instant(self) -> pd.Timestamp:
        return pd.Timestamp(self.now, tz="UTC")

    def misbehave(self, provider: str, fault: str, times: int = 10**9) -> None:
        self.faulty, self.fault, self.times = provider, fault, times
        self.asked.clear()
        self.arrived.clear()

    def behave(self) -> None:
        self.misbehave("", "")

    def count(self, provider: str) -> int:
        return sum(name == provider for name, *_ in self.asked)


class Refusal(Exception):
    """A refusal that the service explains."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.body = json.dumps({"error_code": status, "error_message": message}).encode()


def raw(world: World, ticker: str) -> pd.DataFrame:
    """Bars as traded, with dividend and split."""
    days = sessions.between(FIRST, world.today)
    step = np.arange(len(days))
    close = np.round(190 + 0.25 * step + 3 * np.sin(step), 4) * (2.5 if ticker == "SPY" else 1.0)
    if world.fault == "changed past" and ticker in ("IWM", "SPY", "^VIX", "VIX"):
        close[-5] *= 1.01
    frame = pd.DataFrame({"date": days, "close": close, "volume": 1e6 + 1000.0 * step, "dividend": 0.0, "split": 1.0})
    if ticker == "IWM":
        after = days >= pd.Timestamp(SPLIT)
        frame.loc[after, "close"] /= 2
        frame.loc[days == pd.Timestamp(SPLIT), "split"] = 2.0
        frame.loc[days == pd.Timestamp(DIVIDEND), "dividend"] = 0.5
    frame["open"], frame["high"], frame["low"] = frame["close"] * 0.995, frame["close"] * 1.01, frame["close"] * 0.99
    return frame


def yahoo(world: World, path: str, query: dict[str, str]) -> bytes:
    frame = raw(world, unquote(path.rsplit("/", 1)[1]))
    factor = np.where(frame["date"] < pd.Timestamp(SPLIT), frame["split"].prod(), 1.0)
    if world.fault == "prices not divided":
        factor = np.ones(len(frame))
    since = pd.Timestamp(int(query["period1"]), unit="s")
    shown = frame["date"] >= since
    opens = sessions.opens(pd.DatetimeIndex(frame["date"]))
    stamps = (opens.as_unit("s").asi8).tolist()
    quote: dict[str, list[Any]] = {n: (frame[n] / factor).tolist() for n in ("open", "high", "low", "close")}
    quote["volume"] = (frame["volume"] * factor).tolist()
    traded = int(sessions.closes(pd.DatetimeIndex([frame["date"].iloc[-1]]))[0].timestamp())
    if world.fault == "half-written":
        traded -= 3600
        quote["close"][-1] = quote["high"][-1]
    splits = {str(s): {"date": s, "numerator": 2.0, "denominator": 1.0, "splitRatio": "2:1"}
              for s, r in zip(stamps, frame["split"], strict=True) if r != 1.0}  # fmt: skip
    paid = {str(s): {"date": s, "amount": d / f}
            for s, d, f in zip(stamps, frame["dividend"], factor, strict=True) if d}  # fmt: skip
    if world.fault == "split not listed":
        splits = {}
    order = [place for place in range(len(frame)) if shown[place]]
    if world.fault == "reordered":
        order = order[::-1]
    if world.fault == "duplicated":
        order = [place for place in order for _ in (0, 1)]
    close = "last" if world.fault == "renamed" else "close"
    told = {close if n == "close" else n: [quote[n][p] for p in order] for n in quote}
    result = {
        "meta": {"currency": "USD", "regularMarketTime": traded, "exchangeTimezoneName": "America/New_York"},
        "timestamp": [stamps[p] for p in order],
        "events": {"splits": splits, "dividends": paid},
        "indicators": {"quote": [told], "adjclose": [{"adjclose": told.get(close)}]},
    }
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def rows_told(world: World, rows: list[Any]) -> list[Any]:
    if world.fault == "reordered":
        return rows[::-1]
    return [row for row in rows for _ in (0, 1)] if world.fault == "duplicated" else rows


def tiingo(world: World, path: str, query: dict[str, str]) -> bytes:
    frame = raw(world, path.split("/")[3].upper())
    if world.fault == "split not listed":
        frame["split"] = 1.0
    names = {"dividend": "divCash", "split": "splitFactor"} | ({"close": "last"} if world.fault == "renamed" else {})
    rows = []
    for row in frame[frame["date"] >= pd.Timestamp(query["startDate"])].to_dict("records"):
        day = row.pop("date")
        rows.append(
            {"date": f"{day:%Y-%m-%d}T00:00:00.000Z", **{names.get(n, n): v for n, v in row.items()}, "adjClose": 1}
        )
    if world.fault == "half-written":
        rows.append({**rows[-1], "date": "2024-03-11T00:00:00.000Z"})
    return json.dumps(rows_told(world, rows)).encode()


def fred(world: World, path: str, query: dict[str, str]) -> bytes:
    series = query["id"]
    if series == "UNRATE":
        values = {d: v for d, v in UNRATE.items() if d <= world.today}
    else:
        days = sessions.between(FIRST, world.today)[:-1]
        values = {str(d.date()): round(4 + 0.01 * i, 2) for i, d in enumerate(days)}
        values["2024-02-05"] = "."  # type: ignore[assignment]
    if world.fault == "changed past":
        values["2024-02-01"] = 9.99
    if world.fault == "half-written":
        values["2024-03-12"] = 5.0
    rows = [f"{d},{v}" for d, v in values.items() if d >= query.get("cosd", "")]
    head = f"observation_date,{'VALUE' if world.fault == 'renamed' else series}"
    return ("\n".join([head, *rows_told(world, rows)]) + "\n").encode()


def alfred(world: World, path: str, query: dict[str, str]) -> bytes:
    assert query["api_key"] == "secret-fred"
    rows = []
    since, until = query["realtime_start"], min(query["realtime_end"], world.today)
    events = list(UNRATE)
    count = sum(since <= vintage <= until for vintage in RELEASES)
    if count > world.most_vintages:
        raise Refusal(400, f"Bad Request.  There are {count} vintage dates from {since} to {until}.  This exceeds the "
                           f"maximum number of vintage dates allowed ({world.most_vintages}).")  # fmt: skip
    if until < min(RELEASES):
        raise Refusal(400, "Bad Request.  The series does not exist in ALFRED but may exist in FRED.")
    for vintage, count in RELEASES.items():
        if vintage > until:
            continue
        fresh = [(events[count - 1], UNRATE[events[count - 1]])]
        if count > 2:
            fresh.insert(0, (events[count - 3], UNRATE[events[count - 3]] + 0.1 * (count - 2)))
        if world.fault == "changed past" and vintage == "2024-02-02":
            fresh[-1] = (fresh[-1][0], 3.5)
        rows += [(vintage, d, v) for d, v in fresh]
    current: dict[str, tuple[str, str, float]] = {}
    for vintage, day, value in rows:
        if vintage <= since:
            current[day] = (since, day, value)
    told = [*current.values(), *(row for row in rows if row[0] > since)]
    if world.fault == "half-written":
        told.append(("2024-03-12", "2024-03-01", 4.0))
    value = "values" if world.fault == "renamed" else "value"
    every = rows_told(world, [{"realtime_start": v, "realtime_end": "9999-12-31", "date": d, value: f"{x:g}"}
                              for v, d, x in told])  # fmt: skip
    offset = int(query["offset"])
    return json.dumps(
        {"count": len(every), "offset": offset, "limit": 3, "observations": every[offset : offset + 3]}
    ).encode()


def finra(world: World, path: str, query: dict[str, Any]) -> bytes:
    ticker = query["compareFilters"][0]["fieldValue"]
    rows = []
    for place, day in enumerate(d for d in SETTLEMENTS if d <= world.today):
        row = {
            "accountingYearMonthNumber": int(day.replace("-", "")), "symbolCode": ticker, "issueName": "iShares R2K",
            "currentShortPositionQuantity": 9_000_000 + place, "averageDailyVolumeQuantity": 3_000_000 + place,
            "daysToCoverQuantity": 3.0, "revisionFlag": None, "settlementDate": day,
        }  # fmt: skip
        if world.fault == "changed past" and place == 1:
            row |= {"currentShortPositionQuantity": 8_000_000, "revisionFlag": "R"}
        if world.fault == "renamed":
            row["shortPosition"] = row.pop("currentShortPositionQuantity")
        rows.append(row)
    if world.fault == "half-written":
        rows.append({**rows[-1], "settlementDate": "2024-03-15"})
    rows = rows_told(world, rows)
    return json.dumps({"total": len(rows), "page": rows[query["offset"] : query["offset"] + 3]}).encode()


def regsho(world: World, path: str, query: dict[str, str]) -> bytes | None:
    day = pd.Timestamp(path[-12:-4])
    if not sessions.is_session(day) or day > pd.Timestamp(world.today):
        return None
    short = 5e6 + day.day + 0.5 + (1e5 if world.fault == "changed past" else 0)
    rows = [f"{day:%Y%m%d}|{t}|{short}|100|{short * 2}|B,Q,N" for t in ("AAA", "IWM", "SPY")]
    rows = rows_told(world, rows)
    if world.fault == "half-written":
        return "\n".join(["Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market", *rows[:2], "3"]).encode()
    volume = "Volume" if world.fault == "renamed" else "TotalVolume"
    return "\n".join([f"Date|Symbol|ShortVolume|ShortExemptVolume|{volume}|Market", *rows, str(len(rows)), ""]).encode()


def cboe(world: World, path: str, query: dict[str, str]) -> bytes:
    index = path.rsplit("/", 1)[1].split("_")[0]
    frame = raw(world, index).assign(close=lambda f: f["close"] / 10)
    if index == "SKEW":
        rows = [f"{d:%m/%d/%Y},{c:.6f}" for d, c in zip(frame["date"], frame["close"], strict=True)]
        head = "DATE,SKEW"
    else:
        rows = [f"{d:%m/%d/%Y},{c:.6f},{c * 1.02:.6f},{c * 0.98:.6f},{c:.6f}"
                for d, c in zip(frame["date"], frame["close"], strict=True)]  # fmt: skip
        head = "DATE,OPEN,HIGH,LOW,CLOSE"
    if world.fault == "half-written":
        rows[-1] = rows[-1].split(",")[0]
    head = head.replace("CLOSE", "LAST").replace("SKEW", "VALUE") if world.fault == "renamed" else head
    return ("\r\n".join([head, *rows_told(world, rows)]) + "\r\n").encode()


def putcall(world: World, path: str, query: dict[str, str]) -> bytes | None:
    day = pd.Timestamp(path.rsplit("/", 1)[1].removesuffix("_daily_options"))
    if not sessions.is_session(day) or day > pd.Timestamp(world.today):
        return None
    level = 0.9 + day.day / 1000 + (0.1 if world.fault == "changed past" else 0.0)
    names = ("TOTAL", "INDEX", "EXCHANGE TRADED PRODUCTS", "EQUITY")
    ratios = [{"name": f"{name} PUT/CALL RATIO", "value": f"{level - place / 10:.3f}"}
              for place, name in enumerate(names)]  # fmt: skip
    volume = [{"name": "VOLUME", "call": 9428474, "put": 7490078, "total": 16918552}]
    document = {"ratios": rows_told(world, ratios), "SUM OF ALL PRODUCTS": volume}
    if world.fault == "renamed":
        document["quotients"] = document.pop("ratios")
    text = json.dumps(document)
    return (text[: len(text) // 2] if world.fault == "half-written" else text).encode()


def ishares(world: World, path: str, query: dict[str, str]) -> bytes:
    lines = []
    for place in range(20):
        weight = "6.00" if world.fault == "changed past" and place == 0 else "5.00"
        name = f'"COMPANY {place}, INC"'
        lines.append(
            f'"T{place}",{name},"Industrials","Equity","1,000,{place:03d}.00","{weight}","1","{place + 1},000.00"'
        )
    if world.fault == "half-written":
        lines = lines[:11]
    day = f"{pd.Timestamp(world.today):%b %d, %Y}"
    preamble = ["iShares Russell 2000 ETF", f'Fund Holdings as of,"{day}"', 'Inception Date,"May 22, 2000"',
                'Shares Outstanding,"281,250,000.00"', "Stock,\"-\"", "\xa0"]  # fmt: skip
    weight = "Share" if world.fault == "renamed" else "Weight (%)"
    table = [f"Ticker,Name,Sector,Asset Class,Market Value,{weight},Notional Value,Quantity", *rows_told(world, lines)]
    legal = ["\xa0", '"The content contained herein is owned or licensed by BlackRock, and <b>protected</b>"']
    return ("\ufeff" + "\n".join([*preamble, *table, *legal]) + "\n").encode()


def provider_of(path: str) -> str:
    marks = {"/v8/": "yahoo", "/tiingo/": "tiingo", "/graph/": "fred", "/fred/": "alfred", "/data/group/": "finra",
             "/equity/": "regsho", "/api/global/": "cboe", "/data/us/options/": "putcall",
             "/us/products/": "ishares"}  # fmt: skip
    return next(name for mark, name in marks.items() if path.startswith(mark))


WIRE: dict[str, Callable[..., bytes | None]] = {
    "yahoo": yahoo, "tiingo": tiingo, "fred": fred, "alfred": alfred, "finra": finra, "regsho": regsho, "cboe": cboe,
    "ishares": ishares, "putcall": putcall,
}  # fmt: skip
PAGE = b"<!DOCTYPE html><html><body>Please enable JavaScript</body></html>"
STATUS = {
    "401": 401,
    "404": 404,
    "429": 429,
    "429 with Retry-After": 429,
    "429 for an hour": 429,
    "500": 500,
    "503": 503,
}

# How the services word a refusal; the last one repeats the key that it was sent.
EXPLAINED = {
    "unknown ticker": (404, b'{"chart": {"result": null, "error": {"code": "Not Found", "description": "No data"}}}'),
    "detail": (404, b'{"detail": "Not found: ticker IWM"}'),
    "overloaded": (503, b'{"statusCode": 503, "statusDescription": "Back at 08:00 ET"}'),
    "wrong key": (
        400,
        b'{"error_message": "Bad Request.  The value secret-fred for variable api_key\\n is not known."}',
    ),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World

    def log_message(self, format: str, *args: object) -> None:
        return

    def date_time_string(self, timestamp: float | None = None) -> str:
        moment = self.world.instant.to_pydatetime()
        if self.world.fault == "clock skew" and self.world.faulty == self.provider:
            moment = datetime(2024, 3, 8, 19, 0, tzinfo=UTC)  # before the close of the last session
        return format_datetime(moment, usegmt=True)

    def do_GET(self) -> None:
        self.respond({key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()})

    def do_POST(self) -> None:
        self.respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def respond(self, query: dict[str, Any]) -> None:
        world, path = self.world, urlsplit(self.path).path
        self.provider = provider_of(path)
        world.asked.append((self.provider, path, self.headers.get("Authorization", "")))
        world.arrived.append(time.monotonic())
        if world.slow:
            time.sleep(world.slow)
        calm = World(world.today, world.now, most_vintages=world.most_vintages)
        bad = self.provider == world.faulty and world.times > 0
        if bad:
            world.times -= 1
        fault = world.fault if bad else ""
        try:
            told = WIRE[self.provider](world if bad else calm, path, query)
        except Refusal as refusal:
            self.send(refusal.status, refusal.body)
            return
        if fault in EXPLAINED:
            self.send(*EXPLAINED[fault])
        elif fault in STATUS:
            waits = {"429 with Retry-After": "0.05", "429 for an hour": "3600"}
            self.send(STATUS[fault], b"no", {"Retry-After": waits[fault]} if fault in waits else {})
        elif fault == "time-out":
            time.sleep(0.2)
            self.close_connection = True
        elif told is None:
            self.send(403, b"<Error>AccessDenied</Error>")
        elif fault == "html":
            self.send(200, PAGE)
        elif fault == "empty":
            self.send(200, b"")
        elif fault == "truncated":
            body, headers = self.page(told)
            self.send(200, body[: int(len(body) * 0.6)], headers)
        elif fault == "reset":
            self.reset(told)
        else:
            self.send(200, *self.page(told))

    def page(self, told: bytes) -> tuple[bytes, dict[str, str]]:
        if self.provider != "finra":
            return told, {}
        response = json.loads(told)
        return json.dumps(response["page"]).encode(), {"Record-Total": str(response["total"])}

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        zipped = gzip.compress(body) if body and "gzip" in self.headers.get("Accept-Encoding", "") else body
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if zipped is not body:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(zipped)))
        self.end_headers()
        self.wfile.write(zipped)

    def reset(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        return  # a client that hung up on a slow response


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[type[Handler], str]]:
    class Bound(Handler):
        world = World()

    server = QuietServer(("127.0.0.1", 0), Bound)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Bound, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def world(_server: tuple[type[Handler], str]) -> World:
    _server[0].world = World()
    return _server[0].world


@pytest.fixture
def url(_server: tuple[type[Handler], str]) -> str:
    return _server[1]


@pytest.fixture
def settings(url: str) -> Settings:
    """Small, quick, and never anywhere but on 127.0.0.1."""
    return Settings.model_validate(
        {
            "fetch": {
                "start": date(2024, 1, 2), "overlap_sessions": 20, "prices": ["IWM", "SPY"], "indices": ["VIX", "SKEW"],
                "macro": ["DGS10", "UNRATE"], "vintages": ["UNRATE"], "short_volume_start": date(2024, 3, 5),
                "put_call_start": date(2024, 3, 6),
            },
            "http": {"attempts": 3, "first_wait": 0.002, "longest_wait": 0.2, "timeout": 5, "pause": 0},
            "urls": dict.fromkeys(Urls.model_fields, url),
        }
    )  # fmt: skip
