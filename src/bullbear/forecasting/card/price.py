"""The price at the close of the decision: its move of the day, and where it stands within its year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bullbear.forecasting.card.sources import Sources
from bullbear.wording import percent
from bullbear.wording import price as _price

YEAR = 252
"""Sessions of the year whose high and low are shown, the close's own among them."""


def price_of(sources: Sources) -> dict[str, Any]:
    """The key `price`: close and move in prices of the day, `day` and `from_high` as fractions.

    `high_52w` and `low_52w` are of the session's highs and lows (closes where those are unknown). What is unknown is
    None.
    """
    bars = sources.view.bars(sources.entry["ticker"]).loc[: sources.session].iloc[-YEAR:]
    close = bars["close"].to_numpy(dtype=np.float64)
    now = float(close[-1])
    before = float(close[-2]) if len(close) > 1 else float("nan")
    high = float(np.nanmax(np.fmax(bars["high"].to_numpy(dtype=np.float64), close)))
    low = float(np.nanmin(np.fmin(bars["low"].to_numpy(dtype=np.float64), close)))
    return {
        "close": _known(now),
        "previous": _known(before),
        "change": _known(now - before),
        "day": _known(_day_return(bars)),
        "high_52w": _known(high),
        "low_52w": _known(low),
        "from_high": _known(now / high - 1.0),
    }


def price_sentence(price: Mapping[str, Any]) -> str:
    """The key `price` in words.

    Example
    -------
    >>> price_sentence({"close": 165.67, "previous": 165.44, "day": 0.0014, "high_52w": 167.12, "low_52w": 131.54,
    ...                 "from_high": -0.0087})
    'Close 165.67, up 0.1 % on the day; 0.9 % below the 52-week high of 167.12 (low 131.54).'
    """
    note = price_note(price)
    return f"Close {_price(price['close'])}{f', {note}' if note else ''}."


def price_note(price: Mapping[str, Any]) -> str:
    """The move of the day and the place in the year, as a phrase; "" where neither is known."""
    day, from_high, parts = price["day"], price["from_high"], list[str]()
    if day is not None:
        parts.append(f"{'down' if day < 0.0 else 'up'} {percent(abs(day))} on the day")
    if from_high is not None:
        high = f"the 52-week high of {_price(price['high_52w'])} (low {_price(price['low_52w'])})"
        parts.append(f"{percent(-from_high)} below {high}" if from_high <= -0.0005 else f"at {high}")
    return "; ".join(parts)


def _day_return(bars: pd.DataFrame) -> float:
    """The total return of the last session: on an ex-date the price falls by a dividend that was not lost."""
    adjusted = bars["adj_close"].to_numpy(dtype=np.float64)
    return float(adjusted[-1] / adjusted[-2] - 1.0) if len(adjusted) > 1 else float("nan")


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
