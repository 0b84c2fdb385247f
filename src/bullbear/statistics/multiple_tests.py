"""What many tests at once allow one to say: adjusted p-values, and estimates shrunk towards no effect."""

from __future__ import annotations

import numpy as np

from bullbear.statistics.overlap import Array


def benjamini_hochberg(p_values: Array) -> Array:
    """Adjusted p-values over the last axis: calling those below q findings leaves a share of at most q false.

    q_(i) = min over j >= i of m p_(j) / j, p_(j) in ascending order, m the number of known p-values

    `scipy.stats.false_discovery_control` refuses missing p-values and has no count per row, hence this one.

    Returns
    -------
    The shape of `p_values`; NaN stays NaN and does not count.

    References
    ----------
    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x; Benjamini and Yekutieli (2001) for positively
    dependent tests, doi:10.1214/aos/1013699998

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
    """Empirical-Bayes estimates over the last axis: each difference d, of sampling variance v, is shrunk towards 0.

    d t^2 / (t^2 + v), t^2 = max(0, sum(w d^2 - w v) / sum(w)) with w = 1 / v: DerSimonian and Laird's moment estimate
    of the spread of true differences around 0

    Returns
    -------
    The shape of `difference`, NaN where it is; all zeros where the differences spread no wider than chance would.

    References
    ----------
    DerSimonian and Laird (1986), doi:10.1016/0197-2456(86)90046-2; Efron and Morris (1975),
    doi:10.1080/01621459.1975.10479864

    Example
    -------
    w d^2 sums to 1 + 9 against 2 expected, w to 200: t^2 = 0.04, and each is shrunk by 0.04 / (0.04 + 0.01).

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
