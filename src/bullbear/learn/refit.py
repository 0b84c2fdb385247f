"""Continuing a walk-forward after its training: the refits that are due, bit for bit those of the walk-forward.

A training ends with its data; the days that follow need the models that the same walk-forward would have fitted on
them. What is needed of the past are the out-of-sample signals on which later folds are calibrated; signals of days
since the training come from the model in force on each day. Where parameters are searched for, a refit keeps those of
the refit before it until the next search is due, and then makes that search itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, Fold, Predictions
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.learn.fitting import fit_step, prepared, with_tables
from bullbear.learn.fold_model import FoldModel
from bullbear.learn.pooling import SignalRecord, kinds_of, member_signals
from bullbear.learn.search.searching import Searches, Tables, openings
from bullbear.learn.search.tuning import DueSearches
from bullbear.learn.walk_forward import base_rate_at, folds_of, predictions_of


@dataclass(frozen=True)
class Continuation:
    """What a refit adds: the new `models` in order, and the `predictions` and `signals` of the sessions between the
    training's last forecast and the newest model's first session."""

    models: tuple[FoldModel, ...]
    predictions: Predictions
    signals: pd.DataFrame


def continue_training(
    definition: ModelDefinition,
    feature_sets: Sequence[FeatureSet],
    examples: Examples,
    *,
    signals: pd.DataFrame,
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
        Those of the training so far, as `Training.signals`.
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
    task = prepared(definition, feature_sets, [examples])
    folds = folds_of(definition, examples, start=start)
    due = [fold for fold in folds if fold.trained_through > fitted_through]
    record = SignalRecord(definition, examples, *kinds_of(definition))
    if not signals.empty:
        record.read(signals)
    own = record.own
    due_searches = None
    if definition.search is not None:
        opened = openings(folds, examples.session, definition.search.every)
        due_searches = DueSearches(Searches.of(definition, task, [examples]), folds, opened)
    first_new = (
        len(examples) if signals.empty else int(np.searchsorted(examples.decided_at, signals.index[-1], side="right"))
    )
    models: list[FoldModel] = []
    parts: list[pd.DataFrame] = []
    new_rows: list[np.ndarray] = []
    for number, fold in enumerate(folds):
        is_due = fold.trained_through > fitted_through
        tested = fold.test[own[fold.test]]
        is_known = ~np.isnan(record.issued[fold.test])
        if not is_due and is_known[own[fold.test]].all():
            continue
        if is_due:
            asked = task
            if due_searches is not None:
                before = partial(_tables_before, folds, number, examples, own, models, model_for)
                asked = with_tables(task, due_searches.tables(number, before))
            (fits,) = fit_step(asked, (fold,))
            assert fits is not None
            model = record.model(task, 0, fold, fits, folds[:number])
            answers = member_signals(fits)
            models.append(model)
            if progress:
                progress(len(models), len(due))
        else:
            model = model_for(pd.Timestamp(examples.X.index[tested[0]]))
            answers = model.signals(examples.X.iloc[fold.test], examples.asset[fold.test])
        unknown = fold.test[~is_known]
        record.write(unknown, answers[~is_known], model.issue(answers[~is_known], *base_rate_at(examples, unknown)))
        late = fold.test >= first_new
        if late.any():
            rows = fold.test[late]
            parts.append(pd.DataFrame(model.issue(answers[late], *base_rate_at(examples, rows)).columns))
            new_rows.append(rows)
    newest = folds[-1].test[0]
    rows = np.concatenate(new_rows) if new_rows else np.zeros(0, dtype=np.int64)
    before = rows < newest
    predictions = Predictions.none()
    if before.any():
        answered = pd.concat(parts, ignore_index=True)[before]
        predictions = predictions_of(definition, examples, rows[before], answered)
    return Continuation(tuple(models), predictions, record.table(rows[before & own[rows]]))


def _tables_before(
    folds: Sequence[Fold],
    number: int,
    examples: Examples,
    own: np.ndarray,
    models: Sequence[FoldModel],
    model_for: Callable[[pd.Timestamp], FoldModel],
) -> Tables:
    """The learners' tables of the model of the fold before one; `models` are those that this refit has added."""
    earlier = folds[number - 1]
    tested = earlier.test[own[earlier.test]]
    before = models[-1] if models else model_for(pd.Timestamp(examples.X.index[tested[0]]))
    return {member.name: member.learner for member in before.members}
