"""Several assets per session, and combinatorial paths."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from math import comb

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples, Fold
from bullbear.dataset.splits import splitter_of
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.errors import DefinitionError
from bullbear.learn import LEARNERS, continue_training, train
from bullbear.learn.fitting import Task, prepared, training_sets
from bullbear.learn.learner import TrainingSet

LINE = {"kind": "logistic", "penalty": 5.0}
Make = Callable[..., ModelDefinition]


def training_set(task: Task, fold: Fold) -> TrainingSet:
    (found,) = training_sets(task, task.members[0], {0: fold})
    return found


def panel(examples: Examples, **second: object) -> Examples:
    """The examples beside a second asset, AAA, that differs from the first only as told."""
    other = dataclasses.replace(examples, asset=np.full(len(examples), "AAA"), **second)
    order = np.argsort(np.tile(np.arange(len(examples)), 2), kind="stable")
    columns = {
        name: np.concatenate([getattr(other, name), getattr(examples, name)])[order]
        for name in ("y", "y_final", "decidable", "weights", "climatology", "n_resolved", "asset")
    }
    instants = {
        name: getattr(other, name).append(getattr(examples, name))[order] for name in ("decided_at", "resolved_at")
    }
    X = pd.concat([other.X, examples.X]).iloc[order]
    return Examples(X=X, horizon=examples.horizon, fingerprint="panel", **columns, **instants)


def test_a_twin_asset_adds_no_evidence(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> None:
    definition = model(LINE, refit="quarter")
    alone, twins = (train(definition, feature_sets, each) for each in (examples, panel(examples)))
    found, wanted = twins.predictions.select(asset="IWM").table, alone.predictions.table
    assert found["decided_at"].tolist() == wanted["decided_at"].tolist()
    np.testing.assert_allclose(found["p"], wanted["p"], atol=1e-5)
    np.testing.assert_array_equal(found["climatology"], wanted["climatology"])
    assert [m.calibrator.evidence for m in twins.models] == [m.calibrator.evidence for m in alone.models]
    assert twins.predictions.table["asset"].unique().tolist() == ["AAA", "IWM"]
    both = [twins.predictions.select(asset=asset).table["p"].to_numpy() for asset in ("AAA", "IWM")]
    np.testing.assert_array_equal(*both)
    np.testing.assert_array_equal(both[1], found["p"])


def test_weights_of_a_panel_sum_to_the_labels_of_one_asset(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(LINE, refit="quarter")
    sums = []
    for each in (examples, panel(examples)):
        task = prepared(definition, feature_sets, [each])
        folds = splitter_of(definition).folds(each)
        sums.append([training_set(task, fold).weights.sum() for fold in folds])
        assert set(training_set(task, folds[0]).asset) == set(each.asset)
    np.testing.assert_allclose(sums[1], sums[0], rtol=1e-12)


def test_another_asset_teaches_but_does_not_calibrate(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(LINE, refit="quarter", prior_sd=0.3)
    twins, opposed = (
        train(definition, feature_sets, panel(examples, y=y)) for y in (examples.y, 1 - examples.y)
    )  # fmt: skip
    # What the opposite teaches cancels out: no signal is left.
    assert np.abs(opposed.signals["signal"]).max() < 0.2 * np.abs(twins.signals["signal"]).max()
    by_hand = train(definition, feature_sets, examples)
    assert opposed.models[-1].calibrator.persistence == by_hand.models[-1].calibrator.persistence


@pytest.mark.parametrize("end", ["2019-07-17", "2019-08-01"])
def test_a_panel_is_continued_to_the_same_bits(
    end: str, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition, both = model(LINE), panel(examples, y=np.roll(examples.y, 3))
    early, late = (train(definition, feature_sets, both, end=each) for each in (end, None))
    added = continue_training(
        definition,
        feature_sets,
        both,
        signals=early.signals,
        fitted_through=early.models[-1].trained_through,
        model_for=lambda session: [m for m in early.models if m.trained_through < session.tz_localize("UTC")][-1],
    )
    assert [m.state() for m in (*early.models, *added.models)] == [m.state() for m in late.models]
    newest = late.models[-1].trained_through
    signals = pd.concat([early.signals, added.signals])
    pd.testing.assert_frame_equal(signals, late.signals[late.signals.index <= newest], check_exact=True)
    found = pd.concat([early.predictions.table, added.predictions.table], ignore_index=True)
    wanted = late.predictions.table[late.predictions.table["decided_at"] <= newest].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)


def test_a_panel_without_the_target_is_refused(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> None:
    elsewhere = dataclasses.replace(examples, asset=np.full(len(examples), "SPY"))
    with pytest.raises(DefinitionError, match=r"\(target.ticker\): got 'IWM'; .* SPY; add IWM to \[universe\]"):
        train(model(LINE), feature_sets, elsewhere)


@pytest.fixture
def combinatorial(model: Make) -> ModelDefinition:
    splitter = {"kind": "combinatorial", "first": "2018-06-01", "n_groups": 5, "n_test_groups": 2, "min_train": 30}
    return model(LINE).model_copy(update={"splitter": splitter})


def test_every_combinatorial_path_forecasts_every_session_once(
    combinatorial: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    found = train(combinatorial, feature_sets, examples)
    assert (found.models, len(found.signals)) == ((), 0)
    table = found.predictions.table
    assert sorted(table["path"].unique()) == list(range(comb(4, 1)))
    first = examples.decided_at[examples.session >= "2018-06-01"]
    for _, path in table.groupby("path"):
        assert path["decided_at"].tolist() == first.tolist()
    assert table.groupby("decided_at")["p"].nunique().max() > 1


def test_a_twin_asset_moves_no_combinatorial_mixture(
    combinatorial: ModelDefinition, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    members = [{"name": "line", "learner": LINE}, {"name": "stiff", "learner": {**LINE, "penalty": 50.0}}]
    mixed = model([], more={"member": members, "pool": {"kind": "mixture"}, "calibration": {"prior_mean": 0.5}})
    definition = mixed.model_copy(update={"splitter": combinatorial.splitter})
    alone, twins = (train(definition, feature_sets, each).predictions for each in (examples, panel(examples)))
    np.testing.assert_allclose(twins.select(asset="IWM").table["p"], alone.table["p"], atol=1e-5)


def test_labels_of_the_tested_groups_reach_neither_signal_nor_base_rate(
    combinatorial: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    fold = splitter_of(combinatorial).folds(examples)[3]
    tested = np.zeros(len(examples), dtype=bool)
    tested[fold.test] = True
    assert not tested[fold.train].any()
    other = dataclasses.replace(examples, y=np.where(tested, 1 - examples.y, examples.y))
    before, after = (train(combinatorial, feature_sets, each).predictions.table for each in (examples, other))
    keys = pd.MultiIndex.from_arrays([examples.decided_at[fold.test], fold.path])
    rows = [table.set_index(["decided_at", "path"]).loc[keys] for table in (before, after)]
    np.testing.assert_array_equal(rows[0]["climatology"], rows[1]["climatology"])
    task = prepared(combinatorial, feature_sets, [other])
    fitted = LEARNERS.read(LINE).fit(training_set(task, fold))
    twin = prepared(combinatorial, feature_sets, [examples])
    assert fitted.state() == LEARNERS.read(LINE).fit(training_set(twin, fold)).state()
    train_rows = fold.train[~np.isnan(examples.y[fold.train])]
    assert rows[0]["climatology"].iloc[0] == examples.y[train_rows].mean()
