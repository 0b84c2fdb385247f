"""A fold's model: one member forecasts as itself, several by the weighted sum of their signals."""

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


def test_several_members_forecast_by_the_weighted_sum_of_their_signals(
    pair: tuple[FoldModel, FoldModel], examples: Examples
) -> None:
    X, base, behind = examples.X.tail(30), np.full(30, 0.6), np.full(30, 80.0)
    found = pooled(pair, (0.25, 0.5)).forecast(X, base, behind)
    signals = [each.signals(X)[:, 0] for each in pair]
    np.testing.assert_array_equal(pooled(pair, (0.25, 0.5)).signals(X), np.column_stack(signals))
    odds = np.log(0.6 / 0.4) + pair[0].calibrator.slope * (0.25 * signals[0] + 0.5 * signals[1])
    np.testing.assert_allclose(found["p"], 1 / (1 + np.exp(-odds)), rtol=1e-12)
    assert found["p"].nunique() > 20
    assert ((found["p_low"] <= found["p"]) & (found["p"] <= found["p_high"])).all()
    np.testing.assert_array_equal(found["climatology"], base)
    alone = pooled(pair, (1.0, 0.0)).forecast(X, base, behind)
    np.testing.assert_array_equal(alone["p"], pair[0].forecast(X, base, behind)["p"])
    # All weight on the base rate.
    np.testing.assert_allclose(pooled(pair, (0.0, 0.0)).forecast(X, base, behind)["p"], base, rtol=1e-15)


def test_contributions_are_pooled_too(pair: tuple[FoldModel, FoldModel], examples: Examples) -> None:
    X, base = examples.X.tail(5), np.full(5, 0.6)
    both = pooled(pair, (0.25, 0.75))
    assert both.factors == pair[0].factors
    slope = pair[0].calibrator.slope
    line, trees = (each.members[0].fitted.contributions(X.to_numpy()) for each in pair)
    np.testing.assert_allclose(both.contributions(X, base), slope * (0.25 * line + 0.75 * trees), rtol=1e-12)
    np.testing.assert_array_equal(pair[0].contributions(X, base), slope * line)
    assert np.abs(both.contributions(X, base)).max() > 0


def test_a_pool_is_restored_to_the_same_bits(pair: tuple[FoldModel, FoldModel], examples: Examples) -> None:
    both = pooled(pair, (0.25, 0.75))
    again = FoldModel.restore(json.loads(json.dumps(both.state(), allow_nan=False)))
    assert again.state() == both.state()
    X, base, behind = examples.X.tail(30), np.full(30, 0.6), np.full(30, 80.0)
    assert again.forecast(X, base, behind).equals(both.forecast(X, base, behind))
    assert (again.asset, again.question, again.horizon, again.weights) == ("IWM", "up", 5, (0.25, 0.75))
