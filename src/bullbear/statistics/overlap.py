"""How much evidence there is in cases whose outcomes overlap.

Returns over h sessions from days that lie l < h apart share h - l sessions, so their signs agree more often than
chance. For independent increments the share of common sessions is the correlation of the two returns, and the arcsine
law gives that of their signs. From it follow the variance of a share of rises among cases, that of the base rate over
the same days, and that of their difference - in which the days that both contain cancel. Evidence is then counted in
independent cases: n such would leave the same variance. Evaluation, calibration, the intervals of forecasts and the
event odds all count by this one law.

References
----------
Sheppard (1899), On the application of the theory of error to cases of normal distribution and normal correlation,
doi:10.1098/rsta.1899.0003 (the arcsine law).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """Counts of a set of cases within windows of sessions; every array has shape (n_windows,)."""

    cases: Array
    base: Array
    """Sessions behind the base rate."""
    effective: Array
    """Independent cases that would leave the share as uncertain as the overlapping ones do; NaN without a case."""
    compared: Array
    """Independent cases that would leave a share as uncertain as its difference from the base rate is."""


def sign_correlation(horizon: int) -> Array:
    """Correlation of the signs of two returns over `horizon` sessions that begin 0, 1, ... horizon - 1 sessions apart.

    2 / pi * arcsin(1 - l / horizon)

    Example
    -------
    >>> sign_correlation(2).round(4)
    array([1.    , 0.3333])
    """
    return np.asarray(2.0 / np.pi * np.arcsin(1.0 - np.arange(horizon) / horizon))


def independent_number(n: ArrayLike, horizon: int) -> Array:
    """Independent labels that would leave the share of ups as uncertain as `n` consecutive overlapping ones do.

    n^2 / sum over pairs of rows of c(l) = n^2 / (n + 2 sum_{0 < l < h} (n - l) c(l)), c the arcsine law

    Parameters
    ----------
    n
        Consecutive labels, one per session; any shape.
    horizon
        Sessions that a label spans (h).

    Returns
    -------
    The shape of `n`; 0 where there is no label, and never more than `n`.

    Example
    -------
    The 3,754 labels over 21 sessions of fifteen years, and three over two sessions: 9 / (3 + 2 * 2 / 3).

    >>> independent_number(3754, 21).round(1).item(), independent_number([0, 1, 3], 2).round(4).tolist()
    (245.2, [0.0, 1.0, 2.0769])
    """
    count = np.asarray(n, dtype=np.float64)
    pairs = count + 2.0 * _beyond(sign_correlation(horizon), count)
    return np.asarray(count**2 / np.where(count > 0, pairs, 1.0))


def rows_per_label(horizon: int) -> float:
    """Daily rows per independent label in a long history: 1 + 2 sum_{0 < l < h} c(l).

    Example
    -------
    >>> round(rows_per_label(21), 2), rows_per_label(1)
    (15.34, 1.0)
    """
    return float(1.0 + 2.0 * sign_correlation(horizon)[1:].sum())


def evidence(flags: NDArray[np.bool_], first: Rows, last: Rows, horizon: int) -> Evidence:
    """Effective numbers of cases within the windows of rows `first` to `last`, both included.

    effective = k^2 / sum over pairs of cases of c(l); compared = 1 / (A / k^2 - 2 X / (k N) + B / N^2), where A, X and
    B are the sums of c(l) over pairs of cases, of a case and a session, and of sessions of the window; infinite where
    every session is a case

    Parameters
    ----------
    flags
        Where cases stand, shape (n_sessions,).
    first, last
        Windows, shape (n_windows,). A window that does not begin at row 0 must be at least `horizon` long; an empty
        one has last < first.

    Example
    -------
    Two neighbours among four sessions at horizon 2, where c is 1 and 1/3: A = 2 + 2/3, X = 2 * (1 + 2/3), B = 4 + 2.

    >>> found = evidence(np.array([False, True, True, False]), np.array([0]), np.array([3]), 2)
    >>> found.effective.round(4).tolist(), found.compared.round(4).tolist()
    ([1.5], [4.8])
    """
    c = sign_correlation(horizon)
    x = flags.astype(np.float64)
    n = len(x)
    stop = last + 1
    count = _cumulative(x)
    k = count[stop] - count[first]
    N = (stop - first).astype(np.float64)
    lags = np.concatenate([[0.0], c[1:]])
    before = np.convolve(x, lags)[:n]  # c summed over the earlier cases of each row
    after = np.convolve(x[::-1], lags)[:n][::-1]
    pairs = _cumulative(x * (1.0 + 2.0 * before))
    astride = _cumulative(x * (after - before))  # pairs with one case before the window and one in it
    A = pairs[stop] - pairs[first] - 2.0 * astride[first]
    # c summed over the sessions up to l away on one side; what a case near an edge of the window lacks of it.
    reach = np.cumsum(c)
    lack = reach[-1] - reach
    at_start = np.convolve(x[::-1], lack)[:n][::-1]
    at_end = np.convolve(x, lack)[:n]
    inside = stop > first
    edge = np.where(inside, at_start[np.minimum(first, n - 1)] + at_end[np.maximum(last, 0)], 0.0)
    # In a window shorter than the horizon the edges' convolutions reach beyond it; it then begins at row 0.
    short = inside & (stop - first < horizon)
    X = k * (2.0 * reach[-1] - 1.0) - edge
    for each in np.flatnonzero(short):
        rows = np.flatnonzero(x[first[each] : stop[each]])
        X[each] = (reach[rows] + reach[int(N[each]) - 1 - rows] - 1.0).sum()
    B = N + 2.0 * _beyond(c, N)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = A / k**2 - 2.0 * X / (k * N) + B / N**2
        return Evidence(
            cases=k,
            base=N,
            effective=np.where(k > 0, k**2 / A, np.nan),
            # Rounding leaves a trace of variance where there is none: every session is a case.
            compared=np.where(k > 0, np.where(variance > 1e-12, 1.0 / variance, np.inf), np.nan),
        )


def _beyond(c: Array, N: Array) -> Array:
    """Sum over l >= 1 of (N - l) c(l), as far as N reaches."""
    lag = np.arange(1, len(c), dtype=np.float64)
    weight, moment = _cumulative(c[1:]), _cumulative(lag * c[1:])
    reached = np.clip(N - 1.0, 0.0, len(c) - 1.0).astype(np.int64)
    return np.asarray(N * weight[reached] - moment[reached])


def _cumulative(x: Array) -> Array:
    return np.concatenate([[0.0], np.cumsum(x)])
