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
from bullbear.factors.inputs import release_states, spans_in_force
from bullbear.factors.registry import Array, Factor, Releases, ShortInterest, ShortVolume, registered
from bullbear.factors.supply import Supply


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
    columns = {spec.name: np.empty(0) for spec in specs}
    if len(index):
        last = sessions.closes(index[-1:])[0]
        if last > view.instant:
            raise InputError("session", str(index[-1].date()), f"sessions closed by {view.instant}", "use a later view")
        supply, known = Supply(view, index), registered()
        columns = {spec.name: _column(supply, spec, known[spec.function]) for spec in specs}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(index, name="session"), dtype=np.float64)


def _column(supply: Supply, spec: FactorSpec, factor: Factor) -> Array:
    if not all(supply.has(kind, spec.inputs[argument]) for argument, kind in factor.inputs.items()):
        return np.full(len(supply.decided), np.nan)
    params = factor.complete(spec.params)
    rows = factor.rows_needed(spec.params)
    kinds = set(factor.inputs.values())
    if "releases" in kinds:
        return _on_releases(supply, spec, factor, params, rows)
    if "bars" in kinds:
        return _on_bars(supply, spec, factor, params, rows)
    arguments = [supply.published(kind, spec.inputs[name], supply.readings) for name, kind in factor.inputs.items()]
    return _masked(factor, arguments, params, rows, int(supply.place[0]))[supply.place]


def _on_releases(supply: Supply, spec: FactorSpec, factor: Factor, params: dict[str, Any], rows: int) -> Array:
    (series,) = spec.inputs.values()
    spans, max_age = supply.releases(series)

    def function(releases: Releases) -> Array:
        return _masked(factor, [releases], params, rows)

    needed = spans_in_force(spans, supply.decided[0], supply.decided[-1])
    return release_states(needed, function).at(supply.decided, max_age)


def _on_bars(supply: Supply, spec: FactorSpec, factor: Factor, params: dict[str, Any], rows: int) -> Array:
    result = np.full(len(supply.decided), np.nan)
    tickers = tuple(spec.inputs[name] for name, kind in factor.inputs.items() if kind == "bars")
    for stretch in supply.stretches(tickers):
        bars = iter(stretch.bars)
        arguments = [
            next(bars) if kind == "bars" else supply.published(kind, spec.inputs[name], stretch.closes)
            for name, kind in factor.inputs.items()
        ]
        values = _masked(factor, arguments, params, rows, int(stretch.row[0]))
        result[stretch.decisions] = np.where(stretch.fresh, values[stretch.row], np.nan)
    return result


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
