"""Trailing windows over several series at once and over series with gaps; plain sums and deviations are in `windows`.

The promises are the same: a window is built by doubling blocks, element by element, so that a row depends on its own
window and on nothing else, to the last bit; a window with a missing value is missing; nothing is filled.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array
from bullbear.factors.engine.windows import Blocks, fold

_AT_ONCE = 24_000
"""Numbers in one intermediate result: larger ones are asked of the system anew each time, which takes longer than to
reckon with them."""


def highest(x: Array, window: int) -> Array:
    """Maximum over the last `window` rows, missing only where one of these is (TA-Lib's never recovers from a gap).

    Example
    -------
    >>> highest(np.array([np.nan, 3.0, 1.0, 2.0]), 2)
    array([nan, nan,  3.,  2.])
    """
    return _fold(np.maximum, x, window)


def lowest(x: Array, window: int) -> Array:
    """Minimum over the last `window` rows, missing only where one of these is.

    Example
    -------
    >>> lowest(np.array([np.nan, 3.0, 1.0, 2.0]), 2)
    array([nan, nan,  1.,  1.])
    """
    return _fold(np.minimum, x, window)


def comoments(x: Array, window: int, *, decay: float = 1.0) -> tuple[Array, Array]:
    """Weighted means and co-deviations of several series over the last `window` rows.

    The newest row weighs 1, the one before it `decay`, the one before that `decay`**2. With W the sum of the weights,
    the second result divided by W is the weighted covariance. Blocks are merged pairwise, so that there is no
    cancellation and the deviations of a constant window are exactly zero.

    Parameters
    ----------
    x
        Shape (n_series, n_rows).
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
    series, rows = x.shape
    means, products = np.full(x.shape, np.nan), np.full((series * (series + 1) // 2, rows), np.nan)
    if rows < window:
        return means, products
    # Returns begin with an unknown row, which no known window holds.
    skipped = int(np.argmin(np.isnan(x).any(axis=0)))
    if rows - skipped < window:
        return means, products
    known, first, begin = x[:, skipped:], 0, 0
    while begin < series:
        end, pairs = begin + 1, series - begin
        while end < series and (pairs + series - end) * rows <= _AT_ONCE:
            end, pairs = end + 1, pairs + series - end
        covered = slice(skipped + window - 1, None)
        folded = _folded_comoments(known[begin:], end - begin, window, decay)
        means[begin:, covered], products[first : first + pairs, covered] = folded
        begin, first = end, first + pairs
    return means, products


def _folded_comoments(x: Array, leading: int, window: int, decay: float) -> Blocks:
    """Means of all series, and of the first `leading` ones the products with themselves and with each later one."""
    weight = {1: 1.0}
    left, right = np.triu_indices(leading, m=len(x))

    def paired(values: Array, join: np.ufunc) -> Array:
        if values.shape[1] < 64:
            return np.asarray(join(values[left], values[right]))
        out = np.empty((len(left), values.shape[1]))
        first = 0
        for i in range(leading):  # the same without the copies that indexing makes
            stop = first + len(x) - i
            join(values[i], values[i:], out=out[first:stop])
            first = stop
        return out

    def join(older: Blocks, newer: Blocks, rows_older: int, rows_newer: int) -> Blocks:
        age = decay**rows_newer
        weight_older = weight[rows_older] * age
        both = weight[rows_older + rows_newer] = weight_older + weight[rows_newer]
        shift = newer[0] - older[0]
        products = older[1] * age
        products += newer[1]
        pairs = paired(shift, np.multiply)
        pairs *= weight_older * weight[rows_newer] / both
        products += pairs
        shift *= weight[rows_newer] / both
        shift += older[0]
        return [shift, products]

    alone = np.where(np.isnan(paired(x, np.add)), np.nan, 0.0)
    return fold([x, alone], window, join, from_newest=True)


def log_positive(x: Array) -> Array:
    """Natural logarithm, missing where the value is not positive (oil was sold at a negative price in April 2020)."""
    return np.log(np.where(x > 0, x, np.nan))


def _fold(extreme: np.ufunc, x: Array, window: int) -> Array:
    result = np.full(x.shape, np.nan)
    if x.shape[-1] >= window:
        result[..., window - 1 :] = fold((x,), window, lambda older, newer, *_: [extreme(older[0], newer[0])])[0]
    return result
