"""The folds of a splitter against what a fold must be, and the weights of its training rows, by plain arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.audit.result import Leak
from bullbear.audit.splits.labels import TOLERANCE, plain_uniqueness
from bullbear.dataset import Examples, Fold, Splitter
from bullbear.learn.fitting import Task, training_sets
from bullbear.statistics import independent_number


@dataclass(frozen=True)
class _Rows:
    """The rows that are split: instants in microseconds, the number of each row's session, and each session's close."""

    session: pd.DatetimeIndex
    decided: np.ndarray
    resolved: np.ndarray
    number: np.ndarray
    closes: np.ndarray

    @classmethod
    def of(cls, examples: Examples) -> _Rows:
        decided, resolved = (each.as_unit("us").asi8 for each in (examples.decided_at, examples.resolved_at))
        closes, number = np.unique(decided, return_inverse=True)
        return cls(examples.session, decided, resolved, number, closes)

    def label(self, row: int) -> str:
        """A label with its days."""
        return f"the label of {self.session[row]:%Y-%m-%d}, which resolved on {_instant(self.resolved[row]):%Y-%m-%d},"


def fold_leaks(splitter: Splitter, folds: Sequence[Fold], examples: Examples) -> Iterator[Leak]:
    """What is wrong with the folds of a splitter; of each kind of mistake the first."""
    seen: set[str] = set()
    for leak in _all_leaks(splitter, folds, _Rows.of(examples)):
        kind = leak.sentence.split(":")[0]
        if kind not in seen:
            seen.add(kind)
            yield leak


def _all_leaks(splitter: Splitter, folds: Sequence[Fold], rows: _Rows) -> Iterator[Leak]:
    tested = pd.concat([pd.DataFrame({"row": fold.test, "path": fold.path}) for fold in folds])
    twice = tested.duplicated()
    if twice.any():
        day = rows.session[int(tested["row"][twice].iloc[0])]
        yield _leak(splitter, "test", day, "a row is tested twice on one path", f"the row of {day:%Y-%m-%d}")
    look = _walk_forward if splitter.is_walk_forward else _combinatorial
    for fold in folds:
        is_tested = np.zeros(len(rows.decided), dtype=bool)
        is_tested[fold.test] = True
        both = fold.train[is_tested[fold.train]]
        if len(both):
            day = rows.session[both[0]]
            yield _leak(splitter, "test", day, "a row is both trained and tested on", f"the row of {day:%Y-%m-%d}")
        if len(fold.train) and len(fold.test):
            yield from look(splitter, fold, rows)


def _walk_forward(splitter: Splitter, fold: Fold, rows: _Rows) -> Iterator[Leak]:
    fit = fold.trained_through
    through, begins = fit.as_unit("us").value // 1000, rows.decided[fold.test].min()
    resolved = rows.resolved[fold.train]
    last = int(np.argmax(resolved))
    label = f"{rows.label(fold.train[last])} in the fit of {fit:%Y-%m-%d}"
    if through >= begins:
        said = f"that of {fit:%Y-%m-%d} forecasts {_instant(begins):%Y-%m-%d}"
        yield _leak(splitter, "purge", fit, "a fit is made after its first forecast", said)
    if resolved[last] > through or resolved[last] >= begins:
        yield _leak(splitter, "purge", fit, "a training label resolves after the fit", label)
        return
    fitted = int(np.searchsorted(rows.closes, begins)) - 1
    if fitted > splitter.embargo and resolved[last] > rows.closes[fitted - splitter.embargo]:
        gap = fitted - int(np.searchsorted(rows.closes, resolved[last]))
        said = f"{label} {gap} sessions before the last close, of {splitter.embargo} that the embargo asks for"
        yield _leak(splitter, "embargo", fit, "a training label resolves within the embargo", said)


def _combinatorial(splitter: Splitter, fold: Fold, rows: _Rows) -> Iterator[Leak]:
    sessions = np.unique(rows.number[fold.test])
    for stretch in np.split(sessions, np.flatnonzero(np.diff(sessions) > 1) + 1):
        test = fold.test[(rows.number[fold.test] >= stretch[0]) & (rows.number[fold.test] <= stretch[-1])]
        begin, end = rows.decided[test].min(), rows.resolved[test].max()
        span = f"{rows.session[test[0]]:%Y-%m-%d} to {rows.session[test[-1]]:%Y-%m-%d}"
        alive = fold.train[(rows.resolved[fold.train] >= begin) & (rows.decided[fold.train] <= end)]
        if len(alive):
            said = f"{rows.label(alive[0])} in the fold that tests {span}"
            day = rows.session[alive[0]]
            yield _leak(splitter, "purge", day, "a training label lives while one of the test does", said)
            continue
        last = int(np.searchsorted(rows.closes, end, side="right")) - 1
        near = fold.train[(rows.decided[fold.train] > end) & (rows.number[fold.train] - last <= splitter.embargo)]
        if len(near):
            said = f"{rows.label(near[0])} in the fold that tests {span}"
            day = rows.session[near[0]]
            yield _leak(splitter, "embargo", day, "a training label is decided within the embargo", said)


def weight_leaks(task: Task, number: int, fold: Fold) -> Iterator[Leak]:
    """Where the weights, paths and labels of a fold's training set are not those of its rows alone."""
    asked = task.questions[number]
    horizon, through = asked.question.horizon, fold.trained_through
    rows = fold.train[~np.isnan(asked.y[fold.train])]
    expected = _plain_weights(task, rows, horizon)
    for member in task.members:
        (given,) = training_sets(task, member, {number: fold})
        wrong = np.abs(given.weights - expected) > 1e3 * TOLERANCE * np.maximum(1.0, expected)
        if wrong.any():
            row = int(np.argmax(wrong))
            said = (
                f"the label of {given.decided_at[row]:%Y-%m-%d} counts {given.weights[row]:.6g} in the fit of "
                f"{through:%Y-%m-%d}, but {expected[row]:.6g} among the labels of that fit"
            )
            size = float(abs(given.weights[row] - expected[row]))
            yield Leak("weights", f"{given.decided_at[row]:%Y-%m-%d}", size, said)
        if given.paths is None or asked.paths is None or not len(rows):
            continue
        late = ~np.isnan(given.paths).any(axis=1) & np.asarray(asked.paths.known_at[rows] > through)
        if late.any():
            row = int(np.argmax(late))
            known = asked.paths.known_at[rows][row]
            said = (
                f"the path from {given.decided_at[row]:%Y-%m-%d} on, known on {known:%Y-%m-%d}, is in the training set "
                f"of the member {member.name} fitted through {through:%Y-%m-%d}"
            )
            yield Leak("paths", f"{given.decided_at[row]:%Y-%m-%d}", float("nan"), said)


def _plain_weights(task: Task, rows: np.ndarray, horizon: int) -> np.ndarray:
    """The uniqueness of each label among those of its asset, shared out within its session, at the right sum."""
    session = np.unique(task.decided_at, return_inverse=True)[1][rows]
    weights = pd.Series(np.zeros(len(rows)))
    for asset in np.unique(task.asset[rows]):
        own = task.asset[rows] == asset
        weights[own] = plain_uniqueness(session[own], horizon)
    weights = weights / weights.groupby(session).transform("size")
    return np.asarray(weights * independent_number(len(np.unique(session)), horizon) / weights.sum())


def _leak(splitter: Splitter, what: str, day: pd.Timestamp, rule: str, said: str) -> Leak:
    return Leak(what, f"{day:%Y-%m-%d}", float("nan"), f"{rule}: {said} ({splitter.kind} splitter)")


def _instant(microseconds: int) -> pd.Timestamp:
    return pd.Timestamp(int(microseconds), unit="us", tz="UTC")
