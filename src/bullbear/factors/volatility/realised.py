"""Realised volatility: estimators from closes and from ranges.

Daily estimators are annualised with 252 sessions, in per cent a year like the VIX. Returns are logarithmic; where a
mean is not subtracted the formula says so.
"""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import wilder_settles
from bullbear.factors.engine.windows import SESSIONS_A_YEAR, deviation, lagged, log_returns, mean

YEARLY = 100.0 * float(np.sqrt(SESSIONS_A_YEAR))
"""From a daily standard deviation to per cent a year."""


LOG2 = float(np.log(2.0))

STILL = 0.01
"""Volatility a year below which logarithms see no difference: a price that stood still has none."""


@factor(unit="per cent of price", bounds=(0.0, np.inf), lookback=wilder_settles)
def atr_percent(bars: Bars, *, window: int = 14) -> Array:
    """Average true range as a per cent of the close.

    100 * W(true range) / close, W Wilder's smoothing

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    >>> atr_percent(bars_from([10, 11, 10]), window=2)[-1]
    np.float64(10.0)
    """
    return talib.NATR(bars.high, bars.low, bars.close, window)


@factor(unit="per cent a year", bounds=(0.0, np.inf), lookback=lambda window: window + 1, windowed=True)
def realised_volatility(bars: Bars, *, window: int = 21) -> Array:
    """Standard deviation of daily log returns, annualised.

    100 * sqrt(252) * std(r), std with window - 1 degrees of freedom

    Example
    -------
    >>> realised_volatility(bars_from([100, 101, 100]), window=2)[-1].round(4)
    np.float64(22.3384)
    """
    return YEARLY * deviation(log_returns(bars.close), window, ddof=1)


@factor(unit="per cent a year", bounds=(0.0, np.inf), limits={"window": (1, 2520)}, windowed=True)
def parkinson_volatility(bars: Bars, *, window: int = 21) -> Array:
    """Parkinson's estimator: volatility from highs and lows, five times as efficient as closes.

    100 * sqrt(252 * mean(log(high / low)^2) / (4 * log 2)); nights are not in it

    References
    ----------
    Parkinson (1980), Journal of Business 53(1), doi:10.1086/296071

    Example
    -------
    >>> parkinson_volatility(bars_from([10], high=[10.2], low=[9.9]), window=1)[-1].round(4)
    np.float64(28.4607)
    """
    span = np.log(bars.high / bars.low)
    return YEARLY * np.sqrt(mean(span * span, window) / (4.0 * LOG2))


@factor(unit="per cent a year", bounds=(0.0, np.inf), limits={"window": (1, 2520)}, windowed=True)
def garman_klass_volatility(bars: Bars, *, window: int = 21) -> Array:
    """Garman and Klass's estimator: volatility from open, high, low and close.

    100 * sqrt(252 * mean(log(high / low)^2 / 2 - (2 * log 2 - 1) * log(close / open)^2)); nights are not in it

    References
    ----------
    Garman and Klass (1980), Journal of Business 53(1), doi:10.1086/296072

    Example
    -------
    >>> garman_klass_volatility(bars_from([10.1], open=[10], high=[10.2], low=[9.9]), window=1)[-1].round(4)
    np.float64(32.0395)
    """
    span, body = np.log(bars.high / bars.low), np.log(bars.close / bars.open)
    daily = 0.5 * span * span - (2.0 * LOG2 - 1.0) * body * body
    return YEARLY * np.sqrt(np.maximum(mean(daily, window), 0.0))


def _rogers_satchell(bars: Bars) -> Array:
    """Daily variance that a drift does not bias."""
    up, down, body = np.log(bars.high / bars.open), np.log(bars.low / bars.open), np.log(bars.close / bars.open)
    result: Array = up * (up - body) + down * (down - body)
    return result


@factor(unit="per cent a year", bounds=(0.0, np.inf), limits={"window": (1, 2520)}, windowed=True)
def rogers_satchell_volatility(bars: Bars, *, window: int = 21) -> Array:
    """Rogers and Satchell's estimator: volatility from open, high, low and close, whatever the drift.

    100 * sqrt(252 * mean(u * (u - c) + d * (d - c))), u, d, c = log(high, low, close / open); nights are not in it

    References
    ----------
    Rogers and Satchell (1991), Annals of Applied Probability 1(4), doi:10.1214/aoap/1177005835

    Example
    -------
    >>> rogers_satchell_volatility(bars_from([10.1], open=[10], high=[10.2], low=[9.9]), window=1)[-1].round(4)
    np.float64(31.5944)
    """
    return YEARLY * np.sqrt(np.maximum(mean(_rogers_satchell(bars), window), 0.0))


@factor(unit="per cent a year", bounds=(0.0, np.inf), lookback=lambda window: window + 1, windowed=True)
def yang_zhang_volatility(bars: Bars, *, window: int = 21) -> Array:
    """Yang and Zhang's estimator: nights, opens to closes and ranges together, whatever the drift.

    100 * sqrt(252 * (var(o) + k * var(c) + (1 - k) * RS)), o = log(open_t / close_{t-1}), c = log(close / open),
    k = 0.34 / (1.34 + (window + 1) / (window - 1)), RS Rogers and Satchell's variance

    References
    ----------
    Yang and Zhang (2000), Journal of Business 73(3), doi:10.1086/209650

    Example
    -------
    >>> tape = bars_from([10, 10.1, 10.3], open=[10, 10, 10.2], high=[10, 10.2, 10.4], low=[10, 9.9, 10.1])
    >>> yang_zhang_volatility(tape, window=2)[-1].round(4)
    np.float64(32.0084)
    """
    night = np.log(bars.open / lagged(bars.close, 1))
    day = np.log(bars.close / bars.open)
    k = 0.34 / (1.34 + (window + 1.0) / (window - 1.0))
    nights, days = deviation(night, window, ddof=1), deviation(day, window, ddof=1)
    daily = nights * nights + k * (days * days) + (1.0 - k) * mean(_rogers_satchell(bars), window)
    return YEARLY * np.sqrt(np.maximum(daily, 0.0))


@factor(
    unit="log of a fraction a year",
    limits={"window": (1, 2520)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def log_realised_volatility(bars: Bars, *, window: int = 21) -> Array:
    """Logarithm of realised volatility about zero, an input of the HAR regression.

    log(sqrt(252 * mean(r^2))), r daily log returns; 1 % a year is the least

    References
    ----------
    Corsi (2009), Journal of Financial Econometrics 7(2), doi:10.1093/jjfinec/nbp001

    Example
    -------
    >>> log_realised_volatility(bars_from([100, 101]), window=1)[-1].round(4)
    np.float64(-1.8454)
    """
    returns = log_returns(bars.close)
    return np.log(np.maximum(np.sqrt(SESSIONS_A_YEAR * mean(returns * returns, window)), STILL))


@factor(
    unit="log of a fraction a year",
    limits={"window": (1, 2520)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def log_range_volatility(bars: Bars, *, window: int = 21) -> Array:
    """Logarithm of volatility from nights and ranges: less noisy than that from closes, above all over a few sessions.

    log(sqrt(252 * mean(o^2 + GK))), o = log(open_t / close_{t-1}), GK Garman and Klass's daily variance; 1 % a year is
    the least

    References
    ----------
    Garman and Klass (1980), Journal of Business 53(1), doi:10.1086/296072

    Example
    -------
    >>> tape = bars_from([10, 10.1], open=[10, 10], high=[10, 10.2], low=[10, 9.9])
    >>> log_range_volatility(tape, window=1)[-1].round(4)
    np.float64(-1.1382)
    """
    night = np.log(bars.open / lagged(bars.close, 1))
    span, body = np.log(bars.high / bars.low), np.log(bars.close / bars.open)
    daily = night * night + 0.5 * span * span - (2.0 * LOG2 - 1.0) * body * body
    return np.log(np.maximum(np.sqrt(SESSIONS_A_YEAR * np.maximum(mean(daily, window), 0.0)), STILL))
