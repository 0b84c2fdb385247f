"""From fits to the model of a fold: weights and calibrator, from the resolved signals of the folds before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, Fold
from bullbear.definitions import ModelDefinition, Source
from bullbear.learn.calibrator import CALIBRATORS, Calibrator, FittedCalibrator, History
from bullbear.learn.fitting import Fit, Task, is_target
from bullbear.learn.fold_model import FoldModel, Member
from bullbear.learn.learner import bag_mean
from bullbear.learn.members import pool_of
from bullbear.learn.pool import PastSignals, Pool, pool_weights

SIGNAL = "signal"
"""The column of the pooled signal among the signals of a training."""


def kinds_of(definition: ModelDefinition, source: Source | None = None) -> tuple[Pool, Calibrator]:
    """The pool and the calibrator of a model.

    Raises
    ------
    DefinitionError
        A table does not fit.
    """
    calibrator = CALIBRATORS.read(definition.calibration, source, below=("calibration",))
    return pool_of(definition, source), calibrator


class SignalRecord:
    """The out-of-sample signals of one question so far, by row of its examples: each member's, and the pooled ones.

    A pooled signal stays as it was issued: with the weights of the fold that forecast it. The calibrator is fitted on
    these, so that it makes good what the weights of the day did not know.

    Attributes
    ----------
    members
        Mean signals over the bags, NaN where there is none yet; shape (len(examples), n_members).
    issued
        Pooled signals; shape (len(examples),).
    """

    def __init__(self, definition: ModelDefinition, examples: Examples, pool: Pool, calibrator: Calibrator) -> None:
        self._definition, self._examples = definition, examples
        self._pool, self._calibrator = pool, calibrator
        self.own = is_target(definition, examples)
        self._names = [member.name for member in definition.members]
        self._is_label = ~np.isnan(examples.y) & self.own
        self._resolved = examples.resolved_at.as_unit("us").asi8
        self.members = np.full((len(examples), len(self._names)), np.nan)
        self.issued = np.full(len(examples), np.nan)

    def model(self, task: Task, number: int, fold: Fold, fits: Sequence[Fit], before: np.ndarray) -> FoldModel:
        """The model of a fold, judged by the signals on the target that had resolved at its fit.

        Parameters
        ----------
        number
            Of the question in the task.
        before
            Row numbers of the forecasts so far, in order.
        """
        examples = self._examples
        fitted = pd.DatetimeIndex([fold.trained_through]).as_unit("us").asi8[0]
        known = self._is_label & (self._resolved <= fitted)
        past = before[known[before]]
        base = examples.climatology[past]
        members = zip(task.members, fits, strict=True)
        return FoldModel(
            trained_through=fold.trained_through,
            # Without labels whose bar is missing or not yet known.
            n_train=int(np.sum(~np.isnan(examples.y[fold.train]))),
            asset=self._definition.ticker,
            question=task.questions[number].question.name,
            horizon=examples.horizon,
            members=tuple(Member(each.name, fit.table, fit.state, each.factors) for each, fit in members),
            weights=self.weights(past, base),
            calibrator=self.calibrated(past, base, examples.y[known]),
        )

    def weights(self, past: np.ndarray, climatology: np.ndarray) -> tuple[float, ...]:
        """The members' weights from the rows `past`, with their base rates."""
        y, horizon = self._examples.y[past], self._examples.horizon
        return pool_weights(self._pool, PastSignals(y, climatology, self.members[past], horizon))

    def calibrated(self, past: np.ndarray, climatology: np.ndarray, resolved: np.ndarray) -> FittedCalibrator:
        """The calibrator from the pooled signals of the rows `past` as they were issued."""
        y, horizon = self._examples.y[past], self._examples.horizon
        return self._calibrator.fit(History(y, climatology, self.issued[past], horizon, resolved))

    def write(self, rows: np.ndarray, signals: np.ndarray, issued: np.ndarray) -> None:
        """Add the signals of a fold's test rows."""
        self.members[rows], self.issued[rows] = signals, issued

    def table(self, rows: np.ndarray) -> pd.DataFrame:
        """The signals of some rows by `decided_at`: `signal`, as issued, and `signal_NAME` of each member."""
        columns = {SIGNAL: self.issued[rows]}
        columns |= {column_of(name): self.members[rows, place] for place, name in enumerate(self._names)}
        return pd.DataFrame(columns, index=self._examples.decided_at[rows])

    def read(self, table: pd.DataFrame) -> None:
        """Take over what `table` once gave, on the rows of the target."""
        known = table.reindex(self._examples.decided_at)
        self.issued = known[SIGNAL].where(self.own).to_numpy(copy=True)
        for place, name in enumerate(self._names):
            self.members[:, place] = known[column_of(name)].where(self.own).to_numpy()


def column_of(member: str) -> str:
    """The column of a member among the signals of a training."""
    return f"{SIGNAL}_{member}"


def member_signals(fits: Sequence[Fit]) -> np.ndarray:
    """The mean signal of each member on a fold's test rows; shape (n, n_members)."""
    return np.column_stack([bag_mean(fit.signals) for fit in fits])
