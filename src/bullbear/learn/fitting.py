"""Fitting one fold of every member for every question: what a worker process is given, and what it gives back.

Questions over the same horizon are fitted together, so that a learner may share work among them (`Learner.fit_all`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bullbear import user_code
from bullbear.dataset import Examples, Fold, Paths
from bullbear.definitions import FeatureSet, ModelDefinition, Question, Source
from bullbear.errors import DefinitionError
from bullbear.learn.learner import (
    LEARNERS,
    FittedLearner,
    Learner,
    TrainingSet,
    factor_matrix,
    fit_learners,
    signals_of,
)
from bullbear.learn.members import members_of
from bullbear.learn.weights import label_weights

Step = tuple[Fold | None, ...]
"""A fold of each question, fitted at the same close; None for a question that has too little history then."""


@dataclass(frozen=True)
class MemberTask:
    """What every fold shares of a member; `signs` are those of P(up), shape (k,) as `factors`."""

    name: str
    table: Mapping[str, Any]
    learner: Learner
    factors: tuple[str, ...]
    signs: tuple[int, ...]
    X: np.ndarray

    @property
    def kind(self) -> str:
        """The kind of its learner."""
        return str(self.table["kind"])


@dataclass(frozen=True)
class QuestionTask:
    """What every fold shares of a question; arrays of shape (n,), `paths` only where a learner reads them."""

    question: Question
    y: np.ndarray
    resolved_at: pd.DatetimeIndex
    paths: Paths | None


@dataclass(frozen=True)
class Task:
    """What every fold shares."""

    members: tuple[MemberTask, ...]
    questions: tuple[QuestionTask, ...]
    decided_at: pd.DatetimeIndex
    asset: np.ndarray
    seed: int


@dataclass(frozen=True)
class Fit:
    """A fitted member: its state, the signals of the fold's test sessions, shape (n, n_bags), and the time it took.

    Where questions were fitted together, each has an equal share of the time. `table` is that of the learner, whose
    parameters may change from fold to fold.
    """

    state: dict[str, Any]
    signals: np.ndarray
    seconds: float
    table: Mapping[str, Any]


def prepared(
    definition: ModelDefinition,
    feature_sets: Sequence[FeatureSet],
    examples: Sequence[Examples],
    source: Source | None = None,
) -> Task:
    """What every fold of a training shares; `examples` are those of each question, on the same sessions.

    Raises
    ------
    DefinitionError
        The members do not fit, or one that needs factors has none, or no row is of the target.
    """
    place = source or Source.nowhere("model")
    first, members = examples[0], []
    matrices: dict[tuple[str, ...], np.ndarray] = {}
    for plan in members_of(definition, source):
        read = [each for each in feature_sets if each.name in plan.features] if plan.learner.uses_factors else []
        specs = [spec for each in read for spec in each.factor]
        if plan.learner.uses_factors and not specs:
            where = f"{place.where('features')} (features)"
            raise DefinitionError(where, [], f"factors for a {plan.table['kind']} learner", "name a feature set")
        names = tuple(spec.name for spec in specs)
        if names not in matrices:
            matrices[names] = factor_matrix(first.X, names)
        signs = tuple(spec.sign for spec in specs)
        members.append(MemberTask(plan.name, plan.table, plan.learner, names, signs, matrices[names]))
    if not is_target(definition, first).any():
        assets, ticker = ", ".join(sorted(set(first.asset))), definition.ticker
        where = f"{place.where('target', 'ticker')} (target.ticker)"
        raise DefinitionError(
            where, ticker, f"one of the feature sets' assets, {assets}", f"add {ticker} to [universe]"
        )
    reads_paths = any(member.learner.reads_paths for member in members)
    questions = tuple(
        QuestionTask(question, each.y, each.resolved_at, each.paths if reads_paths else None)
        for question, each in zip(definition.questions, examples, strict=True)
    )
    return Task(tuple(members), questions, first.decided_at, first.asset, definition.seed)


def with_tables(task: Task, tables: Mapping[str, Mapping[str, Any]]) -> Task:
    """The same task with other parameters: the learner's table of each member, by name."""
    members = (
        replace(each, table=tables[each.name], learner=LEARNERS.read(tables[each.name])) for each in task.members
    )
    return replace(task, members=tuple(members))


def is_target(definition: ModelDefinition, examples: Examples) -> np.ndarray:
    """Which examples are of the model's own target; shape (n,)."""
    return np.asarray(examples.asset == definition.ticker)


def training_sets(task: Task, member: MemberTask, folds: Mapping[int, Fold]) -> list[TrainingSet]:
    """The resolved examples of a fold, by number of question, weighted by their uniqueness; see `label_weights`.

    Questions that have labels on the same rows share the arrays of these rows.
    """
    shared: dict[bytes, TrainingSet] = {}
    found = []
    for number, fold in folds.items():
        asked = task.questions[number]
        rows = fold.train[~np.isnan(asked.y[fold.train])]
        # A sign speaks of P(up); a rise makes a fall less likely, and says nothing of volatility.
        own: dict[str, Any] = {
            "y": asked.y[rows],
            "resolved_at": asked.resolved_at[rows],
            "signs": tuple(sign * asked.question.direction for sign in member.signs),
            "question": asked.question,
        }
        like = shared.get(rows.tobytes())
        if like is not None and like.horizon == asked.question.horizon:
            found.append(replace(like, **own))
            continue
        weights, paths, path_weights = _weights(task, rows, asked), None, None
        if member.learner.reads_paths and asked.paths is not None:
            paths = asked.paths.known_by(fold.trained_through)[rows]
            known = ~np.isnan(paths).any(axis=1)
            path_weights = np.zeros(len(rows))
            path_weights[known] = weights if known.all() else _weights(task, rows[known], asked)
        made = TrainingSet(
            X=member.X[rows],
            weights=weights,
            decided_at=task.decided_at[rows],
            asset=task.asset[rows],
            names=member.factors,
            seed=task.seed,
            horizon=asked.question.horizon,
            paths=paths,
            path_weights=path_weights,
            **own,
        )
        shared[rows.tobytes()] = made
        found.append(made)
    return found


def _weights(task: Task, rows: np.ndarray, asked: QuestionTask) -> np.ndarray:
    if not len(rows):
        return np.zeros(0)
    return label_weights(task.decided_at[rows], task.asset[rows], task.decided_at, asked.question.horizon)


def fit_step(task: Task, step: Step) -> list[tuple[Fit, ...] | None]:
    """For each question its fitted members; the same task and step give the same bits."""
    present = {number: fold for number, fold in enumerate(step) if fold is not None}
    alike: dict[int, dict[int, Fold]] = {}
    for number, fold in present.items():
        alike.setdefault(task.questions[number].question.horizon, {})[number] = fold
    fits: dict[int, list[Fit]] = {number: [] for number in present}
    for member in task.members:
        for folds in alike.values():
            sets = training_sets(task, member, folds)
            began = time.perf_counter()
            fitted = fit_learners(member.learner, sets)
            seconds = (time.perf_counter() - began) / len(folds)
            for (number, fold), each in zip(folds.items(), fitted, strict=True):
                state = user_code.call(f"learner {member.kind}", each.state)
                fits[number].append(Fit(state, _tested(task, member, each, fold.test), seconds, member.table))
    return [tuple(fits[number]) if number in fits else None for number in range(len(step))]


def _tested(task: Task, member: MemberTask, fitted: FittedLearner, test: np.ndarray) -> np.ndarray:
    return signals_of(member.kind, fitted, member.X[test], task.asset[test])
