"""Scores of a rule at past decisions and at the latest close: the same code for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from bullbear.definitions.picker import Blend, Ranker, Schedule
from bullbear.errors import Found, HistoryError, InputError
from bullbear.execution.executors import Executor
from bullbear.picking.blend import blended, contributions
from bullbear.picking.cross_section import Array, BoolArray, Rows
from bullbear.picking.features import FEATURES
from bullbear.picking.labels import Labels
from bullbear.picking.walk_forward import Examples, Fold, fit, folds, walk_forward

Rule = Blend | Ranker


def check_characteristics(rules: Sequence[Rule], known: Sequence[str] = tuple(FEATURES)) -> None:
    """Refuse a rule that reads what nothing computes.

    Raises
    ------
    InputError
        The message names the rule, what there is, and the nearest name.
    """
    for rule in rules:
        for name in rule.characteristics:
            if name not in known:
                where = f"models/picker.toml (rule {rule.name})"
                near = get_close_matches(name, known, n=1)
                remedy = f"did you mean {near[0]}?" if near else "correct the name"
                raise InputError(where, name, ", ".join(known), remedy)


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
class Ranked:
    """The assets of one decision: scores, (n_assets,), NaN for what has none; the parts of each by characteristic.

    Parts add up to a blend's score where none is missing; a ranker's are SHAP values. `learned` is how many past
    decisions a ranker was fitted to, 0 for a blend.
    """

    scores: Array
    parts: Mapping[str, Array]
    learned: int

    @property
    def order(self) -> Rows:
        """Numbers of the scored assets from best to worst; ties by the order of the assets."""
        scored = np.flatnonzero(np.isfinite(self.scores))
        return np.asarray(scored[np.argsort(-self.scores[scored], kind="stable")])


def rank(rule: Rule, past: Examples | None, now: Mapping[str, Array], member: BoolArray) -> Ranked:
    """The assets of one decision.

    Parameters
    ----------
    past
        What a ranker is fitted to; not read for a blend.
    now
        Percentiles by characteristic, each (n_assets,).
    member
        Who is ranked, (n_assets,).
    """
    if isinstance(rule, Blend):
        rows = {name: now[name][None, :] for name in rule.weights}
        parts = {name: np.where(member, part[0], np.nan) for name, part in contributions(rule, rows).items()}
        return Ranked(np.where(member, blended(rule, rows)[0], np.nan), parts, 0)
    if past is None:
        raise HistoryError("decisions", Found("none"), "past ones to learn from", "bring a longer history of prices")
    fitted = fit(past, np.arange(len(past.grade)))
    X = np.stack([now[name] for name in rule.features], axis=1)
    chosen = member & np.isfinite(X).any(axis=1)
    scores, added = np.full(len(X), np.nan), np.full(X.shape, np.nan)
    if chosen.any():
        scores[chosen], added[chosen] = fitted.scores(X[chosen]), fitted.contributions(X[chosen])
    return Ranked(scores, dict(zip(rule.features, added.T, strict=True)), len(past.grade))


def in_force(sessions: pd.DatetimeIndex, decided: Rows, schedule: Schedule) -> Fold:
    """The fit in force after the last of the scheduled decisions, the same as in an evaluation.

    Raises
    ------
    HistoryError
        There has been none yet.
    """
    return folds(sessions, decided, decided + schedule.horizon, schedule)[-1]
