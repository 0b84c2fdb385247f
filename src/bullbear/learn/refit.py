"""Continuing a walk-forward after its training: the refits that are due, bit for bit those of the walk-forward.

A training ends with its data; the days that follow need the models that the same walk-forward would have fitted on
them. What is needed of the past are the out-of-sample signals on which later folds are calibrated; signals of days
since the training come from the model in force on each day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, Fold, Predictions
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.learn.fold_model import FoldModel, predict
from bullbear.learn.learner import bag_mean
from bullbear.learn.walk_forward import (
    base_rate_at,
    calibrate,
    fit_fold,
    fold_model,
    folds_of,
    is_target,
    predictions_of,
    prepared,
)


@dataclass(frozen=True)
class Continuation:
    """What a refit adds: the new `models` in order, and the `predictions` and `signals` of the sessions between the
    training's last forecast and the newest model's first session."""

    models: tuple[FoldModel, ...]
    predictions: Predictions
    signals: pd.Series


def continue_training(
    definition: ModelDefinition,
    feature_sets: Sequence[FeatureSet],
    examples: Examples,
    *,
    signals: pd.Series,
    fitted_through: pd.Timestamp,
    model_for: Callable[[pd.Timestamp], FoldModel],
    start: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Continuation:
    """Fit every fold of `examples` whose fit comes after `fitted_through`.

    Parameters
    ----------
    definition, feature_sets
        What was trained.
    examples
        From `dataset.build` on what was known at the close that asks for the refit.
    signals
        Mean out-of-sample signals so far, by `decided_at`.
    fitted_through
        The close at which the newest model was fitted.
    model_for
        The model in force on a session up to now.
    start
        The first reported day that the training was given instead of the definition's.
    progress
        Called with fits done and fits in all.

    Raises
    ------
    HistoryError
        Too few resolved examples.
    """
    task, calibrator = prepared(definition, feature_sets, examples)
    folds = folds_of(definition, examples, start=start)
    due = [fold for fold in folds if fold.trained_through > fitted_through]
    own = is_target(definition, examples)
    known = signals.reindex(examples.decided_at).where(own).to_numpy(copy=True)
    first_new = (
        len(examples) if signals.empty else int(np.searchsorted(examples.decided_at, signals.index[-1], side="right"))
    )
    models: list[FoldModel] = []
    parts: list[pd.DataFrame] = []
    new_rows: list[np.ndarray] = []
    for number, fold in enumerate(folds):
        is_due = fold.trained_through > fitted_through
        here = own[fold.test]
        tested = fold.test[here]
        if not is_due and not np.isnan(known[tested]).any():
            continue
        if is_due:
            fit = fit_fold(task, fold)
            rows = _rows_before(folds, number)
            models.append(
                fold_model(definition, task, fold, fit, calibrate(examples, own, rows, known[rows], fold, calibrator))
            )
            member, answers = models[-1].members[0], fit.signals
            if progress:
                progress(len(models), len(due))
        else:
            member = model_for(pd.Timestamp(examples.X.index[tested[0]])).members[0]
            answers = member.signals(task.X[fold.test])
        known[tested] = np.where(np.isnan(known[tested]), bag_mean(answers)[here], known[tested])
        late = fold.test >= first_new
        if late.any():
            rows = fold.test[late]
            parts.append(predict(member.calibrator, answers[late], *base_rate_at(examples, rows)))
            new_rows.append(rows)
    newest = folds[-1].test[0]
    rows = np.concatenate(new_rows) if new_rows else np.zeros(0, dtype=np.int64)
    before = rows < newest
    predictions = Predictions.none()
    if before.any():
        answered = pd.concat(parts, ignore_index=True)[before]
        predictions = predictions_of(definition, examples, rows[before], answered)
    ours = rows[before & own[rows]]
    return Continuation(tuple(models), predictions, pd.Series(known[ours], index=examples.decided_at[ours]))


def _rows_before(folds: Sequence[Fold], number: int) -> np.ndarray:
    """The out-of-sample rows of all folds before one; their signals are known by its fit."""
    return np.concatenate([np.zeros(0, dtype=np.int64), *(fold.test for fold in folds[:number])])
