"""A seeded tape for the tests of the factors: a random walk with gaps, ranges and volume, in which no term vanishes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bullbear.factors.registry import Bars

Tape = Callable[..., Bars]


@pytest.fixture(scope="session")
def tape() -> Tape:
    """`tape(rows, seed=...)`: daily bars whose open and close lie in [low, high], with an overnight gap each night."""

    def make(rows: int, *, seed: int = 7) -> Bars:
        random = np.random.default_rng(seed)
        night, day = random.normal(0.0001, 0.005, rows), random.normal(0.0002, 0.011, rows)
        close = 80.0 * np.exp(np.cumsum(night + day))
        open_ = close * np.exp(-day)
        high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0.0, 0.004, rows)))
        low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0.0, 0.004, rows)))
        volume = np.round(3e7 * np.exp(random.normal(0.0, 0.4, rows) + 10.0 * np.abs(day)))
        sessions = np.datetime64("2000-01-03", "us") + np.arange(rows) * np.timedelta64(1, "D")
        return Bars(sessions, open_, high, low, close, volume)

    return make
