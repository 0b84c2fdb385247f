"""A market that is fetched evening by evening from a provider on 127.0.0.1, with what goes wrong on live evenings.

One fund and its inverse fund, told in Yahoo's wire format: dividends, a split, a bar that comes a day late, one that
never comes, and one that is corrected the next morning.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pandas as pd

from bullbear import sessions


@dataclass(frozen=True)
class Incidents:
    """What goes wrong, and when; each a session."""

    late: pd.Timestamp
    missing: pd.Timestamp
    corrected: pd.Timestamp
    split: pd.Timestamp
    dividends: tuple[pd.Timestamp, ...]


class Provider:
    """Tells the bars of both funds as they stand on the evening of `today`."""

    def __init__(self, first: str, last: str, incidents: Incidents, seed: int) -> None:
        self.days = sessions.between(first, last)
        self.incidents = incidents
        rng = np.random.default_rng(seed)
        n = len(self.days)
        # Slow waves, so that a learner finds something and the policy has something to do.
        drift = 0.004 * np.sin(np.arange(n) / 45.0)
        steps = drift + 0.011 * rng.standard_normal(n)
        self.close = {"IWM": 150 * np.exp(np.cumsum(steps)), "TWM": 40 * np.exp(np.cumsum(-2 * steps))}
        self.wick = 1 + np.abs(rng.normal(0, 0.004, n))
        self.gap = np.exp(rng.normal(0, 0.003, n))
        self.today = self.days[0]
        self.now = pd.Timestamp(first, tz="UTC")

    def answer(self, ticker: str, since: pd.Timestamp) -> bytes:
        """The chart of a ticker, split-adjusted as of `today`."""
        told, days = self.incidents, self.days
        close = self.close[ticker].copy()
        if ticker == "IWM":
            if self.today == told.corrected:
                close[days == told.corrected] *= 1.004
            close[days >= told.split] /= 2
        shown = (days <= self.today) & (days >= since) & (days != told.missing)
        if ticker == "IWM" and self.today == told.late:
            shown &= days != told.late
        split_known = ticker == "IWM" and self.today >= told.split
        factor = np.where((days < told.split) & split_known, 2.0, 1.0)
        quote = {
            "open": close * self.gap / factor,
            "high": close * np.maximum(self.gap, 1) * self.wick / factor,
            "low": close * np.minimum(self.gap, 1) / self.wick / factor,
            "close": close / factor,
            "volume": 1e6 * factor,
        }
        stamps = sessions.opens(days).as_unit("s").asi8
        paid = {}
        if ticker == "IWM":
            for day in told.dividends:
                place = int(np.flatnonzero(days == day)[0])
                if shown[place]:
                    paid[str(stamps[place])] = {"date": int(stamps[place]), "amount": 0.6 / factor[place]}
        splits = {}
        if split_known and told.split >= since:
            stamp = int(stamps[days == told.split][0])
            splits[str(stamp)] = {"date": stamp, "numerator": 2.0, "denominator": 1.0, "splitRatio": "2:1"}
        last = self.days[shown][-1]
        traded = int(sessions.closes(pd.DatetimeIndex([last]))[0].timestamp())
        result = {
            "meta": {"currency": "USD", "regularMarketTime": traded, "exchangeTimezoneName": "America/New_York"},
            "timestamp": stamps[shown].tolist(),
            "events": {"splits": splits, "dividends": paid},
            "indicators": {"quote": [{name: values[shown].tolist() for name, values in quote.items()}]},
        }
        return json.dumps({"chart": {"result": [result], "error": None}}).encode()


@contextmanager
def served(provider: Provider) -> Iterator[str]:
    """The provider's URL, as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            return

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(provider.now.to_pydatetime(), usegmt=True)

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            since = pd.Timestamp(int(parse_qs(asked.query)["period1"][0]), unit="s")
            body = provider.answer(unquote(asked.path.rsplit("/", 1)[1]), since)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def numbers_of(entry: dict[str, Any]) -> dict[str, Any]:
    """What a ledger entry says, without when and by which code it was said and where it stands."""
    stamps = ("ledger", "batch", "issued_at", "kind", "code_version", "schema_version")
    content = {key: value for key, value in entry.items() if key not in stamps}
    data = {key: value for key, value in entry["data"].items() if key not in ("stored_through", "sessions_behind")}
    return content | {"data": data}
