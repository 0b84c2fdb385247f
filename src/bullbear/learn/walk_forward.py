"""Walk-forward training: one model per fold, each fitted on what had resolved, each judged on what came after.

Folds are fitted in processes, one thread each, and handed to them through a memory-mapped file, so that two workers
cost little more than two bare fits. Calibration then runs through the folds in order: the slope of a fold rests on the
signals of earlier folds whose labels had resolved when it was fitted. The model of every fold is kept, because a
forecast "as of" an old day must use the model of that day.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, Fold, walk_forward_folds
from bullbear.dataset.examples import uniqueness
from bullbear.definitions import FeatureSet, ModelDefinition, Source, validate
from bullbear.errors import DefinitionError
from bullbear.learn import calibration
from bullbear.learn.calibration import Shrinkage, ShrinkageParams
from bullbear.learn.learners import Fitted, Learner, TrainingSet, factor_matrix, learner_of
from bullbear.sessions import day
from bullbear.statistics import independent_number


@dataclass(frozen=True)
class FoldModel:
    """The model of one fold: fitted at the close `trained_through`, used from the next session on."""

    trained_through: pd.Timestamp
    n_train: int
    factors: tuple[str, ...]
    learner: Mapping[str, Any]
    learner_state: Mapping[str, Any]
    calibrator: Shrinkage
    horizon: int

    def state(self) -> dict[str, Any]:
        """JSON-ready; `restore` brings back the same bits."""
        return {
            "trained_through": self.trained_through.isoformat(),
            "n_train": self.n_train,
            "factors": list(self.factors),
            "learner": dict(self.learner),
            "learner_state": dict(self.learner_state),
            "calibrator": self.calibrator.state(),
            "horizon": self.horizon,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> FoldModel:
        """From `state()`."""
        return cls(
            trained_through=pd.Timestamp(state["trained_through"]).as_unit("us"),
            n_train=int(state["n_train"]),
            factors=tuple(state["factors"]),
            learner=state["learner"],
            learner_state=state["learner_state"],
            calibrator=Shrinkage.restore(state["calibrator"]),
            horizon=int(state["horizon"]),
        )

    def fitted(self) -> Fitted:
        """The learner, ready to answer."""
        return learner_of(self.learner).restore(self.learner_state)


@dataclass(frozen=True)
class Training:
    """The outcome of a walk-forward training.

    `predictions` holds the reported out-of-sample forecasts (columns decided_at, resolved_at, p, p_low, p_high,
    climatology, y); `models` every fold's model in order, burn-in included; `fit_seconds` the summed time of the fits.
    """

    predictions: pd.DataFrame
    models: tuple[FoldModel, ...]
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
    progress: Callable[[int, int], None] | None = None,
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
    progress
        Called with folds done and folds in all.

    Raises
    ------
    DefinitionError
        The learner or calibration table does not fit.
    HistoryError
        Too few resolved examples.
    """
    learner = learner_of(definition.learner, source)
    shrink = validate(
        definition.calibration, ShrinkageParams, source or Source.nowhere("calibration"), below=("calibration",)
    )
    sessions = pd.DatetimeIndex(examples.X.index)
    folds = walk_forward_folds(
        examples.decided_at, examples.resolved_at, definition.splitter, sessions=sessions, start=start, end=end
    )
    specs = [spec for feature_set in feature_sets for spec in feature_set.factor] if learner.uses_factors else []
    if learner.uses_factors and not specs:
        place = source or Source.nowhere("model")
        where, kind = place.where("features"), definition.learner["kind"]
        raise DefinitionError(f"{where} (features)", [], f"factors for a {kind} learner", "name a feature set")
    names = tuple(spec.name for spec in specs)
    signs = tuple(spec.sign for spec in specs)
    X = factor_matrix(examples.X, names)
    task = _Task(learner, X, examples.y, examples.horizon, names, signs, definition.seed)
    fits = _fit_all(task, folds, jobs, progress or _silent)
    calibrators, signals = _calibrate(examples, folds, [fit.signals for fit in fits], shrink)
    models = tuple(
        FoldModel(
            trained_through=fold.trained_through,
            n_train=len(fold.train),
            factors=names,
            learner=definition.learner,
            learner_state=fit.state,
            calibrator=calibrator,
            horizon=examples.horizon,
        )
        for fold, fit, calibrator in zip(folds, fits, calibrators, strict=True)
    )
    parts = [
        predict(calibrator, fold_signals, *_at(examples, fold.test))
        for fold, calibrator, fold_signals in zip(folds, calibrators, signals, strict=True)
    ]
    rows = np.concatenate([fold.test for fold in folds])
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "resolved_at", examples.resolved_at[rows])
    table.insert(0, "decided_at", examples.decided_at[rows])
    table["y"] = examples.y[rows]
    reported = sessions[rows] >= day(start or definition.splitter.first)
    return Training(
        predictions=table[reported].reset_index(drop=True),
        models=models,
        fit_seconds=float(sum(fit.seconds for fit in fits)),
    )


def predict(
    calibrator: Shrinkage, signals: np.ndarray, climatology: np.ndarray, n_independent: np.ndarray
) -> pd.DataFrame:
    """Probabilities with their intervals: the one place where a signal becomes a forecast.

    Parameters
    ----------
    calibrator
        The fold's.
    signals
        Learner's signals, shape (n, n_bags).
    climatology, n_independent
        Base rate at each decision and the independent labels behind it, shape (n,).

    Returns
    -------
    DataFrame
        Columns p, p_low, p_high, climatology; n rows.
    """
    signal = calibration.bag_mean(signals)
    p = calibrator.probability(climatology, signal)
    low, high = calibrator.interval(climatology, n_independent, signal)
    return pd.DataFrame({"p": p, "p_low": low, "p_high": high, "climatology": climatology})


def _silent(done: int, total: int) -> None:  # the shape of `progress`
    return


def _at(examples: Examples, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return examples.climatology[rows], independent_number(examples.n_resolved[rows], examples.horizon)


def _calibrate(
    examples: Examples, folds: Sequence[Fold], signals: Sequence[np.ndarray], params: ShrinkageParams
) -> tuple[list[Shrinkage], Sequence[np.ndarray]]:
    """Each fold's calibrator, from the out-of-sample signals of earlier folds that had resolved at its fit."""
    rows = np.concatenate([fold.test for fold in folds])
    mean = np.concatenate([calibration.bag_mean(part) for part in signals])
    calibrators = []
    for fold in folds:
        known = np.asarray(examples.resolved_at <= fold.trained_through) & ~np.isnan(examples.y)
        past, resolved = known[rows], examples.y[known]
        y, base = examples.y[rows[past]], examples.climatology[rows[past]]
        calibrators.append(calibration.fit(y, base, mean[past], examples.horizon, params, resolved=resolved))
    return calibrators, signals


@dataclass(frozen=True)
class _Task:
    """What every fold shares."""

    learner: Learner
    X: np.ndarray
    y: np.ndarray
    horizon: int
    names: tuple[str, ...]
    signs: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class _Fit:
    state: dict[str, Any]
    signals: np.ndarray
    seconds: float


def _fit_one(task: _Task, fold: Fold) -> _Fit:
    began = time.perf_counter()
    rows = fold.train[~np.isnan(task.y[fold.train])]
    weights = uniqueness(len(rows), task.horizon)
    weights *= independent_number(len(rows), task.horizon) / weights.sum()
    fitted = task.learner.fit(
        TrainingSet(task.X[rows], task.y[rows], weights, task.names, task.signs, task.seed, task.horizon)
    )
    seconds = time.perf_counter() - began
    return _Fit(fitted.state(), fitted.signals(task.X[fold.test]), seconds)


def _fit_all(task: _Task, folds: Sequence[Fold], jobs: int, progress: Callable[[int, int], None]) -> list[_Fit]:
    if jobs <= 1 or not task.learner.uses_factors:
        fits = []
        for done, fold in enumerate(folds, start=1):
            fits.append(_fit_one(task, fold))
            progress(done, len(folds))
        return fits
    # The largest folds first, so that no worker is left alone with a long one at the end.
    order = sorted(range(len(folds)), key=lambda i: -len(folds[i].train))
    found: dict[int, _Fit] = {}
    with _mapped(task) as place, _pool(jobs, place) as pool:
        pending = {pool.submit(_fit_in_worker, folds[i]): i for i in order}
        for done, future in enumerate(as_completed(pending), start=1):
            found[pending[future]] = future.result()
            progress(done, len(folds))
    return [found[i] for i in range(len(folds))]


@contextmanager
def _mapped(task: _Task) -> Iterator[tuple[Path, _Task]]:
    """The task with its matrix in a file that workers map, so that it is never copied through a pipe."""
    with tempfile.TemporaryDirectory(prefix="bullbear-") as folder:
        path = Path(folder) / "X.npy"
        np.save(path, task.X)
        yield path, _Task(task.learner, np.empty((0, 0)), task.y, task.horizon, task.names, task.signs, task.seed)


@contextmanager
def _pool(jobs: int, place: tuple[Path, _Task]) -> Iterator[ProcessPoolExecutor]:
    # A fork server with the learner's library already imported: fresh interpreters would pay for the import once per
    # worker, and a plain fork may inherit a locked OpenMP runtime.
    context = get_context("forkserver")
    context.set_forkserver_preload(["bullbear.learn.walk_forward", *place[1].learner.libraries])
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_open, initargs=place) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_worker: list[_Task] = []


def _open(path: Path, task: _Task) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    Thread(target=_end_with_parent, daemon=True).start()
    X = np.load(path, mmap_mode="r")
    _worker[:] = [_Task(task.learner, X, task.y, task.horizon, task.names, task.signs, task.seed)]


def _end_with_parent() -> None:
    # A worker waits for work on a pipe that it holds open itself: if the parent is killed, it would wait for ever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _fit_in_worker(fold: Fold) -> _Fit:
    return _fit_one(_worker[0], fold)
