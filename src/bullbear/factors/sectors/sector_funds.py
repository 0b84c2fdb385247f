"""The nine sector funds of 1998 as inputs of a factor; younger funds would cut the joint history to their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import log_returns

SECTORS: dict[str, str] = dict.fromkeys(("s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"), "bars")
"""The inputs of a factor that takes `*sectors`."""


def daily_returns(sectors: Sequence[Bars]) -> Array:
    """Log returns from close to close, shape (n_sectors, n_sessions); the first column is missing."""
    return np.stack([log_returns(sector.close) for sector in sectors])


def symmetric(triangle: Array, size: int) -> Array:
    """Matrices from the pairs of their upper triangles, shape (n_pairs, n) to (n, size, size)."""
    left, right = np.triu_indices(size)
    matrices = np.empty((triangle.shape[1], size, size))
    matrices[:, left, right] = matrices[:, right, left] = triangle.T
    return matrices
