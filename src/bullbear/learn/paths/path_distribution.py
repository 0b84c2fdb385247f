"""What a way to the distribution of the coming path must offer: everything but the question."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from bullbear.learn.distribution import DistributionForecast
from bullbear.learn.paths.events import Event


class PathDistribution(Protocol):
    """Fitted; a row of factors acts through one number, the *level* (the log of a volatility or variance)."""

    def level(self, X: np.ndarray) -> np.ndarray:
        """The level at each row of factors (n, k); shape (n,)."""

    def shares(self, X: np.ndarray) -> np.ndarray:
        """Each factor's share of the level, up to a constant; shape (n, k)."""

    def probability(self, event: Event, level: np.ndarray) -> np.ndarray:
        """P(event) at each level; shape (n,)."""

    def distribution(self, X: np.ndarray) -> DistributionForecast:
        """The distribution at each row."""

    def state(self, event: Event) -> dict[str, Any]:
        """What the distribution and the answer about one event need, JSON-ready."""
