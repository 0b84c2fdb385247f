"""The engine: one matrix, any number of sessions, every row as it could have been computed at that session's close.

Row `s` is what the factor gives on `as_of(decided_at(s))`. Where nothing was revised in between, one causal pass over
the whole history gives every row at once; a revision cuts history into spans, and each span is computed on the data
known within it. Before its declared look-back a factor is missing, whatever its library would have said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.store import View
from bullbear.definitions import FactorSpec
from bullbear.errors import InputError
from bullbear.factors.inputs import (
    SHORT_INTEREST_MAX_AGE_DAYS,
    SHORT_VOLUME_MAX_AGE_DAYS,
    Span,
    States,
    bars_known_by,
    joint_bars,
    last_known,
    level_max_age,
    microseconds,
    release_spans,
    release_states,
    revision_spans,
    spans_in_force,
)
from bullbear.factors.registry import Array, Bars, Factor, Releases, ShortInterest, ShortVolume, registered

GRID_START = "1990-01-01"
"""First session of factors that read no bars; a constant, so that a row never depends on what else was asked for."""


def compute(view: View, specs: Sequence[FactorSpec], index: pd.DatetimeIndex) -> pd.DataFrame:
    """The factors `specs` at the closes of the sessions `index`.

    Parameters
    ----------
    view
        The store as known at one instant; no session of `index` may close after it.
    specs
        Checked factors (see `feature_sets.load`).
    index
        Sessions, sorted; shape (n,).

    Returns
    -------
    DataFrame
        Shape (n, len(specs)), float64, NaN where a factor is missing: its series is not in the store, is not yet known,
        has gone stale, or is shorter than the look-back.

    Raises
    ------
    InputError
        A session closes after `view.instant`.
    """
    if len(index):
        last = sessions.closes(index[-1:])[0]
        if last > view.instant:
            raise InputError("session", str(index[-1].date()), f"sessions closed by {view.instant}", "use a later view")
    engine = _Engine(view, index)
    known = registered()
    columns = {spec.name: engine.column(spec, known[spec.function]) for spec in specs}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(index, name="session"), dtype=np.float64)


class _Engine:
    """Inputs shared by the factors of one matrix."""

    def __init__(self, view: View, index: pd.DatetimeIndex) -> None:
        self.view = view
        self.index = index
        self.days = microseconds(index)
        start = min(index[0], sessions.day(GRID_START)) if len(index) else sessions.day(GRID_START)
        self.grid = sessions.between(start, index[-1]) if len(index) else index
        self.clock = _Clock(self.grid)
        days = microseconds(self.grid)
        place = np.searchsorted(days, self.days)
        self.day_before = np.where(place > 0, days[np.maximum(place - 1, 0)], self.days)
        self._bars: dict[tuple[tuple[str, ...], int], tuple[list[Bars], np.ndarray]] = {}
        self._frames: dict[tuple[str, int], pd.DataFrame] = {}
        self._revisions: dict[str, list[tuple[int, int]]] = {}
        self._states: dict[tuple[str, str], States] = {}
        self._series: dict[str, tuple[list[Span], float]] = {}
        self._levels: dict[str, States] = {}

    def column(self, spec: FactorSpec, factor: Factor) -> Array:
        if not len(self.index):
            return np.empty(0)
        for argument, kind in factor.inputs.items():
            stored = {"level": "observations", "releases": "observations"}.get(kind, kind)
            if not self.view.has(stored, spec.inputs[argument]):
                return np.full(len(self.index), np.nan)
        kinds = set(factor.inputs.values())
        params = factor.complete(spec.params)
        rows = factor.rows_needed(spec.params)
        if kinds == {"releases"} and len(factor.inputs) == 1:
            return self._released(spec, factor, params, rows)
        if "bars" in kinds:
            return self._on_bars(spec, factor, params, rows)
        decided, days = self.clock.of(self.grid), microseconds(self.grid)
        arguments = [self._published(kind, spec.inputs[a], decided) for a, kind in factor.inputs.items()]
        return self._pick(days, _masked(factor, arguments, params, rows, int(np.searchsorted(days, self.days[0]))))

    def _released(self, spec: FactorSpec, factor: Factor, params: dict[str, Any], rows: int) -> Array:
        (series,) = spec.inputs.values()
        spans, max_age = self._released_spans(series)

        def function(releases: Releases) -> Array:
            return _masked(factor, [releases], params, rows)

        decided = self.clock.of(self.index)
        return release_states(spans_in_force(spans, decided[0], decided[-1]), function).at(decided, max_age)

    def _released_spans(self, series: str) -> tuple[list[Span], float]:
        if series not in self._series:
            versions = self.view.versions("observations", series)
            self._series[series] = release_spans(versions), level_max_age(series, versions)
        return self._series[series]

    def _on_bars(self, spec: FactorSpec, factor: Factor, params: dict[str, Any], rows: int) -> Array:
        tickers = tuple(spec.inputs[a] for a, kind in factor.inputs.items() if kind == "bars")
        decided = self.clock.of(self.index)
        result = np.full(len(self.index), np.nan)
        for start, stop in self._spans(tickers):
            within = (decided >= start) & (decided < stop)
            bars, known = self._joint(tickers, stop)
            if not len(known) or not within.any():
                continue
            traded = pd.DatetimeIndex(bars[0].sessions)
            supply = iter(bars)
            arguments: list[Any] = []
            for argument, kind in factor.inputs.items():
                if kind == "bars":
                    arguments.append(next(supply))
                else:
                    arguments.append(self._published(kind, spec.inputs[argument], self.clock.of(traded)))
            row = np.searchsorted(known, decided[within], side="right") - 1
            # Bars are mostly known at their own close. Some come later (Cboe quotes its indices until 16:15) or not at
            # all; then the decision has yesterday's row, and nothing older.
            fresh = (row >= 0) & (microseconds(traded)[np.maximum(row, 0)] >= self.day_before[within])
            values = _masked(factor, arguments, params, rows, int(max(row[0], 0)))
            result[within] = np.where(fresh, values[np.maximum(row, 0)], np.nan)
        return result

    def _spans(self, tickers: tuple[str, ...]) -> list[tuple[int, int]]:
        """Spans of instants within which no bar of any of the tickers was revised."""
        spans = [self._spans_of(ticker) for ticker in tickers]
        first = max(each[0][0] for each in spans)
        starts = sorted({first, *(start for each in spans for start, _ in each if start > first)})
        return list(zip(starts, [*starts[1:], np.iinfo(np.int64).max], strict=True))

    def _spans_of(self, ticker: str) -> list[tuple[int, int]]:
        if ticker not in self._revisions:
            versions = self.view.versions("bars", ticker)
            self._revisions[ticker] = revision_spans(
                microseconds(versions["event_date"]), microseconds(versions["known_at"])
            )
        return self._revisions[ticker]

    def _joint(self, tickers: tuple[str, ...], stop: int) -> tuple[list[Bars], np.ndarray]:
        if (tickers, stop) not in self._bars:
            self._bars[tickers, stop] = joint_bars([self._bars_by(ticker, stop) for ticker in tickers])
        return self._bars[tickers, stop]

    def _bars_by(self, ticker: str, stop: int) -> pd.DataFrame:
        if (ticker, stop) not in self._frames:
            self._frames[ticker, stop] = bars_known_by(self.view, ticker, stop)
        return self._frames[ticker, stop]

    def _published(self, kind: str, series: str, decided: np.ndarray) -> Any:
        if kind == "short_volume":
            states = self._last_known(kind, series, ["short_volume", "total_volume"])
            return ShortVolume(*states.at(decided, SHORT_VOLUME_MAX_AGE_DAYS).T.copy())
        if kind == "short_interest":
            columns = ["shares_short", "avg_daily_volume", "days_to_cover", "shares_outstanding"]
            states = self._last_known(kind, series, columns)
            return ShortInterest(*states.at(decided, SHORT_INTEREST_MAX_AGE_DAYS).T.copy())
        spans, max_age = self._released_spans(series)
        if series not in self._levels:
            self._levels[series] = release_states(spans, lambda releases: releases.value)
        return self._levels[series].at(decided, max_age)

    def _last_known(self, kind: str, series: str, columns: list[str]) -> States:
        if (kind, series) not in self._states:
            self._states[kind, series] = last_known(self.view.versions(kind, series), columns)
        return self._states[kind, series]

    def _pick(self, days: np.ndarray, values: Array) -> Array:
        """The values at the sessions asked for; NaN on a session on which the factor has none."""
        place = np.searchsorted(days, self.days)
        place[place == len(days)] = 0
        return np.where(days[place] == self.days, values[place], np.nan)


class _Clock:
    """Closing instants of sessions, in microseconds, looked up once for the whole matrix."""

    def __init__(self, grid: pd.DatetimeIndex) -> None:
        self._days = microseconds(grid)
        self._closes = microseconds(sessions.closes(grid))

    def of(self, index: pd.DatetimeIndex) -> np.ndarray:
        days = microseconds(index)
        if len(days) == len(self._days) and np.array_equal(days, self._days):
            return self._closes
        place = np.searchsorted(self._days, days)
        if len(days) and (place[-1] >= len(self._days) or not np.array_equal(self._days[place], days)):
            return microseconds(sessions.closes(index))  # bars older than the grid: the Dow of 1950
        return self._closes[place]


def _masked(factor: Factor, arguments: list[Any], params: dict[str, Any], rows: int, first_asked: int = 0) -> Array:
    """The factor's values, missing before its look-back is covered by rows on which every input is present.

    Rows before `first_asked` may be left missing, which spares a windowed factor their computation.
    """
    present = np.ones(_length(arguments[0]), dtype=bool)
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            present &= ~np.isnan(argument)
        elif isinstance(argument, ShortVolume):
            present &= ~np.isnan(argument.total)
        elif isinstance(argument, ShortInterest):
            present &= ~np.isnan(argument.shares_short)
    first = int(np.argmax(present)) if present.any() else len(present)
    skipped = max(first_asked - rows + 1, 0) if factor.windowed else 0
    values = np.full(len(present), np.nan)
    values[skipped:] = factor.function(*(_from_row(each, skipped) for each in arguments), **params)
    values[: max(first, skipped) + rows - 1] = np.nan
    return values


def _length(argument: Any) -> int:
    return len(argument) if isinstance(argument, np.ndarray) else len(getattr(argument, fields(argument)[0].name))


def _from_row(argument: Any, row: int) -> Any:
    if row == 0:
        return argument
    if isinstance(argument, np.ndarray):
        return argument[row:]
    return type(argument)(*(getattr(argument, field.name)[row:] for field in fields(argument)))
