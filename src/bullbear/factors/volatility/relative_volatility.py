"""Volatility against itself: whether it rises, how unsteady it is, and how high it stands in its own past."""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.parameters import WINDOW
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import deviation, log_returns, mean, ratio
from bullbear.factors.volatility.realised import realised_volatility


@factor(unit="ratio", bounds=(0.0, np.inf), lookback=lambda window: window + 1, windowed=True)
def range_expansion(bars: Bars, *, window: int = 21) -> Array:
    """Today's true range against its mean.

    true range / SMA(true range); missing where the range was zero throughout

    Example
    -------
    >>> range_expansion(bars_from([10, 11, 14]), window=2)[-1]
    np.float64(1.5)
    """
    true_range = talib.TRANGE(bars.high, bars.low, bars.close)
    return ratio(true_range, mean(true_range, window))


@factor(
    unit="ratio",
    bounds=(0.0, np.inf),
    lookback=lambda fast, slow: in_order(fast=fast, slow=slow) + 1,
    windowed=True,
)
def true_range_ratio(bars: Bars, *, fast: int = 14, slow: int = 252) -> Array:
    """Recent average true range against the usual one, both as fractions of the close.

    SMA(true range / close, fast) / SMA(true range / close, slow); missing where the range was zero throughout

    Example
    -------
    >>> true_range_ratio(bars_from([10, 10, 10, 16]), fast=1, slow=2)[-1]
    np.float64(2.0)
    """
    relative = talib.TRANGE(bars.high, bars.low, bars.close) / bars.close
    return ratio(mean(relative, fast), mean(relative, slow))


@factor(
    unit="ratio",
    bounds=(0.0, np.inf),
    limits={"inner": WINDOW},
    lookback=lambda window, inner: window + inner,
    windowed=True,
)
def volatility_of_volatility(bars: Bars, *, window: int = 63, inner: int = 21) -> Array:
    """How much realised volatility itself has varied, relative to its mean.

    std(v) / mean(v), v the `inner`-session realised volatility, std with window - 1 degrees of freedom
    Missing where volatility was zero throughout.

    Parameters
    ----------
    inner
        Daily returns in each of them.

    Example
    -------
    >>> volatility_of_volatility(bars_from([100, 101, 100, 103, 104]), window=2, inner=2)[-1].round(4)
    np.float64(0.4669)
    """
    level = deviation(log_returns(bars.close), inner, ddof=1)
    return ratio(deviation(level, window, ddof=1), mean(level, window))


@factor(unit="log ratio", lookback=lambda fast, slow: in_order(fast=fast, slow=slow) + 1, windowed=True)
def volatility_term(bars: Bars, *, fast: int = 21, slow: int = 252) -> Array:
    """Recent realised volatility against the longer one.

    log(RV(fast) / RV(slow)); positive in unrest, missing where either volatility is zero

    Example
    -------
    >>> volatility_term(bars_from([100, 101, 100, 104]), fast=2, slow=3)[-1].round(4)
    np.float64(0.3406)
    """
    short, long = realised_volatility(bars, window=fast), realised_volatility(bars, window=slow)
    short[short < 1e-9] = np.nan
    long[long < 1e-9] = np.nan
    return np.log(short / long)


@factor(
    unit="share of sessions",
    bounds=(0.0, 1.0),
    limits={"history": WINDOW},
    lookback=lambda window, history: window + 1 + history,
    windowed=True,
)
def realised_percentile(bars: Bars, *, window: int = 21, history: int = 252) -> Array:
    """Rank of today's realised volatility: the share of the `history` values before that lie below it.

    Parameters
    ----------
    history
        Earlier values compared with.

    Example
    -------
    >>> realised_percentile(bars_from([100, 101, 100, 101, 105]), window=2, history=2)[-1]
    np.float64(1.0)
    """
    return talib.PERCENTRANK(realised_volatility(bars, window=window), history) / 100.0
