"""Trend: whether a direction dominates the noise around it, and where the price stands in its channel.

The numbers are shares, standard scores and per cent a session; none depends on the level of the price.
"""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.registry import Array, Bars, factor
from bullbear.factors.windows import (
    NOISE,
    WINDOW,
    lagged,
    line,
    ratio,
    total,
    unless_flat,
    variance,
    wilder_settles,
)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="points",
    bounds=(-100.0, 100.0),
    limits={"window": WINDOW},
    lookback=lambda *, window: window + 1,
    windowed=True,
)
def aroon_oscillator(bars: Bars, *, window: int = 25) -> Array:
    """How much more recent the window's high is than its low.

    100 * (sessions since the low - sessions since the high) / window, over the last `window` + 1 sessions

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions looked back, the current one not counted.

    Returns
    -------
    Shape (n_sessions,); 100 when the high is now and the low was `window` sessions ago.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> aroon_oscillator(bars_from([10, 11, 12, 11.5]), window=3)[-1].round(4)
    np.float64(66.6667)
    """
    return np.asarray(talib.AROONOSC(bars.high, bars.low, window))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="points",
    bounds=(0.0, 100.0),
    limits={"window": WINDOW},
    lookback=lambda *, window: wilder_settles(window, stages=2),
)
def adx(bars: Bars, *, window: int = 14) -> Array:
    """Average directional index: the strength of a trend in either direction.

    Wilder's average of DX = 100 * abs(+DI - -DI) / (+DI + -DI)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Wilder's smoothing length of both stages.

    Returns
    -------
    Shape (n_sessions,); missing while prices have not moved at all.

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> adx(bars_from([10, 11, 12, 13, 14]), window=2)[-1]
    np.float64(100.0)
    """
    value = np.asarray(talib.ADX(bars.high, bars.low, bars.close, window))
    return unless_flat(value, bars.high, bars.low, wilder_settles(window, stages=2))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="points",
    bounds=(0.0, 100.0),
    limits={"window": WINDOW},
    lookback=lambda *, window: wilder_settles(window),
)
def plus_di(bars: Bars, *, window: int = 14) -> Array:
    """Positive directional indicator: the upward share of the true range.

    100 * W(+DM) / W(true range), W Wilder's smoothing, +DM the rise of the high where it exceeds the fall of the low

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Wilder's smoothing length.

    Returns
    -------
    Shape (n_sessions,); missing while prices have not moved at all.

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> plus_di(bars_from([10, 11, 12, 13, 14]), window=2)[-1]
    np.float64(100.0)
    """
    value = np.asarray(talib.PLUS_DI(bars.high, bars.low, bars.close, window))
    return unless_flat(value, bars.high, bars.low, wilder_settles(window))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="points",
    bounds=(0.0, 100.0),
    limits={"window": WINDOW},
    lookback=lambda *, window: wilder_settles(window),
)
def minus_di(bars: Bars, *, window: int = 14) -> Array:
    """Negative directional indicator: the downward share of the true range.

    100 * W(-DM) / W(true range), W Wilder's smoothing, -DM the fall of the low where it exceeds the rise of the high

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Wilder's smoothing length.

    Returns
    -------
    Shape (n_sessions,); missing while prices have not moved at all.

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> minus_di(bars_from([10, 11, 12, 13, 14]), window=2)[-1]
    np.float64(0.0)
    """
    value = np.asarray(talib.MINUS_DI(bars.high, bars.low, bars.close, window))
    return unless_flat(value, bars.high, bars.low, wilder_settles(window))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="points",
    bounds=(-100.0, 100.0),
    limits={"window": WINDOW},
    lookback=lambda *, window: wilder_settles(window),
)
def directional_spread(bars: Bars, *, window: int = 14) -> Array:
    """Positive less negative directional indicator: the direction that `adx` leaves out.

    +DI - -DI

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Wilder's smoothing length.

    Returns
    -------
    Shape (n_sessions,); missing while prices have not moved at all.

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> directional_spread(bars_from([14, 13, 12, 11, 10]), window=2)[-1]
    np.float64(-100.0)
    """
    return plus_di(bars, window=window) - minus_di(bars, window=window)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="points",
    bounds=(0.0, 1.0),
    limits={"window": WINDOW},
    lookback=lambda *, window: window + 1,
    windowed=True,
)
def efficiency_ratio(bars: Bars, *, window: int = 21) -> Array:
    """Kaufman's efficiency ratio: net movement as a share of all movement.

    abs(close_t - close_{t - window}) / sum of abs(close_i - close_{i-1}) over the window

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Session-to-session changes added up.

    Returns
    -------
    Shape (n_sessions,); 1 for a straight line, missing where the close never moved.

    References
    ----------
    Kaufman (1995), Smarter Trading.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> efficiency_ratio(bars_from([10, 12, 11, 13]), window=3)[-1]
    np.float64(0.6)
    """
    path = total(np.abs(bars.close - lagged(bars.close, 1)), window)
    return np.minimum(ratio(np.abs(bars.close - lagged(bars.close, window)), path), 1.0)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="per cent a session",
    limits={"window": (3, 2520)},
    lookback=lambda *, window: window,
    windowed=True,
)
def regression_slope(bars: Bars, *, window: int = 63) -> Array:
    """Slope of the least-squares channel through the logarithm of the close.

    100 * b in log(close) = a + b * t + error over the window

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions fitted.

    Returns
    -------
    Shape (n_sessions,), per cent a session.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> regression_slope(bars_from([1.0, 1.01, 1.01**2]), window=3)[-1].round(4)
    np.float64(0.995)
    """
    return 100.0 * line(np.log(bars.close), window)[0]


def _explained(logs: Array, slope: Array, window: int) -> tuple[Array, Array]:
    """Variance of `logs` and the share that the line explains; missing where nothing moved."""
    spread = variance(logs, window)
    spread[spread <= NOISE**2] = np.nan
    return spread, np.clip(slope * slope * ((window * window - 1.0) / 12.0) / spread, 0.0, 1.0)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="share, signed",
    bounds=(-1.0, 1.0),
    limits={"window": (3, 2520)},
    lookback=lambda *, window: window,
    windowed=True,
)
def regression_fit(bars: Bars, *, window: int = 63) -> Array:
    """How straight the least-squares channel is: its R squared, with the sign of the slope.

    sign(b) * R^2 of log(close) on time

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions fitted.

    Returns
    -------
    Shape (n_sessions,); 1 for a straight rise, -1 for a straight fall, missing where the close never moved.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> regression_fit(bars_from([1.0, 1.01, 1.01**2]), window=3)[-1].round(4)
    np.float64(1.0)
    """
    logs = np.log(bars.close)
    slope, _ = line(logs, window)
    return np.sign(slope) * _explained(logs, slope, window)[1]


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="standard deviations",
    limits={"window": (3, 2520)},
    lookback=lambda *, window: window,
    windowed=True,
)
def regression_position(bars: Bars, *, window: int = 63) -> Array:
    """Where the close stands in its least-squares channel, in standard deviations of the channel.

    (log(close) - fitted end) / sqrt(mean squared residual)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions fitted.

    Returns
    -------
    Shape (n_sessions,); positive above the centre line, missing where the closes form a straight line.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> regression_position(bars_from([1.0, 1.0, 1.1, 1.0]), window=4)[-1].round(4)
    np.float64(-0.9562)
    """
    logs = np.log(bars.close)
    slope, height = line(logs, window)
    spread, explained = _explained(logs, slope, window)
    # A line explained to nine digits leaves only rounding as its residual.
    unexplained = np.where(1.0 - explained < 1e-9, np.nan, 1.0 - explained)
    return (logs - height) / np.sqrt(spread * unexplained)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="ratio - 1",
    limits={"window": WINDOW},
    lookback=lambda *, window: window + 1,
    windowed=True,
)
def vortex_spread(bars: Bars, *, window: int = 14) -> Array:
    """Vortex indicator: upward less downward movement between extremes, per unit of true range.

    (sum of abs(high_t - low_{t-1}) - sum of abs(low_t - high_{t-1})) / sum of true range

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions added up.

    Returns
    -------
    Shape (n_sessions,); missing where prices never moved.

    References
    ----------
    Botes and Siepman (2010), Technical Analysis of Stocks & Commodities 28(1).

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> vortex_spread(bars_from([10, 11], high=[10, 12], low=[9, 10]), window=1)[-1]
    np.float64(1.5)
    """
    up, down = np.abs(bars.high - lagged(bars.low, 1)), np.abs(bars.low - lagged(bars.high, 1))
    true_range = np.asarray(talib.TRANGE(bars.high, bars.low, bars.close))
    spread = ratio(total(up, window) - total(down, window), total(true_range, window))
    return unless_flat(spread, bars.high, bars.low, window + 1)
