"""The parts of the Brier score: miscalibration, resolution and uncertainty.

Bins have about equal mass and never split equal probabilities, so the parts do not depend on the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bullbear.errors import InputError
from bullbear.evaluate.scores import checked
from bullbear.statistics.overlap import Array


@dataclass(frozen=True)
class Decomposition:
    """The Brier score in parts; `brier = reliability - resolution + uncertainty + within-bin variance - covariance`."""

    reliability: float
    resolution: float
    uncertainty: float
    within_bin_variance: float
    within_bin_covariance: float

    @property
    def brier(self) -> float:
        """The sum of the parts, which is the Brier score to rounding."""
        calibrated = self.reliability - self.resolution + self.uncertainty
        return calibrated + self.within_bin_variance - self.within_bin_covariance


def decompose(y: ArrayLike, p: ArrayLike, bins: int = 10) -> Decomposition:
    """Murphy's decomposition of the Brier score over equal-mass bins, exact because it keeps the within-bin terms.

    BS = sum(n_k (p_k - y_k)^2) / n - sum(n_k (y_k - ybar)^2) / n + ybar (1 - ybar) + var_within - 2 cov_within

    Bins never part equal probabilities; `within_bin_covariance` holds twice the covariance.

    References
    ----------
    Murphy (1973), doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2;
    Stephenson, Coelho and Jolliffe (2008), Weather and Forecasting 23(4), doi:10.1175/2007WAF2006116.1

    Example
    -------
    >>> parts = decompose([1, 0, 1, 1], [0.9, 0.2, 0.4, 0.6], bins=2)
    >>> round(parts.reliability, 4), round(parts.resolution, 4), round(parts.uncertainty, 4), round(parts.brier, 4)
    (0.0512, 0.0625, 0.1875, 0.1425)
    """
    outcomes, forecast = checked(y, p=p)
    which = equal_mass_bins(forecast, bins)
    size = np.bincount(which).astype(np.float64)
    mean_p = (np.bincount(which, forecast) / size)[which]
    mean_y = (np.bincount(which, outcomes) / size)[which]
    up = outcomes.mean()
    inside = forecast - mean_p
    return Decomposition(
        reliability=float(np.mean((mean_p - mean_y) ** 2)),
        resolution=float(np.mean((mean_y - up) ** 2)),
        uncertainty=float(up * (1.0 - up)),
        within_bin_variance=float(np.mean(inside**2)),
        within_bin_covariance=float(2.0 * np.mean((outcomes - mean_y) * inside)),
    )


def equal_mass_bins(p: Array, bins: int) -> NDArray[np.intp]:
    """The bin of every forecast, 0 upwards without gaps; equal forecasts share the bin of their middle rank."""
    if bins < 1:
        raise InputError("bins", bins, "at least 1", "ask for fewer or more bins")
    _, group, size = np.unique(p, return_inverse=True, return_counts=True)
    middle = np.cumsum(size) - (size + 1) / 2.0
    _, dense = np.unique(np.floor((middle + 0.5) * bins / len(p)), return_inverse=True)
    return np.asarray(dense[group], dtype=np.intp)
