"""Implied volatility read as that of a lognormal: what an option trader would say without looking at the past.

The daily volatility is the implied one times a constant, the mean ratio of the asset's realised to the implied
volatility; the log price is a random walk with that volatility, and its drift makes the probability of a rise the share
of rises seen. Realised volatility is lognormal about the implied one. Lowest and highest values follow from the
reflection principle, with the barrier moved out because only closes count.

References
----------
Broadie, Glasserman and Kou (1997), Mathematical Finance 7(4), doi:10.1111/1467-9965.00035
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from statistics import NormalDist
from typing import Any

import numpy as np

from bullbear.learn.distribution import FAN_LEVELS, DistributionForecast
from bullbear.learn.paths.events import SESSIONS_A_YEAR, Event, marginals_of
from bullbear.learn.paths.scaled_history import LEVELS

_BARRIER = 0.5826
"""-zeta(1/2) / sqrt(2 pi): daily standard deviations between a barrier watched all day and one watched at the close."""
_STILL = 0.005
_LARGEST = 709.0
"""Exponent beyond which a float overflows; the probability that it is multiplied with is zero long before."""


@dataclass(frozen=True)
class ImpliedLognormal:
    """A lognormal whose volatility is the implied one times a constant.

    Attributes
    ----------
    place
        Of the log of implied volatility in a row of factors.
    usual
        Mean of that log, which stands in where it is missing.
    ratio, scatter
        Mean and standard deviation of the log of realised over implied volatility.
    drift
        Daily, in daily standard deviations.
    horizon
        In sessions.
    """

    place: int
    usual: float
    ratio: float
    scatter: float
    drift: float
    horizon: int

    @classmethod
    def fit(cls, implied: np.ndarray, paths: np.ndarray, place: int) -> ImpliedLognormal:
        """Fit to logs of implied volatility, fractions a year, shape (n,), and the paths that came, (n, horizon)."""
        marginals = marginals_of(paths)
        known = ~np.isnan(implied)
        if not known.any():
            return cls(place, math.log(0.2), 0.0, 0.0, 0.0, paths.shape[1])
        gap = np.log(np.maximum(marginals["volatility"][known], _STILL)) - implied[known]
        rises = float(np.clip(np.mean(marginals["end"][known] > 0.0), 0.02, 0.98))
        drift = NormalDist().inv_cdf(rises) / math.sqrt(paths.shape[1])
        return cls(
            place, float(np.mean(implied[known])), float(np.mean(gap)), float(np.std(gap)), drift, paths.shape[1]
        )  # fmt: skip

    def level(self, X: np.ndarray) -> np.ndarray:
        """The log of implied volatility, shape (n,)."""
        implied = np.ascontiguousarray(X[:, self.place])
        return np.where(np.isnan(implied), self.usual, implied)

    def shares(self, X: np.ndarray) -> np.ndarray:
        """The level's distance from the usual one, of the one factor that is read; shape (n, k)."""
        shares = np.zeros(X.shape)
        shares[:, self.place] = self.level(X) - self.usual
        return shares

    def probability(self, event: Event, level: np.ndarray) -> np.ndarray:
        """P(event) at each level, shape (n,)."""
        return np.array([self._probability(event, each) for each in level.tolist()])

    def _probability(self, event: Event, level: float) -> float:
        if event.marginal == "volatility":
            beyond = math.log(event.above) - level - self.ratio
            return _normal(-beyond / self.scatter) if self.scatter > 0.0 else float(beyond < 0.0)
        sigma = float(self._daily(level))
        p = 0.0
        for bound, side in ((event.below, 1.0), (event.above, -1.0)):
            if math.isfinite(bound):
                distance, drift = side * bound / sigma, side * self.drift
                p += self._ends_below(distance, drift)
                if event.marginal != "end":
                    p = max(p, self._touches(-distance + _BARRIER, drift))
        return p

    def _ends_below(self, bound: float, drift: float) -> float:
        return _normal((bound - drift * self.horizon) / math.sqrt(self.horizon))

    def _touches(self, depth: float, drift: float) -> float:
        """P(a Brownian motion falls by `depth` daily standard deviations within the horizon)."""
        root = math.sqrt(self.horizon)
        falls = _normal((-depth - drift * self.horizon) / root)
        reflected = math.exp(min(-2.0 * drift * depth, _LARGEST)) * _normal((-depth + drift * self.horizon) / root)
        return min(falls + reflected, 1.0)

    def _daily(self, level: Any) -> Any:
        """Daily standard deviation; the root mean square of a lognormal lies above its median."""
        return np.exp(level + self.ratio + self.scatter**2) / math.sqrt(SESSIONS_A_YEAR)

    def distribution(self, X: np.ndarray) -> DistributionForecast:
        """The distribution at each row."""
        level = self.level(X)
        sigma = self._daily(level)
        normal = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
        ends = self.drift * self.horizon + math.sqrt(self.horizon) * normal
        sessions = np.arange(1, self.horizon + 1)
        z = np.array([NormalDist().inv_cdf(level) for level in FAN_LEVELS])
        fan = self.drift * sessions + np.sqrt(sessions) * z[:, None]
        return DistributionForecast(
            LEVELS,
            np.expm1(sigma[:, None] * ends),
            np.exp(level + self.ratio),
            np.expm1(sigma[:, None, None] * fan),
        )

    def state(self, event: Event) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return asdict(self)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ImpliedLognormal:
        """From `state()`."""
        return cls(**{each.name: state[each.name] for each in fields(cls)})


def _normal(x: float) -> float:
    """The standard normal distribution function; `scipy.special` would cost a forecast a fifth of a second."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))
