"""Arithmetic over trailing windows that keeps three promises the factors need.

A window's result depends on the rows inside it and on nothing else: to the last bit, because sums are built by doubling
(1, 2, 4, ... rows) instead of by a running total that carries its rounding along. An unknown (NaN) value spoils only
the windows that hold it. And row `i` never looks past itself, so a longer history leaves earlier rows untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import talib
from talib._ta_lib import MA_Type

from bullbear.errors import InputError
from bullbear.factors.registry import Array, Bars, settles

SESSIONS_A_YEAR = 252.0
SMA, EMA = MA_Type.SMA, MA_Type.EMA
"""TA-Lib's codes of the simple and the exponential average."""
WINDOW = (2.0, 2520.0)
"""Allowed range of a window: from two sessions to ten years."""
NOISE = 1e-12
"""A spread below this share of the level is rounding, not movement."""
FORGOTTEN = 1e-14
"""Weight of a start that is forgotten: even one a hundred times as wild as the present then moves 1e-12 at most."""


def bars_from(
    close: Sequence[float],
    *,
    open: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    low: Sequence[float] | None = None,
    volume: Sequence[float] | None = None,
) -> Bars:
    """Bars from plain numbers, one a calendar day from 2000-01-03; open, high and low are the close unless given.

    Example
    -------
    >>> bars_from([10, 11], volume=[5, 7]).volume
    array([5., 7.])
    """
    price = np.asarray(close, dtype=np.float64)

    def or_else(values: Sequence[float] | None, default: Array) -> Array:
        return default if values is None else np.asarray(values, dtype=np.float64)

    first = np.datetime64("2000-01-03", "us")
    return Bars(
        sessions=first + np.arange(len(price)) * np.timedelta64(1, "D"),
        open=or_else(open, price),
        high=or_else(high, price),
        low=or_else(low, price),
        close=price,
        volume=or_else(volume, np.ones_like(price)),
    )


def lagged(x: Array, rows: int) -> Array:
    """`x` as it stood `rows` rows ago; missing where there was none.

    Example
    -------
    >>> lagged(np.array([1.0, 2.0, 3.0]), 1)
    array([nan,  1.,  2.])
    """
    result = np.full(len(x), np.nan)
    if rows < len(x):
        result[rows:] = x[: len(x) - rows]
    return result


def total(x: Array, window: int) -> Array:
    """Sum of the last `window` values; missing where one of them is.

    Example
    -------
    >>> total(np.array([1.0, 2.0, 3.0, 4.0]), 3)
    array([nan, nan,  6.,  9.])
    """
    n = len(x)
    result = np.full(n, np.nan)
    if n < window:
        return result
    block, size = x, 1  # block[i] is the sum of x[i : i + size]
    done, covered, left = x, 0, window  # done[i] is the sum of x[i : i + covered]
    while True:
        if left & 1:
            done = block if covered == 0 else done[: n - covered - size + 1] + block[covered:]
            covered += size
        left >>= 1
        if left == 0:
            break
        block = block[:-size] + block[size:]
        size *= 2
    result[window - 1 :] = done
    return result


def mean(x: Array, window: int) -> Array:
    """Mean of the last `window` values; missing where one of them is."""
    return total(x, window) / window


def covariance(x: Array, y: Array, window: int, *, ddof: int = 0) -> Array:
    """Covariance of the last `window` pairs; missing where a value is.

    Pieces are merged by the pairwise update, so a large level does not drown a small spread as it does in a difference
    of squares.

    References
    ----------
    Chan, Golub and LeVeque (1983), The American Statistician 37(3), doi:10.1080/00031305.1983.10483115

    Example
    -------
    >>> covariance(np.array([1.0, 2.0, 6.0]), np.array([0.0, 3.0, 3.0]), 3)
    array([nan, nan,  2.])
    """
    n = len(x)
    result = np.full(n, np.nan)
    if n < window:
        return result
    same = y is x
    # For x[i : i + size] and y alike: the two means and the sum of products of deviations.
    mid_x, mid_y, spread, size = x, y, 0.0 * x, 1
    done_x, done_y, done, covered, left = x, y, spread, 0, window
    while True:
        if left & 1:
            if covered == 0:
                done_x, done_y, done = mid_x, mid_y, spread
            else:
                rows, share = n - covered - size + 1, size / (covered + size)
                gap_x = mid_x[covered:] - done_x[:rows]
                gap_y = gap_x if same else mid_y[covered:] - done_y[:rows]
                done = done[:rows] + spread[covered:] + gap_x * gap_y * (covered * share)
                done_x = done_x[:rows] + gap_x * share
                done_y = done_x if same else done_y[:rows] + gap_y * share
            covered += size
        left >>= 1
        if left == 0:
            break
        gap_x = mid_x[size:] - mid_x[:-size]
        gap_y = gap_x if same else mid_y[size:] - mid_y[:-size]
        spread = spread[:-size] + spread[size:] + gap_x * gap_y * (size / 2)
        mid_x = mid_x[:-size] + gap_x * 0.5
        mid_y = mid_x if same else mid_y[:-size] + gap_y * 0.5
        size *= 2
    result[window - 1 :] = done / (window - ddof)
    return result


def variance(x: Array, window: int, *, ddof: int = 0) -> Array:
    """Variance of the last `window` values; missing where one of them is.

    Example
    -------
    >>> variance(np.array([1.0, 2.0, 6.0]), 3)
    array([       nan,        nan, 4.66666667])
    """
    return covariance(x, x, window, ddof=ddof)


def deviation(x: Array, window: int, *, ddof: int = 0) -> Array:
    """Standard deviation of the last `window` values; missing where one of them is."""
    return np.sqrt(variance(x, window, ddof=ddof))


def correlation(x: Array, y: Array, window: int) -> Array:
    """Pearson correlation over the last `window` pairs; missing where a value is, or where one of the two stood still.

    Example
    -------
    >>> correlation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 5.0]), 3).round(4)
    array([  nan,   nan, 0.982])
    """
    a, b = deviation(x, window), deviation(y, window)
    a[a <= NOISE * np.abs(mean(x, window))] = np.nan
    b[b <= NOISE * np.abs(mean(y, window))] = np.nan
    return np.clip(covariance(x, y, window) / (a * b), -1.0, 1.0)


def standard_score(x: Array, window: int) -> Array:
    """Last value's distance from the window's mean in its sample standard deviations; missing where nothing moved.

    Example
    -------
    >>> standard_score(np.array([1.0, 2.0, 6.0]), 3).round(4)
    array([   nan,    nan, 1.1339])
    """
    middle, spread = mean(x, window), deviation(x, window, ddof=1)
    spread[spread <= NOISE * np.abs(middle)] = np.nan
    return (x - middle) / spread


def ratio(above: Array, below: Array) -> Array:
    """`above / below`, missing where `below` is zero.

    Example
    -------
    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    return above / np.where(below == 0.0, np.nan, below)


def highest(x: Array, window: int) -> Array:
    """Largest of the last `window` values, none of which may be missing inside the series."""
    return x if window == 1 else np.asarray(talib.MAX(x, window))


def lowest(x: Array, window: int) -> Array:
    """Smallest of the last `window` values, none of which may be missing inside the series."""
    return x if window == 1 else np.asarray(talib.MIN(x, window))


def unless_flat(value: Array, high: Array, low: Array, window: int) -> Array:
    """`value`, missing where the last `window` rows never left one price: a position in no range is not a zero."""
    result = value.copy()
    result[highest(high, window) == lowest(low, window)] = np.nan
    return result


def positive_part(x: Array) -> Array:
    """`x` where it is positive, 0 where it is not, missing where it is."""
    return np.maximum(x, 0.0)


def log_returns(x: Array) -> Array:
    """Logarithmic change from the row before, shape of `x`; the first row is missing."""
    logs = np.log(x)
    return logs - lagged(logs, 1)


def run_length(state: Array, cap: int) -> Array:
    """Rows for which `state` has held its present value, the current one included, at most `cap`.

    Missing until `cap` known rows are there, because a shorter history could not tell a long run from a cut one. NaN
    equals nothing.

    Example
    -------
    >>> run_length(np.array([1.0, 1.0, -1.0, -1.0, -1.0]), 2)
    array([nan,  2.,  1.,  2.,  2.])
    """
    n = len(state)
    rows = np.arange(n)
    begins = np.ones(n, dtype=bool)
    begins[1:] = state[1:] != state[:-1]
    run = rows - np.maximum.accumulate(np.where(begins, rows, 0)) + 1 if n else rows
    result: Array = np.minimum(run, cap).astype(np.float64)
    known = ~np.isnan(state)
    first = int(np.argmax(known)) if known.any() else n
    result[: first + cap - 1] = np.nan
    result[~known] = np.nan
    return result


def in_order(**windows: int) -> int:
    """The last of `windows`, which must grow from left to right.

    Raises
    ------
    InputError
        One is not longer than the one before it.

    Example
    -------
    >>> in_order(fast=50, slow=200)
    200
    """
    names = list(windows)
    for shorter, longer in pairwise(names):
        if windows[shorter] >= windows[longer]:
            raise InputError(longer, windows[longer], f"more than {shorter} = {windows[shorter]}", "swap or widen them")
    return windows[names[-1]]


@cache
def ema_settles(*windows: int) -> int:
    """Rows after which a cascade of exponential averages, each seeded by a plain mean, has forgotten its start."""
    return sum(windows) + settles(*(1.0 - 2.0 / (window + 1.0) for window in windows), tolerance=FORGOTTEN)


@cache
def wilder_settles(window: int, *, stages: int = 1) -> int:
    """Rows after which `stages` of Wilder's smoothing, each seeded by a plain mean, have forgotten their start."""
    return stages * window + settles(*[1.0 - 1.0 / window] * stages, tolerance=FORGOTTEN) + 1
