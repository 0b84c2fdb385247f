"""Platt's calibration: a line in log-odds, with an intercept.

    logit(p) = logit(c) + a + b s,    b >= 0

with `c` the climatology and `s` the signal. Unlike shrinkage it has no prior towards the base rate, and it moves the
level.

References
----------
Platt (1999), Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods, in
Advances in Large Margin Classifiers, MIT Press.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from bullbear.learn.calibration_curves import Curve, fit_logistic, interval_of_log_odds, log_odds, sigmoid, usable_past
from bullbear.learn.calibrator import CALIBRATORS, FittedCalibrator, History
from bullbear.learn.calibrators.shrinkage import of_base_rate


@CALIBRATORS.register
class Platt(Curve):
    """`[calibration] kind = "platt"`; the base rate until there are `least` independent labels."""

    kind: Literal["platt"]

    def fit(self, history: History) -> FittedCalibrator:
        """The line of highest likelihood for Platt's labels."""
        past = usable_past(history, self.least)
        if past is None:
            return of_base_rate(history.resolved, history.horizon)
        Z = np.column_stack([np.ones(len(past.y)), past.signal])
        b, V = fit_logistic(Z, past.base, past.targets, past.evidence / len(past.y), slice(1, None))
        return PlattModel(float(b[0]), float(b[1]), V[0, 0].item(), V[0, 1].item(), V[1, 1].item(), past.persistence)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> PlattModel:
        """From `state()`."""
        return PlattModel(**{name: float(value) for name, value in state.items() if name != "kind"})


@dataclass(frozen=True)
class PlattModel:
    """A fitted line with the covariance of its coefficients, in independent labels, and how the base rate scatters."""

    intercept: float
    slope: float
    variance_of_intercept: float
    covariance: float
    variance_of_slope: float
    persistence: float

    def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """P(yes); shape (n,)."""
        return sigmoid(log_odds(climatology) + self.intercept + self.slope * signal)

    def interval(
        self, climatology: np.ndarray, n_independent: np.ndarray, signal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A central 90% interval of the long-run frequency."""
        variance = self.variance_of_intercept + 2.0 * self.covariance * signal + self.variance_of_slope * signal**2
        p = self.probability(climatology, signal)
        return interval_of_log_odds(p, variance, climatology, n_independent, self.persistence)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"kind": "platt", **asdict(self)}
