"""The state of every series in a view: span, gaps, staleness, quarantined and revised rows.

A gap is a missing session (bars, short volume), business day (daily macro series) or period (weekly to quarterly ones)
between the first and the last event; a quarantined row leaves a gap. Irregular series (dividends, short interest,
holdings) have no count of gaps.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data import publication
from bullbear.data.segments import KINDS
from bullbear.data.view import View
from bullbear.sessions import day

COLUMNS = (
    "kind",
    "series",
    "first",
    "last",
    "last_known_at",
    "rows",
    "gaps",
    "age_days",
    "max_age_days",
    "stale",
    "quarantined",
    "reasons",
    "rewritten",
    "largest_change",
)


def status(view: View) -> pd.DataFrame:
    """One row per series known at the view's instant, sorted by kind and series.

    Returns
    -------
    Columns `COLUMNS`: first and last are event dates (missing if every row is quarantined), rows counts distinct
    events, age_days runs from the last event to the view's instant and is stale beyond max_age_days, reasons lists why
    rows are quarantined, with counts. rewritten counts stored values that the provider changed later, largest_change is
    the largest as a fraction of the old value; vintages are not changes of each other.
    """
    catalogue = view.catalogue()
    names = zip(catalogue["kind"], catalogue["series"], catalogue["last_known_at"], strict=True)
    lines = [
        (*_line(view, kind, series, last_known_at), *_rewritten(view, kind, series))
        for kind, series, last_known_at in names
    ]
    table = pd.DataFrame(lines, columns=[*COLUMNS[:10], *COLUMNS[12:]])
    aside = view.quarantine()
    counts = aside.groupby(["kind", "series"], as_index=False).agg(
        quarantined=("reason", "size"), reasons=("reason", _summary)
    )
    table = table.merge(counts, on=["kind", "series"], how="outer")
    table["quarantined"] = table["quarantined"].fillna(0).astype("int64")
    for name in ("rows", "rewritten"):
        table[name] = table[name].fillna(0).astype("int64")
    table["reasons"] = table["reasons"].fillna("").astype("str")
    table["stale"] = table["stale"].fillna(True).astype("bool")  # no row is served
    for name in ("gaps", "age_days", "max_age_days"):
        table[name] = table[name].astype("Int64")
    order = {kind: place for place, kind in enumerate(KINDS)}
    by_kind = table["kind"].map(order)
    return table.assign(_order=by_kind).sort_values(["_order", "series"], ignore_index=True)[list(COLUMNS)]


def _line(view: View, kind: str, series: str, last_known_at: pd.Timestamp) -> tuple[object, ...]:
    events = pd.DatetimeIndex(view.versions(kind, series)["event_date"].unique()).sort_values()
    limit = publication.max_age_days(kind, series, events)
    today = day(view.instant)
    last = events[-1]
    age = max((today - last).days, 0)
    return (
        kind,
        series,
        events[0],
        last,
        last_known_at,
        len(events),
        _gaps(kind, series, events),
        age,
        limit,
        age > limit,
    )


def _rewritten(view: View, kind: str, series: str) -> tuple[int, float]:
    """How many stored values were changed later, and the largest change as a fraction."""
    # Adjusted prices change with each dividend; the provider's own values are the raw ones.
    source = "raw_bars" if kind == "bars" and view.has("raw_bars", series) else kind
    versions, layout = view.versions(source, series), KINDS[source]
    identity = ["event_date", *layout.extra_key]
    again = versions.duplicated(identity).to_numpy()
    if not again.any():
        return 0, float("nan")
    names = list(layout.numbers)
    old = versions.groupby(identity, dropna=False, sort=False)[names].shift().to_numpy()[again]
    new = versions[names].to_numpy()[again]
    changed = (old != new) & ~(np.isnan(old) & np.isnan(new))
    usable = changed & np.isfinite(old) & np.isfinite(new) & (old != 0)
    largest = np.abs(new[usable] / old[usable] - 1).max() if usable.any() else float("nan")
    return int(changed.sum()), float(largest)


def _gaps(kind: str, series: str, events: pd.DatetimeIndex) -> int | None:
    if kind in ("bars", "short_volume"):
        # The calendar knows the exchange's holidays reliably from 1990 on.
        recent = _recent(events)
        return _missing(pd.DatetimeIndex(publication.clock(recent[0]).index), recent) if len(recent) else 0
    if kind != "observations":
        return None
    period = publication.rule_of(series, events).period
    if period == "day":
        recent = _recent(events)
        return _missing(publication.business_days(), recent) if len(recent) else 0
    if period == "week":
        steps = np.rint(np.diff(events.to_numpy()) / np.timedelta64(7, "D"))
    else:
        months = {"month": 1, "quarter": 3, "year": 12}[period]
        steps = np.rint(np.diff(events.to_numpy().astype("datetime64[M]").astype(np.int64)) / months)
    return int(np.maximum(steps - 1, 0).sum())


def _recent(events: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(events[events >= pd.Timestamp("1990-01-01")])


def _missing(expected: pd.DatetimeIndex, events: pd.DatetimeIndex) -> int:
    span = (expected >= events[0]) & (expected <= events[-1])
    return len(expected[span].difference(events))


def _summary(reasons: pd.Series) -> str:
    counts = reasons.value_counts().sort_index()
    return "; ".join(f"{reason} ({count})" for reason, count in counts.items())
