"""Scores of a rule at past decisions and at the latest close: the same code for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.definitions.picker import Blend, Ranker, Schedule
from bullbear.errors import HistoryError, InputError
from bullbear.execution.executors import Executor
from bullbear.picking.blend import blended, contributions
from bullbear.picking.cross_section import Array, BoolArray, Rows
from bullbear.picking.features import FEATURES
from bullbear.picking.labels import Labels
from bullbear.picking.walk_forward import admissible, examples_of, fit, folds, walk_forward

Rule = Blend | Ranker


def check_characteristics(rules: Sequence[Rule], known: Sequence[str] = tuple(FEATURES)) -> None:
    """Refuse a rule that reads what nothing computes.

    Raises
    ------
    InputError
        The message names the rule and what there is.
    """
    for rule in rules:
        for name in rule.characteristics:
            if name not in known:
                where = f"models/picker.toml (rule {rule.name})"
                raise InputError(where, name, ", ".join(known), "correct the name")


def past_scores(
    rule: Rule,
    sessions: pd.DatetimeIndex,
    ranked: Mapping[str, Array],
    labels: Labels,
    member: BoolArray,
    levels: int,
    schedule: Schedule,
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Out-of-sample scores of the decisions of `labels`, shape (n_decisions, n_assets); NaN where there is none.

    Parameters
    ----------
    ranked
        Percentiles of the characteristics that the rule reads.
    levels
        Number of grades that a ranker learns.
    """
    if isinstance(rule, Blend):
        return np.where(member, blended(rule, ranked), np.nan)
    plan = folds(sessions, labels.decided, labels.resolved, schedule)
    return walk_forward(rule, ranked, labels, levels, member, plan, executor=executor, progress=progress)


@dataclass(frozen=True)
class Latest:
    """Scores of one decision, shape (n_assets,), what each characteristic adds, and how many decisions were learned."""

    scores: Array
    parts: Mapping[str, Array]
    trained_on: int


def latest_scores(
    rule: Rule, ranked: Mapping[str, Array], labels: Labels, member: BoolArray, levels: int, schedule: Schedule
) -> Latest:
    """Scores of the last decision of `labels`; a ranker is fitted on all earlier ones that are admissible.

    Raises
    ------
    HistoryError
        A ranker has too few decisions to learn from.
    """
    if isinstance(rule, Blend):
        parts = {name: part[-1] for name, part in contributions(rule, ranked).items()}
        return Latest(np.where(member, blended(rule, ranked), np.nan)[-1], parts, 0)
    train = trainable(labels.resolved, int(labels.decided[-1]), schedule)
    examples = examples_of(rule, ranked, labels, levels, member)
    fitted, chosen = fit(examples, train), examples.scored[-1]
    scores = np.full(len(chosen), np.nan)
    added = np.full((len(chosen), len(rule.features)), np.nan)
    if chosen.any():
        scores[chosen] = fitted.scores(examples.X[-1][chosen])
        added[chosen] = fitted.contributions(examples.X[-1][chosen])
    return Latest(scores, dict(zip(rule.features, added.T, strict=True)), len(train))


def trainable(resolved: Rows, decided: int, schedule: Schedule) -> Rows:
    """Numbers of the decisions that a fit at row `decided` may learn from.

    Raises
    ------
    HistoryError
        They are too few.
    """
    found = np.flatnonzero(admissible(resolved, decided, schedule.embargo))
    if len(found) < schedule.least_decisions:
        raise HistoryError(
            "decisions",
            f"{len(found)} with resolved labels",
            f"at least {schedule.least_decisions} for a first fit",
            "bring a longer history of prices, or lower least_decisions in models/picker.toml",
        )
    return found
