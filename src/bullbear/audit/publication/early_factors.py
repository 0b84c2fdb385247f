"""Factors that speak before their data are published: of a store in which everything is published later.

There a factor may show a value only from the later instant on. One that goes by the day that a value describes, or by
a lag that it assumes, shows it at the usual time. No later data: everything published after a session is replaced by
noise, the session's row is computed from what was known at its close, and compared with that from the whole store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from bullbear.audit.changes import Noise
from bullbear.audit.factors.finding import Finding, first_difference
from bullbear.audit.factors.truncation import computed
from bullbear.audit.publication.later import Later, Revised, releases, spacing
from bullbear.audit.result import Leak
from bullbear.audit.series import Series, read_by, readers_of, stored_as
from bullbear.audit.subject import Effort, Subject
from bullbear.data.changed import ChangedStore
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.sessions import closes

SLOW = pd.Timedelta(days=4)
"""Series with more time between two releases are looked at by themselves: one release later is many sessions later."""
_FIRST = 0.2
"""The share of the sessions before the first cut."""


def early_factors(subject: Subject, later: ChangedStore, whole: pd.DataFrame, effort: Effort) -> list[Leak]:
    """The first row of each factor that shows what is not yet published in a store of later publications.

    Parameters
    ----------
    later, whole
        That store, and the factors of `subject.specs` that it gives at the sessions of `subject.index`.
    """
    found: dict[str, Leak] = {}
    for session, specs in sorted(_cuts(subject, later, effort).items()):
        left = [spec for spec in specs if spec.name not in found]
        for finding in _ahead(later, left, session, whole, subject.ticker):
            spec = next(spec for spec in left if spec.name == finding.factor)
            names = " and ".join(_culprits(subject, spec, session))
            day, size = f"{session:%Y-%m-%d}", abs(finding.value - finding.known)
            said = (
                f"{spec.name} shows {names} before it is published: {finding.value:.6g} on {day} if it is published a "
                f"release later, {finding.known:.6g} from what is known then"
            )
            found[spec.name] = Leak(spec.name, day, size, said)
    return [*found.values(), *_unmoved(subject, whole, found)]


def _cuts(subject: Subject, later: ChangedStore, effort: Effort) -> dict[pd.Timestamp, list[FactorSpec]]:
    """The sessions at which factors are looked at: some all over the history, of slow series those before a release."""
    index = subject.index
    begin = int(_FIRST * (len(index) - 1))
    spread = np.unique(np.linspace(begin, len(index) - 1, effort.cuts).astype(int))
    cuts: dict[pd.Timestamp, list[FactorSpec]] = {index[row]: list(subject.specs) for row in spread}
    decided = closes(index)
    view = later.as_of()
    for (kind, name), specs in readers_of(subject).items():
        if not specs or not view.has(kind, name):
            continue
        instants = releases(view.versions(kind, name))
        if spacing(instants) < SLOW:
            continue
        before = decided.searchsorted(instants[instants > decided[begin]]) - 1
        chosen = before[np.unique(np.linspace(0, len(before) - 1, effort.series_cuts).astype(int))]
        for row in chosen:
            known = cuts.setdefault(index[row], [])
            known += [spec for spec in specs if spec not in known]
    return cuts


def _ahead(
    store: Store, specs: Sequence[FactorSpec], session: pd.Timestamp, whole: pd.DataFrame, asset: str
) -> Iterator[Finding]:
    """The factors whose row is another after all that is published later has become noise."""
    if not specs:
        return
    index = pd.DatetimeIndex([session])
    instant = closes(index)[0]
    read = frozenset(each for spec in specs for series in read_by(spec, asset) for each in stored_as(series))
    view = ChangedStore(store, Noise(instant, read)).as_of(instant)
    then = computed(view, specs, index, asset)
    for spec in specs:
        if spec.name in then:
            finding = first_difference(spec, "publication", whole.loc[index, spec.name], then[spec.name])
            if finding is not None:
                yield finding


def _culprits(subject: Subject, spec: FactorSpec, session: pd.Timestamp) -> list[str]:
    """The series whose later publication alone shows the look-ahead; all that the factor reads if none does."""
    series = read_by(spec, subject.ticker)
    if len(series) > 1:
        for each in series:
            store = subject.changed(Later(stored_as(each)))
            index = pd.DatetimeIndex([session])
            whole = computed(store.as_of(), [spec], index, subject.ticker)
            if spec.name in whole and any(_ahead(store, [spec], session, whole, subject.ticker)):
                return [each[1]]
    return [name for _, name in series]


def _unmoved(subject: Subject, whole: pd.DataFrame, found: Mapping[str, Leak]) -> list[Leak]:
    """The factors that change from day to day, but not if all that they read is published later."""
    leaks = []
    for spec in subject.specs:
        usual, late = subject.factors[spec.name], whole[spec.name]
        if spec.name in found or usual.nunique() < 2 or not usual.equals(late):
            continue
        names = " and ".join(name for _, name in read_by(spec, subject.ticker))
        changes = usual.ffill().diff().abs()
        day = changes.idxmax()
        said = f"{spec.name} shows {names} at the same time if it is published a release later, as on {day:%Y-%m-%d}"
        leaks.append(Leak(spec.name, f"{day:%Y-%m-%d}", float(changes.max()), said))
    return leaks


def revised_series(subject: Subject) -> dict[Series, list[FactorSpec]]:
    """The series that were revised, with the factors that read them."""
    view = subject.view
    return {
        (kind, name): specs
        for (kind, name), specs in readers_of(subject).items()
        if specs and view.has(kind, name) and _is_revised(view.versions(kind, name))
    }


def _is_revised(frame: pd.DataFrame) -> bool:
    return bool(frame["event_date"].duplicated().any())


def latest_revisions(series: Sequence[Series]) -> Revised:
    """The change of a store that reads them in their latest revisions."""
    return Revised(frozenset(each for one in series for each in stored_as(one)))


def shown_revisions(subject: Subject, revised: Mapping[Series, Sequence[FactorSpec]], effort: Effort) -> list[Leak]:
    """The factors that show a revision before it was published, where it changed the value most."""
    decided = closes(subject.index)
    found: dict[str, Leak] = {}
    for (kind, name), specs in revised.items():
        changes = _most_revised(subject.view.versions(kind, name), kind, decided, subject.index)
        for session, first, latest in changes[: max(effort.series_cuts, 2)]:
            left = [spec for spec in specs if spec.name not in found]
            for finding in _ahead(subject.store, left, session, subject.factors, subject.ticker):
                spec = next(spec for spec in left if spec.name == finding.factor)
                store, index = subject.changed(latest_revisions([(kind, name)])), pd.DatetimeIndex([session])
                then = computed(store.as_of(closes(index)[0]), [spec], index, subject.ticker)
                is_latest = spec.name in then and np.isclose(then[spec.name].iloc[0], finding.value)
                how = "as it was revised later" if is_latest else "before it is published"
                said = (
                    f"{spec.name} shows {name} {how}: {finding.value:.6g} on {session:%Y-%m-%d}, {finding.known:.6g} "
                    f"from the values known then ({name} was first {first:.6g}, is now {latest:.6g})"
                )
                size = abs(finding.value - finding.known)
                found[spec.name] = Leak(spec.name, f"{session:%Y-%m-%d}", size, said)
    return list(found.values())


def _most_revised(
    frame: pd.DataFrame, kind: str, decided: pd.DatetimeIndex, index: pd.DatetimeIndex
) -> list[tuple[pd.Timestamp, float, float]]:
    """Sessions at which an event's first value stood alone, with it and the latest, the most revised first."""
    column = {"bars": "adj_close", "observations": "value", "short_volume": "short_volume"}.get(kind, "shares_short")
    turn = frame.groupby("event_date").cumcount()
    table, again = (frame[turn == place].set_index("event_date") for place in (0, 1))
    latest = frame.drop_duplicates("event_date", keep="last").set_index("event_date")[column]
    table = pd.DataFrame(
        {"first": table[column], "known": table["known_at"], "latest": latest, "again": again["known_at"]}
    )
    row = decided.searchsorted(pd.DatetimeIndex(table["known"]))
    inside = (row < len(decided)) & (row >= int(_FIRST * len(decided)))
    alone = inside & np.asarray(decided[np.minimum(row, len(decided) - 1)] < pd.DatetimeIndex(table["again"]))
    changed = (table["latest"] / table["first"] - 1.0).abs()
    chosen = np.flatnonzero(alone & (changed > 0).to_numpy())
    order = chosen[np.argsort(-changed.to_numpy()[chosen], kind="stable")]
    return [(index[row[each]], float(table["first"].iloc[each]), float(table["latest"].iloc[each])) for each in order]
