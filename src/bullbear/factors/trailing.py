"""Statistics of the window that ends at each row, the same to the last bit however many rows follow or precede it.

Windows are built by doubling: two blocks of m rows make one of 2m, and a window is put together from the blocks of its
binary digits. That takes log2(window) passes over the series, and every pass is element by element, so a row depends
on its own window and on nothing else: neither on the length of the array (as a reduction's order of summation may) nor
on what once stood before the window (as a running sum does).

A window with a missing value is missing: nothing is filled and nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from bullbear.factors.registry import Array

T = TypeVar("T")
_Moments = tuple[Array, Array, float]


def lag(x: Array, rows: int) -> Array:
    """The value `rows` rows earlier; the first `rows` rows are missing.

    Example
    -------
    >>> lag(np.array([1.0, 2.0, 3.0]), 1)
    array([nan,  1.,  2.])
    """
    out = np.full(x.shape, np.nan)
    if rows < x.shape[-1]:
        out[..., rows:] = x[..., : x.shape[-1] - rows]
    return out


def total(x: Array, window: int) -> Array:
    """Sum over the last `window` rows.

    Example
    -------
    >>> total(np.array([1.0, 2.0, 3.0, 4.0]), 3)
    array([nan, nan,  6.,  9.])
    """
    return _fold(x, window, lambda older, newer, rows: lag(older, rows) + newer)


def mean(x: Array, window: int) -> Array:
    """Mean over the last `window` rows; of a constant window exactly the constant, which total / window may miss."""

    def join(older: tuple[Array, int], newer: tuple[Array, int], rows: int) -> tuple[Array, int]:
        before, count = lag(older[0], rows), older[1] + newer[1]
        return before + (newer[0] - before) * (newer[1] / count), count

    return _fold((x, 1), window, join)[0]


def highest(x: Array, window: int) -> Array:
    """Maximum over the last `window` rows."""
    return _fold(x, window, lambda older, newer, rows: np.maximum(lag(older, rows), newer))


def lowest(x: Array, window: int) -> Array:
    """Minimum over the last `window` rows."""
    return _fold(x, window, lambda older, newer, rows: np.minimum(lag(older, rows), newer))


def moments(x: Array, window: int) -> tuple[Array, Array]:
    """Mean and sum of squared deviations of the last `window` rows.

    Blocks are merged by the rule of Chan, Golub and LeVeque, so that there is no cancellation and the deviations of a
    constant window are exactly zero.

    References
    ----------
    Chan, Golub and LeVeque (1983), The American Statistician 37, 242-247, doi:10.1080/00031305.1983.10483115.

    Example
    -------
    >>> moments(np.array([1.0, 2.0, 6.0]), 3)[1]
    array([nan, nan, 14.])
    """
    means, squares = comoments(x[np.newaxis], window)
    return means[0], squares[0]


def comoments(x: Array, window: int, *, decay: float = 1.0) -> tuple[Array, Array]:
    """Weighted means and co-deviations of several series over the last `window` rows.

    The newest row weighs 1, the one before it `decay`, the one before that `decay`**2. With W the sum of the weights,
    the second result divided by W is the weighted covariance.

    Parameters
    ----------
    x
        Shape (n_series, n_rows).
    window
        Rows in the window.
    decay
        Weight of a row relative to the next newer one; 1 weighs all alike.

    Returns
    -------
    The means, shape (n_series, n_rows), and the sums of weighted products of deviations for the pairs of the upper
    triangle in the order of `numpy.triu_indices(n_series)`, shape (n_pairs, n_rows).
    """
    left, right = np.triu_indices(len(x))
    single = (x, np.where(np.isnan(x[left] + x[right]), np.nan, 0.0), 1.0)

    def join(older: _Moments, newer: _Moments, rows: int) -> _Moments:
        age = decay**rows
        weight_older = older[2] * age
        weight = weight_older + newer[2]
        means = lag(older[0], rows)
        shift = newer[0] - means
        pull = weight_older * newer[2] / weight
        products = lag(older[1], rows) * age + newer[1] + shift[left] * shift[right] * pull
        return means + shift * (newer[2] / weight), products, weight

    means, products, _ = _fold(single, window, join)
    return means, products


def zscore(x: Array, window: int) -> Array:
    """Distance of the last row from its window's mean, in the window's standard deviations (n - 1).

    A constant window has none, and the result is missing.

    Example
    -------
    >>> zscore(np.array([1.0, 2.0, 3.0]), 3)
    array([nan, nan,  1.])
    """
    means, squares = moments(x, window)
    deviation = np.sqrt(squares / (window - 1))
    return divided(x - means, deviation)


def divided(numerator: Array, denominator: Array) -> Array:
    """`numerator / denominator`, missing where the denominator is zero."""
    return numerator / np.where(denominator == 0, np.nan, denominator)


def log_positive(x: Array) -> Array:
    """Natural logarithm, missing where the value is not positive (oil was sold at a negative price in April 2020)."""
    return np.log(np.where(x > 0, x, np.nan))


def _fold(single: T, window: int, join: Callable[[T, T, int], T]) -> T:
    """Blocks of one row joined to `window` rows by `join(older, newer, rows)`; `newer` covers the last `rows` rows."""
    block, size = single, 1
    while not window & size:
        block, size = join(block, block, size), 2 * size
    out, done = block, size
    while done < window:
        block, size = join(block, block, size), 2 * size
        if window & size:
            out, done = join(block, out, done), done + size
    return out
