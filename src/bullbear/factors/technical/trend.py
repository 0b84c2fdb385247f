"""Trend: whether a direction dominates the noise around it, and where the price stands in its channel.

The numbers are shares, standard scores and per cent a session; none depends on the level of the price.
"""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import NOISE, lagged, line, ratio, total, unless_flat, variance


@factor(unit="points", bounds=(-100.0, 100.0), lookback=lambda window: window + 1, windowed=True)
def aroon_oscillator(bars: Bars, *, window: int = 25) -> Array:
    """How much more recent the window's high is than its low.

    100 * (sessions since the low - sessions since the high) / window, over the last `window` + 1 sessions

    Example
    -------
    >>> aroon_oscillator(bars_from([10, 11, 12, 11.5]), window=3)[-1].round(4)
    np.float64(66.6667)
    """
    return talib.AROONOSC(bars.high, bars.low, window)


@factor(
    unit="1 uptrend, -1 downtrend, 0 neither",
    bounds=(-1.0, 1.0),
    limits={"strong": (50.0, 100.0), "weak": (0.0, 50.0)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def aroon_trend(bars: Bars, *, window: int = 14, strong: float = 70.0, weak: float = 30.0) -> Array:
    """Aroon's trend: one line above `strong` while the other lies below `weak`.

    Aroon up = 100 * (window - sessions since the high) / window over the last `window` + 1 sessions; down by the low
    Of several equal extremes the latest counts.

    Parameters
    ----------
    strong, weak
        Points that the leading line must exceed and the other must stay below.

    References
    ----------
    Chande (1995), The Time Price Oscillator, Technical Analysis of Stocks and Commodities 13(9).

    Example
    -------
    >>> aroon_trend(bars_from([10, 11, 12, 13, 12, 10, 9]), window=3)
    array([nan, nan, nan,  1.,  0.,  0., -1.])
    """
    down, up = talib.AROON(bars.high, bars.low, window)
    rising, falling = (up > strong) & (down < weak), (down > strong) & (up < weak)
    return np.where(np.isnan(up), np.nan, rising.astype(np.float64) - falling)


@factor(unit="points", bounds=(0.0, 1.0), lookback=lambda window: window + 1, windowed=True)
def efficiency_ratio(bars: Bars, *, window: int = 21) -> Array:
    """Kaufman's efficiency ratio: net movement as a share of all movement.

    abs(close_t - close_{t - window}) / sum of abs(close_i - close_{i-1}) over the window
    1 for a straight line, missing where the close never moved.

    References
    ----------
    Kaufman (1995), Smarter Trading.

    Example
    -------
    >>> efficiency_ratio(bars_from([10, 12, 11, 13]), window=3)[-1]
    np.float64(0.6)
    """
    path = total(np.abs(bars.close - lagged(bars.close, 1)), window)
    return np.minimum(ratio(np.abs(bars.close - lagged(bars.close, window)), path), 1.0)


@factor(unit="per cent a session", limits={"window": (3, 2520)}, windowed=True)
def regression_slope(bars: Bars, *, window: int = 63) -> Array:
    """Slope of the least-squares channel through the logarithm of the close.

    100 * b in log(close) = a + b * t + error over the window

    Example
    -------
    >>> regression_slope(bars_from([1.0, 1.01, 1.01**2]), window=3)[-1].round(4)
    np.float64(0.995)
    """
    return 100.0 * line(np.log(bars.close), window)[0]


def _explained(logs: Array, slope: Array, window: int) -> tuple[Array, Array]:
    """Variance of `logs` and the share that the line explains; missing where nothing moved."""
    spread = variance(logs, window)
    spread[spread <= NOISE**2] = np.nan
    return spread, np.clip(slope * slope * ((window * window - 1.0) / 12.0) / spread, 0.0, 1.0)


@factor(unit="share, signed", bounds=(-1.0, 1.0), limits={"window": (3, 2520)}, windowed=True)
def regression_fit(bars: Bars, *, window: int = 63) -> Array:
    """How straight the least-squares channel is: its R squared, with the sign of the slope.

    Of log(close) on time: 1 for a straight rise, -1 for a straight fall, missing where the close never moved.

    Example
    -------
    >>> regression_fit(bars_from([1.0, 1.01, 1.01**2]), window=3)[-1].round(4)
    np.float64(1.0)
    """
    logs = np.log(bars.close)
    slope, _ = line(logs, window)
    return np.sign(slope) * _explained(logs, slope, window)[1]


@factor(unit="standard deviations", limits={"window": (3, 2520)}, windowed=True)
def regression_position(bars: Bars, *, window: int = 63) -> Array:
    """Where the close stands in its least-squares channel, in standard deviations of the channel.

    (log(close) - fitted end) / sqrt(mean squared residual)
    Positive above the centre line, missing where the closes form a straight line.

    Example
    -------
    >>> regression_position(bars_from([1.0, 1.0, 1.1, 1.0]), window=4)[-1].round(4)
    np.float64(-0.9562)
    """
    logs = np.log(bars.close)
    slope, height = line(logs, window)
    spread, explained = _explained(logs, slope, window)
    # A line explained to nine digits leaves only rounding as its residual.
    unexplained = np.where(1.0 - explained < 1e-9, np.nan, 1.0 - explained)
    return (logs - height) / np.sqrt(spread * unexplained)


@factor(unit="ratio - 1", lookback=lambda window: window + 1, windowed=True)
def vortex_spread(bars: Bars, *, window: int = 14) -> Array:
    """Vortex indicator: upward less downward movement between extremes, per unit of true range.

    (sum of abs(high_t - low_{t-1}) - sum of abs(low_t - high_{t-1})) / sum of true range
    Missing where prices never moved.

    References
    ----------
    Botes and Siepman (2010), Technical Analysis of Stocks & Commodities 28(1).

    Example
    -------
    >>> vortex_spread(bars_from([10, 11], high=[10, 12], low=[9, 10]), window=1)[-1]
    np.float64(1.5)
    """
    up, down = np.abs(bars.high - lagged(bars.low, 1)), np.abs(bars.low - lagged(bars.high, 1))
    true_range = talib.TRANGE(bars.high, bars.low, bars.close)
    spread = ratio(total(up, window) - total(down, window), total(true_range, window))
    return unless_flat(spread, bars.high, bars.low, window + 1)
