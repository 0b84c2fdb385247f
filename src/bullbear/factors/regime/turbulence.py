"""Turbulence: how unusual a day of the nine sectors is, in size and in the way they moved together.

The measure is the Mahalanobis distance of Kritzman and Li, with mean and covariance of the `window` sessions *before*
the day, so that a crash does not make itself look usual. It is close to 1 on average in a market that stays as it was.

Missing data: a window in which a sector has no return, or in which one sector's returns are a combination of the
others' (constant prices), is missing.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.sectors.nine_sectors import NINE, daily_returns

_LIMITS = {"window": (30.0, 2520.0), "smooth": (1.0, 252.0)}
_SINGULAR = 1e-10


def distances(returns: Array, window: int) -> tuple[Array, Array]:
    """Squared distance of each day from the days before it, and the same with all correlations set to zero.

    d_t = (y_t - m)' S^-1 (y_t - m) / n, with m and S (n - 1) of rows t - `window` to t - 1

    Parameters
    ----------
    returns
        Shape (n_series, n_rows).
    window
        Rows before the day.

    Returns
    -------
    Two arrays of shape (n_rows,).

    Example
    -------
    >>> full, apart = distances(np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 1.0, 4.0]]), 3)
    >>> full[-1].round(3), apart[-1].round(3)
    (np.float64(18.667), np.float64(18.667))
    """
    n, rows = returns.shape
    result = np.full((2, rows), np.nan)
    if rows > window:
        # Of the moments those of whole windows, each of which ends on the row before the day.
        means, products = (each[:, window - 1 :] for each in trailing.comoments(returns[:, :-1], window))
        away = returns[:, window:] - means
        pairs = zip(*(each.tolist() for each in np.triu_indices(n)), strict=True)
        covariance = {pair: product / (window - 1) for pair, product in zip(pairs, products, strict=True)}
        apart = np.zeros(rows - window)
        for i in range(n):
            apart = apart + away[i] ** 2 / _positive(covariance[i, i])
        result[:, window:] = _mahalanobis(away, covariance) / n, apart / n
    return result[0], result[1]


def _positive(variance: Array) -> Array:
    return np.where(variance > 0.0, variance, np.nan)


def _mahalanobis(away: Array, covariance: dict[tuple[int, int], Array]) -> Array:
    """Sum of squares of L^-1 `away`, L L' the covariance, for all rows at once.

    Element by element: a library's solver may round differently for another number of rows.
    """
    n = len(away)
    lower: dict[tuple[int, int], Array] = {}
    whitened: list[Array] = []
    result = np.zeros(away.shape[1])
    for i in range(n):
        for j in range(i):
            rest = covariance[j, i] - sum(lower[i, k] * lower[j, k] for k in range(j))
            lower[i, j] = rest / lower[j, j]
        pivot = covariance[i, i] - sum(lower[i, k] ** 2 for k in range(i))
        lower[i, i] = np.sqrt(np.where(pivot > _SINGULAR * covariance[i, i], pivot, np.nan))
        whitened.append((away[i] - sum(lower[i, k] * whitened[k] for k in range(i))) / lower[i, i])
        result = result + whitened[i] ** 2
    return result


@factor(
    family="regime",
    inputs=NINE,
    windowed=True,
    unit="log ratio",
    limits=_LIMITS,
    lookback=lambda *, window, smooth: window + smooth + 1,
)
def turbulence(*sectors: Bars, window: int = 756, smooth: int = 21) -> Array:
    """Turbulence index of the nine sectors: logarithm of its mean over `smooth` sessions.

    ln(mean of d_t), d_t = (y_t - m)' S^-1 (y_t - m) / 9, with m and S of the `window` daily log returns before t

    Parameters
    ----------
    *sectors
        The nine, shape (n_sessions,), joint sessions, in any order.
    window
        Daily returns before the day that say what is usual.
    smooth
        Sessions averaged.

    Returns
    -------
    Shape (n_sessions,); near 0 in usual times, 1 when the squared distance is 2.7 times the usual.

    References
    ----------
    Kritzman and Li (2010), Financial Analysts Journal 66(5), 30-41, doi:10.2469/faj.v66.n5.3

    Example
    -------
    >>> from bullbear.factors.sectors.nine_sectors import walks
    >>> turbulence(*walks(60, last=0.1), window=40, smooth=1)[-2:].round(1)
    array([1.1, 4.7])
    """
    full, _ = distances(daily_returns(sectors), window)
    return np.log(_positive(windows.mean(full, smooth)))


@factor(
    family="regime",
    inputs=NINE,
    windowed=True,
    unit="log ratio",
    limits=_LIMITS,
    lookback=lambda *, window, smooth: window + smooth + 1,
)
def correlation_surprise(*sectors: Bars, window: int = 756, smooth: int = 21) -> Array:
    """Correlation surprise: turbulence beyond what the size of the sectors' moves explains.

    ln(mean of d_t / mean of e_t) over `smooth` sessions, e_t as d_t with all correlations set to zero

    Parameters
    ----------
    *sectors
        The nine, shape (n_sessions,), joint sessions, in any order.
    window
        Daily returns before the day that say what is usual.
    smooth
        Sessions averaged.

    Returns
    -------
    Shape (n_sessions,); positive where sectors move against their usual relations.

    References
    ----------
    Kinlaw and Turkington (2014), Journal of Asset Management 14(6), 385-399, doi:10.1057/jam.2013.27

    Example
    -------
    >>> from bullbear.factors.sectors.nine_sectors import walks
    >>> correlation_surprise(*walks(60, last=0.1), window=40, smooth=1)[-1].round(1)
    np.float64(0.1)
    """
    full, apart = distances(daily_returns(sectors), window)
    return np.log(_positive(windows.mean(full, smooth)) / _positive(windows.mean(apart, smooth)))
