"""Forecasts of the whole distribution of the coming sessions, from which the answer to any question follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from bullbear.learn.learner import FittedLearner

FAN_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles of a fan, in its order."""


@dataclass(frozen=True)
class DistributionForecast:
    """Forecast distributions of n decisions; returns are simple total returns, fractions.

    Attributes
    ----------
    levels
        Probabilities of the quantiles, increasing; shape (k,).
    quantiles
        Of the return over the horizon, shape (n, k); increasing along each row.
    volatility
        Geometric mean of the realised volatility of the coming sessions, per year; shape (n,).
    fan
        The quantiles `FAN_LEVELS` of the return after 1 to `horizon` sessions; shape (n, 5, horizon).
    """

    levels: np.ndarray
    quantiles: np.ndarray
    volatility: np.ndarray
    fan: np.ndarray


@runtime_checkable
class DistributionModel(FittedLearner, Protocol):
    """A fitted learner that knows the whole distribution.

    Its signal of a question is the log-odds of P(yes) by the distribution, less those of its mean over the training
    rows of the asset: what the distribution gets wrong of every day alike says nothing about this one.
    """

    def distribution(self, X: np.ndarray) -> DistributionForecast:
        """The distribution at each row of factors (n, n_factors)."""
