"""Proper scores of forecast distributions that are given by their quantiles.

Throughout, `y` are outcomes, shape `(n,)`, and `quantiles` the forecast quantiles at `levels`, shapes `(n, k)` and
`(k,)`, outcome first. Nothing is dropped: a missing value, a decreasing quantile or another length is an InputError.
"""

from __future__ import annotations

import bisect
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bullbear.errors import InputError
from bullbear.statistics.overlap import Array

Instants = pd.DatetimeIndex | NDArray[Any]

FEWEST = 21
"""Resolved outcomes below which there is no climatological distribution."""


def pinball_losses(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Array:
    """The pinball loss of every quantile, shape `(n, k)`: (y - q) tau above the quantile, (q - y) (1 - tau) below.

    References
    ----------
    Koenker & Bassett (1978), Econometrica 46(1), doi:10.2307/1913643

    Example
    -------
    >>> pinball_losses([1.0, -1.0], [[0.0, 2.0], [0.0, 2.0]], [0.25, 0.75]).tolist()
    [[0.25, 0.25], [0.75, 0.75]]
    """
    outcomes, forecast, tau = checked_quantiles(y, quantiles, levels)
    above = outcomes[:, None] - forecast
    return np.asarray(np.maximum(tau * above, (tau - 1.0) * above))


def crps(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Array:
    """The continuous ranked probability score of every forecast, shape `(n,)`, in the unit of `y`; lower is better.

    CRPS = integral of (F(x) - 1{y <= x})^2 dx = 2 * integral over tau from 0 to 1 of the pinball loss at q(tau)

    Exact for the distribution whose quantile function is linear between the levels and constant beyond the outermost;
    compare only scores at the same levels.

    References
    ----------
    Gneiting & Raftery (2007), Journal of the American Statistical Association 102(477),
    doi:10.1198/016214506000001437; Laio & Tamea (2007), doi:10.5194/hess-11-1267-2007 (the second form).

    Example
    -------
    A point forecast's score is its absolute error.

    >>> crps([1.0, 0.5], [[0.0, 0.0], [0.0, 1.0]], [0.25, 0.75]).round(4).tolist()
    [1.0, 0.1458]
    """
    outcomes, forecast, tau = checked_quantiles(y, quantiles, levels)
    tau = np.concatenate([[0.0], tau, [1.0]])
    # q(tau) - y at the ends of each piece of the quantile function
    gap = np.column_stack([forecast[:, 0], forecast, forecast[:, -1]]) - outcomes[:, None]
    low, high, width = gap[:, :-1], gap[:, 1:], np.diff(tau)
    middle = (tau[:-1] + tau[1:]) / 2.0
    # (1{q > y} - tau) (q - y): Simpson's rule is exact for the second term; the first is half a square over the slope.
    weighted = width / 6.0 * (tau[:-1] * low + 4.0 * middle * (low + high) / 2.0 + tau[1:] * high)
    positive_low, positive_high = np.maximum(low, 0.0), np.maximum(high, 0.0)
    step = high - low
    # Factored, since the difference of two squares loses its digits where two quantiles nearly coincide.
    share = np.divide(positive_high - positive_low, step, out=np.ones_like(step), where=step > 0.0)
    crossing = share * (positive_low + positive_high) / 2.0
    return np.asarray(2.0 * (width * crossing - weighted).sum(axis=1))


def climatological_quantiles(
    y: ArrayLike, resolved_at: Instants, decided_at: Instants, levels: ArrayLike, *, fewest: int = FEWEST
) -> Array:
    """The quantiles of all outcomes resolved by each decision, shape `(n, k)`; NaN while fewer than `fewest` have.

    Parameters
    ----------
    y, resolved_at
        Outcomes and the instants from which they are known, shape `(m,)`; a NaN outcome never counts.
    decided_at
        Instants of the decisions, in order, shape `(n,)`; the unit of `resolved_at`.

    Example
    -------
    >>> days = np.array(["2020-01-03", "2020-01-04", "2020-01-05"], dtype="datetime64[D]")
    >>> climatological_quantiles([3.0, 1.0, 2.0], days, days, [0.5], fewest=1).ravel().tolist()
    [3.0, 2.0, 2.0]
    """
    outcomes, tau = np.asarray(y, dtype=np.float64), _levels(levels)
    known: list[float] = []
    result = np.full((len(decided_at), len(tau)), np.nan)
    for row, arrived in enumerate(_arrivals(outcomes, resolved_at, decided_at)):
        for value in arrived:
            bisect.insort(known, value)
        if len(known) >= max(fewest, 1):
            # Linear interpolation of order statistics, numpy's default, on what is sorted already.
            at = tau * (len(known) - 1)
            below = at.astype(np.int64)
            above = np.minimum(below + 1, len(known) - 1)
            ends = np.array([[known[low], known[high]] for low, high in zip(below, above, strict=True)])
            result[row] = ends[:, 0] + (at - below) * (ends[:, 1] - ends[:, 0])
    return result


def climatological_mean(y: ArrayLike, resolved_at: Instants, decided_at: Instants, *, fewest: int = FEWEST) -> Array:
    """The mean of all outcomes resolved by each decision, shape `(n,)`; otherwise as `climatological_quantiles`."""
    total, count = 0.0, 0
    result = np.full(len(decided_at), np.nan)
    for row, arrived in enumerate(_arrivals(np.asarray(y, dtype=np.float64), resolved_at, decided_at)):
        for value in arrived:
            total, count = total + value, count + 1
        if count >= max(fewest, 1):
            result[row] = total / count
    return result


def checked_quantiles(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> tuple[Array, Array, Array]:
    """Outcomes, quantiles and levels as float arrays of matching shapes, or an error that names the culprit."""
    outcomes, forecast, tau = np.asarray(y, dtype=np.float64), np.asarray(quantiles, dtype=np.float64), _levels(levels)
    if outcomes.ndim != 1 or not len(outcomes):
        raise InputError("y", f"shape {outcomes.shape}", "a filled one-dimensional array", "give one value a forecast")
    if forecast.shape != (len(outcomes), len(tau)):
        allowed = f"shape ({len(outcomes)}, {len(tau)}), a row per outcome and a column per level"
        raise InputError("quantiles", f"shape {forecast.shape}", allowed, "align them first")
    for name, missing in (("y", ~np.isfinite(outcomes)), ("quantiles", ~np.isfinite(forecast).all(axis=1))):
        if missing.any():
            where = f"{name}[{int(missing.argmax())}]"
            raise InputError(where, "a missing number", "finite numbers", "drop unresolved rows before scoring")
    falling = (np.diff(forecast, axis=1) < 0.0).any(axis=1)
    if falling.any():
        row = int(falling.argmax())
        raise InputError(f"quantiles[{row}]", forecast[row].tolist(), "numbers that do not decrease", "sort them")
    return outcomes, forecast, tau


def _levels(levels: ArrayLike) -> Array:
    tau = np.asarray(levels, dtype=np.float64)
    if tau.ndim != 1 or not len(tau) or not ((tau > 0.0) & (tau < 1.0)).all() or (np.diff(tau) <= 0.0).any():
        raise InputError("levels", tau.tolist(), "increasing fractions between 0 and 1", "0.05 is the 5 % quantile")
    return tau


def _arrivals(y: Array, resolved_at: Instants, decided_at: Instants) -> list[list[float]]:
    """The outcomes that became known since the decision before, for each decision."""
    # An index keeps time zones, which an array would turn into objects.
    resolved, decided = pd.Index(resolved_at), pd.Index(decided_at)
    if resolved.shape != y.shape:
        raise InputError("resolved_at", f"shape {resolved.shape}", f"shape {y.shape}", "give an instant per outcome")
    if not decided.is_monotonic_increasing:
        raise InputError("decided_at", "instants out of order", "instants in the order of time", "sort the rows")
    counted = ~np.isnan(y) & ~np.asarray(resolved.isna())
    instants, values = resolved[counted], y[counted]
    order = np.asarray(instants.argsort())
    ends = np.asarray(instants[order].searchsorted(decided, side="right"))
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    return [values[order[start:end]].tolist() for start, end in zip(starts, ends, strict=True)]
