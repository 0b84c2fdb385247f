"""Trailing windows over several series at once and over series with gaps; plain sums and deviations are in `windows`.

The promises are the same: a window is built by doubling blocks, element by element, so that a row depends on its own
window and on nothing else, to the last bit; a window with a missing value is missing; nothing is filled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from bullbear.factors.registry import Array

T = TypeVar("T")
_Moments = tuple[Array, Array, float]


def highest(x: Array, window: int) -> Array:
    """Maximum over the last `window` rows, missing only where one of these is (TA-Lib's never recovers from a gap).

    Example
    -------
    >>> highest(np.array([np.nan, 3.0, 1.0, 2.0]), 2)
    array([nan, nan,  3.,  2.])
    """
    return _fold(x, window, lambda older, newer, rows: np.maximum(_behind(older, rows), newer))


def lowest(x: Array, window: int) -> Array:
    """Minimum over the last `window` rows, missing only where one of these is.

    Example
    -------
    >>> lowest(np.array([np.nan, 3.0, 1.0, 2.0]), 2)
    array([nan, nan,  1.,  1.])
    """
    return _fold(x, window, lambda older, newer, rows: np.minimum(_behind(older, rows), newer))


def comoments(x: Array, window: int, *, decay: float = 1.0) -> tuple[Array, Array]:
    """Weighted means and co-deviations of several series over the last `window` rows.

    The newest row weighs 1, the one before it `decay`, the one before that `decay`**2. With W the sum of the weights,
    the second result divided by W is the weighted covariance. Blocks are merged pairwise, so that there is no
    cancellation and the deviations of a constant window are exactly zero.

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

    References
    ----------
    Chan, Golub and LeVeque (1983), The American Statistician 37, 242-247, doi:10.1080/00031305.1983.10483115.

    Example
    -------
    >>> means, products = comoments(np.array([[1.0, 2.0, 6.0], [0.0, 3.0, 3.0]]), 3)
    >>> products[:, -1]
    array([14.,  6.,  6.])
    """
    left, right = np.triu_indices(len(x))
    single = (x, np.where(np.isnan(x[left] + x[right]), np.nan, 0.0), 1.0)

    def join(older: _Moments, newer: _Moments, rows: int) -> _Moments:
        age = decay**rows
        weight_older = older[2] * age
        weight = weight_older + newer[2]
        means = _behind(older[0], rows)
        shift = newer[0] - means
        pull = weight_older * newer[2] / weight
        products = _behind(older[1], rows) * age + newer[1] + shift[left] * shift[right] * pull
        return means + shift * (newer[2] / weight), products, weight

    means, products, _ = _fold(single, window, join)
    return means, products


def log_positive(x: Array) -> Array:
    """Natural logarithm, missing where the value is not positive (oil was sold at a negative price in April 2020)."""
    return np.log(np.where(x > 0, x, np.nan))


def _behind(x: Array, rows: int) -> Array:
    """Along the last axis the value `rows` rows earlier, missing where there was none."""
    out = np.full(x.shape, np.nan)
    if rows < x.shape[-1]:
        out[..., rows:] = x[..., : x.shape[-1] - rows]
    return out


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
