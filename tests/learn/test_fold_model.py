"""A fold's model: one member forecasts as itself, several as their weighted mean."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest

from bullbear.dataset import Examples
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.learn import FoldModel, train

LINE = {"kind": "logistic", "penalty": 5.0}
TREES = {"kind": "lightgbm", "bags": 2, "num_iterations": 10, "min_data_in_leaf": 15, "learning_rate": 0.2}


@pytest.fixture(scope="module")
def pair(
    model: Callable[..., ModelDefinition], feature_sets: list[FeatureSet], examples: Examples
) -> tuple[FoldModel, FoldModel]:
    one, two = (train(model(each, refit="quarter"), feature_sets, examples).models[-1] for each in (LINE, TREES))
    return one, two


def pooled(pair: tuple[FoldModel, FoldModel], weights: tuple[float, float]) -> FoldModel:
    line, trees = (each.members[0] for each in pair)
    few = dataclasses.replace(line, name="few")
    return dataclasses.replace(pair[0], members=(few, dataclasses.replace(trees, name="trees")), weights=weights)


def test_several_members_forecast_their_weighted_mean(pair: tuple[FoldModel, FoldModel], examples: Examples) -> None:
    X, base, behind = examples.X.tail(30), np.full(30, 0.6), np.full(30, 80.0)
    one, two = (each.forecast(X, base, behind) for each in pair)
    found = pooled(pair, (0.25, 0.75)).forecast(X, base, behind)
    for column in ("p", "p_low", "p_high"):
        np.testing.assert_allclose(found[column], 0.25 * one[column] + 0.75 * two[column], rtol=1e-14)
    assert (found["p_low"] <= found["p"]).all()
    np.testing.assert_array_equal(found["climatology"], base)
    alone = pooled(pair, (1.0, 0.0)).forecast(X, base, behind)
    np.testing.assert_array_equal(alone["p"], one["p"])


def test_contributions_are_pooled_too(pair: tuple[FoldModel, FoldModel], examples: Examples) -> None:
    X = examples.X.tail(5)
    both = pooled(pair, (0.25, 0.75))
    assert both.factors == pair[0].factors
    expected = 0.25 * pair[0].contributions(X) + 0.75 * pair[1].contributions(X)
    np.testing.assert_allclose(both.contributions(X), expected, rtol=1e-12)
    slope = pair[0].members[0].calibrator.slope
    np.testing.assert_array_equal(
        pair[0].contributions(X), slope * pair[0].members[0].fitted.contributions(X.to_numpy())
    )
    assert np.abs(expected).max() > 0


def test_a_pool_is_restored_to_the_same_bits(pair: tuple[FoldModel, FoldModel], examples: Examples) -> None:
    both = pooled(pair, (0.25, 0.75))
    again = FoldModel.restore(json.loads(json.dumps(both.state(), allow_nan=False)))
    assert again.state() == both.state()
    X, base, behind = examples.X.tail(30), np.full(30, 0.6), np.full(30, 80.0)
    assert again.forecast(X, base, behind).equals(both.forecast(X, base, behind))
    assert (again.asset, again.question, again.horizon, again.weights) == ("IWM", "up", 5, (0.25, 0.75))
