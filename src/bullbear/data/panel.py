"""The newest value of many series at many instants at once: what one view after the other would serve, in one pass.

A view per decision reads well and costs milliseconds each; a panel of hundreds of decisions reads every series once and
finds its state at each instant by bisection.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear.data.segments import kind_named
from bullbear.data.store import Store
from bullbear.errors import InputError

_FAR = 10**6  # days: more than any event date, so that a vintage outweighs the event


def panel(store: Store, kind: str, series: Sequence[str], instants: pd.DatetimeIndex, column: str) -> pd.DataFrame:
    """The newest event's latest version, as each instant knew it.

    Equal to `store.as_of(t).<kind>(s)[column].iloc[-1]` for every t and s; of a series with vintages, the newest event
    of the vintage in force.

    Parameters
    ----------
    kind:
        bars, observations, dividends, short_interest or short_volume.
    series:
        Names; one of which nothing was known yields NaN.
    instants:
        Aware and ascending, shape (n,).
    column:
        A value column of the kind.

    Returns
    -------
    float64 of shape (n, n_series), indexed by `instants`.

    Raises
    ------
    InputError
        `column` is none of the kind's numbers, or `instants` have no time zone.

    Example
    -------
    >>> import tempfile
    >>> from pathlib import Path
    >>> store = Store(Path(tempfile.mkdtemp()))
    >>> rows = pd.DataFrame({"series": "DGS10", "event_date": pd.DatetimeIndex(["2019-12-30", "2019-12-31"]),
    ...     "known_at": pd.DatetimeIndex(["2019-12-31 21:15", "2020-01-02 21:15"], tz="UTC"), "value": [1.90, 1.92]})
    >>> added = store.append("observations", rows)
    >>> at = pd.DatetimeIndex(["2019-12-31 21:00", "2020-01-02 21:00", "2020-01-03 21:00"], tz="UTC")
    >>> panel(store, "observations", ["DGS10"], at, "value")["DGS10"].tolist()
    [nan, 1.9, 1.92]
    """
    layout = kind_named(kind)
    if column not in layout.numbers:
        raise InputError("column", column, ", ".join(layout.numbers), "name a value of the kind")
    if instants.tz is None:
        raise InputError("instants", "naive times", "instants with a time zone", "localize them")
    asked = instants.as_unit("us").asi8
    view = store.as_of(instants.max()) if len(instants) else store.as_of()
    columns = {}
    for name in series:
        values = np.full(len(asked), np.nan)
        if view.has(kind, name):
            versions = view.versions(kind, name)
            known = pd.DatetimeIndex(versions["known_at"]).asi8
            order = versions["event_date"].to_numpy("datetime64[D]").astype(np.int64)
            if "vintage" in versions and versions["vintage"].notna().any():
                labels = versions["vintage"].to_numpy("datetime64[D]")
                order += np.where(np.isnat(labels), 0, labels.astype(np.int64) + _FAR) * _FAR
            # Rows that were the newest when they came; a correction of an older event is not.
            newest = order >= np.maximum.accumulate(order)
            place = np.searchsorted(known[newest], asked, side="right") - 1
            told = versions[column].to_numpy(dtype=np.float64)[newest]
            values = np.where(place >= 0, told[np.maximum(place, 0)], np.nan)
        columns[name] = values
    return pd.DataFrame(columns, index=instants)
