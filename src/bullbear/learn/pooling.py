"""From fits to the model of a fold: weights and calibrators, from the resolved signals of the folds before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, Fold, splitter_of
from bullbear.definitions import ModelDefinition, Source
from bullbear.learn.calibrator import Calibrator, FittedCalibrator, History
from bullbear.learn.calibrators.shrinkage import of_base_rate
from bullbear.learn.combining import Issued
from bullbear.learn.fitting import Fit, Task, is_target
from bullbear.learn.fold_model import FoldModel, Member
from bullbear.learn.learner import bag_mean
from bullbear.learn.members import calibrations_of, pool_of
from bullbear.learn.pool import PastProbabilities, PastSignals, Pool, pool_weights, turns

SIGNAL = "signal"
"""The column of the pooled signal among the signals of a training."""


def kinds_of(definition: ModelDefinition, source: Source | None = None) -> tuple[Pool, tuple[Calibrator, ...]]:
    """The pool and the calibrators of a model; see `calibrations_of`.

    Raises
    ------
    DefinitionError
        A table does not fit.
    """
    return pool_of(definition, source), calibrations_of(definition, source)


class SignalRecord:
    """The out-of-sample signals of one question so far, by row of its examples: each member's, and the pooled ones.

    A pooled signal stays as it was issued: with the weights of the fold that forecast it. The calibrator is fitted on
    these, so that it makes good what the weights of the day did not know. So do the probabilities of the members of a
    mixture: they are weighed by what they said on the day.

    Attributes
    ----------
    members
        Mean signals over the bags, NaN where there is none yet; shape (len(examples), n_members).
    p
        Probabilities of the members of a mixture; shape (len(examples), n_members).
    issued
        Pooled signals; shape (len(examples),).
    """

    def __init__(
        self, definition: ModelDefinition, examples: Examples, pool: Pool, calibrators: Sequence[Calibrator]
    ) -> None:
        self._definition, self._examples = definition, examples
        self._pool, self._calibrators = pool, calibrators
        self._longest = splitter_of(definition).longest
        self.own = is_target(definition, examples)
        self._names = [member.name for member in definition.members]
        self._is_label = ~np.isnan(examples.y) & self.own
        self._resolved = examples.resolved_at.as_unit("us").asi8
        self._due = _due(examples)
        self.members = np.full((len(examples), len(self._names)), np.nan)
        self.p = self.members.copy()
        self.issued = np.full(len(examples), np.nan)

    def model(self, task: Task, number: int, fold: Fold, fits: Sequence[Fit], earlier: Sequence[Fold]) -> FoldModel:
        """The model of a fold, judged by the signals on the target that had resolved at its fit.

        Parameters
        ----------
        number
            Of the question in the task.
        earlier
            The folds before it, in order.
        """
        examples = self._examples
        known = self._is_label & (self._resolved <= _instant(fold))
        before = np.concatenate([np.zeros(0, dtype=np.int64), *(each.test for each in earlier)])
        past = before[known[before]]
        members = zip(task.members, fits, strict=True)
        return FoldModel(
            trained_through=fold.trained_through,
            # Without labels whose bar is missing or not yet known.
            n_train=int(np.sum(~np.isnan(examples.y[fold.train]))),
            asset=self._definition.ticker,
            question=task.questions[number].question.name,
            horizon=examples.horizon,
            members=tuple(Member(each.name, fit.table, fit.state, each.factors) for each, fit in members),
            weights=self._weights(fold, earlier, past),
            calibrators=self.calibrated(past, examples.climatology[past], examples.y[known]),
        )

    def _weights(self, fold: Fold, earlier: Sequence[Fold], past: np.ndarray) -> tuple[float, ...]:
        """The members' weights in a fold, from the rows `past` of `earlier` folds."""
        climatology = self._examples.climatology[past]
        if not self._pool.mixes:
            return self.weights(past, climatology)
        folds = [*earlier, fold]
        fitted = np.array([_instant(each) for each in folds])
        turn = turns(fitted, np.array([self._due[each.test].max() for each in folds]))
        of_row = np.full(len(self._examples), -1)
        for place, each in enumerate(earlier):
            of_row[each.test] = place
        own = of_row[past]
        seen = np.searchsorted(self._resolved[past], fitted[own], side="right")
        return self.mixture_weights(past, climatology, seen, turn[own] == turn[-1])

    def weights(self, past: np.ndarray, climatology: np.ndarray) -> tuple[float, ...]:
        """The weights of the members' signals from the rows `past`, with their base rates."""
        y, horizon = self._examples.y[past], self._examples.horizon
        return pool_weights(self._pool, PastSignals(y, climatology, self.members[past], horizon))

    def mixture_weights(
        self, past: np.ndarray, climatology: np.ndarray, seen: np.ndarray, same_turn: np.ndarray
    ) -> tuple[float, ...]:
        """The weights of the members' probabilities; see `PastProbabilities`."""
        y, horizon = self._examples.y[past], self._examples.horizon
        known = PastProbabilities(y, climatology, self.p[past], horizon, seen, same_turn, self._longest)
        return pool_weights(self._pool, known)

    def calibrated(
        self, past: np.ndarray, climatology: np.ndarray, resolved: np.ndarray
    ) -> tuple[FittedCalibrator, ...]:
        """The calibrator from the pooled signals of the rows `past` as they were issued.

        Of a mixture that of the base rate, then that of each member from its own signals.
        """
        y, horizon = self._examples.y[past], self._examples.horizon
        if not self._pool.mixes:
            (calibrator,) = self._calibrators
            return (calibrator.fit(History(y, climatology, self.issued[past], horizon, resolved)),)
        own = [
            calibrator.fit(History(y, climatology, self.members[past, place], horizon, resolved))
            for place, calibrator in enumerate(self._calibrators)
        ]
        return (of_base_rate(resolved, horizon), *own)

    def write(self, rows: np.ndarray, signals: np.ndarray, issued: Issued) -> None:
        """Add the members' signals on a fold's test rows, and what the fold's model issued from them."""
        self.members[rows], self.issued[rows] = signals, issued.signal
        if issued.p is not None:
            self.p[rows] = issued.p

    def table(self, rows: np.ndarray) -> pd.DataFrame:
        """The signals of some rows by `decided_at`, with the columns of `signal_columns`."""
        parts = [self.issued[rows, None], self.members[rows], *([self.p[rows]] if self._pool.mixes else [])]
        return pd.DataFrame(
            np.column_stack(parts), index=self._examples.decided_at[rows], columns=signal_columns(self._definition)
        )

    def read(self, table: pd.DataFrame) -> None:
        """Take over what `table` once gave, on the rows of the target."""
        known = table.reindex(self._examples.decided_at)
        self.issued = known[SIGNAL].where(self.own).to_numpy(copy=True)
        for place, name in enumerate(self._names):
            self.members[:, place] = known[column_of(name)].where(self.own).to_numpy()
            if self._pool.mixes:
                self.p[:, place] = known[probability_of(name)].where(self.own).to_numpy()


def _due(examples: Examples) -> np.ndarray:
    """When each label resolves by the calendar, never for those that the last sessions leave open; shape (n,).

    A bar that comes late resolves its labels later, which a refit on an evening before cannot know.
    """
    closes, session = np.unique(examples.decided_at.as_unit("us").asi8, return_inverse=True)
    never = np.full(examples.horizon, np.iinfo(np.int64).max)
    return np.asarray(np.concatenate([closes, never])[session + examples.horizon])


def _instant(fold: Fold) -> int:
    return int(pd.DatetimeIndex([fold.trained_through]).as_unit("us").asi8[0])


def signal_columns(definition: ModelDefinition) -> list[str]:
    """The columns of a training's signals: `signal`, as issued, and `signal_NAME` of each member.

    Of a mixture also `p_NAME`, the calibrated probability of each member.
    """
    names = [member.name for member in definition.members]
    said = [probability_of(name) for name in names] if pool_of(definition).mixes else []
    return [SIGNAL, *map(column_of, names), *said]


def probability_of(member: str) -> str:
    """The column of a member's probability among the signals of a training."""
    return f"p_{member}"


def column_of(member: str) -> str:
    """The column of a member among the signals of a training."""
    return f"{SIGNAL}_{member}"


def member_signals(fits: Sequence[Fit]) -> np.ndarray:
    """The mean signal of each member on a fold's test rows; shape (n, n_members)."""
    return np.column_stack([bag_mean(fit.signals) for fit in fits])
