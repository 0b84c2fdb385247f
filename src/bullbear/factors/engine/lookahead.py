"""The check that a user's factors see no later session: a few days computed again on what was known then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from bullbear import user_code
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.errors import DefinitionError
from bullbear.factors.engine.feature_sets import functions_of
from bullbear.factors.engine.matrix import compute
from bullbear.factors.engine.registry import registered
from bullbear.sessions import closes

_SHARES = (0.25, 0.5, 0.75)
"""How far into the rows with a value the compared days lie."""
_TOLERANCE = 1e-9


def require_causal(store: Store, specs: Sequence[FactorSpec], index: pd.DatetimeIndex, asset: str) -> None:
    """Refuse a user's factor whose row on some day is another one when only the data of that day are known.

    Three days are compared: to the last bit for a windowed factor, whose look-back is checked so, else to 1e-9.

    DefinitionError if a factor reads later sessions, or a windowed one more rows than it declares.
    """
    own = [spec for spec in specs if _users_functions(spec)]
    if not own or not len(index):
        return
    whole = compute(store.as_of(), own, index, asset)
    days: dict[int, list[FactorSpec]] = {}
    for place, spec in enumerate(own):
        known = np.flatnonzero(~np.isnan(whole.iloc[:, place].to_numpy()))
        for row in {int(known[int(share * len(known))]) for share in _SHARES if len(known)}:
            days.setdefault(row, []).append(spec)
    for row, chosen in sorted(days.items()):
        then = store.as_of(closes(index[row : row + 1])[0])
        alone = compute(then, chosen, index[row : row + 1], asset).iloc[-1]
        history = compute(then, chosen, index[: row + 1], asset).iloc[-1]
        for place, spec in enumerate(chosen):
            value = float(whole.to_numpy()[row, own.index(spec)])
            windowed = registered()[spec.function].is_windowed(spec.params)
            _compare(
                spec, str(index[row].date()), value, float(history.iloc[place]), float(alone.iloc[place]), windowed
            )


def _users_functions(spec: FactorSpec) -> list[Callable[..., object]]:
    """The functions of users' files that a factor runs, itself or by a parameter such as `of`."""
    return [function for function in functions_of([spec]) if user_code.digests([function])]


def _compare(spec: FactorSpec, day: str, value: float, history: float, alone: float, windowed: bool) -> None:
    where = f"{user_code.place_of(_users_functions(spec)[0])} ({spec.name})"
    if not _equal(value, history, exact=windowed):
        raise DefinitionError(
            where,
            f"{value:.10g} on {day}, but {history:.10g} from what was known that day",
            "the same value: a row depends on the rows up to it only",
            "remove what looks ahead",
        )
    if not _equal(value, alone, exact=windowed):
        rows = registered()[spec.function].rows_needed(spec.params)
        raise DefinitionError(
            where,
            f"{value!r} on {day}, but {alone!r} from its look-back of {rows} rows",
            "the same bits, as the factor is declared windowed",
            "declare a longer lookback, or windowed=False",
        )


def _equal(one: float, other: float, *, exact: bool) -> bool:
    return one == other or (not exact and abs(one - other) <= _TOLERANCE * max(1.0, abs(one)))
