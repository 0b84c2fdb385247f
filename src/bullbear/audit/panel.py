"""Truncation and perturbation over companies: what is said of them at a close must not move with what came later.

A line computes figures of many sessions at once from a view that knows more than they do. It is compared, up to a cut,
with itself on the store as it could have been copied then, with noise in all that became known later (prices, facts,
lists of holdings, names), and with half of that taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from bullbear.audit.changes import Noise, Removed, Thinned
from bullbear.audit.result import Leak
from bullbear.data.changed import Change, ChangedStore
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.group.breadth_table import KIND
from bullbear.group.fundamentals import ITEMS, fundamentals
from bullbear.group.membership import fund_universe
from bullbear.group.rated import rate_members
from bullbear.sessions import closes

Line = Callable[[View, pd.DatetimeIndex], pd.DataFrame]
"""Numbers at the closes of sessions (the index), by company or figure (the columns); NaN where there is none."""


def panel_leaks(
    store: Store,
    lines: Mapping[str, Line],
    sessions: pd.DatetimeIndex,
    cuts: Sequence[pd.Timestamp],
    *,
    truncated: bool = True,
    perturbed: bool = True,
) -> list[Leak]:
    """The first leak of each line; none of one whose rows follow from what was known at their closes.

    Parameters
    ----------
    sessions
        Of the rows, ascending.
    cuts
        Sessions after which the store is changed; those before the first row are left out.
    truncated, perturbed
        Whether later rows are taken away, and whether they are changed.
    """
    whole = {name: line(store.as_of(), sessions) for name, line in lines.items()}
    found: dict[str, Leak] = {}
    for cut in cuts:
        past = sessions[sessions <= cut]
        if not len(past):
            continue
        for change, why in _changes(closes(pd.DatetimeIndex([cut]))[0], truncated=truncated, perturbed=perturbed):
            view = ChangedStore(store, change).as_of()
            for name, line in lines.items():
                if name not in found:
                    leak = _difference(name, whole[name].loc[past], line(view, past), why)
                    found |= {} if leak is None else {name: leak}
    return list(found.values())


def _changes(instant: pd.Timestamp, *, truncated: bool, perturbed: bool) -> list[tuple[Change, str]]:
    at = f"{instant:%Y-%m-%d %H:%M} UTC"
    changes: list[tuple[Change, str]] = [(Removed(instant), f"from the store cut at {at}")] if truncated else []
    if perturbed:
        changes += [
            (Noise(instant, seed=4), f"after every row published after {at} had been changed"),
            (Thinned(instant), f"after half of the rows published after {at} had been taken away"),
        ]
    return changes


def _difference(name: str, whole: pd.DataFrame, then: pd.DataFrame, why: str) -> Leak | None:
    """The first number that differs; a column that is not there counts as missing throughout."""
    columns = whole.columns.union(then.columns, sort=False)
    one, other = (each.reindex(index=whole.index, columns=columns).to_numpy(np.float64) for each in (whole, then))
    moved = ~((one == other) | (np.isnan(one) & np.isnan(other)))
    if not moved.any():
        return None
    row, column = (int(each) for each in np.argwhere(moved)[0])
    what = columns[column]
    label = " ".join(map(str, what)) if isinstance(what, tuple) else str(what)
    day, values = f"{whole.index[row]:%Y-%m-%d}", (float(one[row, column]), float(other[row, column]))
    said = f"{name}: {values[0]:.10g} for {label} on {day}, but {values[1]:.10g} {why}"
    return Leak(name, day, abs(values[0] - values[1]), said)


def membership_of(fund: str) -> Line:
    """1 where a company was a member of a fund; of `known`, where membership was known."""

    def line(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        universe = fund_universe(view, fund)
        names = universe.companies()
        known, member = universe.mask(sessions, names)
        frame = pd.DataFrame(np.where(member, 1.0, np.nan), sessions, pd.Index(names, dtype=object))
        return frame.assign(known=np.where(known, 1.0, np.nan))

    return line


def breadth_of(fund: str) -> Line:
    """The figures of breadth of a fund."""

    def line(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        rows = view.arrays(KIND, fund).frame.set_index("event_date").drop(columns="known_at")
        return pd.DataFrame(rows.reindex(sessions))

    return line


def facts(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Trailing years and balances of every company, by company and item."""
    reported = view.companies.facts()
    names = tuple(sorted(reported["company"].unique()))
    found = fundamentals(reported, closes(sessions), names)
    parts = {item: pd.DataFrame(found[item].value, sessions, pd.Index(names, dtype=object)) for item in ITEMS}
    frame = pd.concat(parts, axis="columns")
    return frame.set_axis(pd.Index(list(frame.columns), tupleize_cols=False), axis="columns")


def ratings_of(fund: str) -> Line:
    """The composite rating of a fund's members, by company."""

    def line(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        rows = {}
        for session, close in zip(sessions, closes(sessions), strict=True):
            then = view.until(close)
            members = fund_universe(then, fund).at(close)
            if members is not None:
                rated = rate_members(then, members, session).ratings
                rows[session] = pd.Series(rated["composite"][0], rated.companies)
        return pd.DataFrame.from_dict(rows, orient="index").reindex(sessions)

    return line
