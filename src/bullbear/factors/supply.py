"""What the factors of one matrix share: every series read, aligned and looked up once.

A matrix of two hundred factors reads some sixty series; without this, aligning them would cost more than computing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.store import View
from bullbear.factors.inputs import (
    SHORT_INTEREST_MAX_AGE_DAYS,
    SHORT_VOLUME_MAX_AGE_DAYS,
    Ages,
    DatedBars,
    Span,
    States,
    dated_bars,
    joint,
    last_known,
    level_max_ages,
    microseconds,
    release_spans,
    release_states,
    revision_spans,
)
from bullbear.factors.registry import Bars, Releases, ShortInterest, ShortVolume

GRID_START = "1990-01-01"
"""First session of factors that read no bars; a constant, so that a row never depends on what else was asked for."""

_INTEREST = ["shares_short", "avg_daily_volume", "days_to_cover", "shares_outstanding"]
_VOLUME = ["short_volume", "total_volume"]
_FOREVER = np.iinfo(np.int64).max
_NEVER = -(2**62)
_WEEK = pd.Timedelta(weeks=1)


@dataclass(frozen=True)
class Stretch:
    """Joint bars of some tickers within a span without revisions, and the rows in force at the decisions in it.

    `decisions` are the places in the index that the span answers, `row` the newest row of bars known at each, `fresh`
    whether that row is of the decision's own session or the one before; `closes` are the rows' own closes.
    """

    bars: list[Bars]
    closes: np.ndarray
    decisions: np.ndarray
    row: np.ndarray
    fresh: np.ndarray


class Supply:
    """Inputs of one matrix at the closes of the sessions `index`, through one view."""

    def __init__(self, view: View, index: pd.DatetimeIndex) -> None:
        self.view = view
        start = sessions.day(GRID_START)
        if index[0] < start + _WEEK:  # the session before the first one asked for must be in the grid
            start = index[0] - _WEEK
        grid = sessions.between(start, index[-1])
        self.grid_days, self.grid_closes = microseconds(grid), microseconds(sessions.closes(grid))
        self.readings = np.where(
            self.grid_days < microseconds(pd.DatetimeIndex([GRID_START]))[0], _NEVER, self.grid_closes
        )
        """When factors that read no bars look: at every close of the grid, before its first session never."""
        self.place = np.searchsorted(self.grid_days, microseconds(index))
        """Place of each session asked for in the grid."""
        self.decided = self.grid_closes[self.place]
        self._day_before = self.grid_days[np.maximum(self.place - 1, 0)]
        self._stretches: dict[tuple[str, ...], list[Stretch]] = {}
        self._frames: dict[tuple[str, int], DatedBars] = {}
        self._revisions: dict[str, list[tuple[int, int]]] = {}
        self._states: dict[tuple[str, str], States] = {}
        self._aligned: dict[tuple[str, str, int], Any] = {}
        self._series: dict[str, tuple[list[Span], Ages]] = {}

    def has(self, kind: str, series: str) -> bool:
        """Whether anything of an input of that kind is known."""
        return self.view.has("observations" if kind in ("level", "releases") else kind, series)

    def stretches(self, tickers: tuple[str, ...]) -> list[Stretch]:
        """The joint bars of `tickers`, cut where any of them was revised."""
        if tickers not in self._stretches:
            found = (self._stretch(tickers, start, stop) for start, stop in self._spans(tickers))
            self._stretches[tickers] = [stretch for stretch in found if stretch is not None]
        return self._stretches[tickers]

    def releases(self, series: str) -> tuple[list[Span], Ages]:
        """The spans of a series of releases, and the days after which its last value is stale."""
        if series not in self._series:
            versions = self.view.versions("observations", series)
            self._series[series] = release_spans(versions), level_max_ages(series, versions)
        return self._series[series]

    def published(self, kind: str, series: str, decided: np.ndarray) -> Any:
        """The last published values of a `level`, `short_volume` or `short_interest` input at some instants."""
        key = (kind, series, id(decided))  # the arrays of instants live as long as this object
        if key not in self._aligned:
            self._aligned[key] = self._align(kind, series, decided)
        return self._aligned[key]

    def _align(self, kind: str, series: str, decided: np.ndarray) -> Any:
        if kind == "short_volume":
            return ShortVolume(*self._newest(kind, series, _VOLUME).at(decided, SHORT_VOLUME_MAX_AGE_DAYS).T.copy())
        if kind == "short_interest":
            states = self._newest(kind, series, _INTEREST)
            return ShortInterest(*states.at(decided, SHORT_INTEREST_MAX_AGE_DAYS).T.copy())
        spans, max_age = self.releases(series)
        if (kind, series) not in self._states:
            self._states[kind, series] = release_states(spans, _values)
        return self._states[kind, series].at(decided, max_age)

    def _newest(self, kind: str, series: str, columns: list[str]) -> States:
        if (kind, series) not in self._states:
            self._states[kind, series] = last_known(self.view.versions(kind, series), columns)
        return self._states[kind, series]

    def _stretch(self, tickers: tuple[str, ...], start: int, stop: int) -> Stretch | None:
        decisions = np.flatnonzero((self.decided >= start) & (self.decided < stop))
        if not len(decisions):
            return None
        bars, known = joint([self._bars_by(ticker, stop) for ticker in tickers])
        if not len(known):
            return None
        days = bars[0].sessions.astype("datetime64[us]").astype(np.int64)
        # Bars are mostly known at their own close. Some come later (Cboe quotes its indices until 16:15) or not at all;
        # then the decision has yesterday's row, and nothing older.
        row = np.searchsorted(known, self.decided[decisions], side="right") - 1
        fresh = (row >= 0) & (days[np.maximum(row, 0)] >= self._day_before[decisions])
        return Stretch(bars, self._closes(days), decisions, np.maximum(row, 0), fresh)

    def _closes(self, days: np.ndarray) -> np.ndarray:
        place = np.searchsorted(self.grid_days, days)
        inside = place < len(self.grid_days)
        if inside.all() and np.array_equal(self.grid_days[place], days):
            return self.grid_closes[place]
        return microseconds(sessions.closes(pd.DatetimeIndex(days.view("datetime64[us]"))))  # older or newer bars

    def _spans(self, tickers: tuple[str, ...]) -> list[tuple[int, int]]:
        spans = [self._spans_of(ticker) for ticker in tickers]
        first = max(each[0][0] for each in spans)
        starts = sorted({first, *(start for each in spans for start, _ in each if start > first)})
        return list(zip(starts, [*starts[1:], _FOREVER], strict=True))

    def _spans_of(self, ticker: str) -> list[tuple[int, int]]:
        if ticker not in self._revisions:
            versions = self.view.versions("bars", ticker)
            events, known = microseconds(versions["event_date"]), microseconds(versions["known_at"])
            self._revisions[ticker] = revision_spans(events, known)
        return self._revisions[ticker]

    def _bars_by(self, ticker: str, stop: int) -> DatedBars:
        if (ticker, stop) not in self._frames:
            self._frames[ticker, stop] = dated_bars(self.view.versions("bars", ticker), stop)
        return self._frames[ticker, stop]


def _values(releases: Releases) -> np.ndarray:
    return releases.value
