"""Refits after a training are those of the walk-forward, to the last bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.learn import Training, continue_training, train

LINE = {"kind": "logistic", "penalty": 1.0}
TREES = {"kind": "lightgbm", "bags": 2, "num_iterations": 10, "min_data_in_leaf": 20}
MIXED = [LINE, {"kind": "logistic", "penalty": 50.0}]
Make = Callable[..., ModelDefinition]


def continued(definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples, early: Training):
    def model_for(session: pd.Timestamp):
        day = pd.Timestamp(session).tz_localize("UTC")
        # Models of days whose signals are kept already are never loaded: a bundle may hold two hundred.
        assert day > early.signals.index[-1].normalize() - pd.Timedelta(days=31)
        return [model for model in early.models if model.trained_through < day][-1]

    return continue_training(
        definition,
        feature_sets,
        examples,
        signals=early.signals,
        fitted_through=early.models[-1].trained_through,
        model_for=model_for,
    )


# In the middle of a month, at the end of one, and after its first session.
@pytest.mark.parametrize("end", ["2019-07-17", "2019-07-31", "2019-08-01", "2019-12-31"])
@pytest.mark.parametrize(
    "learner",
    [LINE, TREES, {"kind": "climatology"}, [LINE, TREES], MIXED],
    ids=["logistic", "lightgbm", "climatology", "two members", "mixture"],
)
def test_a_continued_training_equals_a_longer_one(
    learner: Any, end: str, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    more = {"pool": {"kind": "mixture"}} if learner is MIXED else None
    definition = model(learner, seed=4, more=more)
    early, late = (train(definition, feature_sets, examples, end=each) for each in (end, None))
    added = continued(definition, feature_sets, examples, early)
    models = [each.state() for each in (*early.models, *added.models)]
    assert models == [each.state() for each in late.models]
    assert len(added.models) == len(late.models) - len(early.models) > 0
    signals = pd.concat([early.signals, added.signals])
    newest = late.models[-1].trained_through
    before = late.signals[late.signals.index <= newest]
    pd.testing.assert_frame_equal(signals, before, check_exact=True)
    predictions = pd.concat([early.predictions.table, added.predictions.table], ignore_index=True)
    wanted = late.predictions.table[late.predictions.table["decided_at"] <= newest].reset_index(drop=True)
    pd.testing.assert_frame_equal(predictions, wanted, check_exact=True)


def test_with_nothing_due_nothing_is_added(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> None:
    definition = model(LINE, seed=4)
    whole = train(definition, feature_sets, examples)
    added = continued(definition, feature_sets, examples, whole)
    assert (added.models, len(added.predictions), len(added.signals)) == ((), 0, 0)


def test_refits_are_calibrated_on_signals_as_they_were(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(LINE, seed=4)
    early = train(definition, feature_sets, examples, end="2019-07-17")
    other = dataclasses.replace(early, signals=early.signals * np.float64(3.0))
    slopes = [
        continued(definition, feature_sets, examples, each).models[-1].calibrator.slope for each in (early, other)
    ]
    assert slopes[0] != slopes[1]
