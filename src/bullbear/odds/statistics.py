"""Shares with their intervals, tests against a base rate, and what many tests at once allow one to say.

All functions work element by element on arrays. The number of cases is an effective one (see
`bullbear.statistics.overlap`), so it need not be whole; a share of it is carried over.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, ndtri

from bullbear.factors.engine.registry import Array

LEVEL = 0.90
"""Confidence of every interval: of ten, nine should hold the truth."""


def wilson(share: Array, n: Array, *, level: float = LEVEL) -> tuple[Array, Array]:
    """Wilson's interval of a share.

    (s + z^2 / 2n -+ z sqrt(s (1 - s) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Parameters
    ----------
    share
        Observed share, a fraction.
    n
        Effective number of cases, any positive number.
    level
        Confidence, a fraction.

    Returns
    -------
    low, high; NaN where the share is.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953; Brown, Cai and DasGupta (2001), doi:10.1214/ss/1009213286.

    Example
    -------
    >>> low, high = wilson(np.array([0.7]), np.array([10.0]), level=0.95)
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.3968], [0.8922])
    """
    z = float(ndtri((1.0 + level) / 2.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = share + z**2 / (2.0 * n)
        half = z * np.sqrt(share * (1.0 - share) / n + z**2 / (4.0 * n**2))
        scale = 1.0 + z**2 / n
        return np.clip((middle - half) / scale, 0.0, 1.0), np.clip((middle + half) / scale, 0.0, 1.0)


def binomial_p_value(share: Array, base: Array, n: Array) -> Array:
    """Two-sided p-value of a share of `n` cases if each were a success with the chance `base`.

    2 min(P(X >= s n), P(X <= s n)) for X ~ Binomial(n, base), at most 1; for an n that is not whole the tails are the
    incomplete beta functions that equal them where it is.

    Parameters
    ----------
    share, base
        Fractions.
    n
        Independent cases that would leave the difference as uncertain as it is.

    Returns
    -------
    The p-value; 1 where the base rate is 0 or 1 or where no comparison is possible, NaN where the share is.

    References
    ----------
    Clopper and Pearson (1934), doi:10.1093/biomet/26.4.404.

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


def benjamini_hochberg(p_values: Array) -> Array:
    """Adjusted p-values over the last axis: calling those below q findings leaves a share of at most q false.

    q_(i) = min over j >= i of m p_(j) / j, p_(j) in ascending order, m the number of known p-values

    Returns
    -------
    The shape of `p_values`; NaN stays NaN and counts for nothing.

    References
    ----------
    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x; Benjamini and Yekutieli (2001) for positively
    dependent tests, doi:10.1214/aos/1013699998.

    Example
    -------
    >>> benjamini_hochberg(np.array([0.01, 0.04, np.nan, 0.03])).round(4).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    known = ~np.isnan(p_values)
    m = known.sum(axis=-1, keepdims=True)
    order = np.argsort(np.where(known, p_values, np.inf), axis=-1, kind="stable")
    ascending = np.take_along_axis(np.where(known, p_values, np.inf), order, axis=-1)
    rank = np.arange(1, p_values.shape[-1] + 1)
    with np.errstate(invalid="ignore"):
        scaled = np.minimum.accumulate((ascending * m / rank)[..., ::-1], axis=-1)[..., ::-1]
    result = np.empty_like(scaled)
    np.put_along_axis(result, order, np.minimum(scaled, 1.0), axis=-1)
    return np.where(known, result, np.nan)


def shrunk_differences(difference: Array, variance: Array) -> Array:
    """Empirical-Bayes estimates over the last axis: each difference pulled towards 0, by how little all of them tell.

    d t^2 / (t^2 + v), t^2 = max(0, sum(w d^2 - w v) / sum(w)) with w = 1 / v: DerSimonian and Laird's moment estimate
    of the spread of true differences around 0

    Parameters
    ----------
    difference
        Share less base rate of each event, NaN where there is no case.
    variance
        Its sampling variance.

    Returns
    -------
    The shape of `difference`; all zeros where the differences spread no wider than chance alone would spread them.

    References
    ----------
    DerSimonian and Laird (1986), doi:10.1016/0197-2456(86)90046-2; Efron and Morris (1975),
    doi:10.1080/01621459.1975.10479864.

    Example
    -------
    w d^2 sums to 1 + 9 against 2 expected, w to 200: t^2 = 0.04, and each is pulled by 0.04 / (0.04 + 0.01).

    >>> shrunk_differences(np.array([0.1, -0.3]), np.array([0.01, 0.01])).round(4).tolist()
    [0.08, -0.24]
    """
    known = ~np.isnan(difference) & (variance > 0.0)
    v = np.where(known, variance, 1.0)
    d = np.where(known, difference, 0.0)
    w = known / v
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = ((w * d**2).sum(axis=-1) - known.sum(axis=-1)) / w.sum(axis=-1)
    true_spread = np.where(known.any(axis=-1), np.maximum(spread, 0.0), 0.0)[..., None]
    return np.where(known, d * true_spread / (true_spread + v), np.where(np.isnan(difference), np.nan, 0.0))
