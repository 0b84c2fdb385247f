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

from bullbear.data.view import View
from bullbear.definitions import FactorSpec
from bullbear.errors import InputError
from bullbear.factors.engine.aligned_inputs import Stretch, Supply, cut
from bullbear.factors.engine.inputs import microseconds, release_states
from bullbear.factors.engine.registry import Array, Factor, Kind, Releases, ShortInterest, ShortVolume, registered

_ALL = 2**31
"""More rows than any history has."""


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
    columns = np.empty((0, len(specs)))
    if len(index):
        asked = [_Asked.of(spec) for spec in specs]
        reach: dict[tuple[str, ...], int] = {}
        for each in asked:
            reach[each.tickers] = max(each.rows if each.windowed else _ALL, reach.get(each.tickers, 0))
        supply = Supply(view, index, reach)
        if supply.decided[-1] > microseconds(pd.DatetimeIndex([view.instant]))[0]:
            raise InputError("session", str(index[-1].date()), f"sessions closed by {view.instant}", "use a later view")
        columns = np.empty((len(index), len(specs)), order="F")
        for place, each in enumerate(asked):
            columns[:, place] = _column(supply, each)
    return pd.DataFrame(columns, pd.DatetimeIndex(index, name="session"), [spec.name for spec in specs])


@dataclass(frozen=True)
class _Asked:
    """A factor as a definition asks for it; `inputs` are pairs of kind and series in the order of its arguments."""

    factor: Factor
    inputs: tuple[tuple[Kind, str], ...]
    tickers: tuple[str, ...]
    params: dict[str, Any]
    rows: int
    windowed: bool

    @classmethod
    def of(cls, spec: FactorSpec) -> _Asked:
        factor = registered()[spec.function]
        inputs = tuple([(kind, spec.inputs[name]) for name, kind in factor.inputs.items()])
        tickers = tuple([series for kind, series in inputs if kind == "bars"])
        rows, windowed = factor.rows_needed(spec.params), factor.is_windowed(spec.params)
        return cls(factor, inputs, tickers, factor.complete(spec.params), rows, windowed)


def _column(supply: Supply, asked: _Asked) -> Array:
    if not all([supply.has(kind, series) for kind, series in asked.inputs]):
        return np.full(len(supply.decided), np.nan)
    if asked.tickers:
        return _on_bars(supply, asked)
    if asked.inputs[0][0] == "releases":
        return _on_releases(supply, asked)

    def feed(start: int, stop: int) -> list[Any]:
        return [supply.published(kind, series, supply.grid, start, stop) for kind, series in asked.inputs]

    first, last = int(supply.place[0]), int(supply.place[-1])
    return _values(asked, feed, first, last)[supply.place - first]


def _on_releases(supply: Supply, asked: _Asked) -> Array:
    ((_, series),) = asked.inputs
    spans, max_age = supply.releases(series)

    def function(releases: Releases) -> Array:
        return _values(asked, lambda start, stop: [cut(releases, start, stop)], 0, len(releases.value) - 1)

    return release_states(spans, function).at(supply.decided, max_age)


def _on_bars(supply: Supply, asked: _Asked) -> Array:
    result = np.full(len(supply.decided), np.nan)
    for stretch in supply.stretches(asked.tickers):

        def feed(start: int, stop: int, stretch: Stretch = stretch) -> list[Any]:
            bars = iter(stretch.bars)
            return [
                cut(next(bars), start, stop)
                if kind == "bars"
                else supply.published(kind, series, stretch.clock, start, stop)
                for kind, series in asked.inputs
            ]

        first, last = int(stretch.row[0]), int(stretch.row[-1])
        values = _values(asked, feed, first, last)
        result[stretch.decisions] = np.where(stretch.fresh, values[stretch.row - first], np.nan)
    return result


def _values(asked: _Asked, feed: Callable[[int, int], list[Any]], first: int, last: int) -> Array:
    """Rows `first` to `last` of a factor, missing until its look-back is covered by rows on which every input is there.

    Parameters
    ----------
    feed
        The factor's arguments on the rows from `start` until `stop`.
    """
    begin = max(first - asked.rows + 1, 0) if asked.windowed else 0
    arguments = feed(begin, last + 1)
    known = _known_from(arguments)
    if begin and known:  # a gap where the look-back begins: only the whole history tells whether it is covered
        begin, arguments = 0, feed(0, last + 1)
        known = _known_from(arguments)
    values = np.array(_called(asked.factor, arguments, asked.params)[first - begin :], dtype=np.float64)
    values[: max(known + begin + asked.rows - 1 - first, 0)] = np.nan
    return values


def _called(factor: Factor, arguments: list[Any], params: dict[str, Any]) -> Array:
    return factor.function(*arguments, **params)


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
    if isinstance(argument, np.ndarray):
        return argument
    if isinstance(argument, ShortVolume):
        return argument.total
    if isinstance(argument, ShortInterest):
        return argument.shares_short
    return None  # bars and releases are complete
