"""Beta calibration: a curve that can bend at either end, and contains Platt's.

    logit(p) = a ln q - b ln(1 - q) + m,    a, b >= 0,    q = 1 / (1 + exp(-logit(c) - s))

with `c` the climatology and `s` the signal: `q` is what the learner would say if all of its signal were believed.

References
----------
Kull, Silva Filho and Flach (2017), Beyond sigmoids: how to obtain well-calibrated probabilities from binary classifiers
with beta calibration, doi:10.1214/17-EJS1338SI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bullbear.learn.calibration_curves import (
    Curve,
    fit_logistic,
    interval_of_log_odds,
    mean_slope,
    sigmoid,
    usable_past,
)
from bullbear.learn.calibration_curves import log_odds as logit
from bullbear.learn.calibrator import CALIBRATORS, FittedCalibrator, History
from bullbear.learn.calibrators.shrinkage import of_base_rate


@CALIBRATORS.register
class Beta(Curve):
    """`[calibration] kind = "beta"`; the base rate until there are `least` independent labels."""

    kind: Literal["beta"]

    def fit(self, history: History) -> FittedCalibrator:
        """The curve of highest likelihood for Platt's labels."""
        past = usable_past(history, self.least)
        if past is None:
            return of_base_rate(history.resolved, history.horizon)
        Z = _columns(history.climatology, history.signal)
        b, V = fit_logistic(Z, np.zeros(len(Z)), past.targets, past.evidence / len(Z), slice(1, None))
        slope = mean_slope(past.signal, sigmoid(Z @ b), past.base)
        return BetaModel(tuple(b.tolist()), tuple(V.ravel().tolist()), slope, past.persistence)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> BetaModel:
        """From `state()`."""
        coefficients, covariance = (tuple(map(float, state[name])) for name in ("coefficients", "covariance"))
        return BetaModel(coefficients, covariance, float(state["slope"]), float(state["persistence"]))


def _columns(climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
    q = np.clip(sigmoid(logit(climatology) + signal), 1e-6, 1.0 - 1e-6)
    return np.column_stack([np.ones(len(q)), np.log(q), -np.log1p(-q)])


@dataclass(frozen=True)
class BetaModel:
    """Coefficients m, a and b, their covariance row by row, in independent labels, and the mean `slope` of the past."""

    coefficients: tuple[float, ...]
    covariance: tuple[float, ...]
    slope: float
    persistence: float

    def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """P(yes); shape (n,)."""
        m, a, b = self.coefficients
        one, low, high = _columns(climatology, signal).T
        return sigmoid(m * one + a * low + b * high)

    def interval(
        self, climatology: np.ndarray, n_independent: np.ndarray, signal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A central 90% interval of the long-run frequency."""
        columns = _columns(climatology, signal).T
        variance = np.zeros(len(signal))
        for row in range(3):  # added in a fixed order, so that one row and many give the same bits
            for column in range(3):
                variance = variance + columns[row] * self.covariance[3 * row + column] * columns[column]
        p = self.probability(climatology, signal)
        return interval_of_log_odds(p, np.maximum(variance, 0.0), climatology, n_independent, self.persistence)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "kind": "beta",
            "coefficients": list(self.coefficients),
            "covariance": list(self.covariance),
            "slope": self.slope,
            "persistence": self.persistence,
        }
