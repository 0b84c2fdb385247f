"""Momentum: what the past return says, over how long, how smoothly, and at which hours it was earned."""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import correlation, deviation, lagged, log_returns, mean, total, variance


@factor(unit="per cent", limits={"window": (1, 2520)}, lookback=lambda window: window + 1, windowed=True)
def roc(bars: Bars, *, window: int = 21) -> Array:
    """Rate of change: the total return over some sessions.

    100 * (close_t / close_{t - window} - 1)

    Example
    -------
    >>> roc(bars_from([10, 11, 12]), window=2)[-1].round(4)
    np.float64(20.0)
    """
    return talib.ROC(bars.close, window)


@factor(
    unit="per cent",
    limits={"skip": (1, 252)},
    lookback=lambda window, skip: in_order(skip=skip, window=window) + 1,
    windowed=True,
)
def skip_momentum(bars: Bars, *, window: int = 252, skip: int = 21) -> Array:
    """Return over a long window without its latest month, which tends to reverse.

    100 * (close_{t - skip} / close_{t - window} - 1)

    Parameters
    ----------
    skip
        Sessions back to its end, fewer than `window`.

    References
    ----------
    Jegadeesh and Titman (1993), Journal of Finance 48(1), doi:10.1111/j.1540-6261.1993.tb04702.x

    Example
    -------
    >>> skip_momentum(bars_from([10, 11, 12]), window=2, skip=1)[-1].round(4)
    np.float64(10.0)
    """
    return 100.0 * (lagged(bars.close, skip) / lagged(bars.close, window) - 1.0)


@factor(unit="standard errors", lookback=lambda window: window + 1, windowed=True)
def momentum_t(bars: Bars, *, window: int = 252) -> Array:
    """Return over some sessions per unit of the risk taken to earn it: the t statistic of the mean daily return.

    sqrt(window) * mean(r) / std(r), r the log returns, std with window - 1 degrees of freedom
    Missing where all returns are equal.

    References
    ----------
    Moskowitz, Ooi and Pedersen (2012), Journal of Financial Economics 104(2), doi:10.1016/j.jfineco.2011.11.003

    Example
    -------
    >>> momentum_t(bars_from([1.0, 1.1, 1.1, 1.2]), window=3)[-1].round(4)
    np.float64(1.9938)
    """
    returns = log_returns(bars.close)
    spread = deviation(returns, window, ddof=1)
    # Equal returns leave a spread of rounding errors, each about the last bit of a logarithm.
    spread[spread < 1e-13] = np.nan
    return float(np.sqrt(window)) * mean(returns, window) / spread


@factor(unit="percentage points", limits={"window": (1, 1260)}, lookback=lambda window: 2 * window + 1, windowed=True)
def momentum_change(bars: Bars, *, window: int = 63) -> Array:
    """Acceleration: the return of a window less that of the window before it.

    ROC_t - ROC_{t - window}

    Example
    -------
    >>> momentum_change(bars_from([10, 11, 13.2]), window=1)[-1].round(4)
    np.float64(10.0)
    """
    change = roc(bars, window=window)
    return change - lagged(change, window)


@factor(
    unit="share, signed",
    bounds=(-1.0, 1.0),
    limits={"window": (1, 2520)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def information_discreteness(bars: Bars, *, window: int = 252) -> Array:
    """Whether the window's return came in a few jumps (positive) or drop by drop (negative).

    sign(return) * (share of declines - share of advances); the paper finds that what came drop by drop persists

    References
    ----------
    Da, Gurun and Warachka (2014), Review of Financial Studies 27(7), doi:10.1093/rfs/hhu003

    Example
    -------
    >>> information_discreteness(bars_from([10, 9, 8, 12]), window=3)[-1].round(4)
    np.float64(0.3333)
    """
    signs = np.sign(bars.close - lagged(bars.close, 1))
    return -np.sign(bars.close - lagged(bars.close, window)) * total(signs, window) / window


@factor(
    unit="per cent",
    limits={"window": (1, 2520)},
    choices={"part": ("night", "day")},
    lookback=lambda window, part: window + (part == "night"),
    windowed=True,
)
def day_part_return(bars: Bars, *, window: int = 21, part: str = "night") -> Array:
    """Return earned while the market was shut, or while it was open, added up over the window.

    100 * sum of log(open_t / close_{t-1}) for the nights, of log(close_t / open_t) for the days

    Parameters
    ----------
    part
        "night" or "day"; the two add up to the whole return.

    References
    ----------
    Lou, Polk and Skouras (2019), Journal of Financial Economics 134(1), doi:10.1016/j.jfineco.2019.03.011

    Example
    -------
    >>> day_part_return(bars_from([10, 10], open=[10, 11]), window=1)[-1].round(4)
    np.float64(9.531)
    """
    earned = bars.open / lagged(bars.close, 1) if part == "night" else bars.close / bars.open
    return 100.0 * total(np.log(earned), window)


@factor(
    unit="correlation",
    bounds=(-1.0, 1.0),
    limits={"window": (3, 2520)},
    lookback=lambda window, lag: window + lag + 1,
    windowed=True,
)
def return_autocorrelation(bars: Bars, *, window: int = 63, lag: int = 1) -> Array:
    """Correlation of daily returns with those `lag` sessions before: positive in trends, negative in reversals.

    corr(r_t, r_{t - lag}) over the last `window` pairs of log returns; missing where prices did not move

    Example
    -------
    >>> return_autocorrelation(bars_from([10, 11, 10, 11, 10]), window=3)[-1].round(4)
    np.float64(-1.0)
    """
    returns = log_returns(bars.close)
    return correlation(returns, lagged(returns, lag), window)


@factor(
    unit="ratio",
    bounds=(0.0, np.inf),
    limits={"window": (3, 2520), "span": (2, 252)},
    lookback=lambda window, span: window + span,
    windowed=True,
)
def variance_ratio(bars: Bars, *, window: int = 252, span: int = 5) -> Array:
    """Variance of multi-session returns against that of daily ones: above 1 in trends, below 1 in reversals.

    var(r_span) / (span * var(r_1)), overlapping log returns, population variances; missing where prices did not move

    Parameters
    ----------
    span
        Sessions of the longer return.

    References
    ----------
    Lo and MacKinlay (1988), Review of Financial Studies 1(1), doi:10.1093/rfs/1.1.41

    Example
    -------
    >>> variance_ratio(bars_from([10, 11, 12, 12, 10]), window=3, span=2)[-1].round(4)
    np.float64(0.9466)
    """
    logs = np.log(bars.close)
    daily = variance(logs - lagged(logs, 1), window)
    daily[daily < 1e-26] = np.nan
    return variance(logs - lagged(logs, span), window) / (span * daily)


@factor(unit="log return", limits={"lag": (0, 1260)}, lookback=lambda lag: lag + 2, windowed=True)
def daily_log_return(bars: Bars, *, lag: int = 0) -> Array:
    """Log return of one session.

    log(close_{t - lag} / close_{t - lag - 1})

    Parameters
    ----------
    lag
        Sessions back; 0 is the session of the decision.

    Example
    -------
    >>> daily_log_return(bars_from([10, 11, 12]), lag=1)[-1].round(4)
    np.float64(0.0953)
    """
    return lagged(log_returns(bars.close), lag)
