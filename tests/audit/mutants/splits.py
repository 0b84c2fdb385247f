"""Planted leaks of labels, folds, scalers, calibrators, pools, searches and refits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from tests.audit.mutants import Bench, mutant

from bullbear.audit.replays import kept_fits
from bullbear.audit.subject import Subject
from bullbear.dataset import Examples, Fold, labels, splits
from bullbear.dataset import examples as examples_module
from bullbear.definitions import ModelDefinition
from bullbear.execution import map_items
from bullbear.learn import fitting, pooling, refit, walk_forward
from bullbear.learn.search import searching
from bullbear.statistics import independent_number


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


@mutant("splits", says=r"the label up of IWM on .* resolves at")
def label_over_calendar_days(bench: Bench) -> Subject:
    """A month is thirty days of the calendar, not twenty-one sessions."""
    lay_out = labels.Labels._lay_out

    def calendar(self: labels.Labels, horizon: int, whole: bool, final: bool) -> Any:
        made = lay_out(self, horizon, whole, final)
        n = len(made.session)
        end = np.minimum(made.session.searchsorted(made.session + pd.Timedelta(days=30)), n - 1)
        close = made.paths[:, 0][end]
        return replace(made, paths=np.column_stack([made.paths[:, :-1], close]), resolved=made.decided_at.asi8[end])

    bench.patch.setattr(labels.Labels, "_lay_out", calendar)
    return bench.subject


@mutant("splits", says=r"the base rate up of IWM on .* is .*, but .* from the bars known by then")
def climatology_over_all_labels(bench: Bench) -> Subject:
    """The base rate is the share of yes in the whole sample."""
    expanding = examples_module.climatology

    def whole(y: np.ndarray, resolved_at: pd.DatetimeIndex, decided_at: pd.DatetimeIndex) -> Any:
        share, count = expanding(y, resolved_at, decided_at)
        return np.where(count > 0, np.nanmean(y), share), count

    bench.patch.setattr(examples_module, "climatology", whole)
    return bench.subject


@mutant("splits", says=r"the label of .* counts .* in the fit of .* among the labels of that fit")
def uniqueness_over_all_rows(bench: Bench) -> Subject:
    """A training label shares its sessions with labels that the fit does not have."""

    def over_all(task: fitting.Task, rows: np.ndarray, asked: fitting.QuestionTask) -> np.ndarray:
        horizon = asked.question.horizon
        weights = fitting.label_weights(task.decided_at, task.asset, task.decided_at, horizon)[rows]
        return np.asarray(weights * independent_number(len(rows), horizon) / weights.sum())

    bench.patch.setattr(fitting, "_weights", over_all)
    return bench.subject


@mutant("splits", says=r"factors of .* reach(es)? the member small fitted through")
def imputer_with_the_full_sample(bench: Bench) -> Subject:
    """Missing factors become the median of all rows."""
    matrix = fitting.factor_matrix

    def filled(X: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
        found = matrix(X, names)
        return np.where(np.isnan(found), np.nanmedian(found, axis=0), found)

    bench.patch.setattr(fitting, "factor_matrix", filled)
    return bench.subject


def _with_matrix(bench: Bench, changed: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Subject:
    """The factors of a training changed by what is known of all labels."""

    def prepared(*given: Any) -> fitting.Task:
        task = fitting.prepared(*given)
        members = tuple(replace(each, X=changed(each.X, task.questions[0].y)) for each in task.members)
        return replace(task, members=members)

    bench.patch.setattr(walk_forward, "prepared", prepared)
    return bench.subject


@mutant("splits", says=r"the label of .* reaches the member small fitted through")
def target_encoding_of_a_member(bench: Bench) -> Subject:
    """A factor becomes the share of yes in its tenth of all rows."""

    def encoded(X: np.ndarray, y: np.ndarray) -> np.ndarray:
        tenth = pd.qcut(pd.Series(X[:, 1]), 10, labels=False, duplicates="drop")
        return np.column_stack([X[:, 0], pd.Series(y).groupby(tenth).transform("mean")])

    return _with_matrix(bench, encoded)


@mutant("splits", says=r"reach(es)? the member small fitted through")
def selection_on_all_rows(bench: Bench) -> Subject:
    """The factor that goes with the labels best in the whole sample is kept, the other dropped."""

    def selected(X: np.ndarray, y: np.ndarray) -> np.ndarray:
        known = ~np.isnan(y) & ~np.isnan(X).any(axis=1)
        fit = [abs(np.corrcoef(column[known], y[known])[0, 1]) for column in X.T]
        return np.where(np.arange(X.shape[1]) == int(np.argmax(fit)), X, 0.0)

    return _with_matrix(bench, selected)


@mutant("splits", says=r"reach(es)? the (parameters of the )?member small fitted through")
def early_stopping_on_the_test(bench: Bench) -> Subject:
    """The number of trees is the one that forecasts the test fold best."""

    def stopped(task: fitting.Task, step: fitting.Step) -> Any:
        (fold,), y = step, task.questions[0].y
        test = np.flatnonzero(~np.isnan(y[fold.test]))
        made = []
        for trees in (2, 4, 8):
            table = {**task.members[0].table, "num_iterations": trees}
            fits = fitting.fit_step(fitting.with_tables(task, {task.members[0].name: table}), step)
            signal = fits[0][0].signals[test].mean(axis=1)
            made.append((float(np.mean(np.logaddexp(0.0, -(2 * y[fold.test][test] - 1) * signal))), trees, fits))
        return min(made, key=lambda each: each[:2])[2]

    bench.patch.setattr(walk_forward, "fit_step", stopped)
    return bench.subject


@mutant("splits", says=r"labels? of .* reach(es)? the member small fitted through")
def leak_in_the_last_fold_alone(bench: Bench) -> Subject:
    """Only the model that goes live is fitted on labels that have not resolved."""
    last = pd.Timestamp(f"{bench.subject.index[-1].year - 1}-12-20", tz="UTC")

    def leaky(task: fitting.Task, step: fitting.Step) -> Any:
        (fold,) = step
        if fold is not None and fold.trained_through >= last:
            fold = replace(fold, train=np.arange(fold.test[0]))
        return fitting.fit_step(task, (fold,))

    bench.patch.setattr(walk_forward, "fit_step", leaky)
    return replace(bench.subject, bundles={}, run_ids={})


@mutant("splits", says=r"the row of factors of .* reaches the (signals|forecast of IWM) (issued on|of)")
def batch_standardised_at_the_forecast(bench: Bench) -> Subject:
    """The rows that are forecast together are standardised among themselves."""

    def among_themselves(task: Any, member: Any, fitted: Any, test: np.ndarray) -> np.ndarray:
        before, batch = member.X[: test[0]], member.X[test]
        z = (batch - np.nanmean(batch, axis=0)) / (1e-9 + np.nanstd(batch, axis=0))
        X = np.nanmean(before, axis=0) + z * np.nanstd(before, axis=0)
        return fitting.signals_of(member.kind, fitted, X, task.asset[test])

    bench.patch.setattr(fitting, "_tested", among_themselves)
    return replace(bench.subject, bundles={}, run_ids={})


@mutant("splits", says=r"the label of .* reaches the search made at the fit of")
def tuning_on_the_test(bench: Bench) -> Subject:
    """A trial is scored on the rows that its fit is to forecast."""
    bench.patch.setattr(searching, "inner_folds", lambda fold, *instants, **options: [fold])
    search = {"trials": 2, "every": "year", "inner_folds": 2, "space": {"learner.num_leaves": {"choices": [2, 3]}}}
    return _model(bench, search=search)


@mutant("splits", says=r"the labels? of .* reach(es)? the calibrator fitted through")
def isotonic_on_unresolved_labels(bench: Bench) -> Subject:
    """The calibrator is fitted on every forecast before the fit, resolved or not."""
    _counts_unresolved(bench)
    return _model(bench, calibration={"kind": "isotonic"})


@mutant("splits", says=r"the label of .* reaches the calibrator fitted through")
def platt_on_unresolved_labels(bench: Bench) -> Subject:
    """The same with another calibrator."""
    _counts_unresolved(bench)
    return _model(bench, calibration={"kind": "platt"})


def _counts_unresolved(bench: Bench) -> None:
    month = 30 * 86_400_000_000
    instant = pooling._instant
    bench.patch.setattr(pooling, "_instant", lambda fold: instant(fold) + month)


_TWO = (
    {"name": "trees", "learner": {"kind": "lightgbm", "num_iterations": 5, "num_leaves": 3, "bags": 1}},
    {"name": "line", "learner": {"kind": "logistic"}},
)


@mutant("splits", says=r"the label of .* reaches the combination weights fitted through")
def combination_weights_with_unresolved_labels(bench: Bench) -> Subject:
    """The members are weighed by forecasts that have not resolved."""
    weights = pooling.SignalRecord._weights

    def early(self: Any, fold: Fold, earlier: Sequence[Fold], past: np.ndarray) -> tuple[float, ...]:
        rows = np.concatenate([past[:0], *(each.test for each in earlier)])
        return weights(self, fold, earlier, rows[self._is_label[rows]])

    bench.patch.setattr(pooling.SignalRecord, "_weights", early)
    return _model(bench, member=_TWO)


@mutant("splits", says=r"the label of .* reaches the member small fitted through")
def residuals_from_the_future(bench: Bench) -> Subject:
    """Past returns are divided by the volatility of the whole sample before a distribution is fitted to them."""

    def scaled(self: labels.Paths, instant: pd.Timestamp) -> np.ndarray:
        return known_by(self, instant) * (0.01 / np.nanstd(self.returns))

    known_by = labels.Paths.known_by
    bench.patch.setattr(labels.Paths, "known_by", scaled)
    return _model(bench, learner={"kind": "distribution", "scale": "har"})


@mutant("splits", says=r"the row of factors of .* reaches the member small of the fold whose test begins on")
def scaler_over_the_test_groups(bench: Bench) -> Subject:
    """Combinatorial folds are standardised with the rows that they test."""
    subject = full_sample_scaler(bench)
    return replace(subject, definition=_combinatorial(bench), bundles={})


def _combinatorial(bench: Bench) -> ModelDefinition:
    return _model(bench, splitter={"kind": "combinatorial", "first": "2003-01-01", "n_groups": 4}).definition


@mutant("reproducibility", says=r"the member small fitted through .* differs when the training is repeated")
def seed_from_the_clock(bench: Bench) -> Subject:
    """Each training draws its own seed."""

    def seeded(*given: Any) -> fitting.Task:
        return replace(fitting.prepared(*given), seed=time.perf_counter_ns() % 1_000_003)

    bench.patch.setattr(walk_forward, "prepared", seeded)
    return bench.subject


@mutant("reproducibility", says=r"differs with two workers instead of one")
def result_by_number_of_workers(bench: Bench) -> Subject:
    """Two workers give signals that differ in the last bit."""

    def unordered(*given: Any, executor: Any = None, **options: Any) -> Any:
        found = map_items(*given, **options)
        if executor is None or executor.jobs < 2:
            return found
        return [[tuple(map(_rounded, fits)) for fits in step] for step in found]

    bench.patch.setattr(walk_forward, "map_items", unordered)
    return bench.subject


def _rounded(fit: fitting.Fit) -> fitting.Fit:
    return replace(fit, signals=fit.signals * (1 + 1e-15))


@mutant("reproducibility", says=r"differs when it is fitted again with the run's data and code")
def kept_model_is_not_the_runs(bench: Bench) -> Subject:
    """What was trained is not what is kept: a parameter was changed in between."""
    step = kept_fits.fit_step

    def other(task: fitting.Task, given: fitting.Step) -> Any:
        return step(replace(task, seed=task.seed + 1), given)

    bench.patch.setattr(kept_fits, "fit_step", other)
    return bench.subject
