"""A model that mixes probabilities: trained walk-forward and combinatorially, stored, restored, and explained."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.dataset import Examples, splitter_of
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.errors import DefinitionError
from bullbear.learn import FoldModel, Training, train
from bullbear.learn.calibrators.shrinkage import ShrinkageModel, of_base_rate
from bullbear.learn.combining import combine
from bullbear.learn.pool import PastProbabilities
from bullbear.learn.pools.mixture import Mixture

LINE = {"kind": "logistic", "penalty": 5.0}
STIFF = {"kind": "logistic", "penalty": 500.0}
Make = Callable[..., ModelDefinition]


def mixture(model: Make, **splitter: object) -> ModelDefinition:
    eager = {"name": "eager", "learner": LINE, "calibration": {"prior_mean": 0.5}}
    members = [eager, {"name": "stiff", "learner": STIFF}]
    return model([], more={"member": members, "pool": {"kind": "mixture"}}, **splitter)


@pytest.fixture(scope="module")
def trained(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> Training:
    return train(mixture(model), feature_sets, examples)


@pytest.mark.slow
def test_one_two_and_four_processes_and_a_cluster_give_the_same_bits(
    trained: Training, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    distributed = pytest.importorskip("distributed")
    found = [train(mixture(model), feature_sets, examples, jobs=jobs) for jobs in (1, 2, 4)]
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        found.append(train(mixture(model), feature_sets, examples, cluster=cluster.scheduler_address))
    for each in found:
        pd.testing.assert_frame_equal(each.predictions.table, trained.predictions.table, check_exact=True)
        assert [kept.state() for kept in each.models] == [kept.state() for kept in trained.models]
        pd.testing.assert_frame_equal(each.signals, trained.signals, check_exact=True)


def test_members_are_calibrated_apart_and_weighed_as_by_hand(
    trained: Training, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    eager = model(LINE, more={"calibration": {"prior_mean": 0.5}})
    for name, alone in (("eager", eager), ("stiff", model(STIFF))):
        found = train(alone, feature_sets, examples).predictions.table.set_index("decided_at")["p"]
        said = trained.signals[f"p_{name}"].reindex(found.index)
        np.testing.assert_array_equal(said, np.clip(found, 1e-6, 1 - 1e-6))
    rows = examples.decided_at.get_indexer(trained.signals.index)
    p = trained.signals[["p_eager", "p_stiff"]].to_numpy()
    folds = splitter_of(mixture(model)).folds(examples)
    assert len(folds) == len(trained.models)
    # The labels of a month are known when the month after the next is fitted: two turns, labels over a week.
    turn = [number % 2 for number in range(len(folds))]
    of_row = {row: number for number, fold in enumerate(folds) for row in fold.test}
    y, base, resolved = examples.y, examples.climatology, examples.resolved_at
    for number, kept in enumerate(trained.models):
        past = [place for place, row in enumerate(rows) if resolved[row] <= kept.trained_through]
        own = rows[past]
        seen = np.array([np.sum(resolved[own] <= folds[of_row[row]].trained_through) for row in own])
        same = np.array([turn[of_row[row]] == turn[number] for row in own], dtype=bool)
        known = PastProbabilities(y[own], base[own], p[past], 5, seen.astype(int), same, 23)
        assert kept.weights == tuple(Mixture(kind="mixture").mixture_weights(known))
    assert np.ptp([kept.weights[0] for kept in trained.models]) > 0.05
    table = trained.predictions.table.set_index("decided_at")
    told = trained.signals["signal"].reindex(table.index) + np.log(table["climatology"] / (1 - table["climatology"]))
    np.testing.assert_allclose(np.log(table["p"] / (1 - table["p"])), told, rtol=1e-12)


def test_a_bar_that_comes_after_a_refit_gives_no_fold_another_turn(
    trained: Training, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    folds = splitter_of(mixture(model)).folds(examples)
    row, evening = folds[2].test[-1], trained.models[4].trained_through
    assert examples.resolved_at[row] < evening
    # On the evening of a refit the label is missing; later it is there, and known to have come after that evening.
    missing = examples.y.copy()
    missing[row] = np.nan
    known = examples.resolved_at.where(np.arange(len(examples)) != row, evening + pd.Timedelta(days=1))
    then, later = (
        train(mixture(model), feature_sets, dataclasses.replace(examples, **changed)).models[4].state()
        for changed in ({"y": missing}, {"resolved_at": known})
    )
    assert then == later
    assert then["weights"] != list(trained.models[4].weights)


def test_a_mixture_is_restored_to_the_same_bits_and_forecasts_row_by_row(trained: Training, examples: Examples) -> None:
    kept = trained.models[-1]
    again = FoldModel.restore(json.loads(json.dumps(kept.state(), allow_nan=False)))
    X, base, behind = examples.X.tail(20), np.full(20, 0.6), np.full(20, 80.0)
    whole = kept.forecast(X, base, behind)
    assert again.state() == kept.state()
    assert again.forecast(X, base, behind).equals(whole)
    for row in range(20):
        one = slice(row, row + 1)
        assert kept.forecast(X.iloc[one], base[one], behind[one]).iloc[0].equals(whole.iloc[row])


def test_weights_are_told_by_fit_with_the_base_rates(
    trained: Training, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    table = trained.weights
    assert list(table) == ["eager", "stiff", "base rate"]
    assert table.index.tolist() == [kept.trained_through for kept in trained.models]
    np.testing.assert_allclose(table.sum(axis="columns"), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(table[["eager", "stiff"]], [kept.weights for kept in trained.models])
    assert table["base rate"].iloc[0] == pytest.approx(0.25)
    alone = train(model(LINE, refit="quarter"), feature_sets, examples)
    assert alone.weights.empty


def test_contributions_are_worth_what_a_small_change_of_a_signal_is(trained: Training, examples: Examples) -> None:
    kept, base, X = trained.models[-1], np.array([0.6]), examples.X.dropna().tail(1)
    signals, expected = kept.signals(X), np.zeros((1, 4))
    for place, member in enumerate(kept.members):
        step = np.where(np.arange(2) == place, 1e-5, 0.0)
        low, high = (kept.issue(signals + side * step, base, np.ones(1)).signal for side in (-1, 1))
        expected += (high - low) / 2e-5 * member.fitted.contributions(X.to_numpy())
    np.testing.assert_allclose(kept.contributions(X, base), expected, rtol=1e-6)
    assert np.abs(expected).max() > 1e-3


@pytest.mark.parametrize("base", [0.0, 1.0])
def test_no_factor_moves_what_never_or_always_happened(base: float, trained: Training, examples: Examples) -> None:
    silent = (of_base_rate(examples.y[:100], 5),) * 3
    kept, X = dataclasses.replace(trained.models[-1], calibrators=silent), examples.X.dropna().tail(2)
    assert kept.forecast(X, np.full(2, base), np.ones(2))["p"].tolist() == [base, base]
    np.testing.assert_array_equal(kept.contributions(X, np.full(2, base)), 0.0)


@pytest.mark.parametrize(
    "splitter", [{"kind": "combinatorial", "n_groups": 4}, {"kind": "rolling", "window": 200, "refit": "quarter"}]
)
def test_other_splitters_train_a_mixture_that_is_blind_to_the_labels_it_tests(
    splitter: dict[str, object], model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = mixture(model, **splitter)
    found = train(definition, feature_sets, examples).predictions.table
    assert found["p"].between(0.001, 0.999).all()
    assert found["p"].nunique() > 50
    assert ((found["p_low"] <= found["p"]) & (found["p"] <= found["p_high"])).all()
    last = found["decided_at"].max()
    newest = examples.decided_at >= last - pd.Timedelta(days=20)
    turned = np.where(newest, 1 - examples.y, examples.y)
    again = train(definition, feature_sets, dataclasses.replace(examples, y=turned, y_final=turned)).predictions.table
    at = found["decided_at"] == last
    if splitter["kind"] == "rolling":
        np.testing.assert_array_equal(found["p"][at], again["p"][at])
    assert not found["y"].equals(again["y"])


def test_a_calibration_of_one_member_needs_a_pool_that_mixes(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    members = [{"name": "one", "learner": LINE, "calibration": {}}, {"name": "two", "learner": STIFF}]
    message = r"\(member.0.calibration\): got 'a calibration of one member'; allowed: a pool that mixes"
    with pytest.raises(DefinitionError, match=message):
        train(model([], more={"member": members}), feature_sets, examples)


@given(
    weights=st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)),
    slopes=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    base=st.floats(0.0, 1.0),
    signals=st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30)), min_size=1, max_size=5),
)
def test_an_interval_holds_its_forecast_and_is_no_narrower_than_the_members(
    weights: tuple[float, float], slopes: tuple[float, float], base: float, signals: list[tuple[float, float]]
) -> None:
    calibrators = [of_base_rate(np.array([1.0, 0.0] * 50), 5)]
    calibrators += [ShrinkageModel(slope, slope, 0.1, 20.0, 1.5) for slope in slopes]
    n = len(signals)
    found = combine(weights, calibrators, np.array(signals), np.full(n, base), np.full(n, 40.0)).columns
    assert ((found["p_low"] >= 0) & (found["p_low"] <= found["p"])).all()
    assert ((found["p"] <= found["p_high"]) & (found["p_high"] <= 1)).all()
    same = combine(weights, [calibrators[0]] * 3, np.zeros((n, 2)), np.full(n, base), np.full(n, 40.0)).columns
    np.testing.assert_array_equal(same["p"], base)
    low, _ = calibrators[0].interval(np.full(n, base), np.full(n, 40.0), np.zeros(n))
    np.testing.assert_allclose(same["p_low"], np.minimum(low, base), atol=1e-12)
