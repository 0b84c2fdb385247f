"""What a training has fitted and forecast, stage by stage and dated, so that two trainings can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.learn import FoldModel, Training
from bullbear.learn.search.trial import Search
from bullbear.sessions import day


@dataclass(frozen=True, order=True)
class Stage:
    """One thing that a training fits or forecasts: when, in which order at that close, what, and of which question."""

    at: pd.Timestamp
    order: int
    name: str
    question: str
    done: str = "fitted through"

    @property
    def place(self) -> str:
        """The stage with its day, for a sentence."""
        return f"{self.name} {self.done} {day(self.at):%Y-%m-%d}"


Stages = Mapping[Stage, Any]
"""JSON-ready content by stage."""


def stages_of(trainings: Sequence[Training], questions: Sequence[str], by: pd.Timestamp) -> dict[Stage, Any]:
    """All that was fitted and forecast by an instant.

    Parameters
    ----------
    questions
        The name of the question of each training.
    """
    found: dict[Stage, Any] = {}
    for training, question in zip(trainings, questions, strict=True):
        for search in training.searches:
            found.update(_of_search(search, question))
        for model in training.models:
            found.update(stages_of_model(model, question))
        for instant, *signals in training.signals.itertuples():
            found[Stage(instant, 4, "the signals", question, "of")] = signals
        table = training.predictions.table
        for instant, asset, *numbers in table[["decided_at", "asset", "p", "p_low", "p_high"]].itertuples(index=False):
            found[Stage(instant, 5, f"the forecast of {asset}", question, "issued on")] = numbers
    return {stage: content for stage, content in found.items() if stage.at <= by}


def stages_of_model(model: FoldModel, question: str) -> dict[Stage, Any]:
    """The members, weights and calibrators of one fit."""
    at, mixes = model.trained_through, model.mixes
    found: dict[Stage, Any] = {Stage(at, 1, "the number of training rows", question, "of the fit of"): model.n_train}
    for member in model.members:
        found[Stage(at, 1, f"the member {member.name}", question)] = dict(member.learner_state)
        found[Stage(at, 1, f"the parameters of the member {member.name}", question)] = dict(member.learner)
    names = ["base rate", *(member.name for member in model.members)] if mixes else [""]
    for name, calibrator in zip(names, model.calibrators, strict=True):
        of = f"the calibrator of {name}" if name else "the calibrator"
        found[Stage(at, 2 if mixes else 3, of, question)] = calibrator.state()
    found[Stage(at, 3 if mixes else 2, "the combination weights", question)] = list(model.weights)
    return found


def _of_search(search: Search, question: str) -> Iterator[tuple[Stage, Any]]:
    trials = [[each.number, each.state, dict(each.values), each.score, each.message] for each in search.trials]
    content = {"n_folds": search.n_folds, "trials": trials, "values": dict(search.values)}
    yield Stage(search.fitted_through, 0, "the search", question, "made at the fit of"), content


def moved(one: Stages, other: Stages) -> list[tuple[Stage, str, float]]:
    """The stages that differ in any bit, in the order in which they are made: stage, what of it, and by how much."""
    found = []
    for stage in sorted(one.keys() | other.keys()):
        if stage not in one or stage not in other:
            found.append((stage, "", math.nan))
        elif (place := difference(one[stage], other[stage])) is not None:
            found.append((stage, *place))
    return found


def difference(one: Any, other: Any, path: str = "") -> tuple[str, float] | None:
    """The path of the first difference of two JSON-ready values, and its size; None if they have the same bits."""
    if isinstance(one, np.ndarray | np.generic):
        one = one.tolist()
    if isinstance(other, np.ndarray | np.generic):
        other = other.tolist()
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        parts: Iterator[tuple[Any, Any, Any]] = ((key, one[key], other[key]) for key in one)
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        parts = ((number, *pair) for number, pair in enumerate(zip(one, other, strict=True)))
    elif isinstance(one, float) and isinstance(other, float):
        same = one == other or (math.isnan(one) and math.isnan(other))
        return None if same else (path, abs(one - other))
    else:
        return None if one == other else (path, math.nan)
    for key, first, second in parts:
        inner = difference(first, second, f"{path}.{key}" if path else str(key))
        if inner is not None:
            return inner
    return None
