"""The state of every series at the instant of a view: how far it reaches, what is missing, what is stale or set aside.

A gap is a session (bars, short volume), a business day (daily macro series) or a period (weekly to quarterly ones)
between the first and the last event for which no row is served; a row set aside leaves a gap. Irregular series
(dividends, short interest, holdings) have no count of gaps.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data import publication
from bullbear.data.segments import KINDS
from bullbear.data.store import View
from bullbear.sessions import NEW_YORK

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
)


def status(view: View) -> pd.DataFrame:
    """One row per series known at the view's instant, sorted by kind and series.

    Returns
    -------
    Columns `COLUMNS`: first and last are event dates (missing if every row was set aside), rows counts distinct
    events, gaps is missing for irregular series, age_days counts from the last event to the view's instant, stale says
    whether that exceeds max_age_days, reasons joins the distinct reasons of quarantine, each with its count.
    """
    catalogue = view.catalogue()
    names = zip(catalogue["kind"], catalogue["series"], catalogue["last_known_at"], strict=True)
    lines = [_line(view, kind, series, last_known_at) for kind, series, last_known_at in names]
    table = pd.DataFrame(lines, columns=list(COLUMNS[:10]))
    aside = view.quarantine()
    counts = aside.groupby(["kind", "series"], as_index=False).agg(
        quarantined=("reason", "size"), reasons=("reason", _summary)
    )
    table = table.merge(counts, on=["kind", "series"], how="outer")
    table["quarantined"] = table["quarantined"].fillna(0).astype("int64")
    table["rows"] = table["rows"].fillna(0).astype("int64")
    table["reasons"] = table["reasons"].fillna("").astype("str")
    table["stale"] = table["stale"].fillna(True).astype("bool")  # nothing served is as stale as can be
    for name in ("gaps", "age_days", "max_age_days"):
        table[name] = table[name].astype("Int64")
    order = {kind: place for place, kind in enumerate(KINDS)}
    by_kind = table["kind"].map(order)
    return table.assign(_order=by_kind).sort_values(["_order", "series"], ignore_index=True)[list(COLUMNS)]


def _line(view: View, kind: str, series: str, last_known_at: pd.Timestamp) -> tuple[object, ...]:
    events = pd.DatetimeIndex(view.versions(kind, series)["event_date"].unique()).sort_values()
    limit = publication.max_age_days(kind, series, events)
    today = view.instant.tz_convert(NEW_YORK).tz_localize(None).normalize()
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
