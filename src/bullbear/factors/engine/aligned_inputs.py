"""What the factors of one matrix share: every series aligned and looked up once, and no more rows of it than asked for.

A matrix of two hundred factors reads some sixty series; without this, aligning them would cost more than computing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.versions import Versions
from bullbear.data.view import View
from bullbear.factors.engine.inputs import (
    SHORT_INTEREST_MAX_AGE_DAYS,
    SHORT_VOLUME_MAX_AGE_DAYS,
    Ages,
    DatedBars,
    Span,
    bar_spans,
    dated_bars,
    joint,
    last_known,
    level_max_ages,
    microseconds,
    release_spans,
    release_states,
    since,
)
from bullbear.factors.engine.registry import OBSERVED, Array, Bars, Releases, ShortInterest, ShortVolume
from bullbear.factors.macro.releases import release_change

GRID_START = "1990-01-01"
"""First session of factors that read no bars; a constant, so that a row never depends on what else was asked for."""

_FOREVER = np.iinfo(np.int64).max
_NEVER = -(2**62)
_LATE = 21
"""Rows beyond the look-back: sessions on which one of several tickers may not have traded."""
_FIRST = microseconds(pd.DatetimeIndex([GRID_START]))[0]
_WEEK = pd.Timedelta(weeks=1)


def _half_year_change(releases: Releases) -> Array:
    return release_change(releases, periods=6)


class Clock:
    """Instants at which factors look, one a row, and what has been looked up at them so far."""

    def __init__(self, instants: Callable[[], np.ndarray]) -> None:
        self._instants = instants
        self.seen: dict[tuple[str, str], tuple[int, Any]] = {}
        """By kind and series: the first row looked up, and the values from it on."""

    @cached_property
    def instants(self) -> np.ndarray:
        """Microseconds, ascending; shape (n_rows,)."""
        return self._instants()


@dataclass(frozen=True)
class Stretch:
    """Joint bars of some tickers within a span without revisions, and the rows in force at the decisions in it.

    `decisions` are the places in the index that the span answers, `row` the newest row of bars known at each, `fresh`
    whether that row is of the decision's own session or the one before; `clock` strikes at the rows' own closes.
    """

    bars: list[Bars]
    clock: Clock
    decisions: slice
    row: np.ndarray
    fresh: np.ndarray


def cut(argument: Any, start: int, stop: int) -> Any:
    """Rows of an array, or of every array of a dataclass."""
    if isinstance(argument, np.ndarray):
        return argument[start:stop]
    names = _COLUMNS[type(argument)]
    if start == 0 and stop >= len(getattr(argument, names[0])):
        return argument
    return type(argument)(*[getattr(argument, name)[start:stop] for name in names])


_COLUMNS = {each: tuple(f.name for f in fields(each)) for each in (Bars, Releases, ShortVolume, ShortInterest)}


class Supply:
    """Inputs of one matrix.

    Parameters
    ----------
    view
        What was known.
    index
        Sessions at whose closes the factors look.
    reach
        For tickers whose bars are read together, the rows that must be there up to the first of these closes (or all
        that ever were).
    """

    def __init__(self, view: View, index: pd.DatetimeIndex, reach: Mapping[tuple[str, ...], int]) -> None:
        self.view, self.reach = view, reach
        start = sessions.day(GRID_START)
        if index[0] < start + _WEEK:  # the session before the first one asked for must be in the grid
            start = index[0] - _WEEK
        self.grid_days, self.grid_closes = sessions.clock(start, index[-1])
        self.grid = Clock(lambda: np.where(self.grid_days < _FIRST, _NEVER, self.grid_closes))
        """When factors that read no bars look: at every close of the grid, before its first session never."""
        days = microseconds(index)
        self.place = np.searchsorted(self.grid_days, days)
        """Place of each session asked for in the grid."""
        if len(self.grid_days) <= self.place[-1] or not np.array_equal(self.grid_days[self.place], days):
            sessions.closes(index)  # raises, naming the day that is no session
        self.decided = self.grid_closes[self.place]
        self._day_before = self.grid_days[np.maximum(self.place - 1, 0)]
        self._has: dict[tuple[str, str], bool] = {}
        self._stretches: dict[tuple[str, ...], list[Stretch]] = {}
        self._bars: dict[tuple[str, int], DatedBars] = {}
        self._spans: dict[str, list[tuple[int, int]]] = {}
        self._releases: dict[str, list[Span]] = {}

    def has(self, kind: str, series: str) -> bool:
        """Whether anything of an input of that kind is known."""
        if (kind, series) not in self._has:
            self._has[kind, series] = len(self._versions(kind, series)) > 0
        return self._has[kind, series]

    def stretches(self, tickers: tuple[str, ...]) -> list[Stretch]:
        """The joint bars of `tickers`, cut where any of them was revised."""
        if tickers not in self._stretches:
            found = [self._stretch(tickers, start, stop) for start, stop in self._joint_spans(tickers)]
            self._stretches[tickers] = [stretch for stretch in found if stretch is not None]
        return self._stretches[tickers]

    def releases(self, series: str) -> tuple[list[Span], float | Ages]:
        """The spans of a series of releases that matter, and the days after which its last value is stale."""
        versions = self._versions("releases", series)
        if series not in self._releases:
            self._releases[series] = release_spans(versions, int(self.decided[0]), int(self.decided[-1]))
        return self._releases[series], level_max_ages(series, versions)

    def published(self, kind: str, series: str, clock: Clock, start: int, stop: int) -> Any:
        """What was last published of an input of any kind but bars and releases, at rows of a clock."""
        begin, values = clock.seen.get((kind, series), (_FOREVER, None))
        if begin > start:
            begin, values = start, self._align(kind, series, clock.instants[start:])
            clock.seen[kind, series] = begin, values
        return cut(values, start - begin, stop - begin)

    def _align(self, kind: str, series: str, decided: np.ndarray) -> Any:
        versions = self._versions(kind, series)
        if kind == "half_year_change":
            spans = release_spans(versions, int(decided[0]), int(decided[-1]))
            return release_states(spans, _half_year_change).at(decided, level_max_ages(series, versions))
        states = last_known(versions)
        if kind == "level":
            return states.at(decided, level_max_ages(series, versions))[:, 0]
        age = SHORT_VOLUME_MAX_AGE_DAYS if kind == "short_volume" else SHORT_INTEREST_MAX_AGE_DAYS
        told = dict(zip(versions.numbers, states.at(decided, age).T.copy(), strict=True))
        if kind == "short_volume":
            return ShortVolume(told["short_volume"], told["total_volume"])
        return ShortInterest(**told)

    def _versions(self, kind: str, series: str) -> Versions:
        return self.view.arrays("observations" if kind in OBSERVED else kind, series)

    def _stretch(self, tickers: tuple[str, ...], start: int, stop: int) -> Stretch | None:
        decisions = slice(*np.searchsorted(self.decided, (start, stop)))
        decided = self.decided[decisions]
        if not len(decided):
            return None
        parts = [self._bars_by(ticker, stop) for ticker in tickers]
        reach = self.reach[tickers]
        recent = since(parts, decided[0], reach + _LATE)
        bars, known = joint(recent)
        # Bars are mostly known at their own close. Some come later (Cboe quotes its indices until 16:15) or not at all;
        # then the decision has yesterday's row, and nothing older.
        row = np.searchsorted(known, decided, side="right") - 1
        if recent is not parts and row[0] + 1 < reach:  # sessions that not all of them traded
            bars, known = joint(parts)
            row = np.searchsorted(known, decided, side="right") - 1
        if not len(known):
            return None
        days = bars[0].sessions.view(np.int64)
        place = np.maximum(row, 0)
        fresh = (row >= 0) & (days[place] >= self._day_before[decisions])
        return Stretch(bars, Clock(lambda: self._closes(days)), decisions, place, fresh)

    def _closes(self, days: np.ndarray) -> np.ndarray:
        place = np.searchsorted(self.grid_days, days)
        inside = place < len(self.grid_days)
        if inside.all() and np.array_equal(self.grid_days[place], days):
            return self.grid_closes[place]
        return microseconds(sessions.closes(pd.DatetimeIndex(days.view("datetime64[us]"))))  # older or newer bars

    def _joint_spans(self, tickers: tuple[str, ...]) -> list[tuple[int, int]]:
        spans = [self._spans_of(ticker) for ticker in tickers]
        first = max(each[0][0] for each in spans)
        starts = sorted({first, *(start for each in spans for start, _ in each if start > first)})
        return list(zip(starts, [*starts[1:], _FOREVER], strict=True))

    def _spans_of(self, ticker: str) -> list[tuple[int, int]]:
        if ticker not in self._spans:
            self._spans[ticker] = bar_spans(self._versions("bars", ticker))
        return self._spans[ticker]

    def _bars_by(self, ticker: str, stop: int) -> DatedBars:
        if (ticker, stop) not in self._bars:
            self._bars[ticker, stop] = dated_bars(self._versions("bars", ticker), stop)
        return self._bars[ticker, stop]
