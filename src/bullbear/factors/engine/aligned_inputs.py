"""What the factors of one matrix share: every series aligned and looked up once, and no more rows of it than asked for.

A matrix of two hundred factors reads some sixty series; without this, aligning them would cost more than computing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.cached_method import cached_method
from bullbear.data.versions import Versions
from bullbear.data.view import View
from bullbear.factors.engine.inputs import (
    Ages,
    DatedBars,
    Span,
    bar_spans,
    dated_bars,
    joint,
    level_max_ages,
    microseconds,
    release_spans,
    since,
)
from bullbear.factors.engine.registry import Bars, kind_of

GRID_START = "1990-01-01"
"""First session of factors that read no bars; a constant, so that a row never depends on what else was asked for."""

_FOREVER = np.iinfo(np.int64).max
_NEVER = -(2**62)
_LATE = 21
"""Rows beyond the look-back: sessions on which one of several tickers may not have traded."""
_FIRST = microseconds(pd.DatetimeIndex([GRID_START]))[0]
_WEEK = pd.Timedelta(weeks=1)


class Timeline:
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
class BarSpan:
    """Joint bars of some tickers within a span without revisions, and the rows in force at the decisions in it.

    `decisions` are the places in the index that the span answers, `row` the newest row of bars known at each, `fresh`
    whether that row is of the decision's own session or the one before; `times` are the rows' own closes.
    """

    bars: list[Bars]
    times: Timeline
    decisions: slice
    row: np.ndarray
    fresh: np.ndarray


def cut(argument: Any, start: int, stop: int) -> Any:
    """Rows of an array, or of every array of a dataclass."""
    if isinstance(argument, np.ndarray):
        return argument[start:stop]
    columns = vars(argument).values()
    if start == 0 and stop >= len(next(iter(columns))):
        return argument
    return type(argument)(*[column[start:stop] for column in columns])


class AlignedInputs:
    """Inputs of one matrix.

    Parameters
    ----------
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
        self.grid = Timeline(lambda: np.where(self.grid_days < _FIRST, _NEVER, self.grid_closes))
        """When factors that read no bars look: at every close of the grid, before its first session never."""
        days = microseconds(index)
        self.place = np.searchsorted(self.grid_days, days)
        """Place of each session asked for in the grid."""
        if len(self.grid_days) <= self.place[-1] or not np.array_equal(self.grid_days[self.place], days):
            sessions.closes(index)  # raises, naming the day that is no session
        self.decided = self.grid_closes[self.place]
        self._day_before = self.grid_days[np.maximum(self.place - 1, 0)]
        self.cache: dict[object, Any] = {}

    @cached_method
    def has(self, kind: str, series: str) -> bool:
        """Whether anything of an input of that kind is known."""
        return len(self._versions(kind, series)) > 0

    @cached_method
    def joint_bars(self, tickers: tuple[str, ...]) -> list[BarSpan]:
        """The joint bars of `tickers`, cut where any of them was revised."""
        found = [self._bar_span(tickers, start, stop) for start, stop in self._joint_spans(tickers)]
        return [span for span in found if span is not None]

    @cached_method
    def releases(self, series: str) -> tuple[list[Span], float | Ages]:
        """The spans of a series of releases that matter, and the days after which its last value is stale."""
        versions = self._versions("releases", series)
        spans = release_spans(versions, int(self.decided[0]), int(self.decided[-1]))
        return spans, level_max_ages(series, versions)

    def published(self, kind: str, series: str, times: Timeline, start: int, stop: int) -> Any:
        """What was last published of an input of any kind but bars and releases, at rows of a timeline."""
        begin, values = times.seen.get((kind, series), (_FOREVER, None))
        if begin > start:
            begin, values = start, self._align(kind, series, times.instants[start:])
            times.seen[kind, series] = begin, values
        return cut(values, start - begin, stop - begin)

    def _align(self, kind: str, series: str, decided: np.ndarray) -> Any:
        align = kind_of(kind).align
        assert align is not None, f"{kind} defines the rows of a factor"
        return align(self._versions(kind, series), series, decided)

    def _versions(self, kind: str, series: str) -> Versions:
        return self.view.arrays(kind_of(kind).stored, series)

    def _bar_span(self, tickers: tuple[str, ...], start: int, stop: int) -> BarSpan | None:
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
        return BarSpan(bars, Timeline(lambda: self._closes(days)), decisions, place, fresh)

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

    @cached_method
    def _spans_of(self, ticker: str) -> list[tuple[int, int]]:
        return bar_spans(self._versions("bars", ticker))

    @cached_method
    def _bars_by(self, ticker: str, stop: int) -> DatedBars:
        return dated_bars(self._versions("bars", ticker), stop)
