"""Planted leaks of labels, folds, scalers, calibrators, pools, searches and refits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from tests.audit.mutants import Bench, mutant

from bullbear.audit.subject import Subject
from bullbear.dataset import Examples, Fold, labels, splits
from bullbear.definitions import ModelDefinition
from bullbear.learn import fitting, pooling, refit


def _model(bench: Bench, **tables: Any) -> Subject:
    """The subject with another learner, pool, calibration, splitter or search; never trained."""
    definition = bench.subject.definition.model_dump(mode="json") | tables
    if "member" in tables:
        definition["learner"] = None
    return replace(bench.subject, definition=ModelDefinition.model_validate(definition), bundles={})


@mutant("splits", says=r"training label resolves after the fit: the label of .* in the fit of")
def overlap_without_purge(bench: Bench) -> Subject:
    """Trains on every label that was decided by the fit."""
    bench.patch.setattr(splits._Rows, "_of", _resolved_at_once)
    return bench.subject


def _resolved_at_once(session: Any, closes: Any, resolved: Any, decidable: Any) -> Any:
    return _ROWS_OF(session, closes, closes, decidable)


_ROWS_OF = splits._Rows._of


@mutant("splits", says=r"resolves within the embargo")
def embargo_dropped(bench: Bench) -> Subject:
    """The walk-forward ignores the embargo that the model asks for."""
    folds = splits.Expanding._folds

    def without(self: splits.Expanding, *span: Any) -> list[Fold]:
        return folds(self.model_copy(update={"embargo": 0}), *span)

    bench.patch.setattr(splits.Expanding, "_folds", without)
    return bench.subject


@mutant("splits", says=r"a training label lives while one of the test does")
def combinatorial_without_purge(bench: Bench) -> Subject:
    """Combinatorial folds train on all that they do not test."""
    bench.patch.setattr(splits.Combinatorial, "_outside", lambda self, rows, tested: ~tested)
    return bench.subject


@mutant("splits", says=r"the label up of IWM on .* resolves at .* but the close 21 sessions later")
def resolved_a_session_early(bench: Bench) -> Subject:
    """A label counts as known one session before its last close."""
    lay_out = labels.Labels._lay_out

    def early(self: labels.Labels, horizon: int, whole: bool, final: bool) -> Any:
        made = lay_out(self, horizon, whole, final)
        return replace(made, resolved=np.append(made.resolved[:1], made.resolved[:-1]))

    bench.patch.setattr(labels.Labels, "_lay_out", early)
    return bench.subject


@mutant("splits", says=r"the row of factors of .* reaches the member small fitted through")
def full_sample_scaler(bench: Bench) -> Subject:
    """Factors are standardised over all rows before the walk-forward begins."""
    matrix = fitting.factor_matrix

    def scaled(X: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
        found = matrix(X, names)
        return (found - np.nanmean(found, axis=0)) / np.nanstd(found, axis=0)

    bench.patch.setattr(fitting, "factor_matrix", scaled)
    return bench.subject


@mutant("splits", says=r"the label of .* reaches the calibrator fitted through")
def calibrator_on_the_test(bench: Bench) -> Subject:
    """The calibrator is fitted on the rows that it is to forecast, too."""
    model = pooling.SignalRecord.model

    def looking(self: Any, task: Any, number: int, fold: Fold, fits: Any, earlier: Sequence[Fold]) -> Any:
        made = model(self, task, number, fold, fits, earlier)
        rows = np.flatnonzero(self._is_label & ~np.isnan(self._examples.climatology))
        past = np.concatenate([rows[np.isin(rows, each.test)] for each in (*earlier, fold)])
        self.issued[fold.test] = pooling.member_signals(fits)[:, 0]
        return replace(
            made, calibrators=self.calibrated(past, self._examples.climatology[past], self._examples.y[past])
        )

    bench.patch.setattr(pooling.SignalRecord, "model", looking)
    return bench.subject


@mutant("splits", says=r"the label of .* reaches the member small refitted through")
def refit_with_the_forecast_days_label(bench: Bench) -> Subject:
    """The refit of an evening trains on the label that resolves that evening."""
    folds_of = refit.folds_of

    def one_more(definition: ModelDefinition, examples: Examples, **span: Any) -> list[Fold]:
        found = folds_of(definition, examples, **span)
        now = examples.decided_at[found[-1].test[0]]
        return [*found[:-1], replace(found[-1], train=np.flatnonzero(np.asarray(examples.resolved_at <= now)))]

    bench.patch.setattr(refit, "folds_of", one_more)
    return bench.subject
