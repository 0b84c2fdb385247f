"""The perturbation test: whatever becomes known after a close, no row up to that close may change.

Every value known after a cut is multiplied by a random number. What truncation cannot see it does: a factor that looks
ahead only where there is a later row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from bullbear.audit.finding import Finding, first_difference
from bullbear.data.store import Store
from bullbear.data.versions import History, Versions
from bullbear.data.view import View
from bullbear.definitions import FactorSpec
from bullbear.factors.engine.matrix import compute
from bullbear.sessions import closes

SHARES = (0.2, 0.5, 0.8)
"""How far into the sessions the cuts lie."""


def perturbation(
    store: Store,
    specs: Sequence[FactorSpec],
    index: pd.DatetimeIndex,
    asset: str,
    *,
    whole: pd.DataFrame | None = None,
) -> list[Finding]:
    """The first finding of each factor; the parameters are those of `truncation`."""
    whole = compute(store.as_of(), specs, index, asset) if whole is None else whole
    found: dict[str, Finding] = {}
    for row in sorted({int(share * (len(index) - 1)) for share in SHARES}):
        left = [spec for spec in specs if spec.name not in found]
        instant = int(closes(index[row : row + 1]).as_unit("us").asi8[0])
        changed = cast(View, Perturbed(store.as_of(), instant))
        history = compute(changed, left, index, asset)
        for spec in left:
            columns = (each[spec.name].iloc[: row + 1] for each in (whole, history))
            difference = first_difference(spec, "perturbation", *columns)
            if difference is not None:
                found[spec.name] = difference
    return list(found.values())


class Perturbed:
    """A view whose numbers known after an instant are nonsense; it serves what factors read.

    Parameters
    ----------
    after
        In microseconds since 1970.
    """

    def __init__(self, view: View, after: int) -> None:
        self._view, self._after = view, after
        self._kept: dict[tuple[str, str], Versions] = {}
        self.instant = view.instant

    def arrays(self, kind: str, series: str) -> Versions:
        """The versions of a series; keys and instants stay."""
        if (kind, series) not in self._kept:
            self._kept[kind, series] = self._nonsense(self._view.arrays(kind, series))
        return self._kept[kind, series]

    def _nonsense(self, versions: Versions) -> Versions:
        late = versions.known_at > self._after
        draw = np.exp(np.random.default_rng(7).normal(0.3, 1.0, int(late.sum())))
        columns: dict[str, Any] = {
            name: getattr(versions, name).view("datetime64[us]") for name in ("event_date", "known_at", "vintage")
        }
        for name, values in versions.numbers.items():
            changed = values.copy()
            changed[late] *= draw  # all of a row by one number: a bar stays a bar
            columns[name] = changed
        return History(columns).whole
