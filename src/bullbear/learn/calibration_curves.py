"""What the calibrators that fit a curve share: the past that speaks, logistic curves with their errors, and intervals.

Labels overlap, so evidence is counted in independent ones, and good and bad times last, so errors grow by the
persistence of the labels (`statistics.persistence`). Below `least` independent labels, or where the signal or the
labels do not vary, nothing is fitted: the forecast is the base rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from bullbear.learn.calibrator import Calibrator, History
from bullbear.learn.calibrators.shrinkage import Z90
from bullbear.statistics import independent_number, variance_inflation
from bullbear.statistics.proportions import wilson

FLOOR = 1e-6


class Curve(Calibrator):
    """A calibrator that fits a curve once there are `least` independent labels."""

    least: float = Field(default=30.0, ge=5)


@dataclass(frozen=True)
class UsablePast:
    """A past that is enough to fit a curve: log-odds of the base rate, signals, labels, and their evidence."""

    base: np.ndarray
    signal: np.ndarray
    y: np.ndarray
    evidence: float
    persistence: float

    @property
    def targets(self) -> np.ndarray:
        """Platt's labels, shape (n,): (n1 + 1) / (n1 + 2) for a yes, 1 / (n0 + 2) for a no, in independent labels.

        References
        ----------
        Platt (1999), Probabilistic outputs for support vector machines, in Advances in Large Margin Classifiers, MIT
        Press.
        """
        ups = self.evidence * float(np.mean(self.y))
        return np.where(self.y > 0.5, (ups + 1.0) / (ups + 2.0), 1.0 / (self.evidence - ups + 2.0))


def usable_past(history: History, least: float) -> UsablePast | None:
    """The past as a curve needs it; None where it is too short, or nothing varies."""
    evidence = float(independent_number(len(history.y), history.horizon))
    if evidence < least or np.ptp(history.y) == 0.0 or np.ptp(history.signal) == 0.0:
        return None
    persistence = float(variance_inflation(history.resolved, history.horizon))
    return UsablePast(log_odds(history.climatology), history.signal, history.y, evidence, persistence)


def fit_logistic(
    Z: np.ndarray, offset: np.ndarray, targets: np.ndarray, weight: float, rises: slice
) -> tuple[np.ndarray, np.ndarray]:
    """The most likely coefficients of `offset + Z @ b`, those of `rises` not negative, and their covariance.

    A coefficient that would be negative is 0, and so are its errors; the others are fitted again without it.

    Parameters
    ----------
    Z
        Columns, shape (n, k).
    weight
        What a row counts in independent labels; it moves the covariance only.
    """
    k = Z.shape[1]
    free = np.ones(k, dtype=bool)
    bounded = np.zeros(k, dtype=bool)
    bounded[rises] = True
    while True:
        b, H = _newton(Z[:, free], offset, targets)
        below = np.flatnonzero(free)[(b < 0.0) & bounded[free]]
        if not len(below):
            break
        free[below] = False
    found, covariance = np.zeros(k), np.zeros((k, k))
    found[free] = b
    covariance[np.ix_(free, free)] = np.linalg.inv(H * weight)
    return found, covariance


def _newton(Z: np.ndarray, offset: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and curvature; steps are halved until the likelihood grows, so that they always end."""

    def value(b: np.ndarray) -> float:
        x = offset + Z @ b
        return float(np.sum(targets * x - np.logaddexp(0.0, x))) - 0.5e-8 * float(b @ b)

    b, best = np.zeros(Z.shape[1]), 0.0
    best = value(b)
    for _ in range(200):
        p = sigmoid(offset + Z @ b)
        H = (Z * (p * (1.0 - p))[:, None]).T @ Z + 1e-8 * np.eye(len(b))
        step = np.linalg.solve(H, Z.T @ (targets - p) - 1e-8 * b)
        scale = 1.0
        while scale > 1e-8 and not value(b + scale * step) > best:
            scale /= 2.0
        if scale <= 1e-8:
            break
        b = b + scale * step
        best = value(b)
    p = sigmoid(offset + Z @ b)
    return b, (Z * (p * (1.0 - p))[:, None]).T @ Z + 1e-8 * np.eye(len(b))


def interval_of_log_odds(
    p: np.ndarray, variance: np.ndarray, climatology: np.ndarray, n_independent: np.ndarray, persistence: float
) -> tuple[np.ndarray, np.ndarray]:
    """A 90% interval around `p` in log-odds, never narrower than that of the base rate.

    Parameters
    ----------
    variance
        Of the curve's log-odds, as if good and bad times did not last; shape (n,).
    """
    c = np.clip(climatology, 0.02, 0.98)
    least = 1.0 / (np.maximum(n_independent, 1.0) * c * (1.0 - c))
    half = Z90 * np.sqrt(persistence * np.maximum(variance, least))
    middle = log_odds(p)
    return np.minimum(sigmoid(middle - half), p), np.maximum(sigmoid(middle + half), p)


def interval_of_share(
    p: np.ndarray, low: np.ndarray, high: np.ndarray, evidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """A 90% interval of a share that has the least and the greatest estimate `low` and `high`: Wilson's from both.

    A curve without a form learns of a day from days like it alone: a tenth of `evidence` is taken to be such.
    """
    below, _ = wilson(np.minimum(low, high), evidence / 10.0)
    _, above = wilson(np.maximum(low, high), evidence / 10.0)
    return np.minimum(below, p), np.maximum(above, p)


def log_odds(p: np.ndarray) -> np.ndarray:
    """`log(p / (1 - p))`, of probabilities within [1e-6, 1 - 1e-6]."""
    q = np.clip(p, FLOOR, 1.0 - FLOOR)
    return np.asarray(np.log(q / (1.0 - q)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """`1 / (1 + exp(-x))`."""
    with np.errstate(over="ignore"):  # far below 0 the exponential is infinite, and p is 0
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


def mean_slope(signal: np.ndarray, p: np.ndarray, base: np.ndarray) -> float:
    """Log-odds beyond the base rate per unit of signal: the slope of least squares, not negative.

    Parameters
    ----------
    base
        Log-odds of the base rate; shape (n,).
    """
    away = signal - np.mean(signal)
    return max(0.0, float(away @ (log_odds(p) - base)) / float(away @ away))
