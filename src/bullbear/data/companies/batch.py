"""The rows that the answers of some companies add, gathered as arrays and stored at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear import sessions as exchange
from bullbear.data.companies.panel import BARS

Instants = NDArray[np.int64]
"""Microseconds since 1970 (UTC); of a day, its midnight."""


@dataclass
class Clock:
    """Opens and closes of the sessions up to the last one that is over, and the present."""

    days: Instants
    opens: Instants
    closes: Instants
    now: int

    @classmethod
    def until(cls, first: pd.Timestamp, last: pd.Timestamp, now: pd.Timestamp) -> Clock:
        """The sessions from `first` to `last`."""
        days = exchange.between(first, last)
        opens, closes = exchange.opens(days).as_unit("us").asi8, exchange.closes(days).as_unit("us").asi8
        return cls(days.as_unit("us").asi8, opens, closes, micros(now))


@dataclass
class Batch:
    """The rows that the answers of some companies add, by kind."""

    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    first: dict[str, tuple[pd.Timestamp, pd.Timestamp]] = field(default_factory=dict)
    revised: int = 0
    _bars: list[tuple[str, Instants, Instants, NDArray[np.float64]]] = field(default_factory=list)

    def add(self, to: str, company: str, days: Instants, known_at: Instants, **columns: object) -> None:
        """Add rows of one company to the kind `to`."""
        if len(days):
            frame = pd.DataFrame({"event_date": naive(days), "known_at": utc(known_at), **columns})
            self.parts.setdefault(to, []).append(frame.assign(series=company))

    def add_bars(self, company: str, days: Instants, known_at: Instants, bars: NDArray[np.float64]) -> None:
        """Add bars; those of all companies become one frame."""
        if len(days):
            self._bars.append((company, days, known_at, bars))

    def frames(self) -> dict[str, pd.DataFrame]:
        """The rows by kind: what explains a bar before the bar."""
        found = {kind: pd.concat(self.parts[kind], ignore_index=True) for kind in sorted(self.parts)}
        if self._bars:
            names, days, known, bars = zip(*self._bars, strict=True)
            values = dict(zip(BARS, np.concatenate(bars).T, strict=True))
            series = np.repeat(np.array(names, dtype=object), [len(each) for each in days])
            frame = {
                "series": series,
                "event_date": naive(np.concatenate(days)),
                "known_at": utc(np.concatenate(known)),
            }
            found["bars"] = pd.DataFrame({**frame, **values, "restated": 0.0})
        return found


def micros(instant: pd.Timestamp) -> int:
    """Microseconds since 1970 (UTC); of a naive day, its midnight."""
    return int(instant.as_unit("us").asm8.view(np.int64))


def naive(days: Instants) -> pd.DatetimeIndex:
    """Days as pandas has them."""
    return pd.DatetimeIndex(days.view("datetime64[us]"))


def utc(instants: Instants) -> pd.DatetimeIndex:
    """Instants as pandas has them."""
    return naive(instants).tz_localize("UTC")
