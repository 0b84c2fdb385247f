"""Averages: where the price stands against its moving averages, which of them leads, and since when.

Every number is a ratio, a per cent of price, an age or a sign, so that it means the same in 2001 and today. Averages
are simple ones where a long memory is wanted: an exponential average of 200 sessions needs eleven years before its
start no longer shows. They are summed window by window, as TA-Lib's, which carry their rounding from row to row, are
not: a row then follows from its own window to the last bit.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import talib

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import ema_settles, in_order
from bullbear.factors.engine.windows import EMA, NOISE, mean, run_length

STACK = (20, 50, 100, 200)
"""The averages that analysts draw."""


@factor(unit="ratio - 1", windowed=True)
def price_to_sma(bars: Bars, *, window: int = 200) -> Array:
    """Close against its simple moving average.

    close / SMA(close, window) - 1

    Example
    -------
    >>> price_to_sma(bars_from([10, 10, 13]), window=3)[-1].round(4)
    np.float64(0.1818)
    """
    return bars.close / mean(bars.close, window) - 1.0


@factor(unit="ratio - 1", lookback=lambda fast, slow: in_order(fast=fast, slow=slow), windowed=True)
def sma_gap(bars: Bars, *, fast: int = 50, slow: int = 200) -> Array:
    """Fast simple moving average against the slow one; positive above a golden cross, negative below a death cross.

    SMA(close, fast) / SMA(close, slow) - 1

    Example
    -------
    >>> sma_gap(bars_from([10, 10, 10, 14]), fast=2, slow=4)[-1].round(4)
    np.float64(0.0909)
    """
    return mean(bars.close, fast) / mean(bars.close, slow) - 1.0


def side_of(gap: Array) -> Array:
    """1 where a ratio less 1 is positive, -1 where it is negative, 0 where it is only rounding; missing where it is."""
    return np.sign(np.where(np.abs(gap) < NOISE, 0.0, gap))


@factor(unit="-1, 0 or 1", bounds=(-1.0, 1.0), windowed=True)
def sma_side(bars: Bars, *, window: int = 210) -> Array:
    """Side of the close: 1 while it is above its simple moving average, -1 while it is below.

    sign(close - SMA(close, window)); 0 where the two are equal but for rounding. 210 sessions are ten months.

    References
    ----------
    Faber (2007), "A quantitative approach to tactical asset allocation", Journal of Wealth Management 9(4), 69-79,
    doi:10.3905/jwm.2007.674809.

    Example
    -------
    >>> sma_side(bars_from([10, 10, 13, 10]), window=3).tolist()
    [nan, nan, 1.0, -1.0]
    """
    return side_of(price_to_sma(bars, window=window))


@factor(
    unit="-1, 0 or 1", bounds=(-1.0, 1.0), lookback=lambda fast, slow: in_order(fast=fast, slow=slow), windowed=True
)
def sma_state(bars: Bars, *, fast: int = 50, slow: int = 200) -> Array:
    """Side of the crossing of two simple moving averages: 1 while the fast one is above, -1 while it is below.

    sign(SMA(close, fast) - SMA(close, slow)); 0 where the two are equal but for rounding

    Example
    -------
    >>> sma_state(bars_from([10, 10, 10, 14]), fast=2, slow=4)[-1]
    np.float64(1.0)
    """
    return side_of(sma_gap(bars, fast=fast, slow=slow))


@factor(
    unit="sessions, signed",
    lookback=lambda fast, slow, cap: in_order(fast=fast, slow=slow) + cap - 1,
    windowed=True,
)
def sma_cross_age(bars: Bars, *, fast: int = 50, slow: int = 200, cap: int = 252) -> Array:
    """Sessions since two simple moving averages last crossed, with the sign of the side they are on.

    The session of the crossing counts as 1, so that a fresh golden cross is +1 and a fresh death cross -1.
    In [-cap, cap]; 0 while the two averages are equal.

    Example
    -------
    >>> sma_cross_age(bars_from([10, 10, 9, 14, 15]), fast=2, slow=3, cap=3)[-1]
    np.float64(2.0)
    """
    side = sma_state(bars, fast=fast, slow=slow)
    return side * run_length(side, cap)


@factor(unit="per cent", lookback=lambda window, span: window + span, windowed=True)
def sma_slope(bars: Bars, *, window: int = 200, span: int = 21) -> Array:
    """Change of a simple moving average over some sessions, in per cent.

    100 * (SMA_t / SMA_{t - span} - 1)

    Example
    -------
    >>> sma_slope(bars_from([10, 10, 12]), window=2, span=1)[-1].round(4)
    np.float64(10.0)
    """
    return talib.ROC(mean(bars.close, window), span)


@factor(unit="share, signed", bounds=(-1.0, 1.0), lookback=STACK[-1], windowed=True)
def sma_stack(bars: Bars) -> Array:
    """Order of the price and its 20, 50, 100 and 200-session averages: 1 fully bullish, -1 fully bearish.

    Mean of sign(x_i - x_{i+1}) over (close, SMA 20, SMA 50, SMA 100, SMA 200)

    Example
    -------
    >>> sma_stack(bars_from(range(1, 201)))[-1]
    np.float64(1.0)
    """
    rungs = [bars.close, *(mean(bars.close, window) for window in STACK)]
    signs = [side_of(upper / lower - 1.0) for upper, lower in pairwise(rungs)]
    return (signs[0] + signs[1] + signs[2] + signs[3]) / len(signs)


@factor(unit="per cent", lookback=lambda fast, slow: ema_settles(in_order(fast=fast, slow=slow)))
def ppo(bars: Bars, *, fast: int = 12, slow: int = 26) -> Array:
    """Percentage price oscillator: the MACD line as a per cent of the slow exponential average.

    100 * (EMA(close, fast) / EMA(close, slow) - 1)

    Example
    -------
    >>> ppo(bars_from([10, 10, 10, 10, 15]), fast=2, slow=4)[-1].round(4)
    np.float64(11.1111)
    """
    return talib.PPO(bars.close, fast, slow, EMA)


@factor(
    unit="per cent of price",
    lookback=lambda fast, slow, signal: ema_settles(in_order(fast=fast, slow=slow), signal),
)
def macd_histogram(bars: Bars, *, fast: int = 12, slow: int = 26, signal: int = 9) -> Array:
    """MACD line less its signal line, as a per cent of the close.

    With MACD = EMA(close, fast) - EMA(close, slow): 100 * (MACD - EMA(MACD, signal)) / close

    Example
    -------
    >>> macd_histogram(bars_from([10, 10, 10, 10, 10, 15]), fast=2, slow=4, signal=2)[-1].round(4)
    np.float64(2.963)
    """
    _, _, histogram = talib.MACD(bars.close, fast, slow, signal)
    return 100.0 * histogram / bars.close


@factor(unit="per cent a session", lookback=lambda window: ema_settles(window, window, window) + 1)
def trix(bars: Bars, *, window: int = 15) -> Array:
    """One-session change of the triple exponential average of the close.

    100 * (E_t / E_{t-1} - 1), E = EMA(EMA(EMA(close)))

    Example
    -------
    >>> trix(bars_from([10, 10, 10, 10, 13]), window=2)[-1].round(4)
    np.float64(8.8889)
    """
    return talib.TRIX(bars.close, window)
