"""Walk-forward training on two cores against half of the sum of its bare LightGBM fits."""

from __future__ import annotations

import time

import lightgbm
import numpy as np
import pandas as pd

from benchmarks.market import home
from benchmarks.ratio import Ratio
from bullbear.dataset import build, walk_forward_folds
from bullbear.dataset.examples import uniqueness
from bullbear.learn import learner_of, train
from bullbear.learn.learners import TrainingSet, factor_matrix

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
    definition = model.definition
    learner = learner_of(definition.learner)
    specs = [spec for each in model.feature_sets for spec in each.factor]
    names, signs = tuple(s.name for s in specs), tuple(s.sign for s in specs)
    X = factor_matrix(examples.X, names)
    folds = walk_forward_folds(
        examples.decided_at,
        examples.resolved_at,
        definition.splitter,
        sessions=pd.DatetimeIndex(examples.X.index),
        decidable=examples.decidable,
    )
    spent = 0.0
    for fold in folds:
        rows = fold.train[~np.isnan(examples.y[fold.train])]
        weights = uniqueness(len(rows), examples.horizon)
        training = TrainingSet(X[rows], examples.y[rows], weights / weights.mean(), names, signs, definition.seed)
        began = time.perf_counter()
        bins = learner.dataset(training)
        for bag in range(learner.bags):
            parameters = {k: v for k, v in learner.parameters(training, bag).items() if v is not None}
            lightgbm.train(parameters, bins)
        spent += time.perf_counter() - began
    return spent
