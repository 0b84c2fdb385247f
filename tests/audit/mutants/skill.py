"""Leaks that show as skill without anything to learn, as none where there is all, or as data before their time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from tests.audit.mutants import Bench, mutant

from bullbear.audit.subject import FULL, Subject
from bullbear.data.store import Store
from bullbear.data.versions import Versions, versions_of
from bullbear.dataset import Examples, Fold
from bullbear.dataset.splits import Expanding
from bullbear.definitions import FactorSpec, FeatureSet
from bullbear.factors.engine import aligned_inputs, inputs
from bullbear.learn import fitting, walk_forward

_DAY = 86_400_000_000


def eager(bench: Bench) -> Subject:
    """The model with trees that learn all that there is: a leak into a model that believes nothing shows nothing."""
    learner = {"kind": "lightgbm", "bags": 1, "num_iterations": 40, "learning_rate": 0.3, "min_data_in_leaf": 5}
    definition = bench.subject.definition.model_copy(update={"learner": learner})
    return replace(bench.subject, definition=definition)


@mutant("noise", says=r"(random labels|shuffled factors) of up are forecast with a skill of \d+\.\d+ %")
def target_encoding_over_all_rows(bench: Bench) -> Subject:
    """A factor is replaced by the share of yes among all rows with a similar value, those of the test among them."""
    plain = fitting.prepared

    def encoded(definition: Any, feature_sets: Any, examples: list[Examples], source: Any = None) -> fitting.Task:
        task = plain(definition, feature_sets, examples, source)
        y = examples[0].y
        known = ~np.isnan(y)
        members = []
        for member in task.members:
            X = member.X.copy()
            bins = np.argsort(np.argsort(X[:, 0])) // 10
            yes, count = (np.bincount(bins[known], weights, bins.max() + 1) for weights in (y[known], None))
            X[:, 0] = (yes / np.maximum(count, 1))[bins]
            members.append(replace(member, X=X))
        return replace(task, members=tuple(members))

    bench.patch.setattr(walk_forward, "prepared", encoded)
    return eager(bench)


@mutant("noise", says=r"(random labels|shuffled factors) of up are forecast with a skill of \d+\.\d+ %", effort=FULL)
def fitted_on_the_test_rows(bench: Bench) -> Subject:
    """Each fold is trained on its own test rows as well."""
    plain = Expanding._folds

    def folds(self: Expanding, *given: Any) -> list[Fold]:
        return [replace(each, train=np.concatenate([each.train, each.test])) for each in plain(self, *given)]

    bench.patch.setattr(Expanding, "_folds", folds)
    return eager(bench)


@mutant("noise", says=r"(random labels|shuffled factors) of up are forecast with a skill of \d+\.\d+ %", effort=FULL)
def early_stopping_on_the_test_fold(bench: Bench) -> Subject:
    """Of several numbers of trees each fold keeps the one that forecasts its test rows best."""
    plain = fitting.fit_step

    def stopped(task: fitting.Task, step: fitting.Step) -> Any:
        found = []
        for rounds in (1, 2, 4, 8, 16, 32):
            tables = {each.name: {**each.table, "num_iterations": rounds} for each in task.members}
            found.append(plain(fitting.with_tables(task, tables), step))
        return max(found, key=lambda fits: _agreement(task, step, fits))

    bench.patch.setattr(walk_forward, "fit_step", stopped)
    return eager(bench)


def _agreement(task: fitting.Task, step: fitting.Step, fits: Any) -> float:
    (fold,), (asked,), ((fit,),) = step, task.questions, fits
    assert fold is not None
    y = asked.y[fold.test]
    p = 1.0 / (1.0 + np.exp(-fit.signals.mean(axis=1)))
    return float(-np.nanmean((y - p) ** 2))


@mutant("noise", says="a planted factor that knows the outcome is not found")
def factors_of_the_row_before(bench: Bench) -> Subject:
    """The matrix of factors lies one row off its labels."""
    plain = fitting.factor_matrix
    bench.patch.setattr(fitting, "factor_matrix", lambda X, names: np.roll(plain(X, names), 1, axis=0))
    return bench.subject


@mutant("noise", says="a planted factor that knows the outcome is not found")
def labels_shuffled_after_the_split(bench: Bench) -> Subject:
    """The training labels of a fold no longer stand beside their own factors."""
    plain = fitting.training_sets

    def shuffled(*given: Any) -> Any:
        draw = np.random.default_rng(1)
        return [replace(each, y=draw.permutation(each.y)) for each in plain(*given)]

    bench.patch.setattr(fitting, "training_sets", shuffled)
    return bench.subject


# Publication


def on_macro(bench: Bench, *specs: FactorSpec, known_at: Callable[[pd.DataFrame], pd.Series] | None = None) -> Subject:
    """The model on some macro factors, in a store of their own: releases in vintages, rates with corrections.

    `known_at` of the rows of the VIX, instead of the true instants.
    """
    view, store = bench.subject.view, Store(bench.folder / "macro")
    store.append("bars", view.versions("bars", "IWM").assign(series="IWM"))
    frames = {name: view.versions("observations", name) for name in ("INDPRO", "UNRATE", "DGS10", "VIXCLS")}
    frames["INDPRO"] = _in_vintages(frames["INDPRO"])
    again = frames["DGS10"].iloc[::7]
    again = again.assign(value=again["value"] * 1.1, known_at=again["known_at"] + pd.Timedelta(days=30))
    frames["DGS10"] = pd.concat([frames["DGS10"], again])
    if known_at is not None:
        frames["VIXCLS"] = frames["VIXCLS"].assign(known_at=known_at(frames["VIXCLS"]))
    for name, frame in frames.items():
        store.append("observations", frame.assign(series=name))
    extra = FeatureSet(name="macro", why="Releases and rates.", factor=specs) if specs else None
    sets = (*bench.subject.feature_sets, extra) if extra else bench.subject.feature_sets
    definition = bench.subject.definition.model_copy(update={"features": tuple(each.name for each in sets)})
    return replace(bench.subject, store=store, definition=definition, feature_sets=sets, bundles={})


def _in_vintages(frame: pd.DataFrame) -> pd.DataFrame:
    """A vintage of twelve months at each release, all but its newest month revised."""
    events, values = frame["event_date"].to_numpy(), frame["value"].to_numpy()
    made = []
    for row, known in enumerate(frame["known_at"]):
        rows = np.arange(max(row - 11, 0), row + 1)
        value = values[rows] * np.where(rows == row, 1.0, 1.05)
        vintage = known.tz_convert("America/New_York").tz_localize(None).normalize()
        made.append(pd.DataFrame({"event_date": events[rows], "known_at": known, "value": value, "vintage": vintage}))
    return pd.concat(made)


SLACK = FactorSpec(name="slack", function="last_known", inputs={"level": "UNRATE"})
RATE = FactorSpec(name="rate", function="last_known", inputs={"level": "DGS10"})
GROWTH = FactorSpec(name="growth", function="release_growth", inputs={"releases": "INDPRO"}, params={"periods": 3})


def _read_by_a_lag(bench: Bench, days: int) -> Subject:
    """Levels are read some days after the beginning of the month that they describe."""
    plain = inputs.last_known

    def lagged(versions: Versions) -> inputs.States:
        return plain(replace(versions, known_at=versions.event_date + days * _DAY))

    bench.patch.setattr(inputs, "last_known", lagged)
    return on_macro(bench, SLACK)


@mutant("publication", says="slack shows UNRATE before it is published: .* on 20")
def macro_dated_by_its_period(bench: Bench) -> Subject:
    """A month's rate of unemployment is read from the month's end on."""
    return _read_by_a_lag(bench, 31)


@mutant("publication", says="slack shows UNRATE before it is published: .* on 20")
def assumed_lag_longer_than_the_true_one(bench: Bench) -> Subject:
    """Two months after the beginning of a month are on the safe side, until a release comes late."""
    return _read_by_a_lag(bench, 60)


@mutant("publication", says="growth shows INDPRO before it is published: .* on 20")
def releases_dated_by_their_month(bench: Bench) -> Subject:
    """A release is read from the end of its month on, in the vintage of that day."""
    plain = aligned_inputs.release_spans

    def dated(versions: Versions, *span: int) -> list[inputs.Span]:
        spans = plain(versions, *span)
        return [replace(each, instants=np.minimum(each.instants, _ends(each))) for each in spans]

    bench.patch.setattr(aligned_inputs, "release_spans", dated)
    return on_macro(bench, GROWTH)


def _ends(span: inputs.Span) -> np.ndarray:
    return np.asarray(span.releases.event_date.view("int64")[span.newest] + 31 * _DAY)


@mutant("publication", says="growth shows INDPRO as it was revised later")
def vintages_replaced_by_the_latest_revision(bench: Bench) -> Subject:
    """Every release is read from the newest vintage of all, from its first publication on."""
    plain = aligned_inputs.release_spans

    def latest(versions: Versions, *span: int) -> list[inputs.Span]:
        return plain(_latest(versions), *span)

    bench.patch.setattr(aligned_inputs, "release_spans", latest)
    return on_macro(bench, GROWTH)


@mutant("publication", says="rate shows DGS10 as it was revised later")
def first_value_replaced_by_the_correction(bench: Bench) -> Subject:
    """The correction of a rate stands on the day of the first value."""
    plain = inputs.last_known
    bench.patch.setattr(inputs, "last_known", lambda versions: plain(_latest(versions)))
    return on_macro(bench, RATE)


def _latest(versions: Versions) -> Versions:
    days = {"event_date": versions.event_date, "known_at": versions.known_at}
    frame = pd.DataFrame({name: each.view("datetime64[us]") for name, each in days.items()} | dict(versions.numbers))
    frame["known_at"] = pd.DatetimeIndex(frame["known_at"]).tz_localize("UTC")
    if not len(frame):
        return versions
    first = frame.groupby("event_date")["known_at"].min()
    newest = frame.drop_duplicates("event_date", keep="last")
    newest = newest.assign(known_at=newest["event_date"].map(first))
    return versions_of(newest.sort_values(["known_at", "event_date"]))


@mutant("publication", says=r"VIXCLS: [\d,]+ of [\d,]+ rows are known before they can have been")
def known_at_is_the_event_date_on_ingest(bench: Bench) -> Subject:
    """The VIX of a day is stored as known when the day begins."""
    return on_macro(bench, known_at=lambda rows: rows["event_date"].dt.tz_localize("America/New_York"))
