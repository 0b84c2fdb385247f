"""The base rate as a learner: no factors, no signal. It is the benchmark and the fall-back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from bullbear.learn.learner import LEARNERS, Learner, TrainingSet


@LEARNERS.register
class Climatology(Learner):
    """`[learner] kind = "climatology"`."""

    uses_factors: ClassVar[bool] = False

    kind: Literal["climatology"]

    def fit(self, training: TrainingSet) -> ClimatologyModel:
        """Nothing to fit."""
        return ClimatologyModel(training.X.shape[1])

    def restore(self, state: Mapping[str, Any]) -> ClimatologyModel:
        """From `state()`."""
        return ClimatologyModel(int(state["n_factors"]))


@dataclass(frozen=True)
class ClimatologyModel:
    """A fitted learner whose signal is always zero."""

    n_factors: int

    def signals(self, X: np.ndarray) -> np.ndarray:
        """Zeros, shape (n, 1)."""
        return np.zeros((len(X), 1))

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Zeros, shape (n, k)."""
        return np.zeros((len(X), self.n_factors))

    def state(self) -> dict[str, Any]:
        """The number of factors."""
        return {"n_factors": self.n_factors}
