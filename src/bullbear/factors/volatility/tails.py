"""Tails: on which side volatility fell, in how few sessions, and at which hours.

Log returns are used throughout, without subtracting their mean, which a month cannot tell from zero.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import lagged, log_returns, lowest, mean, ratio, total
from bullbear.factors.volatility.realised import YEARLY


@factor(
    unit="per cent a year",
    bounds=(0.0, np.inf),
    limits={"window": (1, 2520)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def downside_volatility(bars: Bars, *, window: int = 63) -> Array:
    """Root of the mean squared decline, advances counted as zero, annualised.

    100 * sqrt(252 * mean(min(r, 0)^2))

    References
    ----------
    Sortino and van der Meer (1991), Journal of Portfolio Management 17(4), doi:10.3905/jpm.1991.409343

    Example
    -------
    >>> downside_volatility(bars_from([100, 99, 100]), window=2)[-1].round(4)
    np.float64(11.2815)
    """
    decline = np.minimum(log_returns(bars.close), 0.0)
    return YEARLY * np.sqrt(mean(decline * decline, window))


@factor(
    unit="share", bounds=(0.0, 1.0), limits={"window": (1, 2520)}, lookback=lambda window: window + 1, windowed=True
)
def downside_share(bars: Bars, *, window: int = 63) -> Array:
    """Share of the realised variance that came from declines.

    sum(min(r, 0)^2) / sum(r^2); missing where the close did not move

    References
    ----------
    Patton and Sheppard (2015), Review of Economics and Statistics 97(3), doi:10.1162/REST_a_00503

    Example
    -------
    >>> downside_share(bars_from([100, 90, 100]), window=2)[-1]
    np.float64(0.5)
    """
    returns = log_returns(bars.close)
    decline = np.minimum(returns, 0.0)
    return np.minimum(ratio(total(decline * decline, window), total(returns * returns, window)), 1.0)


@factor(unit="skewness", limits={"window": (3, 2520)}, lookback=lambda window: window + 1, windowed=True)
def realised_skewness(bars: Bars, *, window: int = 63) -> Array:
    """Realised skewness of daily returns: negative when the large moves were declines.

    sqrt(window) * sum(r^3) / sum(r^2)^1.5, no mean subtracted; in +-sqrt(window), missing where the close did not move

    References
    ----------
    Amaya, Christoffersen, Jacobs and Vasquez (2015), Journal of Financial Economics 118(1),
    doi:10.1016/j.jfineco.2015.02.009

    Example
    -------
    >>> realised_skewness(bars_from([100, 101, 102, 98]), window=3)[-1].round(4)
    np.float64(-1.4122)
    """
    returns = log_returns(bars.close)
    squares = returns * returns
    power = total(squares, window)
    return float(np.sqrt(window)) * ratio(total(squares * returns, window), power * np.sqrt(power))


@factor(
    unit="kurtosis",
    bounds=(0.0, np.inf),
    limits={"window": (3, 2520)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def realised_kurtosis(bars: Bars, *, window: int = 63) -> Array:
    """Realised kurtosis of daily returns: how much of the movement came on a few days; 3 for normal returns.

    window * sum(r^4) / sum(r^2)^2, no mean subtracted; in [1, window], missing where the close did not move

    Example
    -------
    >>> realised_kurtosis(bars_from([100, 101, 102, 98]), window=3)[-1].round(4)
    np.float64(2.3987)
    """
    returns = log_returns(bars.close)
    squares = returns * returns
    power = total(squares, window)
    return window * ratio(total(squares * squares, window), power * power)


@factor(
    unit="share", bounds=(0.0, 1.0), limits={"window": (3, 2520)}, lookback=lambda window: window + 1, windowed=True
)
def jump_share(bars: Bars, *, window: int = 21) -> Array:
    """Share of realised variance that came in jumps, which neighbouring days do not share.

    max(0, 1 - BV / RV), RV = sum(r_t^2), BV = (pi / 2) * window / (window - 1) * sum(abs(r_t) * abs(r_{t-1}))
    Missing where the close did not move.

    References
    ----------
    Barndorff-Nielsen and Shephard (2004), Journal of Financial Econometrics 2(1), doi:10.1093/jjfinec/nbh001

    Example
    -------
    >>> jump_share(bars_from([100, 101, 102, 92]), window=3)[-1].round(4)
    np.float64(0.7578)
    """
    returns = log_returns(bars.close)
    pairs = total(np.abs(returns * lagged(returns, 1)), window - 1)
    smooth = (np.pi / 2.0) * (window / (window - 1.0)) * pairs
    return np.maximum(1.0 - ratio(smooth, total(returns * returns, window)), 0.0)


@factor(
    unit="share", bounds=(0.0, 1.0), limits={"window": (1, 2520)}, lookback=lambda window: window + 1, windowed=True
)
def overnight_share(bars: Bars, *, window: int = 63) -> Array:
    """Share of squared movement that happened between close and open.

    sum(o^2) / (sum(o^2) + sum(c^2)), o = log(open_t / close_{t-1}), c = log(close_t / open_t)
    Missing where prices did not move.

    Example
    -------
    >>> overnight_share(bars_from([10, 12], open=[10, 12]), window=1)[-1]
    np.float64(1.0)
    """
    night, day = np.log(bars.open / lagged(bars.close, 1)), np.log(bars.close / bars.open)
    nights = total(night * night, window)
    return ratio(nights, nights + total(day * day, window))


@factor(unit="standard deviations", limits={"window": (3, 2520)}, lookback=lambda window: window + 1, windowed=True)
def worst_session(bars: Bars, *, window: int = 21) -> Array:
    """Worst daily return of the window in units of its typical movement.

    min(r) / sqrt(mean(r^2)); missing where the close did not move

    Example
    -------
    >>> worst_session(bars_from([100, 101, 102, 98]), window=3)[-1].round(4)
    np.float64(-1.6348)
    """
    returns = log_returns(bars.close)
    typical = np.sqrt(mean(returns * returns, window))
    return ratio(lowest(returns, window), typical)
