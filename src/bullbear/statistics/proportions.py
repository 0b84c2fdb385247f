"""Shares of overlapping cases: their interval, and their test against a base rate.

Everything works element by element. The number of cases is an effective one (see `overlap`) and need not be whole,
which rules out `scipy.stats.binomtest`; statsmodels' `proportion_confint` gives the same interval but takes a second to
import.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, ndtri

from bullbear.errors import InputError
from bullbear.statistics.overlap import Array

LEVEL = 0.90
"""Confidence of every interval unless another is asked for."""


def wilson(share: ArrayLike, n: ArrayLike, *, level: float = LEVEL) -> tuple[Array, Array]:
    """Wilson's score interval of a share.

    (s + z^2 / 2n -+ z sqrt(s (1 - s) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Parameters
    ----------
    share
        Observed share (s), a fraction in [0, 1] or NaN.
    n
        Effective number of cases, above 0 wherever the share is known.

    Returns
    -------
    Lower and upper ends within [0, 1]; NaN where the share is.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953; Brown, Cai and DasGupta (2001), doi:10.1214/ss/1009213286

    Example
    -------
    >>> [round(float(end), 4) for end in wilson(0.7, 10, level=0.95)]
    [0.3968, 0.8922]
    """
    s, cases = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    _refuse("share", s, (s < 0.0) | (s > 1.0), "a fraction in [0, 1]", "give a fraction, not per cent")
    _refuse("n", cases, (cases <= 0.0) & ~np.isnan(s), "above 0", "give at least some cases")
    if not 0.0 < level < 1.0:
        raise InputError("level", level, "between 0 and 1", "0.90 asks for a 90 % interval")
    z = float(ndtri((1.0 + level) / 2.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = s + z**2 / (2.0 * cases)
        half = z * np.sqrt(s * (1.0 - s) / cases + z**2 / (4.0 * cases**2))
        scale = 1.0 + z**2 / cases
        return np.clip((middle - half) / scale, 0.0, 1.0), np.clip((middle + half) / scale, 0.0, 1.0)


def binomial_p_value(share: Array, base: Array, n: Array) -> Array:
    """Two-sided p-value of a share of `n` cases if each were a success with the chance `base`.

    2 min(P(X >= s n), P(X <= s n)) for X ~ Binomial(n, base), at most 1; for an n that is not whole the tails are the
    incomplete beta functions that equal them where it is.

    Parameters
    ----------
    n
        Independent cases that would leave the difference as uncertain as it is.

    Returns
    -------
    The p-value; 1 where the base rate is 0 or 1 or where no comparison is possible, NaN where the share is.

    References
    ----------
    Clopper and Pearson (1934), doi:10.1093/biomet/26.4.404

    Example
    -------
    Eight of ten against one half: 2 * (45 + 10 + 1) / 1024.

    >>> binomial_p_value(np.array([0.8]), np.array([0.5]), np.array([10.0])).round(6).tolist()
    [0.109375]
    """
    usable = np.isfinite(n) & (base > 0.0) & (base < 1.0)
    size = np.where(usable, n, 1.0)
    x = np.clip(share, 0.0, 1.0) * size
    chance = np.where(usable, base, 0.5)
    # At either end of the range one tail is certain; the beta function has no value there.
    at_least = np.where(x <= 0.0, 1.0, betainc(np.maximum(x, 1e-300), size - x + 1.0, chance))
    at_most = np.where(x >= size, 1.0, betainc(np.maximum(size - x, 1e-300), x + 1.0, 1.0 - chance))
    p = np.minimum(1.0, 2.0 * np.minimum(at_least, at_most))
    return np.where(np.isnan(share), np.nan, np.where(usable, p, 1.0))


def _refuse(name: str, values: Array, wrong: np.ndarray, allowed: str, hint: str) -> None:
    if np.any(wrong):
        raise InputError(name, float(np.broadcast_to(values, wrong.shape)[wrong].flat[0]), allowed, hint)
