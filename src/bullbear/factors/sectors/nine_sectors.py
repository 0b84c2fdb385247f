"""The nine sectors that some factors read together: how they are declared, and their returns side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import bars_from, log_returns

NINE: dict[str, str] = dict.fromkeys(("s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"), "bars")
"""The inputs of a factor that takes `*sectors`."""


def daily_returns(sectors: Sequence[Bars]) -> Array:
    """Log returns from close to close, shape (n_sectors, n_sessions); the first column is missing.

    Example
    -------
    >>> daily_returns([bars_from([1.0, 1.0]), bars_from([1.0, np.e])])
    array([[nan,  0.],
           [nan,  1.]])
    """
    return np.stack([log_returns(sector.close) for sector in sectors])


def walks(rows: int, *, last: float | None = None) -> list[Bars]:
    """Nine independent random walks of closes, all of which move by `last` in the end; for examples."""
    generator = np.random.default_rng(0)
    returns = [generator.normal(0.0, 0.01, rows) for _ in NINE]
    for each in returns:
        each[-1] = each[-1] if last is None else last
    return [bars_from(np.exp(np.cumsum(each)).tolist()) for each in returns]
