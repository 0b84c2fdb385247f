"""What the store itself says about publication: rows that were known too early, and revisions that it lacks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bullbear.audit.result import Leak
from bullbear.audit.series import Series
from bullbear.data.lookahead_checks import day_begins, earliest_known_at, settled_at
from bullbear.data.publication import RULES, bars_known_at, clock, is_session, rule_of
from bullbear.data.view import View
from bullbear.group.breadth_table import KIND as BREADTH


def early_rows(view: View, series: Iterable[Series]) -> list[Leak]:
    """The first row of each series that was known before it can have been, by the rule of its publication."""
    found = []
    for kind, name in series:
        if not view.has(kind, name):
            continue
        rows = view.versions(kind, name)
        earliest = _earliest(kind, name, pd.DatetimeIndex(rows["event_date"]))
        known = pd.DatetimeIndex(rows["known_at"])
        early = np.flatnonzero(known < earliest)
        if len(early):
            row = int(early[0])
            day = f"{rows['event_date'].iloc[row]:%Y-%m-%d}"
            days = (earliest[row] - known[row]) / pd.Timedelta(days=1)
            said = (
                f"{name}: {len(early):,} of {len(rows):,} rows are known before they can have been; that of {day} at "
                f"{known[row]:%Y-%m-%d %H:%M}, which its rule allows from {earliest[row]:%Y-%m-%d %H:%M} UTC on"
            )
            found.append(Leak(name, day, float(days), said))
    return found


def _earliest(kind: str, name: str, events: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The first instant at which the row of each event can have been known."""
    if kind == "observations":
        return earliest_known_at(rule_of(name, events.unique().sort_values()), events)
    if kind == "short_interest":
        return settled_at(events)
    if kind not in ("bars", "short_volume", BREADTH):
        return day_begins(events)
    earliest = day_begins(events)
    traded = is_session(pd.Series(events))
    days = events[traded]
    if len(days):
        over = _closed(days) if kind == "short_volume" else bars_known_at(name, days)
        places = np.cumsum(traded) - 1
        earliest = pd.DatetimeIndex(np.where(traded, over.as_unit("us").asi8[places], earliest.as_unit("us").asi8))
        earliest = pd.DatetimeIndex(earliest.asi8.view("datetime64[us]")).tz_localize("UTC")
    return earliest


def _closed(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(clock(days.min()).loc[days, "close"].to_numpy()).tz_localize("UTC")


def never_revised(view: View, series: Iterable[Series]) -> list[str]:
    """Series that their agencies revise, but that are stored in one version: it may be the latest one."""
    return [
        name
        for kind, name in series
        if kind == "observations"
        and name in RULES
        and RULES[name].revised
        and view.has(kind, name)
        and not view.versions(kind, name)["event_date"].duplicated().any()
    ]
