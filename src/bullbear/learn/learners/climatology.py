"""The base rate as a learner: no factors, no signal. It is the benchmark and the fall-back.

With a memory it is an expert: the share of yes among recent labels alone, or with older ones forgotten. Its signal is
the log-odds of that share, as it was at the fit, beyond those of all labels. Which memory is right is unknown in
advance: a long one is precise, a short one follows a base rate that moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from bullbear.learn.learner import LEARNERS, FittedLearner, Learner, TrainingSet
from bullbear.learn.log_odds import beyond
from bullbear.statistics import independent_number


def _is_left_out(value: object) -> bool:
    return value is None


@LEARNERS.register
class Climatology(Learner):
    """`[learner] kind = "climatology"`.

    `window` counts the last so many resolved labels of an asset alone, one a session; `half_life` counts every label,
    and half as much for each so many later ones. Without either no label is forgotten, and the signal is zero.
    """

    uses_factors: ClassVar[bool] = False

    kind: Literal["climatology"]
    # Left out of the definition's hash where they are not set.
    window: int | None = Field(default=None, ge=21, exclude_if=_is_left_out)
    half_life: float | None = Field(default=None, ge=21, exclude_if=_is_left_out)

    @field_validator("half_life")
    @classmethod
    def _one_memory(cls, half_life: float | None, info: ValidationInfo) -> float | None:
        if half_life is not None and info.data.get("window") is not None:
            raise ValueError("either window or half_life, not both")
        return half_life

    @property
    def is_silent(self) -> bool:
        """Whether no label is forgotten."""
        return self.window is None and self.half_life is None

    def fit(self, training: TrainingSet) -> FittedLearner:
        """Count the labels of each asset, in order of decision."""
        if self.is_silent:
            return ClimatologyModel(training.X.shape[1])
        order = np.argsort(training.decided_at.as_unit("us").asi8, kind="stable")
        y, asset = training.y[order], training.asset[order]
        signals = {str(name): self._signal(y[asset == name], training.horizon) for name in np.unique(asset)}
        return RecentClimatology(training.X.shape[1], signals)

    def _signal(self, y: np.ndarray, horizon: int) -> float:
        """Of one asset, from its labels, the latest last."""
        age = np.arange(len(y))[::-1]
        if self.half_life is not None:
            weights = 0.5 ** (age / self.half_life)
        else:
            weights = np.where(age < (self.window or len(y)), 1.0, 0.0)
        total = weights.sum()
        # Kish's number of equally weighted labels that would be as uncertain.
        number = independent_number(total**2 / np.sum(weights**2), horizon)
        return float(beyond(weights @ y / total, float(y.mean()), number))

    def restore(self, state: Mapping[str, Any]) -> FittedLearner:
        """From `state()`."""
        if "signals" not in state:
            return ClimatologyModel(int(state["n_factors"]))
        signals = {str(asset): float(signal) for asset, signal in state["signals"].items()}
        return RecentClimatology(int(state["n_factors"]), signals)


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


@dataclass(frozen=True)
class RecentClimatology:
    """A fitted learner with one signal for every row about an asset; zero for an asset that training has not seen.

    `asset` is what rows are about; without it they are about the only one that there was.
    """

    n_factors: int
    by_asset: Mapping[str, float]
    asset: str | None = None

    def of_asset(self, asset: str) -> RecentClimatology:
        """For rows about one asset."""
        return RecentClimatology(self.n_factors, self.by_asset, asset)

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The signal of the asset, shape (n, 1)."""
        only = next(iter(self.by_asset)) if len(self.by_asset) == 1 else ""
        return np.full((len(X), 1), self.by_asset.get(only if self.asset is None else self.asset, 0.0))

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Zeros, shape (n, k): no factor has a part in it."""
        return np.zeros((len(X), self.n_factors))

    def state(self) -> dict[str, Any]:
        """The number of factors and the signal of each asset."""
        return {"n_factors": self.n_factors, "signals": dict(self.by_asset)}
