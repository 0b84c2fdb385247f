"""The perturbation test: whatever becomes known after a close, no row up to that close may change.

Every value known after a cut is multiplied by a random number. What truncation cannot see it does: a factor that looks
ahead only where there is a later row.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bullbear.audit.changes import Noise
from bullbear.audit.factors.finding import Finding, first_difference
from bullbear.data.changed import ChangedStore
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.factors.engine.matrix import compute
from bullbear.factors.engine.registry import renew
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
    if whole is None:
        renew()
        whole = compute(store.as_of(), specs, index, asset)
    found: dict[str, Finding] = {}
    for row in sorted({int(share * (len(index) - 1)) for share in SHARES}):
        left = [spec for spec in specs if spec.name not in found]
        noisy = ChangedStore(store, Noise(closes(index[row : row + 1])[0])).as_of()
        renew()
        history = compute(noisy, left, index, asset)
        for spec in left:
            columns = (each[spec.name].iloc[: row + 1] for each in (whole, history))
            difference = first_difference(spec, "perturbation", *columns)
            if difference is not None:
                found[spec.name] = difference
    return list(found.values())
