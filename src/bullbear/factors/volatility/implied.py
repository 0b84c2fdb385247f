"""Implied volatility: what option prices expect, against its own past and against realised volatility.

The inputs are levels in per cent a year as last published at each decision; a stale or unpublished level is missing,
and every window that touches it is too.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.trailing import log_positive
from bullbear.factors.engine.windows import lagged, mean, percent_rank, ratio, standard_score
from bullbear.factors.volatility.realised import realised_volatility


@factor(unit="per cent a year", bounds=(0.0, np.inf), lookback=1, windowed=True)
def implied_volatility(implied: Array) -> Array:
    """Implied volatility as last published.

    References
    ----------
    Whaley (2009), Journal of Portfolio Management 35(3), doi:10.3905/JPM.2009.35.3.098

    Example
    -------
    >>> implied_volatility(np.array([20.0, np.nan]))
    array([20., nan])
    """
    return np.where(implied > 0.0, implied, np.nan)


@factor(unit="log of a fraction a year", lookback=1, windowed=True)
def log_implied_volatility(implied: Array) -> Array:
    """Logarithm of implied volatility, in the unit of `log_realised_volatility`.

    log(implied / 100)

    Example
    -------
    >>> log_implied_volatility(np.array([20.0, 0.0])).round(4)
    array([-1.6094,     nan])
    """
    return log_positive(implied) - np.log(100.0)


@factor(unit="ratio - 1", lookback=1, windowed=True)
def implied_term(near: Array, far: Array) -> Array:
    """Near implied volatility against the far one, near / far - 1: positive (backwardation) when the fear is now.

    Example
    -------
    >>> implied_term(np.array([22.0]), np.array([20.0])).round(4)
    array([0.1])
    """
    return ratio(near, far) - 1.0


@factor(unit="percentage points a year", lookback=lambda window: window + 1, windowed=True)
def implied_minus_realised(bars: Bars, implied: Array, *, window: int = 21) -> Array:
    """Implied volatility less what was realised: the price of insurance.

    References
    ----------
    Bollerslev, Tauchen and Zhou (2009), Review of Financial Studies 22(11), doi:10.1093/rfs/hhp008

    Example
    -------
    >>> implied_minus_realised(bars_from([100, 101, 100]), np.full(3, 25.0), window=2)[-1].round(4)
    np.float64(2.6616)
    """
    return implied_volatility(implied) - realised_volatility(bars, window=window)


@factor(unit="log change", limits={"window": (1, 1260)}, lookback=lambda window: window + 1, windowed=True)
def implied_change(implied: Array, *, window: int = 5) -> Array:
    """Logarithmic change of implied volatility.

    log(implied_t / implied_{t - window})

    Example
    -------
    >>> implied_change(np.array([20.0, 25.0]), window=1)[-1].round(4)
    np.float64(0.2231)
    """
    logs = log_positive(implied)
    return logs - lagged(logs, window)


@factor(unit="standard deviations", limits={"window": (3, 2520)}, windowed=True)
def implied_z(implied: Array, *, window: int = 252) -> Array:
    """Standard score of the logarithm of implied volatility.

    (log x - mean(log x)) / std(log x), std with window - 1 degrees of freedom; missing where the level did not move

    Example
    -------
    >>> implied_z(np.array([10.0, 10.0, 20.0]), window=3)[-1].round(4)
    np.float64(1.1547)
    """
    return standard_score(log_positive(implied), window)


@factor(unit="share of sessions", bounds=(0.0, 1.0), lookback=lambda window: window + 1, windowed=True)
def implied_percentile(implied: Array, *, window: int = 252) -> Array:
    """Rank of implied volatility: the share of the `window` values before that lie below today's.

    Example
    -------
    >>> implied_percentile(np.array([10.0, 30.0, 20.0]), window=2)[-1]
    np.float64(0.5)
    """
    return percent_rank(implied, window)


@factor(unit="log ratio", windowed=True)
def implied_stretch(implied: Array, *, window: int = 21) -> Array:
    """Implied volatility against its own recent mean: spikes tend to fade.

    log(implied) - mean(log(implied))

    Example
    -------
    >>> implied_stretch(np.array([10.0, 20.0]), window=2)[-1].round(4)
    np.float64(0.3466)
    """
    logs = log_positive(implied)
    return logs - mean(logs, window)
