"""Tests that know how many models were tried: the best of them against the benchmark, and which may be the best.

`losses` are those of single forecasts, smaller is better: rows in the order of time and one column a model, shape
`(n, k)`, beside the benchmark's, shape `(n,)`. Labels that overlap over a month change little in a week: losses are
averaged over groups of a quarter of the horizon first (the oldest rows that fill no group are left out), which makes
the bootstrap as many times faster. Its blocks average at least `horizon` rows; the seed is fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bullbear.errors import HistoryError, InputError
from bullbear.statistics.arch_tests import arch_bootstrap
from bullbear.statistics.bootstrap import SEED, default_block
from bullbear.statistics.overlap import Array

RESAMPLES = 1000
ERROR = 0.10
"""Chance that the best model is left out of the confidence set."""
_SAME = 1e-12


@dataclass(frozen=True)
class SuperiorAbility:
    """Hansen's test that no model beats the benchmark; `p_value` is the consistent one, the others enclose it."""

    p_value: float
    p_lower: float
    p_upper: float
    n: int
    models: int
    mean_block: int
    resamples: int
    seed: int


@dataclass(frozen=True)
class ConfidenceSet:
    """The models that hold the best of them with probability 1 - `error`; `p_values` in the order given."""

    included: tuple[int, ...]
    p_values: tuple[float, ...]
    error: float
    n: int
    mean_block: int
    resamples: int
    seed: int


def superior_ability(
    benchmark: ArrayLike, losses: ArrayLike, horizon: int, *, resamples: int = RESAMPLES, seed: int = SEED
) -> SuperiorAbility:
    """Test that the best of all models is no better than the benchmark (SPA), by the stationary bootstrap of `arch`.

    T = max_k sqrt(n) mean(d_k) / w_k, d_k = benchmark's loss less the model's; the p-value is the share of resamples
    whose maximum, recentred on no better than the benchmark, exceeds it

    A model whose losses are the benchmark's on every row can neither win nor lose and is left out; with no other the
    p-value is 1.

    Raises
    ------
    InputError
        Shapes do not fit, or a loss is not finite.
    HistoryError
        Fewer than four horizons of rows (at least 20).

    References
    ----------
    Hansen (2005), Journal of Business and Economic Statistics 23(4), doi:10.1198/073500105000000063

    Example
    -------
    >>> rng = np.random.default_rng(1)
    >>> par, models = rng.random(300), rng.random((300, 3))
    >>> found = superior_ability(par, models - [0.0, 0.0, 0.3], horizon=2)
    >>> found.p_value < 0.01, superior_ability(par, models + 0.1, horizon=2).p_value > 0.5
    (True, True)
    """
    par = np.asarray(benchmark, dtype=np.float64)
    rows = np.asarray(losses, dtype=np.float64)
    if par.shape != rows.shape[:1]:
        raise InputError("benchmark", f"shape {par.shape}", f"{len(rows)} losses", "align it with the models")
    grouped, n, block = _grouped(np.column_stack([par, rows]), horizon)
    par, table = grouped[:, 0], grouped[:, 1:]
    others = table[:, np.abs(table - par[:, None]).max(axis=0) > _SAME]
    consistent = lower = upper = 1.0
    if others.shape[1]:
        size = _blocks(block, horizon)
        test = arch_bootstrap().SPA(par, others, block_size=size, reps=resamples, bootstrap="stationary", seed=seed)
        test.compute()
        consistent, lower, upper = (float(test.pvalues[name]) for name in ("consistent", "lower", "upper"))
    return SuperiorAbility(consistent, lower, upper, n, table.shape[1], block, resamples, seed)


def confidence_set(
    losses: ArrayLike, horizon: int, *, error: float = ERROR, resamples: int = RESAMPLES, seed: int = SEED
) -> ConfidenceSet:
    """The model confidence set (MCS) of `arch`, by the range statistic: models are removed until equal ability holds.

    A model belongs to it if its p-value exceeds `error`. Models with the same losses on every row are in or out
    together. With little evidence nearly all are in.

    Raises
    ------
    InputError
        A shape or the error does not fit, or a loss is not finite.
    HistoryError
        Fewer than four horizons of rows (at least 20).

    References
    ----------
    Hansen, Lunde and Nason (2011), Econometrica 79(2), doi:10.3982/ECTA5771

    Example
    -------
    >>> table = np.random.default_rng(1).random((300, 3)) + [0.0, 0.01, 0.5]
    >>> confidence_set(table, horizon=2).included
    (0, 1)
    """
    if not 0.0 < error < 1.0:
        raise InputError("error", error, "between 0 and 1", "0.10 asks for a 90 % confidence set")
    table, n, block = _grouped(losses, horizon)
    first = _first_alike(table)
    kept = sorted(set(first))
    p_values = dict.fromkeys(kept, 1.0)
    if len(kept) > 1:
        size = _blocks(block, horizon)
        test = arch_bootstrap().MCS(
            table[:, kept], error, reps=resamples, block_size=size, bootstrap="stationary", seed=seed
        )
        test.compute()
        p_values = {kept[column]: float(test.pvalues["Pvalue"][column]) for column in range(len(kept))}
    of_each = tuple(p_values[column] for column in first)
    included = tuple(number for number, value in enumerate(of_each) if value > error)
    return ConfidenceSet(included, of_each, error, n, block, resamples, seed)


def _grouped(losses: ArrayLike, horizon: int) -> tuple[Array, int, int]:
    """Mean losses by group of rows, how many rows there were, and the mean block of their resamples in rows."""
    table = np.asarray(losses, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1] or not np.isfinite(table).all():
        raise InputError("losses", f"shape {table.shape}", "finite losses, (n, k)", "leave out what has no loss")
    if horizon < 1:
        raise InputError("horizon", horizon, "at least 1", "count it in sessions")
    n, least = len(table), least_rows(horizon)
    if n < least:
        raise HistoryError("losses", f"{n} rows", f"at least {least}", "wait for more resolved forecasts")
    size = group_size(horizon)
    groups = table[n % size :].reshape(n // size, size, table.shape[1]).mean(axis=1)
    return groups, n, default_block(n, horizon)


def least_rows(horizon: int) -> int:
    """Rows without which nothing is tested: four horizons, at least 20."""
    return max(20, 4 * horizon)


def group_size(horizon: int) -> int:
    """Rows whose losses are averaged before they are resampled."""
    return max(1, horizon // 4)


def _blocks(mean_block: int, horizon: int) -> int:
    """A mean block of rows in groups, rounded up."""
    return -(-mean_block // group_size(horizon))


def _first_alike(table: Array) -> Sequence[int]:
    """For each column the first one with the same losses."""
    first: list[int] = []
    for column in range(table.shape[1]):
        alike = (at for at in first if np.abs(table[:, at] - table[:, column]).max() <= _SAME)
        first.append(next(alike, column))
    return first
