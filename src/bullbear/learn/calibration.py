"""Calibration by shrinkage: how much of a learner's signal has its own past earned.

    logit(p) = logit(c) + a * s

with `c` the climatology at the decision, `s` the learner's signal and `a >= 0` estimated on the learner's *own past
out-of-sample* signals whose labels have resolved. A Gaussian prior, by default with mean 0, holds `a` down until the
evidence, counted in independent labels rather than overlapping days, speaks. With no evidence, or evidence against the
learner, `a = 0` and the forecast *is* the base rate: this is how the product does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bullbear.definitions import Definition
from bullbear.statistics import independent_number

Z90 = 1.6448536269514722
"""Standard normal quantile of a central 90% interval."""
_FLOOR = 1e-6


class ShrinkageParams(Definition):
    """`[calibration]`: the slope `a` has a Gaussian prior, `prior_mean` and `prior_sd`, cut off at 0 and `ceiling`.

    Before there is evidence the slope is the prior's mode. A `prior_sd` of 0 keeps it there for ever: with the default
    `prior_mean` of 0 that switches the signal off.
    """

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
        p = self.probability(climatology, mean)
        center, width = _logit(p), Z90 * np.sqrt(var)
        # The log-odds of a probability next to 0 or 1 are cut off; the interval holds the forecast all the same.
        return np.minimum(_sigmoid(center - width), p), np.maximum(_sigmoid(center + width), p)

    def state(self) -> dict[str, float]:
        """JSON-ready numbers."""
        return {"slope": self.slope, "variance": self.variance, "evidence": self.evidence}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Shrinkage:
        """From `state()`."""
        return cls(float(state["slope"]), float(state["variance"]), float(state["evidence"]))


def fit(y: np.ndarray, climatology: np.ndarray, signal: np.ndarray, horizon: int, params: ShrinkageParams) -> Shrinkage:
    """The posterior mode of the slope on [0, ceiling]; its variance is one over the curvature there.

    Parameters
    ----------
    y
        Resolved labels of past out-of-sample forecasts, 0 or 1; shape (n,).
    climatology, signal
        What was said at each of those decisions; shape (n,).
    horizon
        Sessions that a label spans: all rows together count as `independent_number(n, horizon)` labels.
    params
        Prior and ceiling.
    """
    prior = params.prior_sd**2
    evidence = float(independent_number(len(y), horizon))
    mode = min(params.prior_mean, params.ceiling)
    if params.prior_sd == 0.0 or len(y) == 0 or not np.any(signal):
        return Shrinkage(mode, prior, evidence)
    base, weight = _logit(climatology), evidence / len(y)

    def slope_and_curvature(a: float) -> tuple[float, float]:
        p = _sigmoid(base + a * signal)
        gradient = float(np.sum((y - p) * signal)) * weight - (a - params.prior_mean) / prior
        return gradient, float(np.sum(p * (1 - p) * signal**2)) * weight + 1.0 / prior

    # The gradient falls all the way, so its sign tells the side of the mode. Newton's step alone may leap to and fro
    # between the flat ends when signals are large; a step out of the bracket is replaced by a bisection.
    low, high = 0.0, params.ceiling
    if slope_and_curvature(low)[0] <= 0.0:
        a = low
    elif slope_and_curvature(high)[0] >= 0.0:
        a = high
    else:
        a = mode
        for _ in range(200):
            gradient, precision = slope_and_curvature(a)
            low, high = (a, high) if gradient > 0.0 else (low, a)
            step = a + gradient / precision
            new = step if low <= step <= high else (low + high) / 2
            if abs(new - a) < 1e-12:
                break
            a = new
    return Shrinkage(a, 1.0 / slope_and_curvature(a)[1], evidence)


def bag_mean(signals: np.ndarray) -> np.ndarray:
    """The mean over bags, added in a fixed order so that one row and many give the same bits; shape (n,)."""
    total = np.zeros(len(signals))
    for bag in range(signals.shape[1]):
        total = total + signals[:, bag]
    mean: np.ndarray = total / signals.shape[1]
    return mean


def _logit(p: np.ndarray) -> np.ndarray:
    q = np.clip(p, _FLOOR, 1 - _FLOOR)
    odds: np.ndarray = np.log(q / (1 - q))
    return odds


def _sigmoid(x: np.ndarray) -> np.ndarray:
    p: np.ndarray = 1.0 / (1.0 + np.exp(-x))
    return p
