"""The odds of events: what followed when an event stood, combined over the events that stand today.

    signal = mean over the standing events e of  logit((u_e + k b) / (n_e + k)) - logit(b)

with `b` the base rate, `n_e` the independent labels of the rows on which the event stood, `u_e` those of them that were
answered yes, and `k` imaginary labels at the base rate (`prior`), so that a rare event says little. Events overlap and
say much the same: their log-odds are averaged, not added. While no event stands the signal is zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bullbear.learn.learner import LEARNERS, Learner, TrainingSet
from bullbear.learn.log_odds import logit


@LEARNERS.register
class EventOdds(Learner):
    """`[learner] kind = "event_odds"`: every factor is an event, which stands where it is neither zero nor missing."""

    kind: Literal["event_odds"]
    prior: float = Field(default=20.0, gt=0)

    def fit(self, training: TrainingSet) -> FittedEventOdds:
        """Count what followed each event."""
        weights, y = training.weights, training.y
        base = float(weights @ y / weights.sum())
        standing = stands(training.X)
        labels, yes = weights @ standing, (weights * y) @ standing
        if not 0.0 < base < 1.0:
            return FittedEventOdds(np.full(len(labels), np.nan))
        shrunk = (yes + self.prior * base) / (labels + self.prior)
        return FittedEventOdds(np.where(labels > 0, logit(shrunk) - logit(np.array(base)), np.nan))

    def restore(self, state: Mapping[str, Any]) -> FittedEventOdds:
        """From `state()`."""
        return FittedEventOdds(
            np.array([np.nan if each is None else each for each in state["shifts"]], dtype=np.float64)
        )


@dataclass(frozen=True)
class FittedEventOdds:
    """What each event shifts the log-odds by, shape (k,); NaN for one that never stood, which is not averaged."""

    shifts: np.ndarray

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The mean shift of the standing events, shape (n, 1)."""
        # A sum per row, not a matrix product: BLAS may add in another order for one row than for many.
        total: np.ndarray = np.add.reduce(np.ascontiguousarray(self.contributions(X)), axis=1, keepdims=True)
        return total

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Each event's part of that mean, shape (n, k)."""
        standing = np.where(np.isnan(self.shifts), 0.0, stands(X))
        number = np.maximum(standing.sum(axis=1, keepdims=True), 1.0)
        shares: np.ndarray = standing * np.nan_to_num(self.shifts) / number
        return shares

    def state(self) -> dict[str, Any]:
        """The shifts; `null` for an event that never stood."""
        return {"shifts": [None if np.isnan(shift) else float(shift) for shift in self.shifts]}


def stands(X: np.ndarray) -> np.ndarray:
    """1 where an event stands, 0 where it does not or is not known; shape (n, k).

    Example
    -------
    >>> stands(np.array([[1.0, 0.0, np.nan]])).tolist()
    [[1.0, 0.0, 0.0]]
    """
    return np.where(np.isnan(X), 0.0, X != 0.0)
