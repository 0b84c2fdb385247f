"""Calibration by averaging: how strong the signal is, each candidate believed as far as the past speaks for it.

    p = sum over k of w_k sigma(logit(c) + a_k s),    w_k ~ prior_k exp(-(1 / r) sum of k's daily losses)

with `c` the climatology, `s` the signal, `a_k` fixed strengths, and the log losses those of the past out-of-sample
signals whose labels have resolved, `r` daily rows of which are worth one independent label. Unlike `shrinkage` it has
no prior towards the base rate but a strength of 0, if that is among them: it is for a member of a mixture, whose pool
already weighs the base rate against it. To be held back twice costs years of evidence.

A strength may exceed 1: the mean of several learners' log-odds is too cautious where each knows a part of its own.

References
----------
Hoeting, Madigan, Raftery and Volinsky (1999), Bayesian model averaging, doi:10.1214/ss/1009212519. Satopaa et al.
(2014), Combining multiple probability predictions using a simple logit model, doi:10.1016/j.ijforecast.2013.09.009
(why a mean wants strengths above 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from bullbear.learn.calibrator import CALIBRATORS, Calibrator, History
from bullbear.learn.calibrators.shrinkage import Shrinkage, ShrinkageModel
from bullbear.statistics import rows_per_label

_FLOOR = 1e-6


@CALIBRATORS.register
class ModelAveraging(Calibrator):
    """`[calibration] kind = "model_averaging"`; before there is evidence all `strengths` weigh the same."""

    kind: Literal["model_averaging"]
    strengths: tuple[Annotated[float, Field(ge=0, le=10)], ...] = Field(
        default=(0.0, 0.25, 0.5, 1.0), min_length=1, strict=False
    )

    @field_validator("strengths")
    @classmethod
    def _rising(cls, strengths: tuple[float, ...]) -> tuple[float, ...]:
        if any(low >= high for low, high in itertools.pairwise(strengths)):
            raise ValueError("rising numbers")
        return strengths

    @property
    def is_silent(self) -> bool:
        """Whether 0 is the only strength."""
        return self.strengths == (0.0,)

    def fit(self, history: History) -> AveragedModel:
        """The weights of the strengths, and the slope that the interval has without any prior on strengths."""
        strengths = np.array(self.strengths)
        p = np.clip(_each(history.climatology, history.signal, strengths), _FLOOR, 1.0 - _FLOOR)
        losses = -np.log(np.where(history.y[:, None] > 0.5, p, 1.0 - p)).sum(axis=0) / rows_per_label(history.horizon)
        raised = np.exp(np.min(losses) - losses)
        weights = raised / raised.sum()
        return AveragedModel(self.strengths, tuple(weights.tolist()), Shrinkage().fit(history))

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> AveragedModel:
        """From `state()`."""
        strengths, weights = (tuple(map(float, state[name])) for name in ("strengths", "weights"))
        return AveragedModel(strengths, weights, Shrinkage.restore(state["frequency"]))


def _each(climatology: np.ndarray, signal: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """P(yes) at each strength; the climatology itself at strength 0. Shape (n, n_strengths)."""
    q = np.clip(climatology, _FLOOR, 1.0 - _FLOOR)
    base = np.log(q / (1.0 - q))
    with np.errstate(over="ignore"):  # far below 0 the exponential is infinite, and p is 0
        p = 1.0 / (1.0 + np.exp(-(base[:, None] + strengths * signal[:, None])))
    return np.where(strengths * signal[:, None] == 0.0, climatology[:, None], p)


@dataclass(frozen=True)
class AveragedModel:
    """Strengths with their weights, and what `shrinkage` knows of the long-run frequency, for the interval."""

    strengths: tuple[float, ...]
    weights: tuple[float, ...]
    frequency: ShrinkageModel

    @property
    def slope(self) -> float:
        """The mean strength."""
        return sum(weight * strength for weight, strength in zip(self.weights, self.strengths, strict=True))

    def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """P(yes); exactly the climatology where the signal is 0. Shape (n,)."""
        p = climatology.copy()
        # Deviations are summed strength by strength, so that one row and many give the same bits.
        for weight, each in zip(self.weights, _each(climatology, signal, np.array(self.strengths)).T, strict=True):
            p = p + weight * (each - climatology)
        return p

    def interval(
        self, climatology: np.ndarray, n_independent: np.ndarray, signal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """That of `shrinkage`, which has no prior on the slope of a frequency; the forecast always lies in it."""
        low, high = self.frequency.interval(climatology, n_independent, signal)
        p = self.probability(climatology, signal)
        return np.minimum(low, p), np.maximum(high, p)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "kind": "model_averaging",
            "strengths": list(self.strengths),
            "weights": list(self.weights),
            "frequency": self.frequency.state(),
        }
