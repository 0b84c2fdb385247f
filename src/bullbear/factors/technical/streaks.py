"""Streaks: how many sessions in a row, and what share of sessions, went one way."""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import lagged, mean, run_length
from bullbear.factors.technical.averages import price_to_sma, side_of


def _direction(x: Array) -> Array:
    """Sign of the change from the row before; the first row is missing."""
    return np.sign(x - lagged(x, 1))


@factor(unit="sessions, signed", limits={"cap": (1, 252)}, lookback=lambda cap: cap + 1, windowed=True)
def streak(bars: Bars, *, cap: int = 15) -> Array:
    """Advances in a row, or declines in a row with a minus sign.

    An unchanged close ends a streak and reads 0; in [-cap, cap].

    Example
    -------
    >>> streak(bars_from([10, 11, 10, 9]), cap=3)[-1]
    np.float64(-2.0)
    """
    direction = _direction(bars.close)
    return direction * run_length(direction, cap)


@factor(unit="per cent", limits={"cap": (1, 252)}, lookback=lambda cap: cap + 1, windowed=True)
def streak_return(bars: Bars, *, cap: int = 15) -> Array:
    """Return over the streak that is running.

    100 * (close_t / close_{t - k} - 1), k the length of the streak, at most `cap`; 0 on an unchanged close

    Example
    -------
    >>> streak_return(bars_from([10, 11, 10, 9]), cap=3)[-1].round(4)
    np.float64(-18.1818)
    """
    length = np.abs(streak(bars, cap=cap))
    known = np.flatnonzero(~np.isnan(length))
    result = np.full(len(length), np.nan)
    result[known] = 100.0 * (bars.close[known] / bars.close[known - length[known].astype(np.int64)] - 1.0)
    return result


@factor(
    unit="share of sessions",
    bounds=(0.0, 1.0),
    limits={"window": (1, 2520)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def up_share(bars: Bars, *, window: int = 21) -> Array:
    """Share of sessions that closed above the session before.

    Example
    -------
    >>> up_share(bars_from([10, 11, 11, 12]), window=3)[-1].round(4)
    np.float64(0.6667)
    """
    direction = _direction(bars.close)
    return mean(np.where(np.isnan(direction), np.nan, direction > 0.0), window)


@factor(
    unit="share of sessions, signed",
    bounds=(-1.0, 1.0),
    limits={"window": (1, 2520)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def bar_direction(bars: Bars, *, window: int = 21) -> Array:
    """Share of sessions with a higher high and a higher low, less the share with a lower high and a lower low.

    mean of (sign(high_t - high_{t-1}) + sign(low_t - low_{t-1})) / 2

    Example
    -------
    >>> bar_direction(bars_from([10, 11, 12]), window=2)[-1]
    np.float64(1.0)
    """
    return mean((_direction(bars.high) + _direction(bars.low)) / 2.0, window)


@factor(unit="sessions, signed", lookback=lambda window, cap: window + cap - 1, windowed=True)
def sma_side_age(bars: Bars, *, window: int = 200, cap: int = 63) -> Array:
    """Sessions for which the close has stood on one side of its simple moving average, negative below it.

    In [-cap, cap]; 0 on the average.

    Example
    -------
    >>> sma_side_age(bars_from([10, 9, 12, 13]), window=2, cap=3)[-1]
    np.float64(2.0)
    """
    side = side_of(price_to_sma(bars, window=window))
    return side * run_length(side, cap)
