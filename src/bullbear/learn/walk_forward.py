"""Walk-forward training: one model per fold, each fitted on what had resolved, each judged on what came after.

Folds are fitted one thread each, in processes or on a cluster. Calibration then runs through the folds in order: the
slope of a fold rests on the signals of earlier folds whose labels had resolved when it was fitted. The model of every
fold is kept, because a forecast "as of" an old day must use the model of that day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear import user_code
from bullbear.dataset import Examples, Fold, Paths, Predictions, splitter_of
from bullbear.definitions import FeatureSet, ModelDefinition, Question, Source
from bullbear.errors import DefinitionError
from bullbear.execution import Cluster, Kept, Local, map_items
from bullbear.learn.calibrator import CALIBRATORS, Calibrator, FittedCalibrator, History
from bullbear.learn.fold_model import FoldModel, Member, predict
from bullbear.learn.learner import LEARNERS, Learner, TrainingSet, bag_mean, factor_matrix, fit_learners, signals_of
from bullbear.learn.weights import label_weights
from bullbear.sessions import day
from bullbear.statistics import independent_number


@dataclass(frozen=True)
class Training:
    """The outcome of a training.

    `predictions` holds the reported out-of-sample forecasts of all assets and paths; `models` every fold's model in
    order, burn-in included; `signals` the mean signal of every out-of-sample session of the target by `decided_at`,
    burn-in included, on which later folds are calibrated; `fit_seconds` the summed time of the fits. A combinatorial
    training has neither models nor signals: nothing of it can be promoted.
    """

    predictions: Predictions
    models: tuple[FoldModel, ...]
    signals: pd.Series
    fit_seconds: float


def train(
    definition: ModelDefinition,
    feature_sets: Sequence[FeatureSet],
    examples: Examples,
    *,
    source: Source | None = None,
    start: str | None = None,
    end: str | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    kept: Kept | None = None,
) -> Training:
    """Train and forecast fold by fold.

    Parameters
    ----------
    definition, feature_sets
        What to train; the definition's `features` are those sets.
    examples
        From `dataset.build` on the same sets.
    source
        Where the definition stands, for error messages.
    start, end
        First reported day and last day, instead of the definition's.
    jobs
        Worker processes.
    cluster
        Address of a Dask scheduler that fits the folds instead.
    progress
        Called with folds done and folds in all.
    kept
        Where fitted folds are stored, from which an interrupted training continues; see `execution.map_items`.

    Raises
    ------
    DefinitionError
        The learner or calibration table does not fit.
    HistoryError
        Too few resolved examples.
    """
    task, calibrator = prepared(definition, feature_sets, examples, source)
    sessions = pd.DatetimeIndex(examples.X.index)
    folds = folds_of(definition, examples, start=start, end=end)
    workers = Cluster(cluster) if cluster else Local(jobs, preload=task.learner.libraries)
    fits = map_items(
        fit_fold,
        task,
        folds,
        executor=workers if task.learner.uses_factors else None,
        progress=progress,
        kept=kept,
        weight=lambda fold: len(fold.train),
        name=lambda fold: f"the fold fitted through {fold.trained_through.date()}",
    )
    if not splitter_of(definition).is_walk_forward:
        return _judged(definition, calibrator, examples, folds, fits)
    rows = np.concatenate([fold.test for fold in folds])
    mean = np.concatenate([bag_mean(fit.signals) for fit in fits])
    own = is_target(definition, examples)
    models = tuple(
        fold_model(definition, task, fold, fit, calibrate(examples, own, rows, mean, fold, calibrator))
        for fold, fit in zip(folds, fits, strict=True)
    )
    parts = [
        predict(model.members[0].calibrator, fit.signals, *base_rate_at(examples, fold.test))
        for fold, fit, model in zip(folds, fits, models, strict=True)
    ]
    own = own[rows]
    reported = sessions[rows] >= day(start or splitter_of(definition).first)
    return Training(
        predictions=predictions_of(definition, examples, rows[reported], pd.concat(parts, ignore_index=True)[reported]),
        models=models,
        signals=pd.Series(mean[own], index=examples.decided_at[rows[own]]),
        fit_seconds=float(sum(fit.seconds for fit in fits)),
    )


def base_rate_at(examples: Examples, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The base rate at the decisions of `rows`, and the independent labels behind it; shape (n,) each."""
    return examples.climatology[rows], independent_number(examples.n_resolved[rows], examples.horizon)


def folds_of(
    definition: ModelDefinition, examples: Examples, *, start: str | None = None, end: str | None = None
) -> list[Fold]:
    """The folds of a definition on `examples`; see `Splitter.folds`."""
    return splitter_of(definition).folds(examples, start=start, end=end)


def prepared(
    definition: ModelDefinition, feature_sets: Sequence[FeatureSet], examples: Examples, source: Source | None = None
) -> tuple[Task, Calibrator]:
    """What every fold of a training shares, and how it is calibrated.

    Raises
    ------
    DefinitionError
        The learner or calibration table does not fit, or a learner that needs factors has none.
    """
    place = source or Source.nowhere("model")
    learner = LEARNERS.read(definition.learner, source, below=("learner",))
    calibrator = CALIBRATORS.read(definition.calibration, source, below=("calibration",))
    specs = [spec for feature_set in feature_sets for spec in feature_set.factor] if learner.uses_factors else []
    if learner.uses_factors and not specs:
        where, kind = place.where("features"), definition.learner["kind"]
        raise DefinitionError(f"{where} (features)", [], f"factors for a {kind} learner", "name a feature set")
    if not is_target(definition, examples).any():
        assets = ", ".join(sorted(set(examples.asset)))
        ticker = definition.target.ticker
        where = f"{place.where('target', 'ticker')} (target.ticker)"
        raise DefinitionError(
            where, ticker, f"one of the feature sets' assets, {assets}", f"add {ticker} to [universe]"
        )
    names = tuple(spec.name for spec in specs)
    # A sign speaks of P(up); a rise makes a fall less likely, and says nothing of volatility.
    signs = tuple(spec.sign * definition.target.question.direction for spec in specs)
    X = factor_matrix(examples.X, names)
    rows = (examples.decided_at, examples.resolved_at, examples.asset)
    paths = examples.paths if learner.reads_paths else None
    question = definition.target.question
    task = Task(learner, X, examples.y, *rows, examples.horizon, names, signs, definition.seed, question, paths)
    return task, calibrator


def is_target(definition: ModelDefinition, examples: Examples) -> np.ndarray:
    """Which examples are of the model's own target; shape (n,)."""
    return np.asarray(examples.asset == definition.target.ticker)


def fold_model(
    definition: ModelDefinition, task: Task, fold: Fold, fit: Fit, calibrator: FittedCalibrator
) -> FoldModel:
    """The model of a fold from its fit and its calibrator."""
    target = definition.target
    return FoldModel(
        trained_through=fold.trained_through,
        n_train=int(np.sum(~np.isnan(task.y[fold.train]))),  # without labels whose bar is missing or not yet known
        asset=target.ticker,
        question=target.question.name,
        horizon=task.horizon,
        members=(Member(definition.name, definition.learner, fit.state, task.names, calibrator),),
        weights=(1.0,),
    )


def predictions_of(
    definition: ModelDefinition, examples: Examples, rows: np.ndarray, answers: pd.DataFrame, *, path: int = 0
) -> Predictions:
    """What `predict` answered of `rows`, with their final outcomes."""
    target = definition.target
    return Predictions.of(
        decided_at=examples.decided_at[rows],
        resolved_at=examples.resolved_at[rows],
        asset=examples.asset[rows],
        question=target.question.name,
        horizon=target.horizon,
        path=path,
        y=examples.y_final[rows],
        **answers,
    )


def calibrate(
    examples: Examples, own: np.ndarray, rows: np.ndarray, mean: np.ndarray, fold: Fold, calibrator: Calibrator
) -> FittedCalibrator:
    """A fold's calibrator, from the out-of-sample signals on the target whose labels had resolved at its fit.

    Parameters
    ----------
    own
        Which examples are of the target, shape (len(examples),).
    rows, mean
        Row numbers of out-of-sample forecasts in order, and their mean signals; shape (n,).
    """
    known = np.asarray(examples.resolved_at <= fold.trained_through) & ~np.isnan(examples.y) & own
    past, resolved = known[rows], examples.y[known]
    y, base = examples.y[rows[past]], examples.climatology[rows[past]]
    return calibrator.fit(History(y, base, mean[past], examples.horizon, resolved))


@dataclass(frozen=True)
class Task:
    """What every fold shares."""

    learner: Learner
    X: np.ndarray
    y: np.ndarray
    decided_at: pd.DatetimeIndex
    resolved_at: pd.DatetimeIndex
    asset: np.ndarray
    horizon: int
    names: tuple[str, ...]
    signs: tuple[int, ...]
    seed: int
    question: Question
    paths: Paths | None


@dataclass(frozen=True)
class Fit:
    """A fitted fold: the learner's state, the signals of its test sessions, shape (n, n_bags), and the time it took."""

    state: dict[str, Any]
    signals: np.ndarray
    seconds: float


def training_set(task: Task, fold: Fold) -> TrainingSet:
    """The resolved examples of a fold, weighted by their uniqueness; see `label_weights`."""
    rows = fold.train[~np.isnan(task.y[fold.train])]
    return TrainingSet(
        X=task.X[rows],
        y=task.y[rows],
        weights=label_weights(task.decided_at[rows], task.asset[rows], task.decided_at, task.horizon),
        decided_at=task.decided_at[rows],
        resolved_at=task.resolved_at[rows],
        asset=task.asset[rows],
        names=task.names,
        signs=task.signs,
        seed=task.seed,
        horizon=task.horizon,
        question=task.question,
        paths=None if task.paths is None else task.paths.known_by(fold.trained_through)[rows],
    )


def fit_fold(task: Task, fold: Fold) -> Fit:
    """Fit one fold; the same task and fold give the same bits."""
    began = time.perf_counter()
    (fitted,) = fit_learners(task.learner, [training_set(task, fold)])
    seconds = time.perf_counter() - began
    kind = str(task.learner.model_dump()["kind"])
    state = user_code.call(f"learner {kind}", fitted.state)
    return Fit(state, signals_of(kind, fitted, task.X[fold.test]), seconds)


def _judged(
    definition: ModelDefinition, calibrator: Calibrator, examples: Examples, folds: Sequence[Fold], fits: Sequence[Fit]
) -> Training:
    """The out-of-sample forecasts of every path of a combinatorial training.

    The base rate is the share of yes among the fold's training labels of the asset. The forecasts of a fold on a path
    are calibrated on the signals that other folds gave the target on that path, those alone whose labels are training
    labels of this fold and so clear of its test groups. The models behind these signals may have been fitted on labels
    of the test groups: the slope, one number, is the only thing that such a label can reach.
    """
    own = is_target(definition, examples)
    n_paths = 1 + max(int(fold.path.max(initial=0)) for fold in folds)
    signals = np.full((n_paths, len(examples)), np.nan)
    base = np.full((n_paths, len(examples)), np.nan)
    for fold, fit in zip(folds, fits, strict=True):
        signals[fold.path, fold.test] = bag_mean(fit.signals)
        train = fold.train[~np.isnan(examples.y[fold.train])]
        for asset in np.unique(examples.asset[fold.test]):
            rows = fold.test[examples.asset[fold.test] == asset]
            seen = train[examples.asset[train] == asset]
            base[fold.path[examples.asset[fold.test] == asset], rows] = examples.y[seen].mean() if len(seen) else np.nan
    parts = []
    for fold, fit in zip(folds, fits, strict=True):
        train = fold.train[~np.isnan(examples.y[fold.train]) & own[fold.train]]
        n_independent = independent_number(len(train), examples.horizon)
        for path in np.unique(fold.path):
            past = train[~np.isnan(signals[path, train])]
            history = History(
                examples.y[past], base[path, past], signals[path, past], examples.horizon, examples.y[train]
            )
            here = fold.path == path
            rows = fold.test[here]
            answer = predict(
                calibrator.fit(history), fit.signals[here], base[path, rows], np.full(len(rows), n_independent)
            )
            parts.append(predictions_of(definition, examples, rows, answer, path=int(path)))
    return Training(Predictions.concat(parts), (), pd.Series(dtype=float), sum(fit.seconds for fit in fits))
