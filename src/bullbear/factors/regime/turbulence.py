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
from bullbear.factors.sectors.sector_funds import SECTORS, daily_returns, symmetric

_LIMITS = {"window": (30.0, 2520.0)}
_SINGULAR = 1e-12
"""Determinant of the correlations below which one series is a combination of the others."""


def distances(returns: Array, window: int) -> tuple[Array, Array]:
    """Squared distance of each day from the days before it, and the same with all correlations set to zero.

    d_t = (y_t - m)' S^-1 (y_t - m) / n, with m and S (n - 1) of the `window` rows t - `window` to t - 1

    `returns` has shape (n_series, n_rows), each result (n_rows,).

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
        covariance = symmetric(products / (window - 1), n)
        deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        deviation = np.where(deviation > 0.0, deviation, np.nan)
        correlation = covariance / (deviation[:, :, None] * deviation[:, None, :])
        known = np.flatnonzero(np.isfinite(correlation).all(axis=(1, 2)))
        usable = known[np.linalg.det(correlation[known]) > _SINGULAR]
        away = (returns[:, window:] - means).T[usable] / deviation[usable]
        solved = np.linalg.solve(correlation[usable], away[:, :, None])[:, :, 0]
        result[:, window + usable] = (away * solved).sum(axis=1) / n, (away * away).sum(axis=1) / n
    return result[0], result[1]


@factor(
    inputs=SECTORS, windowed=True, unit="log ratio", limits=_LIMITS, lookback=lambda window, smooth: window + smooth + 1
)
def turbulence(*sectors: Bars, window: int = 756, smooth: int = 21) -> Array:
    """Turbulence index of the nine sectors: logarithm of its mean over `smooth` sessions.

    ln(mean of d_t), d_t = (y_t - m)' S^-1 (y_t - m) / 9, with m and S of the `window` daily log returns before t. Near
    0 in usual times, 1 when the squared distance is 2.7 times the usual.

    References
    ----------
    Kritzman and Li (2010), Financial Analysts Journal 66(5), 30-41, doi:10.2469/faj.v66.n5.3
    """
    full, _ = distances(daily_returns(sectors), window)
    return trailing.log_positive(windows.mean(full, smooth))


@factor(
    inputs=SECTORS, windowed=True, unit="log ratio", limits=_LIMITS, lookback=lambda window, smooth: window + smooth + 1
)
def correlation_surprise(*sectors: Bars, window: int = 756, smooth: int = 21) -> Array:
    """Correlation surprise: turbulence beyond what the size of the sectors' moves explains.

    ln(mean of d_t / mean of e_t) over `smooth` sessions, e_t as d_t with all correlations set to zero. Positive where
    sectors move against their usual relations.

    References
    ----------
    Kinlaw and Turkington (2014), Journal of Asset Management 14(6), 385-399, doi:10.1057/jam.2013.27
    """
    full, apart = distances(daily_returns(sectors), window)
    return trailing.log_positive(windows.ratio(windows.mean(full, smooth), windows.mean(apart, smooth)))
