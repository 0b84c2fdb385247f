"""Walk-forward training on two cores against half of the sum of its bare LightGBM fits."""

from __future__ import annotations

import time

import lightgbm

from benchmarks.market import home
from benchmarks.ratio import Ratio
from bullbear.dataset import build
from bullbear.learn import train
from bullbear.learn.fitting import prepared, training_sets
from bullbear.learn.walk_forward import folds_of

CORES = 2


def measure() -> list[Ratio]:
    model = home().model("lightgbm")
    definition = model.definition
    examples = build(home().store().as_of(), model.feature_sets, definition.target)
    began = time.perf_counter()
    train(definition, model.feature_sets, examples, jobs=CORES)
    ours = time.perf_counter() - began
    return [
        Ratio(f"walk-forward on {CORES} cores / sum of bare fits / {CORES}", ours, _bare(model, examples) / CORES, 1.15)
    ]


def _bare(model, examples) -> float:
    """Bins built once per fold, then one LightGBM training per bag: the least that the result can cost."""
    task = prepared(model.definition, model.feature_sets, [examples])
    (member,) = task.members
    spent = 0.0
    for fold in folds_of(model.definition, examples):
        (training,) = training_sets(task, member, {0: fold})
        began = time.perf_counter()
        bins = member.learner.dataset(training)
        for bag in range(member.learner.bags):
            parameters = {k: v for k, v in member.learner.parameters(training, bag).items() if v is not None}
            lightgbm.train(parameters, bins)
        spent += time.perf_counter() - began
    return spent
