"""Forecasts of several questions never contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bullbear.dataset import Examples
from bullbear.definitions import UP, FeatureSet, ModelDefinition
from bullbear.definitions.questions import Dip, ReturnBelow
from bullbear.learn import train, train_all

LINE = {"kind": "logistic", "penalty": 1.0}
FALL = ReturnBelow(name="fall5", kind="return_below", threshold=-0.05, horizon=5, sentence="The return is under -5 %.")
DIP = Dip(name="dip5", kind="dip", threshold=-0.05, horizon=5, sentence="Some close is 5 % lower.")


def test_a_training_of_several_questions_is_coherent_and_leaves_up_alone(
    model: Callable[..., ModelDefinition], feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(LINE, refit="quarter", prior_sd=2.0)
    definition = definition.model_copy(update={"questions": (UP.model_copy(update={"horizon": 5}), DIP, FALL)})
    rng = np.random.default_rng(4)
    there = ~np.isnan(examples.y)
    dip, fall = (np.where(there, (rng.random(len(examples)) < share).astype(float), np.nan) for share in (0.3, 0.32))
    given = [examples, replace(examples, y=dip, y_final=dip), replace(examples, y=fall, y_final=fall)]
    alone = [
        train(definition.only(question.name), feature_sets, each)
        for question, each in zip(definition.questions, given, strict=True)
    ]
    found = train_all(definition, feature_sets, given)
    p, before = (np.column_stack([each.predictions.table["p"] for each in trained]) for trained in (found, alone))
    assert 0.1 < np.mean(before[:, 2] > before[:, 1]) < 1.0
    np.testing.assert_array_equal(p[:, 0], before[:, 0])
    assert (p[:, 2] <= p[:, 1] + 1e-9).all()
    assert (p[:, 2] <= 1 - p[:, 0] + 1e-9).all()
    kept = (before[:, 2] <= before[:, 1]) & (before[:, 2] + before[:, 0] <= 1)
    np.testing.assert_array_equal(p[kept], before[kept])
    assert kept.any()
    for one, each in zip(alone, found, strict=True):
        table = each.predictions.table
        assert ((table["p_low"] <= table["p"]) & (table["p"] <= table["p_high"])).all()
        assert (table["p_high"] >= one.predictions.table["p_high"]).all()
        assert each.signals.equals(one.signals)
        assert [m.state() for m in each.models] == [m.state() for m in one.models]
