"""The changes of a store by which the audit looks for what sees later days; see `data.changed`."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.companies.kinds import layout_of

EVERY = "*"
"""In the place of a series: every series of the kind."""


def among(series: frozenset[tuple[str, str]] | None, kind: str, name: str) -> bool:
    """Whether a series is one of those that a change is about; None: all are."""
    return series is None or (kind, name) in series or (kind, EVERY) in series


@dataclass(frozen=True)
class Noise:
    """Every number known after an instant replaced by a random one, each number of a row by one of its own.

    A bar stays a bar: its low is not above its high. Numbers that are never negative stay so, others may change their
    sign. Days and instants stay, and so do texts but for tickers: lists of holdings and listings name others.

    Parameters
    ----------
    after
        The instant; rows known at it stay.
    series
        The (kind, series) that change; None for all.
    rows_changed
        How many of the rows known after the instant change, the first of them in the order of publication; None for
        all. One shows a look-ahead of a single bar that noise everywhere may hide.
    seed
        Of the random numbers; each series has its own.
    """

    after: pd.Timestamp
    series: frozenset[tuple[str, str]] | None = None
    rows_changed: int | None = None
    seed: int = 1

    def touches(self, kind: str, series: str) -> bool:
        """Whether the series is among those that change."""
        return among(self.series, kind, series)

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The changed rows; see `data.changed.Change`."""
        layout = layout_of(kind)
        numbers = [name for name in layout.numbers if name in frame]
        named = [name for name in layout.texts if name == "ticker" and name in frame]
        late = np.flatnonzero((frame["known_at"] > self.after).to_numpy())[: self.rows_changed]
        if not (numbers or named) or not len(late):
            return frame
        draw = _draw(self.seed, kind, series)
        changed = frame.copy()
        for name in named:
            texts = frame[name].to_numpy(object).copy()
            texts[late] = [f"{text}Q" for text in texts[late]]
            changed[name] = pd.Series(texts, frame.index).astype(frame[name].dtype)
        for name in numbers:
            values = frame[name].to_numpy(np.float64).copy()
            values[late] = _replaced(values, late, draw)
            changed[name] = values
        if {"open", "high", "low", "close"} <= set(numbers):
            _in_order(changed, late)
        return changed


def _draw(seed: int, kind: str, series: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{kind}/{series}".encode())])


def _replaced(values: np.ndarray, late: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    size = np.exp(draw.normal(0.3, 1.0, len(late)))
    replaced: np.ndarray = values[late] * size
    known = values[~np.isnan(values)]
    if (known < 0.0).any() and (known > 0.0).any():
        replaced += known.std() * draw.normal(0.0, 1.0, len(late))
    return replaced


def _in_order(bars: pd.DataFrame, late: np.ndarray) -> None:
    """The four prices of each changed bar in the places where they make a bar."""
    four = bars[["open", "high", "low", "close"]].to_numpy(np.float64)[late]
    low, high = np.minimum.reduce(four.T), np.maximum.reduce(four.T)
    whole = ~np.isnan(four).any(axis=1)
    for name, values in (("low", low), ("high", high)):
        other = four[:, 2 if name == "low" else 1]
        column = bars[name].to_numpy(np.float64).copy()
        column[late] = np.where(whole, values, other)
        bars[name] = column


@dataclass(frozen=True)
class Thinned:
    """A random half of the rows known after an instant taken away; shows what looks only whether a row is there.

    `series` are the (kind, series) that change; None for all.
    """

    after: pd.Timestamp
    series: frozenset[tuple[str, str]] | None = None
    seed: int = 1

    def touches(self, kind: str, series: str) -> bool:
        """Whether the series is among those that change."""
        return among(self.series, kind, series)

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that are left; see `data.changed.Change`."""
        gone = _draw(self.seed, kind, series).random(len(frame)) < 0.5
        return frame[~(gone & (frame["known_at"] > self.after).to_numpy())]


@dataclass(frozen=True)
class Restated:
    """Every price of a ticker divided by two and every volume multiplied by eight, from the first bar on.

    So do splits and dividends that are yet to come, if less evenly: of adjusted prices only ratios have a meaning.
    """

    ticker: str

    def touches(self, kind: str, series: str) -> bool:
        """Whether the series is the ticker's bars."""
        return kind == "bars" and series == self.ticker

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The changed rows; see `data.changed.Change`."""
        # Powers of two leave the digits of every ratio as they are.
        by = {"open": 0.5, "high": 0.5, "low": 0.5, "close": 0.5, "adj_close": 0.5, "volume": 8.0}
        return frame.assign(**{name: frame[name] * size for name, size in by.items() if name in frame})


@dataclass(frozen=True)
class Removed:
    """Every row known after an instant taken away: the store as it could have been copied then."""

    after: pd.Timestamp

    def touches(self, kind: str, series: str) -> bool:
        """Whether the series is among those that change: all."""
        return True

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that are left; see `data.changed.Change`."""
        return frame[frame["known_at"] <= self.after]
