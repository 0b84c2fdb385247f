"""Simulated overlapping labels whose true probabilities are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import ndtr

DRIFT, PERSISTENCE = 0.03, 0.98


@dataclass(frozen=True)
class Market:
    """Outcomes over `horizon` sessions, the true P(y = 1), and that of one who knows the drift alone."""

    y: np.ndarray
    truth: np.ndarray
    climatology: np.ndarray


@pytest.fixture(scope="session")
def market() -> Callable[..., Market]:
    """A maker of markets: daily returns of unit variance whose mean follows `signal` times a persistent predictor."""

    def make(n: int, rng: np.random.Generator, signal: float, horizon: int = 21) -> Market:
        x = lfilter([np.sqrt(1 - PERSISTENCE**2)], [1, -PERSISTENCE], rng.standard_normal(n + horizon + 400))[400:]
        path = np.concatenate([[0.0], np.cumsum(DRIFT + signal * x[:-1] + rng.standard_normal(n + horizon - 1))])
        y = (path[horizon : horizon + n] > path[:n]).astype(float)
        ahead = np.cumsum(PERSISTENCE ** np.arange(horizon))
        shocks = np.sum((signal * np.sqrt(1 - PERSISTENCE**2) * ahead[:-1]) ** 2)
        noise = horizon + shocks
        mean, known = DRIFT * horizon, (signal * ahead[-1]) ** 2
        truth = ndtr((mean + signal * ahead[-1] * x[:n]) / np.sqrt(noise))
        return Market(y, truth, np.full(n, ndtr(mean / np.sqrt(noise + known))))

    return make
