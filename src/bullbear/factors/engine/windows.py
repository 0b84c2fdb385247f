"""Arithmetic over trailing windows that keeps three promises the factors need.

A window's result depends on the rows inside it and on nothing else: to the last bit, because sums are built by doubling
(1, 2, 4, ... rows) instead of by a running total that carries its rounding along. An unknown (NaN) value spoils only
the windows that hold it. And row `i` never looks past itself, so a longer history leaves earlier rows untouched.

Rows run along the last axis; several series may be handed over at once, one above the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import talib
from talib._ta_lib import MA_Type

from bullbear.factors.engine.registry import Array, Bars

Blocks = list[Array]
"""What is known of blocks of rows, each array by the blocks' first rows."""
Join = Callable[[Blocks, Blocks, int, int], Blocks]

SESSIONS_A_YEAR = 252.0
SMA, EMA = MA_Type.SMA, MA_Type.EMA
"""TA-Lib's codes of the simple and the exponential average."""
NOISE = 1e-12
"""A spread below this share of the level is rounding, not movement."""


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
    result = np.full(x.shape, np.nan)
    if rows < x.shape[-1]:
        result[..., rows:] = x[..., : x.shape[-1] - rows]
    return result


def total(x: Array, window: int) -> Array:
    """Sum of the last `window` values; missing where one of them is.

    Example
    -------
    >>> total(np.array([1.0, 2.0, 3.0, 4.0]), 3)
    array([nan, nan,  6.,  9.])
    """
    n = x.shape[-1]
    result = np.full(x.shape, np.nan)
    if n < window:
        return result
    block, size = x, 1  # block[i] is the sum of x[i : i + size]
    done, covered, left = x, 0, window  # done[i] is the sum of x[i : i + covered]
    while True:
        if left & 1:
            done = block if covered == 0 else done[..., : n - covered - size + 1] + block[..., covered:]
            covered += size
        left >>= 1
        if left == 0:
            break
        block = block[..., :-size] + block[..., size:]
        size *= 2
    result[..., window - 1 :] = done
    return result


def mean(x: Array, window: int) -> Array:
    """Mean of the last `window` values; missing where one of them is."""
    return total(x, window) / window


def percent_rank(x: Array, window: int) -> Array:
    """Share of the `window` values before that lie below the present one; missing where any of them all is.

    Example
    -------
    >>> percent_rank(np.array([1.0, 3.0, 2.0]), 2)
    array([nan, nan, 0.5])
    """
    if len(x) <= window:
        return np.full(len(x), np.nan)
    rank = talib.PERCENTRANK(np.nan_to_num(x, nan=0.0), window) / 100.0
    # A gap was ranked as zero above; every window that holds one is taken out again.
    return np.asarray(rank + 0.0 * total(x, window + 1))


def fold(single: Sequence[Array], window: int, join: Join, *, from_newest: bool = False) -> Blocks:
    """Blocks of one row joined to blocks of `window` rows, the way to every sum that depends on its own rows only.

    Parameters
    ----------
    single
        What is known of each row alone: arrays of one length, at least `window`.
    join
        `join(older, newer, rows_older, rows_newer)`: what is known of two neighbouring blocks together.
    from_newest
        Whether a window is put together from its newest row on instead of from its oldest.

    Returns
    -------
    Arrays of `window` - 1 rows fewer than those of `single`; element `i` covers the rows `i` to `i + window - 1`.

    Example
    -------
    >>> fold((np.array([1.0, 2.0, 3.0, 4.0]),), 3, lambda older, newer, *_: [older[0] + newer[0]])
    [array([6., 9.])]
    """
    if single[0].shape[-1] == window:
        return _folded_once(single, join, from_newest)
    block, size = list(single), 1
    done, covered = block, 0
    while True:
        if window & size:
            if not covered:
                done = block
            elif from_newest:
                done = join([x[..., :-covered] for x in block], [x[..., size:] for x in done], size, covered)
            else:
                done = join([x[..., :-size] for x in done], [x[..., covered:] for x in block], covered, size)
            covered += size
        if covered == window:
            return done
        block = join([x[..., :-size] for x in block], [x[..., size:] for x in block], size, size)
        size *= 2


def _folded_once(single: Sequence[Array], join: Join, from_newest: bool) -> Blocks:
    """`fold` of one window: the same joins, but of those blocks alone that the window is made of."""
    block, size = list(single), 1
    done, covered = block, 0
    while block[0].shape[-1]:
        if block[0].shape[-1] & 1:
            if from_newest:
                piece, block = [x[..., -1:] for x in block], [x[..., :-1] for x in block]
                done = join(piece, done, size, covered) if covered else piece
            else:
                piece, block = [x[..., :1] for x in block], [x[..., 1:] for x in block]
                done = join(done, piece, covered, size) if covered else piece
            covered += size
        if block[0].shape[-1]:
            block = join([x[..., ::2] for x in block], [x[..., 1::2] for x in block], size, size)
            size *= 2
    return done


def covariance(x: Array, y: Array, window: int) -> Array:
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
    result = np.full(x.shape, np.nan)
    if x.shape[-1] >= window:
        result[..., window - 1 :] = fold((0.0 * x, x, y), window, _joined_pairs)[0] / window
    return result


def _joined_pairs(older: Blocks, newer: Blocks, rows_older: int, rows_newer: int) -> Blocks:
    share = rows_newer / (rows_older + rows_newer)
    gap_x, gap_y = newer[1] - older[1], newer[2] - older[2]
    products = older[0] + newer[0] + gap_x * gap_y * (rows_older * share)
    return [products, older[1] + gap_x * share, older[2] + gap_y * share]


def variance(x: Array, window: int, *, ddof: int = 0) -> Array:
    """Variance of the last `window` values; missing where one of them is.

    Example
    -------
    >>> variance(np.array([1.0, 2.0, 6.0]), 3)
    array([       nan,        nan, 4.66666667])
    """
    result = np.full(x.shape, np.nan)
    if x.shape[-1] >= window:
        result[..., window - 1 :] = fold((0.0 * x, x), window, _joined)[0] / (window - ddof)
    return result


def _joined(older: Blocks, newer: Blocks, rows_older: int, rows_newer: int) -> Blocks:
    share = rows_newer / (rows_older + rows_newer)
    gap = newer[1] - older[1]
    products = older[0] + newer[0] + gap * gap * (rows_older * share)
    return [products, older[1] + gap * share]


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


def line(x: Array, window: int) -> tuple[Array, Array]:
    """Least-squares line through the last `window` values on time: its slope a row and its height at the last row.

    Example
    -------
    >>> slope, height = line(np.array([9.0, 1.0, 2.0, 6.0]), 3)
    >>> slope[2:].round(4), height[2:].round(4)
    (array([-3.5,  2.5]), array([0.5, 5.5]))
    """
    slope, height = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    if x.shape[-1] >= window:
        products, means = fold((0.0 * x, x), window, _joined_in_time)
        slope[..., window - 1 :] = products / (window * (window * window - 1.0) / 12.0)
        height[..., window - 1 :] = means
        height += slope * ((window - 1) / 2.0)
    return slope, height


def _joined_in_time(older: Blocks, newer: Blocks, rows_older: int, rows_newer: int) -> Blocks:
    # The mean times of two neighbouring blocks lie half of both lengths apart.
    gap = newer[1] - older[1]
    products = older[0] + newer[0] + gap * (rows_older * rows_newer / 2.0)
    return [products, older[1] + gap * (rows_newer / (rows_older + rows_newer))]


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
    ranged = high != low
    moved = ranged.copy()
    moved[1:] |= high[1:] != high[:-1]
    if moved.all():
        return value
    rows = np.arange(len(value))
    last = np.maximum.accumulate(np.where(moved, rows, 0))
    # A window may begin with the row on which the price last changed, but not with one on which it had a range.
    flat = rows - last - ranged[last] >= window - 1
    return np.where(flat, np.nan, value)


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
