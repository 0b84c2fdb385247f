"""Calibration by shrinkage: how much of a learner's signal has its own past earned.

    logit(p) = logit(c) + a * s

with `c` the climatology at the decision, `s` the learner's signal and `a >= 0` estimated on the learner's *own past
out-of-sample* signals whose labels have resolved. A Gaussian prior with mean 0 holds `a` down until the evidence,
counted in independent months rather than overlapping days, speaks. With no evidence, or evidence against the learner,
`a = 0` and the forecast *is* the base rate: this is how the product does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bullbear.definitions import Definition

Z90 = 1.6448536269514722
"""Standard normal quantile of a central 90% interval."""
_FLOOR = 1e-6


class ShrinkageParams(Definition):
    """`[calibration]`: `prior_sd` is the prior standard deviation of the slope `a`; 0 switches the signal off."""

    kind: Literal["shrinkage"] = "shrinkage"
    prior_sd: float = Field(default=0.5, ge=0)
    prior_mean: float = Field(default=0.0, ge=0)
    ceiling: float = Field(default=1.0, gt=0)
    """The slope never exceeds it: a learner is not believed beyond its word."""


@dataclass(frozen=True)
class Shrinkage:
    """A fitted slope, its posterior variance, and the independent labels it rests on."""

    slope: float
    variance: float
    evidence: float

    def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """`sigma(logit(climatology) + slope * signal)`; exactly the climatology where the slope is 0. Shape (n,)."""
        if self.slope == 0.0:
            return climatology.copy()
        return _sigmoid(_logit(climatology) + self.slope * signal)

    def interval(
        self, climatology: np.ndarray, n_independent: np.ndarray, signals: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A central 90% interval of the probability, by the delta method on the log-odds.

        `var = 1 / (n c (1 - c)) + s^2 var(a) + a^2 var(s) / n_bags`: what we do not know of the base rate, of the slope
        and of the learner.

        Parameters
        ----------
        climatology
            Base rate at each decision, shape (n,).
        n_independent
            Independent resolved labels behind it, shape (n,).
        signals
            Learner's signals, shape (n, n_bags).
        """
        mean = bag_mean(signals)
        spread = bag_mean((signals - mean[:, None]) ** 2) / max(signals.shape[1] - 1, 1)
        c = np.clip(climatology, 0.02, 0.98)
        var = 1.0 / (np.maximum(n_independent, 1.0) * c * (1 - c)) + mean**2 * self.variance + self.slope**2 * spread
        center = _logit(self.probability(climatology, mean))
        width = Z90 * np.sqrt(var)
        return _sigmoid(center - width), _sigmoid(center + width)

    def state(self) -> dict[str, float]:
        """JSON-ready numbers."""
        return {"slope": self.slope, "variance": self.variance, "evidence": self.evidence}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Shrinkage:
        """From `state()`."""
        return cls(float(state["slope"]), float(state["variance"]), float(state["evidence"]))


def fit(
    y: np.ndarray, climatology: np.ndarray, signal: np.ndarray, horizon: int, params: ShrinkageParams
) -> Shrinkage:
    """The posterior mode of the slope, clipped to [0, ceiling].

    Parameters
    ----------
    y
        Resolved labels of past out-of-sample forecasts, 0 or 1; shape (n,).
    climatology, signal
        What was said at each of those decisions; shape (n,).
    horizon
        Sessions a label lives: each row counts 1 / horizon.
    params
        Prior and ceiling.
    """
    prior = params.prior_sd**2
    if params.prior_sd == 0.0 or len(y) == 0 or not np.any(signal):
        return Shrinkage(params.prior_mean if len(y) == 0 and np.any(signal) else 0.0, prior, len(y) / horizon)
    base = _logit(climatology)
    a = params.prior_mean
    precision = 1.0 / prior
    for _ in range(50):
        p = _sigmoid(base + a * signal)
        gradient = float(np.sum((y - p) * signal)) / horizon - (a - params.prior_mean) / prior
        precision = float(np.sum(p * (1 - p) * signal**2)) / horizon + 1.0 / prior
        step = gradient / precision
        a += step
        if abs(step) < 1e-12:
            break
    return Shrinkage(min(max(a, 0.0), params.ceiling), 1.0 / precision, len(y) / horizon)


def bag_mean(signals: np.ndarray) -> np.ndarray:
    """The mean over bags, added in a fixed order so that one row and many give the same bits; shape (n,)."""
    total = np.zeros(len(signals))
    for bag in range(signals.shape[1]):
        total = total + signals[:, bag]
    return total / signals.shape[1]


def _logit(p: np.ndarray) -> np.ndarray:
    q = np.clip(p, _FLOOR, 1 - _FLOOR)
    return np.log(q / (1 - q))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))
