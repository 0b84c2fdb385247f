"""Tiingo's daily bars: a keyed second source, asked when Yahoo does not deliver, and to cross-check what it delivers.

`open` to `volume` are as traded, `divCash` and `splitFactor` stand on their ex-dates, so that nothing has to be undone.
The key travels in a header. Tiingo has no indices.
"""

from __future__ import annotations

from datetime import date

import pandas as pd

from bullbear.data.providers.delivery import FORMAT_CHANGED, Delivery, Frames, checked, days, tidy
from bullbear.data.providers.http import Ask, Client

_NAMES = {
    "open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume",
    "divCash": "dividend", "splitFactor": "split",
}  # fmt: skip


def fetch(client: Client, url: str, key: str, ticker: str, since: date) -> Delivery:
    """Bars of `ticker` from `since` on.

    Raises
    ------
    FetchError
        They did not come, or cannot be used.

    References
    ----------
    https://www.tiingo.com/documentation/end-of-day
    """
    ask = Ask(
        "tiingo",
        ticker,
        f"{url}/tiingo/daily/{ticker.lower()}/prices",
        {"startDate": since.isoformat(), "format": "json"},
        headers={"Authorization": f"Token {key}"},
    )
    answer = client.get(ask)
    rows = answer.json
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ask.fault("no list of bars", FORMAT_CHANGED)
    cells = pd.DataFrame(rows)
    missing = [name for name in ("date", *_NAMES) if name not in cells]
    if rows and missing:
        raise ask.fault(f"no {', '.join(missing)} in the bars", FORMAT_CHANGED)
    notes: list[str] = []
    if not rows:
        raise ask.fault("no rows", "check the ticker")
    frame = pd.DataFrame({"date": days(ask, cells["date"].astype("str").str[:10])})
    for name, ours in _NAMES.items():
        try:
            frame[ours] = cells[name].astype("float64")
        except (TypeError, ValueError):
            raise ask.fault(f"a cell of {name} that is no number", FORMAT_CHANGED) from None
    frames: Frames = {("raw_bars", ticker): tidy(ask, frame, ["date"], notes)}
    return Delivery(checked(ask, frames), answer.served_at, notes)
