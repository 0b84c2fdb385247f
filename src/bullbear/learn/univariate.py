"""Regressions on one factor each, all of them in one pass.

Each is fitted on the rows where its factor is known. It says how far its forecast lies from that of no factor:

- of a return, by weighted least squares: b (z - m), with z the standardised factor and m its mean;
- of the answer, by the linear discriminant: b (z - (m_yes + m_no) / 2) in log-odds, b = (m_yes - m_no) / v, with v the
  variance within the answers. Where a factor is normal within each answer this is its logistic regression.

A missing factor says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bullbear.learn.learners.logistic import standardisation, standardise

Response = Literal["return", "answer"]
CLIP = 3.0
"""Standard deviations beyond which a factor counts no further."""


@dataclass(frozen=True)
class UnivariateModels:
    """A slope for each of k factors; all arrays of shape (k,), an infinite `scale` leaves a factor out.

    `middle` is the standardised factor at which a model forecasts what no factor would.
    """

    center: np.ndarray
    scale: np.ndarray
    middle: np.ndarray
    slopes: np.ndarray

    @property
    def is_used(self) -> np.ndarray:
        """Which factors varied enough to be fitted; shape (k,)."""
        return np.asarray(np.isfinite(self.scale))

    def deviations(self, X: np.ndarray) -> np.ndarray:
        """How far each model's forecast lies from that of no factor, zero where its factor is missing; shape (n, k)."""
        found: np.ndarray = np.where(
            np.isnan(X), 0.0, (standardise(X, self.center, self.scale, CLIP) - self.middle) * self.slopes
        )
        return found

    def state(self) -> dict[str, Any]:
        """Plain lists; `null` for an infinite scale."""
        return {
            "center": self.center.tolist(),
            "scale": [float(s) if np.isfinite(s) else None for s in self.scale],
            "middle": self.middle.tolist(),
            "slopes": self.slopes.tolist(),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> UnivariateModels:
        """From `state()`."""
        scale = np.array([np.inf if s is None else s for s in state["scale"]], dtype=np.float64)
        return cls(np.array(state["center"]), scale, np.array(state["middle"]), np.array(state["slopes"]))


@dataclass(frozen=True)
class Sums:
    """Weighted sums over the rows where a factor is known, shape (..., k): of 1, z, z^2, the response t, and t z."""

    one: np.ndarray
    z: np.ndarray
    zz: np.ndarray
    t: np.ndarray
    tz: np.ndarray

    @classmethod
    def of(cls, Z: np.ndarray, known: np.ndarray, t: np.ndarray, weights: np.ndarray) -> Sums:
        """Over all rows; `Z` is zero where a factor is missing, `known` false there; shape (n, k)."""
        present = known.astype(np.float64)
        return cls(weights @ present, weights @ Z, weights @ Z**2, (weights * t) @ present, (weights * t) @ Z)

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.one + other.one,
            self.z + other.z,
            self.zz + other.zz,
            self.t + other.t,
            self.tz + other.tz,
        )

    def slopes(self, response: Response) -> tuple[np.ndarray, np.ndarray]:
        """Slope and middle of each model, shape (..., k); both zero where nothing can be fitted."""
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = self.zz - self.z**2 / self.one
            covariance = self.tz - self.t * self.z / self.one
            if response == "return":
                slope, middle = covariance / spread, self.z / self.one
            else:
                of_yes, of_no = self.tz / self.t, (self.z - self.tz) / (self.one - self.t)
                between = self.t * (self.one - self.t) / self.one * (of_yes - of_no) ** 2
                slope, middle = (of_yes - of_no) * self.one / (spread - between), (of_yes + of_no) / 2.0
                spread = spread - between
        # What is left of a sum of squares that is zero but for rounding gives no slope.
        sound = np.isfinite(slope) & np.isfinite(middle) & (spread > 1e-9 * self.one)
        return np.where(sound, slope, 0.0), np.where(sound, middle, 0.0)


def fit_univariate(X: np.ndarray, t: np.ndarray, weights: np.ndarray, response: Response) -> UnivariateModels:
    """A regression of `t` on each factor.

    Parameters
    ----------
    X
        Factors, shape (n, k), NaN where missing.
    t, weights
        The response, a return or an answer of 0 or 1, and what each row counts; shape (n,).
    """
    center, scale = standardisation(X)
    sums = Sums.of(standardise(X, center, scale, CLIP), ~np.isnan(X), t, weights)
    slopes, middle = sums.slopes(response)
    used = np.isfinite(scale)
    return UnivariateModels(center, scale, np.where(used, middle, 0.0), np.where(used, slopes, 0.0))
