"""The truncation test: a factor computed on what was known at a close says what it says on all that is stored.

At each of some cuts all rows up to the cut are compared. The cuts lie where leaks hide: at a factor's first values,
beside gaps, where it repeats a value (which may have been filled in from a later day), and all over the history.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear.audit.factors.finding import Finding, first_difference
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.definitions import FactorSpec
from bullbear.errors import DefinitionError
from bullbear.factors.engine.matrix import compute
from bullbear.factors.engine.registry import renew
from bullbear.sessions import closes

SPREAD = 12
"""Cuts over the whole history."""
CHOSEN = 4
"""Cuts of each kind of suspicious row."""


def truncation(
    store: Store,
    specs: Sequence[FactorSpec],
    index: pd.DatetimeIndex,
    asset: str,
    *,
    whole: pd.DataFrame | None = None,
    spread: pd.DatetimeIndex | None = None,
) -> list[Finding]:
    """The first finding of each factor; none of one that sees no later session.

    Parameters
    ----------
    index
        The sessions whose rows are looked at.
    asset
        What the rows are about.
    whole
        The factors on all that is stored, if they are computed already.
    spread
        The sessions to cut at, for a quick look; None for the rows of each factor where leaks hide.
    """
    if whole is None:
        renew()
        whole = compute(store.as_of(), specs, index, asset)
    found: dict[str, Finding] = {}
    cuts: dict[int, list[FactorSpec]] = {}
    for spec in specs:
        rows = cuts_of(whole[spec.name].to_numpy()) if spread is None else index.get_indexer(spread).tolist()
        for row in rows:
            cuts.setdefault(row, []).append(spec)
    for row, chosen in sorted(cuts.items()):
        left = [spec for spec in chosen if spec.name not in found]
        if not left:
            continue
        history = computed(store.as_of(closes(index[row : row + 1])[0]), left, index[: row + 1], asset)
        for spec in left:
            if spec.name not in history:
                continue
            difference = first_difference(spec, "truncation", whole[spec.name].iloc[: row + 1], history[spec.name])
            if difference is not None:
                found[spec.name] = difference
    return list(found.values())


def computed(view: View, specs: Sequence[FactorSpec], index: pd.DatetimeIndex, asset: str) -> pd.DataFrame:
    """The factors, by a home's files run anew; without those that fail on so short a history."""
    renew()
    try:
        return compute(view, specs, index, asset)
    except DefinitionError:
        if len(specs) == 1:
            return pd.DataFrame(index=index)
        return pd.concat([computed(view, [spec], index, asset) for spec in specs], axis="columns")


def cuts_of(column: np.ndarray) -> list[int]:
    """The rows at which a factor is computed again.

    Parameters
    ----------
    column
        Its values on all that is stored, shape (n,).

    Example
    -------
    >>> cuts_of(np.array([np.nan, 1.0, 2.0, 3.0]))
    [1, 2, 3]
    """
    known = np.flatnonzero(~np.isnan(column))
    if not len(known):
        return []
    spread = known[np.unique(np.linspace(0, len(known) - 1, SPREAD).astype(int))]
    gaps = known[1:][np.diff(known) > 1]
    repeated = np.flatnonzero(column[1:] == column[:-1])
    rows = [*known[:2], *spread, *_some(gaps), *_some(repeated)]
    return sorted({int(row) for row in rows})


def _some(rows: np.ndarray) -> np.ndarray:
    return rows[np.unique(np.linspace(0, len(rows) - 1, CHOSEN).astype(int))] if len(rows) else rows
