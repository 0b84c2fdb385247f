"""What a learner is, and the three that there are.

A learner turns factors into a *signal*: the log-odds of an up beyond those of its own training set. Zero means that it
has nothing to add to the base rate, and calibration (not the learner) decides how much of the signal is believed. A
fitted learner is plain data - `state()` goes into a JSON bundle and `restore` brings it back to the same bits - so that
the daily forecast needs neither scikit-learn nor MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bullbear.definitions import Source, validate
from bullbear.errors import DefinitionError

_ROUNDING = 1e-10


@dataclass(frozen=True)
class TrainingSet:
    """What a learner may see: `X` (n, k) with NaN for missing, `y` (n,) of 0/1, and `weights` (n,).

    Labels span `horizon` sessions and overlap: the weights sum to the number of independent labels that the rows are
    worth, so that a penalty means the same at every horizon.
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    names: tuple[str, ...]
    signs: tuple[int, ...]
    seed: int
    horizon: int


class Fitted(Protocol):
    """A fitted learner."""

    def signals(self, X: np.ndarray) -> np.ndarray:
        """Log-odds beyond the training base rate, one column per bag; shape (n, n_bags)."""

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Each factor's share of the mean signal, log-odds; shape (n, k)."""

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs, as JSON-ready data."""


class Learner(Protocol):
    """A learner with its parameters."""

    @property
    def uses_factors(self) -> bool:
        """Whether a fit without factors makes no sense."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Modules that a worker should have imported before its first fit."""

    def fit(self, training: TrainingSet) -> Fitted:
        """Fit on one fold's training set; the same input gives the same bits."""

    def restore(self, state: Mapping[str, Any]) -> Fitted:
        """A fitted learner from its `state()`."""


def learner_of(table: Mapping[str, Any], source: Source | None = None) -> Learner:
    """The learner that a model's `[learner]` table describes.

    Raises
    ------
    DefinitionError
        The kind is unknown or a parameter does not fit.
    """
    # Each kind pulls its own library; a climatology forecast should not pay for LightGBM.
    kind = table.get("kind")
    place = source or Source.nowhere("learner")
    if kind == "climatology":
        from bullbear.learn.climatology import Climatology

        return validate(table, Climatology, place, below=("learner",))
    if kind == "logistic":
        from bullbear.learn.logistic import Logistic

        return validate(table, Logistic, place, below=("learner",))
    if kind == "lightgbm":
        from bullbear.learn.gradient_boosting import GradientBoosting

        return validate(table, GradientBoosting, place, below=("learner",))
    raise DefinitionError(
        f"{place.where('learner', 'kind')} (learner.kind)", kind, "climatology, logistic or lightgbm", "choose one"
    )


def varies(X: np.ndarray) -> np.ndarray:
    """Which factors vary by more than rounding over the rows where they are known; shape (k,).

    A column whose values differ by less than 1e-10 of their size is constant: 0.3 and 0.1 + 0.2 are one number.

    Example
    -------
    >>> varies(np.array([[0.3, 1.0, np.nan], [0.1 + 0.2, 2.0, np.nan]])).tolist()
    [False, True, False]
    """
    known = ~np.isnan(X)
    highest = np.max(np.where(known, X, -np.inf), axis=0, initial=-np.inf)
    lowest = np.min(np.where(known, X, np.inf), axis=0, initial=np.inf)
    size = np.maximum(np.abs(highest), np.abs(lowest))
    with np.errstate(invalid="ignore"):  # a factor that is never known: -inf less inf
        return np.asarray(known.any(axis=0) & (highest - lowest > _ROUNDING * size))


def factor_matrix(X: Any, names: Sequence[str]) -> np.ndarray:
    """The columns `names` of a frame as one C-ordered float64 array, so that every row is summed in the same order."""
    return np.ascontiguousarray(X[list(names)].to_numpy(dtype=np.float64))
