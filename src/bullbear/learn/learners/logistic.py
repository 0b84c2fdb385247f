"""Regularised logistic regression on standardised factors.

Mean and standard deviation come from the training rows alone; a missing factor counts as its training mean; values
beyond `clip` standard deviations are clipped, because a factor that leaves its past range must not extrapolate a linear
rule without bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bullbear.learn.learner import LEARNERS, Learner, TrainingSet, varies


@LEARNERS.register
class Logistic(Learner):
    """`[learner] kind = "logistic"`: an L2-penalised logistic regression.

    `penalty` is the precision of the Gaussian prior on each standardised coefficient, in units of independent labels.
    """

    libraries: ClassVar[tuple[str, ...]] = ("sklearn.linear_model",)

    kind: Literal["logistic"]
    penalty: float = Field(default=100.0, gt=0)
    clip: float = Field(default=3.0, gt=0)

    def fit(self, training: TrainingSet) -> LinearModel:
        """Fit by scikit-learn's L-BFGS."""
        from sklearn.linear_model import LogisticRegression

        center, scale = standardisation(training.X)
        if training.y.min() == training.y.max():
            return LinearModel(center, scale, np.zeros(len(center)), self.clip)
        model = LogisticRegression(C=1.0 / self.penalty, tol=1e-8, max_iter=2000)
        model.fit(
            standardise(training.X, center, scale, self.clip),
            training.y,
            sample_weight=training.weights,
        )
        return LinearModel(center, scale, model.coef_[0], self.clip)

    def restore(self, state: Mapping[str, Any]) -> LinearModel:
        """From `state()`."""
        return LinearModel.restore(state)


@dataclass(frozen=True)
class LinearModel:
    """A linear rule on standardised factors, without an intercept: the base rate is the calibrator's.

    All arrays have shape (k,); an infinite `scale` leaves a factor out.
    """

    center: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray
    clip: float

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The linear predictor, shape (n, 1)."""
        # A sum per row, not a matrix product: BLAS may add in another order for one row than for many.
        total: np.ndarray = np.add.reduce(np.ascontiguousarray(self.contributions(X)), axis=1, keepdims=True)
        return total

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Coefficient times standardised factor, shape (n, k)."""
        shares: np.ndarray = standardise(X, self.center, self.scale, self.clip) * self.coefficients
        return shares

    def state(self) -> dict[str, Any]:
        """Plain lists; `null` for an infinite scale."""
        return {
            "center": self.center.tolist(),
            "scale": [float(s) if np.isfinite(s) else None for s in self.scale],
            "coefficients": self.coefficients.tolist(),
            "clip": self.clip,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> LinearModel:
        """From `state()`."""
        scale = np.array([np.inf if s is None else s for s in state["scale"]], dtype=np.float64)
        return cls(np.array(state["center"]), scale, np.array(state["coefficients"]), float(state["clip"]))


def standardisation(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each factor over the rows where it is known; shape (k,) each.

    The deviation is infinite, which leaves a factor out, where it never varied or was known on less than a tenth of the
    rows: it cannot have taught anything.
    """
    counts = (~np.isnan(X)).sum(axis=0)
    center = np.where(counts > 0, np.nansum(X, axis=0) / np.maximum(counts, 1), 0.0)
    spread = np.sqrt(np.nansum((X - center) ** 2, axis=0) / np.maximum(counts, 1))
    return center, np.where(varies(X) & (spread > 0) & (counts >= len(X) // 10), spread, np.inf)


def standardise(X: np.ndarray, center: np.ndarray, scale: np.ndarray, clip: float) -> np.ndarray:
    """`clip((X - center) / scale)`, with missing values at the centre; shape (n, k)."""
    scaled = (X - center) / scale
    clipped: np.ndarray = np.where(np.isnan(scaled), 0.0, np.clip(scaled, -clip, clip))
    return clipped
