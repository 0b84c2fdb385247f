"""`bullbear fetch --holdings` of an evening: every company is a session behind, and is asked for once.

The provider is a replay in another process on 127.0.0.1 and answers at once; told is the time of this process, so what
a real evening adds is pauses and answers. `python -m benchmarks.companies_evening SIZE` runs another size.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.ratio import Ratio
from bullbear import sessions
from bullbear.data import Store
from bullbear.data.companies.fetching import fetch_companies
from bullbear.data.companies.panel import Panel
from bullbear.settings import Settings, Urls

SIZE, UPDATE = 2000, 60.0
FIRST, LAST, EVENING = "2018-01-02", "2019-12-31", "2020-01-02"
NOW = pd.Timestamp(f"{EVENING}T23:30", tz="UTC")
_SHOWN = 31


def measure(size: int = SIZE) -> list[Ratio]:
    """Processor seconds of the evening against what it may take; and of a second fetch, that finds nothing to do."""
    with tempfile.TemporaryDirectory() as place:
        store = Store(Path(place) / "data")
        _fill(store, size)
        answers = _answers(store.as_of().companies.panel(first=sessions.offset(LAST, 1 - _SHOWN), last=LAST))
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(answers, theirs), daemon=True)
        server.start()
        settings = _settings(ours.recv())
        try:
            costs = [_cost(store, settings, size) for _ in range(2)]
        finally:
            server.terminate()
    return [
        Ratio(f"evening of {size} companies / what it may take", costs[0], UPDATE, 1.0),
        Ratio("the same once more / the evening", costs[1], costs[0], None),
    ]


def _fill(store: Store, size: int) -> None:
    """Two years of random walks (an evening reads the last months), and the list of the fund that holds them."""
    days = sessions.between(FIRST, LAST)
    names = [_ticker(place) for place in range(size)]
    for start in range(0, size, 250):
        places = range(start, min(start + 250, size))
        frames = [_bars(names[place], place, days) for place in places]
        store.companies.append_all({"bars": pd.concat(frames, ignore_index=True)})
    day = days[-5]
    rows = pd.DataFrame({"series": "IWM", "event_date": day, "known_at": sessions.closes(days[-5:-4])[0]}, index=names)
    store.append("holdings", rows.assign(ticker=names, name=names, sector="Industrials", weight=1.0))


def _bars(company: str, seed: int, days: pd.DatetimeIndex) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = (20 * np.cumprod(1 + rng.normal(0.0004, 0.025, len(days)))).round(4)
    frame = pd.DataFrame({"series": company, "event_date": days, "known_at": sessions.closes(days), "close": close})
    frame = frame.assign(open=close, high=close * 1.01, low=close * 0.99, restated=0.0)
    return frame.assign(volume=rng.lognormal(12, 0.4, len(days)).round())


def _ticker(place: int) -> str:
    return f"T{place:04d}".translate(str.maketrans("0123456789", "ABCDEFGHIJ"))


def _cost(store: Store, settings: Settings, size: int) -> float:
    began, clock = time.process_time(), time.perf_counter()
    report = fetch_companies(store, settings, NOW)
    spent = time.process_time() - began
    if report.failures:
        raise SystemExit(f"{len(report.failures)} did not arrive, the first: {report.failures[0]}")
    print(
        f"  {size} companies: {report.added}, {spent:.1f} s of processor, {time.perf_counter() - clock:.1f} s",
        flush=True,
    )
    return spent


def _settings(url: str) -> Settings:
    return Settings.model_validate(
        {
            "fetch": {"facts": False, "holdings_days": 100},
            "http": {"pause": 0, "edgar_user_agent": "Jane Doe jane@example.org"},
            "urls": dict.fromkeys(Urls.model_fields, url),
        }
    )


def _answers(panel: Panel) -> dict[str, bytes]:
    """What the provider answers, by path: a session more than is stored of each company, and the SEC's tickers."""
    rng = np.random.default_rng(1)
    stamps, evening = sessions.opens(panel.sessions).as_unit("s").asi8, pd.DatetimeIndex([EVENING])
    meta = {"regularMarketTime": int(sessions.closes(evening)[0].timestamp())}
    found = {}
    for column, company in enumerate(panel.companies):
        rows = panel.traded[:, column]
        values = {name: getattr(panel, name)[rows, column] for name in ("open", "high", "low", "close", "volume")}
        last = values["close"][-1] * (1 + rng.normal(0, 0.02))
        fresh = {"open": last, "high": last * 1.01, "low": last * 0.99, "close": last, "volume": values["volume"][-1]}
        quote = {name: [*each.tolist(), fresh[name]] for name, each in values.items()}
        result = {
            "meta": meta,
            "timestamp": [*stamps[rows].tolist(), int(sessions.opens(evening)[0].timestamp())],
            "indicators": {"quote": [quote]},
        }
        found[f"/v8/finance/chart/{company}"] = json.dumps({"chart": {"result": [result], "error": None}}).encode()
    tickers = [[place, _ticker(place), _ticker(place), "NYSE"] for place in range(10_000)]
    table = {"fields": ["cik", "name", "ticker", "exchange"], "data": tickers}
    found["/files/company_tickers_exchange.json"] = json.dumps(table).encode()
    return found


def _serve(answers: dict[str, bytes], pipe: Connection) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            return

        def do_GET(self) -> None:
            body = answers[self.path.split("?")[0]]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    for ratio in measure(int(sys.argv[1]) if sys.argv[1:] else SIZE):
        print(ratio)
