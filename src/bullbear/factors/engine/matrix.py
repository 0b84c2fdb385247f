"""The engine: one matrix, any number of sessions, every row as it could have been computed at that session's close.

Row `s` is what the factor gives on `as_of(decided_at(s))`. Where nothing was revised in between, one causal pass over
the whole history gives every row at once; a revision cuts history into spans, and each span is computed on the data
known within it. Before its declared look-back a factor is missing, whatever its library would have said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear import user_code
from bullbear.data.view import View
from bullbear.definitions import FactorSpec
from bullbear.errors import DefinitionError, InputError
from bullbear.factors.engine.aligned_inputs import AlignedInputs, BarSpan, cut
from bullbear.factors.engine.inputs import microseconds, release_states
from bullbear.factors.engine.registry import Array, Bars, Factor, Releases, registered

_ALL = 2**31
"""More rows than any history has."""


def compute(view: View, specs: Sequence[FactorSpec], index: pd.DatetimeIndex, asset: str) -> pd.DataFrame:
    """The factors `specs` at the closes of the sessions `index`.

    Parameters
    ----------
    specs
        Checked factors (see `feature_sets.load`).
    index
        Sessions, sorted; shape (n,).
    asset
        The ticker that the rows are for, which takes the place of `"$asset"` among the inputs.

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
    columns = np.empty((0, len(specs)))
    if len(index):
        request = [_Request.of(spec, asset) for spec in specs]
        reach: dict[tuple[str, ...], int] = {}
        for each in request:
            reach[each.tickers] = max(each.rows if each.windowed else _ALL, reach.get(each.tickers, 0))
        inputs = AlignedInputs(view, index, reach)
        if inputs.decided[-1] > microseconds(pd.DatetimeIndex([view.instant]))[0]:
            raise InputError("session", str(index[-1].date()), f"sessions closed by {view.instant}", "use a later view")
        columns = np.empty((len(index), len(specs)), order="F")
        for place, each in enumerate(request):
            columns[:, place] = _column(inputs, each)
    return pd.DataFrame(columns, pd.DatetimeIndex(index, name="session"), [spec.name for spec in specs])


@dataclass(frozen=True)
class _Request:
    """A factor as a definition asks for it; `inputs` are pairs of kind and series in the order of its arguments."""

    name: str
    factor: Factor
    inputs: tuple[tuple[str, str], ...]
    tickers: tuple[str, ...]
    params: dict[str, Any]
    rows: int
    windowed: bool

    @classmethod
    def of(cls, spec: FactorSpec, asset: str) -> _Request:
        factor = registered()[spec.function]
        series = spec.inputs_for(asset)
        inputs = tuple([(kind, series[name]) for name, kind in factor.inputs.items()])
        tickers = tuple([series for kind, series in inputs if kind == "bars"])
        rows, windowed = factor.rows_needed(spec.params), factor.is_windowed(spec.params)
        return cls(spec.name, factor, inputs, tickers, factor.complete(spec.params), rows, windowed)


def _column(inputs: AlignedInputs, request: _Request) -> Array:
    if not all([inputs.has(kind, series) for kind, series in request.inputs]):
        return np.full(len(inputs.decided), np.nan)
    if request.tickers:
        return _on_bars(inputs, request)
    if request.inputs[0][0] == "releases":
        return _on_releases(inputs, request)

    def feed(start: int, stop: int) -> list[Any]:
        return [inputs.published(kind, series, inputs.grid, start, stop) for kind, series in request.inputs]

    first, last = int(inputs.place[0]), int(inputs.place[-1])
    return _values(request, feed, first, last)[inputs.place - first]


def _on_releases(inputs: AlignedInputs, request: _Request) -> Array:
    ((_, series),) = request.inputs
    spans, max_age = inputs.releases(series)

    def function(releases: Releases) -> Array:
        return _values(request, lambda start, stop: [cut(releases, start, stop)], 0, len(releases.value) - 1)

    return release_states(spans, function).at(inputs.decided, max_age)


def _on_bars(inputs: AlignedInputs, request: _Request) -> Array:
    result = np.full(len(inputs.decided), np.nan)
    for span in inputs.joint_bars(request.tickers):

        def feed(start: int, stop: int, span: BarSpan = span) -> list[Any]:
            bars = iter(span.bars)
            return [
                cut(next(bars), start, stop)
                if kind == "bars"
                else inputs.published(kind, series, span.times, start, stop)
                for kind, series in request.inputs
            ]

        first, last = int(span.row[0]), int(span.row[-1])
        values = _values(request, feed, first, last)
        result[span.decisions] = np.where(span.fresh, values[span.row - first], np.nan)
    return result


def _values(request: _Request, feed: Callable[[int, int], list[Any]], first: int, last: int) -> Array:
    """Rows `first` to `last` of a factor, missing until its look-back is covered by rows on which every input is there.

    `feed` gives the arguments on the rows from `start` until `stop`.
    """
    begin = max(first - request.rows + 1, 0) if request.windowed else 0
    arguments = feed(begin, last + 1)
    known = _known_from(arguments)
    if begin and known:  # a gap where the look-back begins: only the whole history tells whether it is covered
        begin, arguments = 0, feed(0, last + 1)
        known = _known_from(arguments)
    values = _called(request, arguments, last + 1 - begin)[first - begin :].copy()
    values[: max(known + begin + request.rows - 1 - first, 0)] = np.nan
    return values


def _called(request: _Request, arguments: list[Any], rows: int) -> Array:
    function = request.factor.function
    result = user_code.call(request.name, function, *arguments, **request.params)
    if not isinstance(result, np.ndarray) or result.shape != (rows,) or result.dtype.kind not in "fiub":
        given = f"an array of {result.dtype}, shape {result.shape}" if isinstance(result, np.ndarray) else type(result)
        where, allowed = f"{user_code.place_of(function)} ({request.name})", f"an array of numbers of shape ({rows},)"
        raise DefinitionError(where, given, allowed, "return a number for each row")
    return result.astype(np.float64, copy=False)


def _known_from(arguments: list[Any]) -> int:
    """The first row on which every input is there; their length if there is none."""
    columns = [column for each in arguments if (column := _presence(each)) is not None]
    if not columns:
        return 0
    missing = np.isnan(columns[0])
    for column in columns[1:]:
        missing |= np.isnan(column)
    first = int(np.argmin(missing)) if len(missing) else 0
    return len(missing) if not len(missing) or missing[first] else first


def _presence(argument: Any) -> Array | None:
    """An array that is missing where the input is; None for bars and releases, which are complete."""
    if isinstance(argument, Bars | Releases):
        return None
    return argument if isinstance(argument, np.ndarray) else argument.presence


@dataclass(frozen=True)
class Rows:
    """All rows that a factor is computed on, for a look at single stretches of them; see `rows_of`.

    `arguments` are those of the function, `rows` how many they have, `sessions` the day of each (empty where a row is
    no session); the factor is declared to need `needed` of them.
    """

    arguments: tuple[Any, ...]
    rows: int
    sessions: np.ndarray
    needed: int
    windowed: bool
    _request: _Request

    @property
    def known_from(self) -> int:
        """The first row on which every input is there."""
        return _known_from(list(self.arguments))

    @property
    def complete(self) -> np.ndarray:
        """Whether every input is there; shape (rows,)."""
        columns = [column for each in self.arguments if (column := _presence(each)) is not None]
        return np.asarray(~np.isnan(columns).any(axis=0)) if columns else np.ones(self.rows, dtype=bool)

    def values(self, start: int, stop: int, arguments: Sequence[Any] | None = None) -> Array:
        """What the function says from some rows alone; of other `arguments` if there are any. Nothing is masked."""
        given = self.arguments if arguments is None else arguments
        return _called(self._request, [cut(each, start, stop) for each in given], stop - start)


def rows_of(view: View, spec: FactorSpec, index: pd.DatetimeIndex, asset: str) -> Rows | None:
    """The rows of a factor up to the last session of `index`, as known since the last revision; None if it has none."""
    request = _Request.of(spec, asset)
    inputs = AlignedInputs(view, index, {request.tickers: _ALL})
    if not all([inputs.has(kind, series) for kind, series in request.inputs]):
        return None
    none = np.empty(0, dtype="datetime64[us]")
    if request.tickers:
        spans = inputs.joint_bars(request.tickers)
        if not spans:
            return None
        span, stop = spans[-1], int(spans[-1].row[-1]) + 1
        bars = iter(span.bars)
        arguments = [
            cut(next(bars), 0, stop) if kind == "bars" else inputs.published(kind, series, span.times, 0, stop)
            for kind, series in request.inputs
        ]
        return Rows(tuple(arguments), stop, span.bars[0].sessions[:stop], request.rows, request.windowed, request)
    if request.inputs[0][0] == "releases":
        spans_of_releases, _ = inputs.releases(request.inputs[0][1])
        releases = spans_of_releases[-1].releases
        return Rows((releases,), len(releases.value), none, request.rows, request.windowed, request)
    stop = int(inputs.place[-1]) + 1
    arguments = [inputs.published(kind, series, inputs.grid, 0, stop) for kind, series in request.inputs]
    return Rows(tuple(arguments), stop, none, request.rows, request.windowed, request)
