"""Volume: whether more or fewer shares than usual are traded, and on which days.

All measures compare volume with volume of the same ticker nearby in time, because turnover grew a hundredfold over
the years. Unknown volume makes every window that touches it missing, and no other; zero volume is unknown where a
logarithm or a ratio is taken of it.
"""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import correlation, lagged, log_returns, mean, ratio, standard_score


def log_volume(bars: Bars) -> Array:
    """Logarithm of the volume, missing where there was none."""
    return np.log(np.where(bars.volume > 0.0, bars.volume, np.nan))


@factor(unit="standard deviations", limits={"window": (3, 1260)}, windowed=True)
def volume_z(bars: Bars, *, window: int = 63) -> Array:
    """Standard score of the logarithm of today's volume.

    (log v - mean(log v)) / std(log v), std with window - 1 degrees of freedom; missing where volume never changed

    Example
    -------
    >>> volume_z(bars_from([1, 1, 1], volume=[1, 1, 8]), window=3)[-1].round(4)
    np.float64(1.1547)
    """
    return standard_score(log_volume(bars), window)


@factor(
    unit="ratio",
    bounds=(0.0, np.inf),
    limits={"fast": (1, 252)},
    lookback=lambda fast, slow: in_order(fast=fast, slow=slow),
    windowed=True,
)
def volume_ratio(bars: Bars, *, fast: int = 5, slow: int = 63) -> Array:
    """Recent mean volume against the usual one.

    mean(volume, fast) / mean(volume, slow); missing where no share traded

    Example
    -------
    >>> volume_ratio(bars_from([1, 1], volume=[1, 3]), fast=1, slow=2)[-1]
    np.float64(1.5)
    """
    return ratio(mean(bars.volume, fast), mean(bars.volume, slow))


@factor(
    unit="log ratio",
    limits={"fast": (1, 252)},
    lookback=lambda fast, slow: in_order(fast=fast, slow=slow) + 1,
    windowed=True,
)
def illiquidity_ratio(bars: Bars, *, fast: int = 21, slow: int = 252) -> Array:
    """Amihud's illiquidity, recent against usual: positive when a dollar traded moves the price more than it did.

    log(mean(a, fast) / mean(a, slow)), a = abs(return) / (close * volume); missing without volume or without a move

    References
    ----------
    Amihud (2002), Journal of Financial Markets 5(1), doi:10.1016/S1386-4181(01)00024-6

    Example
    -------
    >>> illiquidity_ratio(bars_from([1, 2, 4], volume=[1, 1, 1]), fast=1, slow=2)[-1].round(4)
    np.float64(-0.4055)
    """
    impact = np.abs(talib.ROCP(bars.close, 1)) / np.where(bars.volume > 0.0, bars.close * bars.volume, np.nan)
    level = ratio(mean(impact, fast), mean(impact, slow))
    return np.log(np.where(level > 0.0, level, np.nan))


@factor(
    unit="correlation",
    bounds=(-1.0, 1.0),
    limits={"window": (3, 1260)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def volume_return_correlation(bars: Bars, *, window: int = 63) -> Array:
    """Correlation of daily returns with log volume: negative when declines, not advances, draw the crowd.

    corr(log(close_t / close_{t-1}), log(volume_t)); missing where returns or volume did not vary

    Example
    -------
    >>> volume_return_correlation(bars_from([10, 11, 10, 11], volume=[1, 1, 2, 1]), window=3)[-1].round(4)
    np.float64(-1.0)
    """
    return correlation(log_returns(bars.close), log_volume(bars), window)


@factor(
    unit="share of sessions",
    bounds=(0.0, 1.0),
    limits={"window": (1, 252), "drop": (0.0, 10.0)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def distribution_days(bars: Bars, *, window: int = 25, drop: float = 0.2) -> Array:
    """Share of sessions that fell on more volume than the session before: institutions selling.

    mean over the window of 1{100 * (close_t / close_{t-1} - 1) <= -drop and volume_t > volume_{t-1}}

    Parameters
    ----------
    drop
        Smallest decline that counts, in per cent.

    References
    ----------
    O'Neil (2009), How to Make Money in Stocks.

    Example
    -------
    >>> distribution_days(bars_from([10, 9, 8], volume=[1, 2, 1]), window=2)[-1]
    np.float64(0.5)
    """
    change, more = talib.ROC(bars.close, 1), bars.volume - lagged(bars.volume, 1)
    counted = np.where((change <= -drop) & (more > 0.0), 1.0, 0.0)
    return mean(np.where(np.isnan(change) | np.isnan(more), np.nan, counted), window)
