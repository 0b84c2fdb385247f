"""Walk-forward training: one model per fold, each fitted on what had resolved, each judged on what came after.

Folds are fitted one thread each, in processes or on a cluster, all questions of a model together. Pool and calibrator
then run through the folds of each question in order: those of a fold rest on the signals of earlier folds whose labels
had resolved when it was fitted. The model of every fold is kept, because a forecast "as of" an old day must use the
model of that day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, Fold, Predictions, splitter_of
from bullbear.definitions import FeatureSet, ModelDefinition, Source
from bullbear.execution import Cluster, Kept, Local, map_items
from bullbear.learn.calibrator import FittedCalibrator
from bullbear.learn.coherent import coherent
from bullbear.learn.combining import Issued, combine
from bullbear.learn.fitting import Fit, Step, Task, fit_step, prepared
from bullbear.learn.fold_model import FoldModel, weights_by_fit
from bullbear.learn.pool import pooled
from bullbear.learn.pooling import SignalRecord, kinds_of, member_signals
from bullbear.learn.search.trial import Search
from bullbear.sessions import day
from bullbear.statistics import independent_number


@dataclass(frozen=True)
class Training:
    """The outcome of a training on one question.

    `predictions` holds the reported out-of-sample forecasts of all assets and paths; `models` every fold's model in
    order, burn-in included; `signals` those of every out-of-sample session of the target by `decided_at`, burn-in
    included, on which later folds are calibrated: `signal`, pooled as it was issued, `signal_NAME` of each member, and
    of a mixture `p_NAME`, its probability; `fit_seconds` the summed time of the fits; `searches` those that chose the
    parameters, if any did. A combinatorial training has neither models nor signals: nothing of it can be promoted.
    """

    predictions: Predictions
    models: tuple[FoldModel, ...]
    signals: pd.DataFrame
    fit_seconds: float
    searches: tuple[Search, ...] = ()

    @property
    def weights(self) -> pd.DataFrame:
        """The weights of the members and of the base rate at each fit; see `weights_by_fit`."""
        return weights_by_fit(self.models)


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
    """Train a model of one question and forecast fold by fold; see `train_all`.

    Parameters
    ----------
    examples
        From `dataset.build` on the same sets.
    """
    (found,) = train_all(
        definition,
        feature_sets,
        [examples],
        source=source,
        start=start,
        end=end,
        jobs=jobs,
        cluster=cluster,
        progress=progress,
        kept=kept,
    )
    return found


def train_all(
    definition: ModelDefinition,
    feature_sets: Sequence[FeatureSet],
    examples: Sequence[Examples],
    *,
    source: Source | None = None,
    start: str | None = None,
    end: str | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    kept: Kept | None = None,
) -> list[Training]:
    """Train every question of a model and forecast fold by fold.

    The forecasts of a decision are coherent (`definitions.coherence`); models and signals are those that each question
    has alone.

    Parameters
    ----------
    definition, feature_sets
        What to train; the definition's `features` are those sets.
    examples
        Of each question, in the definition's order; from `dataset.build_all` on the same sets.
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

    Returns
    -------
    A training for each question.

    Raises
    ------
    DefinitionError
        A learner, pool or calibration table does not fit.
    HistoryError
        Too few resolved examples.
    """
    kinds_of(definition, source)
    task = prepared(definition, feature_sets, examples, source)
    single = [definition.only(question.name) for question in definition.questions]
    folds = [folds_of(one, each, start=start, end=end) for one, each in zip(single, examples, strict=True)]
    steps = _steps(folds, splitter_of(definition).is_walk_forward)
    is_work = any(member.learner.uses_factors or member.learner.reads_paths for member in task.members)
    workers = Cluster(cluster) if cluster else Local(jobs, preload=libraries_of(task))
    if cluster and not is_work:  # nothing is sent there; a wrong address is told all the same
        Cluster(cluster).require_reachable()
    found = map_items(
        fit_step,
        task,
        steps,
        executor=workers if is_work else None,
        progress=progress,
        kept=kept,
        weight=lambda step: max(len(fold.train) for fold in step if fold is not None),
        name=lambda step: f"the fold fitted through {_trained_through(step).date()}",
    )
    trainings = []
    for number, (one, each) in enumerate(zip(single, examples, strict=True)):
        fits = [fits_of_step[number] for fits_of_step in found]
        own = [fit for fit in fits if fit is not None]
        if splitter_of(definition).is_walk_forward:
            trainings.append(walked(one, task, number, each, folds[number], own, start))
        else:
            trainings.append(_judged(one, each, folds[number], own))
    moved = coherent(definition.questions, [training.predictions for training in trainings])
    return [replace(training, predictions=each) for training, each in zip(trainings, moved, strict=True)]


def libraries_of(task: Task) -> tuple[str, ...]:
    """The modules that a worker process should have imported before its first fit."""
    return tuple(dict.fromkeys(name for member in task.members for name in member.learner.libraries))


def _steps(folds: Sequence[Sequence[Fold]], is_walk_forward: bool) -> list[Step]:
    """The folds of all questions that are fitted together: those of one close, or of one choice of groups."""
    if not is_walk_forward:
        return list(zip(*folds, strict=True))
    closes = sorted({fold.trained_through for each in folds for fold in each})
    by_close = [{fold.trained_through: fold for fold in each} for each in folds]
    return [tuple(each.get(close) for each in by_close) for close in closes]


def _trained_through(step: Step) -> pd.Timestamp:
    return next(fold.trained_through for fold in step if fold is not None)


def walked(
    definition: ModelDefinition,
    task: Task,
    number: int,
    examples: Examples,
    folds: Sequence[Fold],
    fits: Sequence[tuple[Fit, ...]],
    start: str | None,
) -> Training:
    """The training of one question from its fits, walked through in order."""
    record = SignalRecord(definition, examples, *kinds_of(definition))
    rows = np.concatenate([fold.test for fold in folds])
    climatology, behind = base_rate_at(examples, rows)
    models, parts, done = [], [], 0
    for place, (fold, fitted) in enumerate(zip(folds, fits, strict=True)):
        model = record.model(task, number, fold, fitted, folds[:place])
        signals = member_signals(fitted)
        here = slice(done, done := done + len(fold.test))
        issued = model.issue(signals, climatology[here], behind[here])
        record.write(fold.test, signals, issued)
        models.append(model)
        parts.append(issued.columns)
    answers = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    reported = pd.DatetimeIndex(examples.X.index)[rows] >= day(start or splitter_of(definition).first)
    return Training(
        predictions=predictions_of(definition, examples, rows[reported], answers[reported]),
        models=tuple(models),
        signals=record.table(rows[record.own[rows]]),
        fit_seconds=_seconds(fits),
    )


def _seconds(fits: Sequence[tuple[Fit, ...]]) -> float:
    return float(sum(fit.seconds for members in fits for fit in members))


def base_rate_at(examples: Examples, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The base rate at the decisions of `rows`, and the independent labels behind it; shape (n,) each."""
    return examples.climatology[rows], independent_number(examples.n_resolved[rows], examples.horizon)


def folds_of(
    definition: ModelDefinition, examples: Examples, *, start: str | None = None, end: str | None = None
) -> list[Fold]:
    """The folds of a definition on `examples`; see `Splitter.folds`."""
    return splitter_of(definition).folds(examples, start=start, end=end)


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


def _judged(
    definition: ModelDefinition, examples: Examples, folds: Sequence[Fold], fits: Sequence[tuple[Fit, ...]]
) -> Training:
    """The out-of-sample forecasts of every path of a combinatorial training.

    The base rate is the share of yes among the fold's training labels of the asset. The members of a fold are weighed
    and its forecasts on a path calibrated on the signals that other folds gave the target on that path, those alone
    whose labels are training labels of this fold and so clear of its test groups. The models behind these signals may
    have been fitted on labels of the test groups: the weights and the slope, a few numbers, are all that such a label
    can reach.
    """
    kinds = kinds_of(definition)
    n_paths = 1 + max(int(fold.path.max(initial=0)) for fold in folds)
    records = [SignalRecord(definition, examples, *kinds) for _ in range(n_paths)]
    base = np.full((n_paths, len(examples)), np.nan)
    for fold, fitted in zip(folds, fits, strict=True):
        signals = member_signals(fitted)
        for path in np.unique(fold.path):
            records[path].members[fold.test[fold.path == path]] = signals[fold.path == path]
        train = fold.train[~np.isnan(examples.y[fold.train])]
        for asset in np.unique(examples.asset[fold.test]):
            rows = fold.test[examples.asset[fold.test] == asset]
            seen = train[examples.asset[train] == asset]
            base[fold.path[examples.asset[fold.test] == asset], rows] = examples.y[seen].mean() if len(seen) else np.nan
    pool, _ = kinds
    places = [
        _Place(records[path], path, fold.test[fold.path == path], base[path], *_past(examples, records[path], fold))
        for fold in folds
        for path in map(int, np.unique(fold.path))
    ]
    answers = (_mixed if pool.mixes else _pooled)(examples, places)
    parts = [
        predictions_of(definition, examples, place.rows, pd.DataFrame(answer.columns), path=place.path)
        for place, answer in zip(places, answers, strict=True)
    ]
    return Training(Predictions.concat(parts), (), pd.DataFrame(), _seconds(fits))


@dataclass(frozen=True)
class _Place:
    """The `rows` that a fold of a combinatorial training tests on one path, and the rows it may learn from.

    `base` is the base rate of each example on the path, `train` the training rows of the target, `past` those of them
    that have a signal.
    """

    record: SignalRecord
    path: int
    rows: np.ndarray
    base: np.ndarray
    past: np.ndarray
    train: np.ndarray

    def calibrated(self, examples: Examples) -> tuple[FittedCalibrator, ...]:
        return self.record.calibrated(self.past, self.base[self.past], examples.y[self.train])

    def combined(
        self, examples: Examples, weights: tuple[float, ...], calibrators: tuple[FittedCalibrator, ...]
    ) -> Issued:
        behind = np.full(len(self.rows), independent_number(len(self.train), examples.horizon))
        return combine(weights, calibrators, self.record.members[self.rows], self.base[self.rows], behind)


def _pooled(examples: Examples, places: Sequence[_Place]) -> list[Issued]:
    """Weights first, on all paths; the pooled signals that they give are then calibrated."""
    weights = [place.record.weights(place.past, place.base[place.past]) for place in places]
    for place, each in zip(places, weights, strict=True):
        place.record.issued[place.rows] = pooled(each, place.record.members[place.rows])
    return [
        place.combined(examples, each, place.calibrated(examples)) for place, each in zip(places, weights, strict=True)
    ]


def _mixed(examples: Examples, places: Sequence[_Place]) -> list[Issued]:
    """Calibrators first, on all paths; the probabilities that they give are then weighed.

    These come from folds that were fitted without regard to time, so they have no turns: each row counts for all.
    """
    calibrators = [place.calibrated(examples) for place in places]
    n_members = places[0].record.members.shape[1]
    for place, each in zip(places, calibrators, strict=True):
        first = place.combined(examples, (0.0,) * n_members, each)
        place.record.write(place.rows, place.record.members[place.rows], first)
    answers = []
    session = examples.session.factorize()[0]  # a session of a panel has several rows
    for place, each in zip(places, calibrators, strict=True):
        own = session[place.past]
        seen = np.searchsorted(own, own - examples.horizon, side="right")
        weights = place.record.mixture_weights(
            place.past, place.base[place.past], seen, np.ones(len(place.past), dtype=bool)
        )
        answers.append(place.combined(examples, weights, each))
    return answers


def _past(examples: Examples, record: SignalRecord, fold: Fold) -> tuple[np.ndarray, np.ndarray]:
    """The training rows of the target that have a signal on the path of `record`, and all of them."""
    train = fold.train[~np.isnan(examples.y[fold.train]) & record.own[fold.train]]
    return train[~np.isnan(record.members[train]).any(axis=1)], train
