"""The training rows whose path is known: all that a learner of returns may read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.errors import HistoryError
from bullbear.learn.learner import TrainingSet

FEWEST = 21


@dataclass(frozen=True)
class KnownPaths:
    """Factors (n, k), weights and asset (n,), and daily log returns (n, horizon) of the n `rows` of a training set.

    `independent` is what they are worth in independent labels.
    """

    rows: np.ndarray
    X: np.ndarray
    weights: np.ndarray
    asset: np.ndarray
    paths: np.ndarray

    @property
    def independent(self) -> float:
        """The sum of the weights."""
        return float(self.weights.sum())


def known_paths(training: TrainingSet, kind: str) -> KnownPaths:
    """The rows of a training set that have a path.

    Parameters
    ----------
    kind
        The learner's, for the message.

    Raises
    ------
    HistoryError
        There are no paths, or fewer than 21.
    """
    if training.paths is None or training.path_weights is None:
        raise HistoryError(
            f"{kind} learner", "no paths", "daily returns behind the labels", "train it by `learn.train`"
        )
    rows = np.flatnonzero(~np.isnan(training.paths).any(axis=1))
    if len(rows) < FEWEST:
        raise HistoryError(f"{kind} learner", f"{len(rows)} known paths", f"at least {FEWEST}", "load more history")
    return KnownPaths(rows, training.X[rows], training.path_weights[rows], training.asset[rows], training.paths[rows])
