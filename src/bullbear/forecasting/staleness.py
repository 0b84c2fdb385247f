"""What a forecast lacks: series that are absent or stale, a target that fell behind, a model whose refit is overdue.

Staleness is judged by each series' own publication rule. A forecast names what it lacks, and is refused beyond the
budget of `[staleness]` in bullbear.toml.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd

from bullbear.data.view import View
from bullbear.definitions import FactorSpec
from bullbear.errors import BullbearError, GateError, RunError
from bullbear.factors import registered
from bullbear.factors.engine.inputs import level_max_age
from bullbear.factors.engine.registry import kind_of
from bullbear.forecasting.bundle import Bundle, champion_of, read_bundle
from bullbear.forecasting.close import Close, close_of
from bullbear.home import Home
from bullbear.learn import FoldModel
from bullbear.sessions import between, day
from bullbear.settings import Staleness


def stale_series(view: View, bundle: Bundle, session: pd.Timestamp) -> list[str]:
    """Series read by the champion's or its policy's factors that are absent, or older than their rule allows.

    Bars and observations go by their names alone; anything else about a ticker says what it is.
    """
    return _names(_stale(view, bundle, session, bundle.rule.own))


def _stale(
    view: View, bundle: Bundle, session: pd.Timestamp, further: Iterable[FactorSpec] = ()
) -> set[tuple[str, str]]:
    return {each for each in series_read(bundle, further) if is_stale(view, *each, session)}


def _names(read: Iterable[tuple[str, str]]) -> list[str]:
    stored = {(kind_of(kind).stored, series) for kind, series in read}
    plain = ("bars", "observations")
    return sorted(series if kind in plain else f"{kind.replace('_', ' ')} of {series}" for kind, series in stored)


def series_read(bundle: Bundle, further: Iterable[FactorSpec] = ()) -> set[tuple[str, str]]:
    """The inputs of the champion's factors, and of `further` ones, as (kind of input, series)."""
    known, ticker = registered(), bundle.definition.target.ticker
    return {
        (kind, spec.inputs_for(ticker)[name])
        for spec in (*bundle.factors(), *further)
        for name, kind in known[spec.function].inputs.items()
    }


def next_lacks(home: Home) -> list[str]:
    """What the next forecast would name as absent or stale: it decides at the last close that is stored, not now.

    Pairs are included; a champion that this version cannot use lacks nothing.
    """
    store = home.filled_store()
    lacking: set[tuple[str, str]] = set()
    for place in (home, *home.paired):
        at: Close | None = None  # of any champion: those of one home forecast the same fund
        for question in place.questions():
            with suppress(BullbearError):
                champion = read_bundle(place.champion_of(question), label=champion_of(question))
                at = close_of(store, champion.definition.target, None) if at is None else at
                lacking |= _stale(at.view, champion, at.session, champion.rule.own)
    return _names(lacking)


def mark_needed(table: pd.DataFrame, home: Home) -> pd.DataFrame:
    """A table of `data.status` with a column `needed`: what any champion reads, those of pairs too, absent or not.

    What a champion reads that this version cannot use is not needed.
    """
    read: set[tuple[str, str]] = set()
    for place in (home, *home.paired):
        for question in home.questions():
            with suppress(RunError):
                champion = read_bundle(place.champion_of(question), label=champion_of(question))
                inputs = series_read(champion, champion.rule.own)
                read |= {(kind_of(kind).stored, series) for kind, series in inputs}
    present = set(zip(table["kind"], table["series"], strict=True))
    marked = table.assign(needed=[pair in read for pair in zip(table["kind"], table["series"], strict=True)])
    absent = sorted(read - present)
    if not absent:
        return marked
    blank = {"rows": 0, "stale": True, "quarantined": 0, "reasons": "not in the store", "rewritten": 0, "needed": True}
    lines = pd.DataFrame([{"kind": kind, "series": series, **blank} for kind, series in absent])
    joined = pd.concat([marked, lines.reindex(columns=marked.columns)], ignore_index=True)
    counted = ("gaps", "age_days", "max_age_days")  # whole numbers, which joining has turned into fractions
    return joined.astype({name: marked[name].dtype for name in (*blank, *counted)})


def is_stale(view: View, kind: str, series: str, session: pd.Timestamp) -> bool:
    """Whether an input of that kind is absent at `session`, or older than its rule allows."""
    rule = kind_of(kind)
    versions = view.arrays(rule.stored, series)
    if not len(versions):
        return True
    allowed = level_max_age(series, versions) if rule.max_age_days is None else rule.max_age_days
    newest = pd.Timestamp(int(versions.event_date.max()), unit="us")
    return bool((session - newest).days > allowed)


@dataclass(frozen=True)
class Freshness:
    """What a forecast may lack, and how far the target's bars have fallen behind.

    Attributes
    ----------
    sessions_behind
        Sessions that have closed since the decision.
    is_fed
        Whether the store is fed by `bullbear fetch`; a snapshot ends where it ends.
    is_today
        Whether the forecast is meant for the evening on which it is made.
    """

    budget: Staleness
    sessions_behind: int
    is_fed: bool
    is_today: bool

    def checked(self, bundle: Bundle, at: Close, overdue: int) -> Bundle:
        """The champion, if it lacks no more at the close than the budget allows; its refit is `overdue` by sessions.

        Raises
        ------
        GateError
            Too many series are stale, the target has fallen behind, or the model should have been refitted long ago.
        """
        # A policy does without what it lacks, and says so; what a model lacks makes its probability worth less.
        read, stale = _names(series_read(bundle)), _names(_stale(at.view, bundle, at.session))
        decided, name = at.session.date(), bundle.definition.name
        if len(stale) > self.budget.max_share * len(read):
            raise GateError(
                "staleness budget",
                f"{len(stale)} of {len(read)} series that {name} reads are absent or stale on "
                f"{decided} ({', '.join(stale[:5])}{', ...' if len(stale) > 5 else ''})",
                "run `bullbear fetch`, or raise max_share in [staleness] of bullbear.toml",
            )
        behind = self.sessions_behind
        if self.is_today and self.is_fed and behind > self.budget.max_sessions_behind:
            raise GateError(
                "staleness budget",
                f"the last bar of {at.target.ticker} is {behind} sessions old",
                "run `bullbear fetch`, or name the day that is meant with --as-of",
            )
        if overdue > self.budget.max_refit_overdue_sessions:
            age = model_age(bundle.model_for(at.session), at.session)
            raise GateError(
                "staleness budget",
                f"the refit of {name}, last fitted {age} sessions before {decided}, is {overdue} sessions overdue",
                "run `bullbear forecast` without --no-refit, or train and promote again",
            )
        return bundle


def model_age(model: FoldModel, session: pd.Timestamp) -> int:
    """Sessions from the fit of a model to `session`."""
    return len(between(day(model.trained_through), session)) - 1
