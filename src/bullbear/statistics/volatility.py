"""Volatility and range of one price series, with their conventions in the names.

The policy scales positions by `zero_mean_volatility`; the factor `realised_volatility` subtracts the mean and uses log
returns. Wilder's average true range sizes stops; levels use a plain mean of true ranges.
"""

from __future__ import annotations

import numpy as np

from bullbear.statistics.overlap import Array

SESSIONS_PER_YEAR = 252


def zero_mean_volatility(close: Array, window: int) -> Array:
    """Annualised volatility of simple returns about zero, a fraction; NaN before a whole window.

    sqrt(252 / window * sum r^2), r_t = close_t / close_{t-1} - 1

    Parameters
    ----------
    close
        Total-return closes without NaN, shape (n_sessions,).

    Example
    -------
    252 / 2 * (0.01 + 0.01) under the root.

    >>> float(round(zero_mean_volatility(np.array([100.0, 110.0, 99.0]), 2)[-1] ** 2, 10))
    2.52
    """
    result = np.full(len(close), np.nan)
    if len(close) <= window:
        return result
    squared = np.square(close[1:] / close[:-1] - 1.0)
    # Summed lag by lag, elementwise: a row's rounding then cannot depend on how many rows follow it.
    total = np.zeros(len(squared) - window + 1)
    for lag in range(window):
        total += squared[lag : lag + len(total)]
    result[window:] = np.sqrt(total * (SESSIONS_PER_YEAR / window))
    return result


def wilder_atr(high: Array, low: Array, close: Array, window: int) -> Array:
    """Wilder's average true range in units of price; NaN up to row `window`.

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    True ranges of 2 and 4, then (3 + 3) / 2.

    >>> high, low, close = np.array([10.0, 12, 14, 13]), np.array([9.0, 10, 10, 10]), np.array([10.0, 11, 11, 12])
    >>> wilder_atr(high, low, close, 2).tolist()
    [nan, nan, 3.0, 3.0]
    """
    import talib  # half a second of a start-up, and only decisions need it

    if len(close) <= window:
        return np.full(len(close), np.nan)
    return np.asarray(talib.ATR(high, low, close, timeperiod=window), dtype=np.float64)
