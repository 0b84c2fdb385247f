"""Cboe's volatility indices: one file of the whole history each, `{NAME}_History.csv`.

VIX, VIX9D, VIX3M, VIX6M, VIX1Y and RVX (the Russell 2000's VIX) come as `DATE,OPEN,HIGH,LOW,CLOSE`, SKEW and VVIX as
`DATE,NAME`; days are written MM/DD/YYYY. The first kind is stored as bars of ^NAME; the close of VIX3M, VIX6M, VIX1Y
and RVX, and the second kind, as observations named CBOE_NAME.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data.providers.delivery import Delivery, Frames, checked, days, numbers, table, tidy
from bullbear.data.providers.http import Client, Request

_PATH = "/api/global/us_indices/daily_prices"
BARS = frozenset({"VIX", "VIX9D", "VIX3M", "VIX6M", "VIX1Y", "RVX"})
OBSERVED = frozenset({"VIX3M", "VIX6M", "VIX1Y", "RVX", "SKEW", "VVIX"})


def fetch(client: Client, url: str, index: str) -> Delivery:
    """The history of one index."""
    request = Request("cboe", index, f"{url}{_PATH}/{index}_History.csv")
    response = client.get(request)
    has_bars = index in BARS
    close = "CLOSE" if has_bars else index
    cells = table(response, ("DATE", "OPEN", "HIGH", "LOW", "CLOSE") if has_bars else ("DATE", index))
    frame = pd.DataFrame({"date": days(request, cells["DATE"], "%m/%d/%Y")})
    if has_bars:
        for name in ("OPEN", "HIGH", "LOW"):
            # The oldest rows have zeros where only the close was computed.
            frame[name.lower()] = numbers(request, cells[name]).replace(0.0, np.nan)
    frame["close"] = numbers(request, cells[close])
    notes: list[str] = []
    frames: Frames = {}
    if has_bars:
        bars = tidy(request, "raw_bars", frame.dropna(subset="close"), notes)
        frames["raw_bars", f"^{index}"] = bars.assign(volume=np.nan, dividend=0.0, split=1.0)
    if index in OBSERVED:
        observed = frame[["date", "close"]].set_axis(["date", "value"], axis=1).dropna(subset="value")
        # The notes on its bars cover these rows too.
        frames["macro", f"CBOE_{index}"] = tidy(request, "macro", observed, [] if has_bars else notes)
    return Delivery(checked(request, frames), response.served_at, notes)
