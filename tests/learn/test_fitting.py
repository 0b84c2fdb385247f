"""What a learner is given to fit: the question, and the paths as they were known at the fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples, Paths, splitter_of
from bullbear.definitions import UP, FeatureSet, ModelDefinition
from bullbear.errors import DefinitionError
from bullbear.learn import LEARNERS, FittedLearner, Learner, TrainingSet
from bullbear.learn.fitting import fit_step, prepared
from bullbear.learn.learner import fit_learners
from bullbear.learn.learners.climatology import ClimatologyModel

SEEN: list[TrainingSet] = []


class Witness(Learner):
    """Keeps what it is given."""

    uses_factors: ClassVar[bool] = False
    reads_paths: ClassVar[bool] = True
    kind: Literal["witness"]

    def fit(self, training: TrainingSet) -> ClimatologyModel:
        SEEN.append(training)
        return ClimatologyModel(0)


class Forgetful(Witness):
    def fit_all(self, trainings: Sequence[TrainingSet]) -> list[FittedLearner]:
        return [self.fit(training) for training in trainings[1:]]


@pytest.fixture(autouse=True)
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    LEARNERS.names()
    monkeypatch.setitem(LEARNERS._entries, "witness", Witness)
    SEEN.clear()
    yield
    SEEN.clear()


def test_a_path_is_given_from_the_fit_on_at_which_it_is_known(
    examples: Examples, feature_sets: list[FeatureSet], model: Callable[..., ModelDefinition]
) -> None:
    n = len(examples)
    returns = np.arange(n * 5, dtype=float).reshape(n, 5)
    returns[7] = np.nan  # a close is missing; the label, which reads the first and the last, is not
    known_at = examples.resolved_at.to_series().reset_index(drop=True)
    known_at[3] = examples.decided_at[400]  # a close between came late
    known = replace(examples, paths=Paths(returns, pd.DatetimeIndex(known_at)))
    definition = model({"kind": "witness"})
    task = prepared(definition, feature_sets, [known])
    folds = splitter_of(definition).folds(known)
    for fold in folds:
        fit_step(task, (fold,))
    assert len(SEEN) == len(folds) > 3
    late = [fold.trained_through >= examples.decided_at[400] for fold in folds]
    assert True in late
    assert False in late
    for seen, fold, is_late in zip(SEEN, folds, late, strict=True):
        assert seen.paths is not None
        assert len(seen.paths) == len(seen.y) == len(fold.train)
        expected = returns[fold.train].copy()
        if not is_late:
            expected[3] = np.nan
        np.testing.assert_array_equal(seen.paths, expected)
        assert seen.question == definition.target.question
        assert seen.question.horizon == 5


def test_a_learner_that_does_not_ask_is_given_no_paths(
    examples: Examples, feature_sets: list[FeatureSet], model: Callable[..., ModelDefinition]
) -> None:
    paths = Paths(np.zeros((len(examples), 5)), examples.resolved_at)
    task = prepared(model({"kind": "climatology"}), feature_sets, [replace(examples, paths=paths)])
    assert task.questions[0].paths is None


def test_questions_are_fitted_one_after_another_by_default(training: Callable[..., Any]) -> None:
    sets = [training(n=50), training(n=60)]
    assert len(fit_learners(Witness(kind="witness"), sets)) == 2
    assert [len(seen.y) for seen in SEEN] == [50, 60]
    assert SEEN[0].question == UP


def test_a_learner_that_loses_a_question_is_refused(training: Callable[..., Any]) -> None:
    message = r"test_fitting\.py:\d+ \(learner witness\): got '?1'?; allowed: a list of 2 fitted learners"
    with pytest.raises(DefinitionError, match=message):
        fit_learners(Forgetful(kind="witness"), [training(n=50), training(n=60)])
