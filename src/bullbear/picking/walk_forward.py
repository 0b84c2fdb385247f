"""A ranker's scores at past decisions, each from a fit that could have been made by then.

Refit at the first decision of each quarter or year, on all decisions whose labels had resolved `embargo` sessions
before. Inputs are percentiles within a decision and grades are quantiles within one: neither reads another decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.definitions.picker import Ranker, Schedule
from bullbear.errors import Found, HistoryError
from bullbear.execution.executors import Executor
from bullbear.execution.mapping import map_items
from bullbear.learn.ranker import FittedRanker, fit_ranker
from bullbear.picking.cross_section import Array, Rows
from bullbear.picking.labels import Labels


@dataclass(frozen=True)
class Fold:
    """Numbers of the decisions that a fit learns from, and of those that it scores."""

    train: Rows
    test: Rows


@dataclass(frozen=True)
class Examples:
    """What the fits read: percentiles, shape (n_decisions, n_assets, n_features), and grades (n_decisions, n_assets).

    NaN in `X` is unknown; NaN in `grade` means that there is no label.
    """

    X: Array
    grade: Array
    scored: np.ndarray
    rule: Ranker


def folds(sessions: pd.DatetimeIndex, decided: Rows, resolved: Rows, schedule: Schedule) -> tuple[Fold, ...]:
    """The fits and what they score, in order; decisions before the first fit are in none.

    Parameters
    ----------
    decided, resolved
        Rows of `sessions`; labels that resolve beyond the last session are never learned from.

    Raises
    ------
    HistoryError
        No decision has enough earlier ones whose labels had resolved.
    """
    period = "Q" if schedule.refit == "quarter" else "Y"
    periods = sessions[decided].to_period(period)
    found: list[Fold] = []
    for place in np.flatnonzero(np.r_[True, periods[1:] != periods[:-1]]).tolist():
        test = np.flatnonzero(periods == periods[place])
        train = np.flatnonzero(admissible(resolved, int(decided[place]), schedule.embargo))
        if len(train) >= schedule.least_decisions:
            found.append(Fold(train, test))
    if not found:
        raise HistoryError(
            "decisions", Found(f"{len(decided)} in {len(sessions)} sessions"),
            f"more: a first fit needs {schedule.least_decisions} with resolved labels",
            "bring a longer history of prices, or lower least_decisions in models/picker.toml",
        )  # fmt: skip
    return tuple(found)


def admissible(resolved: Rows, decided: int, embargo: int) -> np.ndarray:
    """Which labels a fit at the close of row `decided` may read."""
    return np.asarray(resolved + embargo <= decided)


def walk_forward(
    rule: Ranker,
    ranked: Mapping[str, Array],
    labels: Labels,
    levels: int,
    scored: np.ndarray,
    plan: Sequence[Fold],
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Out-of-sample scores, shape (n_decisions, n_assets); NaN before the first fit and where nothing is scored.

    Parameters
    ----------
    ranked
        Percentiles of each feature, shape (n_decisions, n_assets).
    levels
        Number of grades.
    scored
        Who is scored at each decision, shape (n_decisions, n_assets).
    """
    examples = examples_of(rule, ranked, labels, levels, scored)
    parts = map_items(_fold_scores, examples, plan, executor=executor, progress=progress)
    found = np.full(scored.shape, np.nan)
    for fold, part in zip(plan, parts, strict=True):
        found[fold.test] = part
    return found


def examples_of(rule: Ranker, ranked: Mapping[str, Array], labels: Labels, levels: int, scored: np.ndarray) -> Examples:
    """What every fold reads; who has no known feature is not scored."""
    X = np.stack([ranked[name] for name in rule.features], axis=2)
    return Examples(X, labels.grades(levels), scored & np.isfinite(X).any(axis=2), rule)


def fit(examples: Examples, train: Rows) -> FittedRanker:
    """A ranker from the labelled companies of the decisions `train`."""
    used = np.isfinite(examples.grade[train]) & examples.scored[train]
    # Row by row, so that the companies of a decision lie together.
    return fit_ranker(
        examples.X[train][used],
        examples.grade[train][used],
        used.sum(axis=1)[used.any(axis=1)].tolist(),
        examples.rule.features,
        examples.rule.learner,
    )


def _fold_scores(examples: Examples, fold: Fold) -> Array:
    found = np.full(examples.scored[fold.test].shape, np.nan)
    chosen = examples.scored[fold.test]
    if chosen.any():
        found[chosen] = fit(examples, fold.train).scores(examples.X[fold.test][chosen])
    return found
