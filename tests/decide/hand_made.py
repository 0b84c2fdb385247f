"""Markets written out bar by bar."""

from __future__ import annotations

import math

import pandas as pd

from bullbear.decide.market import Bars, Market

NAN = math.nan
Bar = tuple[float, float, float]  # open, low, close


def market_of(days: pd.DatetimeIndex, rate: float = 0.0, unit: float = 1.0, **bars: list[Bar]) -> Market:
    """The bars of each ticker on the first of `days`; cash earns `rate` a year."""
    found = {}
    for ticker, rows in bars.items():
        opened, low, close = (list(column) for column in zip(*rows, strict=True))
        unknown = [NAN] * len(rows)
        raw = [each * unit for each in opened]
        found[ticker] = Bars(opened, unknown, low, close, unknown, raw, [unit] * len(rows), unknown)
    n = len(next(iter(bars.values())))
    return Market("IWM", days[:n], [0.1] * n, found, [rate] * n)
