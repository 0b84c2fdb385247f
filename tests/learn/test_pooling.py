"""Several questions and several members in one training: against the questions alone, and a slow walk by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples, splitter_of
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.definitions.questions import Dip
from bullbear.learn import train, train_all
from bullbear.learn.calibrator import History
from bullbear.learn.calibrators.shrinkage import Shrinkage
from bullbear.learn.pool import PastSignals
from bullbear.learn.pools.log import LogPool

LINE = {"kind": "logistic", "penalty": 5.0}
STIFF = {"kind": "logistic", "penalty": 500.0}
TREES = {"kind": "lightgbm", "bags": 2, "num_iterations": 10, "min_data_in_leaf": 15, "learning_rate": 0.2}
Make = Callable[..., ModelDefinition]
DIP = Dip(name="dip5", kind="dip", threshold=-0.05, horizon=5, sentence="Some close 5 % lower.")


def test_members_are_weighed_and_calibrated_as_by_hand(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model([LINE, STIFF], refit="quarter", more={"pool": {"penalty": 3.0}})
    found = train(definition, feature_sets, examples)
    alone = [train(model(each, refit="quarter"), feature_sets, examples) for each in (LINE, STIFF)]
    member = np.column_stack([each.signals["signal"] for each in alone])
    np.testing.assert_array_equal(found.signals[["signal_member_0", "signal_member_1"]], member)
    decided = found.signals.index
    row = {instant: number for number, instant in enumerate(examples.decided_at)}
    issued: list[float] = []
    differ = []
    for fold, kept in zip(splitter_of(definition).folds(examples), found.models, strict=True):
        before = [row[instant] for instant in decided[: len(issued)]]
        seen = [place for place, number in enumerate(before) if examples.resolved_at[number] <= kept.trained_through]
        rows = [before[place] for place in seen]
        y, base = examples.y[rows], examples.climatology[rows]
        weights = LogPool(penalty=3.0).weights(PastSignals(y, base, member[seen], 5))
        assert kept.weights == tuple(weights)
        known = examples.y[examples.resolved_at <= kept.trained_through]
        said = np.array([issued[place] for place in seen])
        assert kept.calibrator == Shrinkage(prior_sd=0.3).fit(History(y, base, said, 5, known))
        now = member[len(issued) : len(issued) + len(fold.test)]
        issued += [float(weights[0] * one + weights[1] * two) for one, two in now]
        differ.append(abs(weights[0] - weights[1]))
    np.testing.assert_array_equal(found.signals["signal"], issued)
    assert found.models[0].weights == (0.5, 0.5)
    assert differ[-1] > 0.1


def dips(examples: Examples) -> Examples:
    """Other labels on the same sessions, some of them missing."""
    y = np.where(np.isnan(examples.y), np.nan, (np.arange(len(examples)) // 7 % 3 == 0).astype(float))
    y[100:110] = np.nan
    return replace(examples, y=y, y_final=y)


@pytest.mark.parametrize("splitter", [{"refit": "quarter"}, {"kind": "combinatorial", "n_groups": 4}])
def test_questions_that_are_trained_together_are_trained_as_each_alone(
    splitter: dict[str, object], model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model([LINE, TREES], seed=2, **splitter)
    both = definition.model_copy(update={"questions": (*definition.questions, DIP)})
    found = train_all(both, feature_sets, [examples, dips(examples)])
    for name, each, together in zip(("up", "dip5"), (examples, dips(examples)), found, strict=True):
        alone = train(both.only(name), feature_sets, each)
        assert [m.state() for m in together.models] == [m.state() for m in alone.models]
        pd.testing.assert_frame_equal(together.signals, alone.signals, check_exact=True)
        pd.testing.assert_frame_equal(together.predictions.table, alone.predictions.table, check_exact=True)
        assert set(together.predictions.table["question"]) == {name}
    assert not found[0].predictions.table["p"].equals(found[1].predictions.table["p"])


def test_a_question_with_a_longer_horizon_begins_later(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model({"kind": "climatology"}, min_train=290)
    long = DIP.model_copy(update={"horizon": 40})
    both = definition.model_copy(update={"questions": (*definition.questions, long), "subject": definition.subject})
    late = replace(examples, horizon=40, resolved_at=examples.resolved_at + pd.Timedelta(days=50))
    found = train_all(both, feature_sets, [examples, late])
    assert len(found[0].models) > len(found[1].models) > 0
    alone = train(both.only("dip5"), feature_sets, late)
    assert [m.state() for m in found[1].models] == [m.state() for m in alone.models]


def test_a_member_reads_the_sets_that_it_names(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> None:
    whole = feature_sets[0]
    few = whole.model_copy(update={"name": "few", "factor": whole.factor[:1]})
    rest = whole.model_copy(update={"name": "rest", "factor": whole.factor[1:]})
    members = [{"name": "one", "features": ["few"], "learner": LINE}, {"name": "all", "learner": LINE}]
    definition = model([], more={"member": members, "features": ["few", "rest"]}, refit="quarter")
    newest = train(definition, [few, rest], examples).models[-1]
    assert newest.members[0].factors == ("truth",)
    assert newest.members[1].factors == newest.factors == ("truth", "noise_a", "noise_b", "noise_c")
    X = examples.X.tail(3)
    slope = newest.calibrator.slope
    expected = newest.weights[1] * newest.members[1].fitted.contributions(X.to_numpy())
    expected[:, :1] += newest.weights[0] * newest.members[0].fitted.contributions(X[["truth"]].to_numpy())
    np.testing.assert_allclose(newest.contributions(X, np.full(3, 0.6)), slope * expected, rtol=1e-12)
