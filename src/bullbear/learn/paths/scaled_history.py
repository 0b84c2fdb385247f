"""History to scale: the paths of the past, each divided by the volatility that was expected of it, times today's.

The expected volatility is a log-linear ridge regression of the realised volatility of the coming sessions on the
factors (HAR, if these are the logs of daily, weekly, monthly and yearly volatilities). Log returns are linear in the
scale: so are the end, the lowest and highest value and the realised volatility of a path, and their distributions are
kept as quantiles. Every question is answered from these, which makes the answers coherent: a path's lowest value is
never above its end, so no quantile of it is either.

References
----------
Corsi (2009), Journal of Financial Econometrics 7(2), doi:10.1093/jjfinec/nbp001
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bullbear.learn.distribution import FAN_LEVELS, DistributionForecast
from bullbear.learn.learners.logistic import LinearModel, standardisation, standardise
from bullbear.learn.paths.events import MARGINALS, Event, marginals_of

CLIP = 5.0
"""Standard deviations beyond which a factor counts no further."""
LEVELS = np.arange(1, 100) / 100.0
"""Quantiles of a forecast."""
_STILL = 0.005
"""Realised volatility a year below which a path counts as this wild: its logarithm must not run away."""
_NODES = 400
_DIGITS = 5


@dataclass(frozen=True)
class ScaledHistory:
    """A log-linear scale and the quantiles of what it scales.

    Attributes
    ----------
    intercept, slopes
        The log of the expected volatility a year.
    quantiles
        Of each marginal at scale 1, from the smallest to the largest of history in equal steps of probability; shape
        (400,).
    fan
        Quantiles `FAN_LEVELS` of the log return after 1 to `horizon` sessions at scale 1, shape (5, horizon).
    """

    intercept: float
    slopes: LinearModel
    quantiles: Mapping[str, np.ndarray]
    fan: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray, weights: np.ndarray, paths: np.ndarray, penalty: float) -> ScaledHistory:
        """From factors (n, k), weights (n,) and the paths that came, shape (n, horizon)."""
        marginals = marginals_of(paths)
        intercept, slopes = log_volatility(X, weights, marginals["volatility"], penalty)
        each = np.exp(intercept + slopes.signals(X)[:, 0])
        nodes = np.linspace(0.0, 1.0, _NODES)
        quantiles = {name: _short(np.quantile(marginals[name] / each, nodes)) for name in MARGINALS}
        fan = _short(np.quantile(np.cumsum(paths, axis=1) / each[:, None], FAN_LEVELS, axis=0))
        return cls(intercept, slopes, quantiles, fan)

    def level(self, X: np.ndarray) -> np.ndarray:
        """The log of the expected volatility, shape (n,)."""
        level: np.ndarray = self.intercept + self.slopes.signals(X)[:, 0]
        return level

    def shares(self, X: np.ndarray) -> np.ndarray:
        """Each factor's share of the level, shape (n, k)."""
        return self.slopes.contributions(X)

    def probability(self, event: Event, level: np.ndarray) -> np.ndarray:
        """P(event) at each level, shape (n,)."""
        scale, quantiles = np.exp(np.ascontiguousarray(level)), self.quantiles[event.marginal]
        p = np.zeros(len(scale))
        if np.isfinite(event.below):
            p = p + share_below(quantiles, event.below / scale)
        if np.isfinite(event.above):
            p = p + (1.0 - share_below(quantiles, event.above / scale))
        return p

    def distribution(self, X: np.ndarray) -> DistributionForecast:
        """The distribution at each row."""
        scale = np.exp(np.ascontiguousarray(self.level(X)))
        end = self.quantiles["end"]
        place = LEVELS * (len(end) - 1)
        under = np.floor(place).astype(int)
        at = end[under] + (place - under) * (end[under + 1] - end[under])
        return DistributionForecast(
            LEVELS,
            np.expm1(scale[:, None] * at),
            scale,  # of a regression of logs: the geometric mean
            np.expm1(scale[:, None, None] * self.fan),
        )

    def state(self, event: Event) -> dict[str, Any]:
        """JSON-ready, without the marginals that neither the distribution nor the event needs."""
        return {
            "intercept": self.intercept,
            "slopes": self.slopes.state(),
            "quantiles": {name: self.quantiles[name].tolist() for name in sorted({"end", event.marginal})},
            "fan": self.fan.tolist(),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ScaledHistory:
        """From `state()`."""
        quantiles = {name: np.array(values) for name, values in state["quantiles"].items()}
        slopes = LinearModel.restore(state["slopes"])
        return cls(float(state["intercept"]), slopes, quantiles, np.array(state["fan"]))


def log_volatility(
    X: np.ndarray, weights: np.ndarray, realised: np.ndarray, penalty: float
) -> tuple[float, LinearModel]:
    """The ridge regression of the log of realised volatility on the factors: its intercept, and the rule to add to it.

    Parameters
    ----------
    X, weights, realised
        Factors (n, k), weights and the volatility that came, a year; shape (n,).
    penalty
        Precision of the prior on each standardised coefficient, in the unit of the weights.
    """
    target = np.log(np.maximum(realised, _STILL))
    center, scale = standardisation(X)
    Z = standardise(X, center, scale, CLIP)
    total = weights.sum()
    intercept, middle = float(weights @ target / total), weights @ Z / total
    moments = (Z - middle).T @ (weights[:, None] * (Z - middle)) + penalty * np.eye(Z.shape[1])
    coefficients = np.linalg.solve(moments, (Z - middle).T @ (weights * (target - intercept)))
    return intercept - float(middle @ coefficients), LinearModel(center, scale, coefficients, CLIP)


def _short(values: np.ndarray) -> np.ndarray:
    """Rounded, so that a bundle stays small; rounding keeps the order."""
    return np.round(values, _DIGITS)


def share_below(quantiles: np.ndarray, at: np.ndarray) -> np.ndarray:
    """P(value <= at) by linear interpolation between quantiles in equal steps of probability; shape of `at`.

    Example
    -------
    >>> share_below(np.array([0.0, 1.0, 3.0]), np.array([-1.0, 0.5, 2.0, 3.0])).tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    last = len(quantiles) - 1
    right = np.clip(np.searchsorted(quantiles, at, side="right"), 1, last)
    low, high = quantiles[right - 1], quantiles[right]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high > low, (at - low) / (high - low), 1.0)
    share: np.ndarray = (right - 1 + np.clip(part, 0.0, 1.0)) / last
    return share
