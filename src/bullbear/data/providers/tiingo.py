"""Tiingo's daily bars: a second source with a key, used when Yahoo fails and to cross-check what Yahoo delivers.

`open` to `volume` are as traded; `divCash` and `splitFactor` stand on their ex-dates. The key is sent in a header.
Tiingo has no indices. Reference: https://www.tiingo.com/documentation/end-of-day
"""

from __future__ import annotations

from datetime import date

import numpy as np

from bullbear.data.providers.delivery import Delivery, Frames, checked, days, tidy
from bullbear.data.providers.http import Client, Request
from bullbear.data.providers.wire import Number, Text, Wire, columns_of, parsed

_NAMES = {
    "open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume",
    "divCash": "dividend", "splitFactor": "split",
}  # fmt: skip


class _Bar(Wire):
    date: Text = ""
    open: Number = np.nan
    high: Number = np.nan
    low: Number = np.nan
    close: Number = np.nan
    volume: Number = np.nan
    divCash: Number = np.nan  # noqa: N815
    splitFactor: Number = np.nan  # noqa: N815


def fetch(client: Client, url: str, key: str, ticker: str, since: date) -> Delivery:
    """Bars of `ticker` from `since` on."""
    request = Request(
        "tiingo",
        ticker,
        f"{url}/tiingo/daily/{ticker.lower()}/prices",
        {"startDate": since.isoformat(), "format": "json"},
        headers={"Authorization": f"Token {key}"},
    )
    response = client.get(request)
    rows = parsed(response, list[_Bar])
    if not rows:
        raise request.error("no rows", "check the ticker")
    cells = columns_of(request, rows, ("date", *_NAMES))
    notes: list[str] = []
    frame = cells.rename(columns=_NAMES).assign(date=days(request, cells["date"].str[:10]))
    # A ratio of zero is impossible, so it is unknown.
    frame["split"] = frame["split"].replace(0.0, np.nan)
    frames: Frames = {("raw_bars", ticker): tidy(request, "raw_bars", frame, notes)}
    return Delivery(checked(request, frames), response.served_at, notes)
