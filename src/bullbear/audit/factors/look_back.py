"""The look-back of a factor: what it says from its declared rows alone, and how many rows it really reads.

A windowed factor says from them, to the last bit, what it says from the whole history. A recursive one never quite
forgets where it began; its start must have faded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bullbear.audit.factors.finding import Finding
from bullbear.data.view import View
from bullbear.definitions import FactorSpec
from bullbear.factors.engine.matrix import Rows, rows_of
from bullbear.factors.engine.registry import registered

SPREAD = 12
"""Rows that a training looks at."""
FADED = 0.01
"""How much of a recursive factor may hang on its start after the declared look-back, in its standard deviations."""


@dataclass(frozen=True)
class LookBack:
    """What became of a factor's look-back.

    Attributes
    ----------
    needed
        The rows that it declares.
    row
        The first of the rows looked at on which its value is another from these rows alone, else the last of them.
    whole, alone
        That row's value from the whole history and from the declared rows.
    left
        The largest difference of the two on any row looked at, in standard deviations of the factor; 0 where they are
        the same, infinite where one is missing.
    """

    needed: int
    windowed: bool
    row: int
    whole: float
    alone: float
    left: float

    @property
    def is_too_short(self) -> bool:
        """Whether the declared rows are not enough."""
        return self.left > (0.0 if self.windowed else FADED)


def look_back(rows: Rows, count: int) -> LookBack | None:
    """Compare a factor on its declared rows with the whole history; None where no history is longer than they are.

    Parameters
    ----------
    count
        On how many rows, spread over the history and its gaps.
    """
    whole = rows.values(0, rows.rows)
    places = _places(rows, whole, count)
    if not len(places):
        return None
    spread = float(np.nanstd(whole[rows.known_from + rows.needed - 1 :])) or 1.0
    worst = LookBack(
        rows.needed, rows.windowed, int(places[-1]), float(whole[places[-1]]), float(whole[places[-1]]), 0.0
    )
    for place in places:
        one, other = float(whole[place]), float(rows.values(place + 1 - rows.needed, place + 1)[-1])
        left = _left(one, other, spread)
        if left > worst.left:
            worst = LookBack(rows.needed, rows.windowed, int(place), one, other, left)
    return worst


def look_backs(view: View, specs: Sequence[FactorSpec], index: pd.DatetimeIndex, asset: str) -> list[Finding]:
    """The windowed factors whose declared rows are not enough; the parameters are those of `compute`."""
    found = []
    for spec in specs:
        if not registered()[spec.function].is_windowed(spec.params):
            continue
        rows = rows_of(view, spec, index, asset)
        seen = None if rows is None else look_back(rows, SPREAD)
        if rows is not None and seen is not None and seen.is_too_short:
            found.append(finding_of(spec, rows, seen))
    return found


def finding_of(spec: FactorSpec, rows: Rows, seen: LookBack) -> Finding:
    """A look-back that is too short, as a finding."""
    session = pd.Timestamp(rows.sessions[seen.row]) if len(rows.sessions) else None
    return Finding(spec.name, spec.function, "look-back", session, seen.whole, seen.alone)


def _left(one: float, other: float, spread: float) -> float:
    if one == other or (np.isnan(one) and np.isnan(other)):
        return 0.0
    return float("inf") if np.isnan(one) or np.isnan(other) else max(abs(one - other) / spread, np.finfo(float).tiny)


def _places(rows: Rows, whole: np.ndarray, count: int) -> np.ndarray:
    """Rows with a whole look-back of known inputs behind them and at least a row before it."""
    first = rows.known_from + rows.needed
    if first >= rows.rows:
        return np.empty(0, dtype=int)
    there = np.arange(first, rows.rows)
    # Where a look-back begins in a gap the engine computes the factor on the whole history.
    there = there[rows.complete[there + 1 - rows.needed]]
    missing = np.isnan(whole[there])
    # The first row shows most of a start; where a value is missing the rows alone must miss it, too.
    chosen = [there[:1], _some(there[~missing], count), _some(there[missing], 2)]
    return np.unique(np.concatenate(chosen))


def _some(rows: np.ndarray, count: int) -> np.ndarray:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))] if len(rows) else rows


def rows_read(rows: Rows, count: int, seed: int = 1) -> int | None:
    """The fewest rows on which a windowed factor's value depends: noise in all older ones changes no bit of it.

    Found by bisection; at most the declared ones. None where no history is longer than they are.
    """
    whole = rows.values(0, rows.rows)
    places = _places(rows, whole, count)
    if not len(places):
        return None
    draw = np.random.default_rng(seed)

    def is_enough(read: int) -> bool:
        for place in places:
            start, stop = place + 1 - rows.needed, place + 1
            noisy = [_older_changed(each, start, stop, rows.needed - read, draw) for each in rows.arguments]
            alone = rows.values(0, rows.needed, noisy)[-1]
            if not (alone == whole[place] or (np.isnan(alone) and np.isnan(whole[place]))):
                return False
        return True

    fewest, most = 1, rows.needed
    while fewest < most:
        middle = (fewest + most) // 2
        if is_enough(middle):
            most = middle
        else:
            fewest = middle + 1
    return most


def _older_changed(argument: Any, start: int, stop: int, older: int, draw: np.random.Generator) -> Any:
    """Some rows of an argument, the numbers of the first `older` of them multiplied by noise; a bar stays a bar."""
    size = np.ones(stop - start)
    size[:older] = np.exp(draw.normal(0.0, 0.5, older))
    if isinstance(argument, np.ndarray):
        return argument[start:stop] * size
    assert is_dataclass(argument)
    assert not isinstance(argument, type)
    columns = {each.name: getattr(argument, each.name)[start:stop] for each in fields(argument)}
    return replace(
        argument,
        **{name: column * size if column.dtype.kind == "f" else column for name, column in columns.items()},
    )
