"""Truncation and perturbation over companies: what is said of them at a close must not move with what came later.

A line computes figures of many sessions at once from a view that knows more than they do. It is compared, up to a cut,
with itself on the store as it could have been copied then, with noise in all that became known later (prices, facts,
lists of holdings, names), and with half of that taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bullbear.audit.changes import Noise, Removed, Thinned
from bullbear.audit.result import Leak
from bullbear.data.changed import Change, ChangedStore
from bullbear.data.companies.kinds import COMPANY_KINDS, PREFIX
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.group.breadth_table import KIND
from bullbear.group.fundamentals import ITEMS, fundamentals
from bullbear.group.membership import Members, fund_universe
from bullbear.group.rated import rate_members
from bullbear.sessions import closes

Line = Callable[[View, pd.DatetimeIndex], pd.DataFrame]
"""Numbers at the closes of sessions (the index), by company or figure (the columns); NaN where there is none."""

SAMPLE = 24
"""Companies whose facts and ratings are computed anew: enough to rank, few enough to wait for."""
_MONTH = 21


def panel_leaks(
    store: Store,
    lines: Mapping[str, Line],
    sessions: pd.DatetimeIndex,
    cuts: Sequence[pd.Timestamp],
    *,
    truncated: bool = True,
    perturbed: bool = True,
    changed: frozenset[tuple[str, str]] | None = None,
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
    changed
        The (kind, series) of the store that are perturbed; None for all.
    """
    whole = {name: line(store.as_of(), sessions) for name, line in lines.items()}
    found: dict[str, Leak] = {}
    for cut in cuts:
        past = sessions[sessions <= cut]
        if not len(past):
            continue
        instant = closes(pd.DatetimeIndex([cut]))[0]
        for change, why in _changes(instant, changed, truncated=truncated, perturbed=perturbed):
            view = ChangedStore(store, change).as_of()
            for name, line in lines.items():
                if name not in found:
                    leak = _difference(name, whole[name].loc[past], line(view, past), why)
                    found |= {} if leak is None else {name: leak}
    return list(found.values())


def _changes(
    instant: pd.Timestamp, series: frozenset[tuple[str, str]] | None, *, truncated: bool, perturbed: bool
) -> list[tuple[Change, str]]:
    at = f"{instant:%Y-%m-%d %H:%M} UTC"
    changes: list[tuple[Change, str]] = [(Removed(instant), f"from the store cut at {at}")] if truncated else []
    if perturbed:
        changes += [
            (Noise(instant, series, seed=4), f"after every row published after {at} had been changed"),
            (Thinned(instant, series), f"after half of the rows published after {at} had been taken away"),
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


def facts_of(companies: Sequence[str] | None = None) -> Line:
    """Trailing years and balances, by company and item; of every company where none are named."""

    def line(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        reported = view.companies.facts(companies=companies)
        names = tuple(sorted(reported["company"].unique() if companies is None else companies))
        found = fundamentals(reported, closes(sessions), names)
        parts = {item: pd.DataFrame(found[item].value, sessions, pd.Index(names, dtype=object)) for item in ITEMS}
        frame = pd.concat(parts, axis="columns")
        return frame.set_axis(pd.Index(list(frame.columns), tupleize_cols=False), axis="columns")

    return line


def ratings_of(fund: str, companies: Sequence[str] | None = None) -> Line:
    """The composite rating of a fund's members, by company; among those named alone where some are."""

    def line(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        rows = {}
        for session, close in zip(sessions, closes(sessions), strict=True):
            then = view.until(close)
            members = fund_universe(then, fund).at(close)
            if members is not None and companies is not None:
                members = _among(members, companies)
            if members is not None and members.companies:
                rated = rate_members(then, members, session).ratings
                rows[session] = pd.Series(rated["composite"][0], rated.companies)
        return pd.DataFrame.from_dict(rows, orient="index").reindex(sessions)

    return line


def _among(members: Members, companies: Sequence[str]) -> Members:
    """Those members that are among some companies."""
    places = np.flatnonzero(np.isin(np.array(members.companies, dtype=object), list(companies)))

    def kept(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(texts[place] for place in places.tolist())

    return replace(
        members,
        companies=kept(members.companies),
        tickers=kept(members.tickers),
        names=kept(members.names),
        sectors=kept(members.sectors),
        weights=members.weights[places],
    )


def company_leaks(
    store: Store, fund: str, sessions: pd.DatetimeIndex, cuts: Sequence[pd.Timestamp]
) -> tuple[int, list[Leak]]:
    """Leaks into the facts and ratings of a sample of a fund's members, at two sessions a month apart.

    What became known of them after the second session is changed, then half of it taken away. It is the last of `cuts`
    at which members with prices were known, or else a session of the last month.

    Returns
    -------
    How many companies were looked at, none where members or their prices are not known, and what was found.
    """
    for cut in [*sorted(cuts, reverse=True), *sessions[-_MONTH - 1 : -_MONTH]]:
        rows = sessions[sessions <= cut][-_MONTH - 1 :: _MONTH]
        then = store.as_of(closes(pd.DatetimeIndex([cut]))[0])
        begin = then.companies.first_session
        members = None if begin is None or begin > rows[0] else fund_universe(then, fund).at(then.instant)
        if members is None or not members.companies:
            continue
        names = sorted(members.companies)
        sample = [names[place] for place in np.unique(np.linspace(0, len(names) - 1, SAMPLE).astype(int))]
        lines = {
            f"facts of {fund}'s members": facts_of(sample),
            f"ratings of {fund}'s members": ratings_of(fund, sample),
        }
        kinds = [f"{PREFIX}{kind}" for kind in COMPANY_KINDS]
        changed = frozenset({("holdings", fund), *((kind, name) for kind in kinds for name in sample)})
        return len(sample), panel_leaks(store, lines, rows, [cut], truncated=False, changed=changed)
    return 0, []
