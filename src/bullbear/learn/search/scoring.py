"""The score of a trial: what its signals, fully believed, add to the base rate on the inner folds.

    score = 1 - sum loss(y, sigma(logit(c) + s)) / sum loss(y, c)

with the log loss, `c` the base rate at each decision and `s` the signal, of several members their mean. The signal is
not calibrated first: a proper score of the signal itself rewards the parameters whose signals have the right size, and
calibration then has the least to correct.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bullbear.dataset import Fold
from bullbear.errors import FitError
from bullbear.learn.fitting import Task, fit_step
from bullbear.learn.pooling import member_signals

_FLOOR = 1e-6


def is_scored(y: np.ndarray, climatology: np.ndarray, is_own: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which of `rows` count for a score: those of the target that have a label and a base rate; the shape of `rows`.

    In a panel other assets may be older than the target.
    """
    return np.asarray(is_own[rows] & ~np.isnan(y[rows]) & ~np.isnan(climatology[rows]))


def running_scores(
    task: Task, number: int, folds: Sequence[Fold], climatology: np.ndarray, is_own: np.ndarray
) -> Iterator[float]:
    """The score over the first inner fold, the first two, and so on.

    Parameters
    ----------
    task
        With the parameters of the trial.
    number
        Of the question in the task.
    folds
        The inner folds, each with a row that counts (`is_scored`).
    climatology, is_own
        Base rate at each decision, and whether the example is of the target, which alone is scored; shape (n,).

    Raises
    ------
    FitError
        A signal is not finite.
    """
    asked = replace(task, questions=(task.questions[number],))
    lost, lost_by_base = 0.0, 0.0
    for fold in folds:
        (fits,) = fit_step(asked, (fold,))
        assert fits is not None
        scored = is_scored(asked.questions[0].y, climatology, is_own, fold.test)
        rows = fold.test[scored]
        signal = np.mean(member_signals(fits)[scored], axis=1)
        if not np.isfinite(signal).all():
            raise FitError("its signals are not finite")
        base = np.clip(climatology[rows], _FLOOR, 1 - _FLOOR)
        log_odds = np.log(base / (1 - base))
        sign = np.where(asked.questions[0].y[rows] > 0.5, 1.0, -1.0)
        lost += float(np.sum(np.logaddexp(0.0, -sign * (log_odds + signal))))
        lost_by_base += float(np.sum(np.logaddexp(0.0, -sign * log_odds)))
        yield 1.0 - lost / lost_by_base
