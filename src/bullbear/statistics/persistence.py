"""How much more a base rate scatters than the overlap of its labels explains, since good and bad times last.

Where the true chance of a rise moves slowly, labels that share no session are alike all the same, and a share of ups
rests on fewer independent ones than the overlap leaves. How much fewer can be read from labels at least one horizon
apart, but only roughly: fifteen years of daily labels leave a standard error of 0.05 in the share of variance that
persists, which is what a market whose true chances run from 0.25 to 0.9 has. So the estimate is a posterior mean, and
never says that nothing persists.

Throughout, `y` are consecutive resolved labels, 0 or 1, shape (n,), and `horizon` (h) sessions that a label spans.
"""

from __future__ import annotations

import math

import numpy as np

from bullbear.statistics.overlap import Array, independent_number, rows_per_label, sign_correlation

HALF_LIFE = 63
"""Sessions in which the correlation of two labels that share no session is assumed to halve: a quarter."""
REACH = 2 * HALF_LIFE
"""Lags beyond the horizon that are looked at, in sessions."""


def persistent_share(y: Array, horizon: int) -> tuple[float, float]:
    """The share of the labels' variance that persists beyond their overlap, and its standard error without any.

    A = sum_l w(l) r(l) / sum_l w(l)^2, with r(l) the autocorrelation at lag l, w(l) = 2^(-l / HALF_LIFE) and
    l = h, ..., h + REACH - 1: the least-squares fit of A w(l) to it. The error follows from Bartlett's formula for
    labels that overlap and have nothing else in common.

    Returns
    -------
    Estimate and error; 0 and infinity where there are not yet two horizons of labels, or no two that differ.
    """
    n = len(y)
    centred = y - y.mean() if n else y
    total = float(centred @ centred)
    lags = np.arange(horizon, min(horizon + REACH, n))
    if n < 2 * horizon + 1 or total <= 0.0:
        return 0.0, math.inf
    weights = 0.5 ** (lags / HALF_LIFE)
    r = np.array([centred[lag:] @ centred[:-lag] for lag in lags]) / total
    one_side = sign_correlation(horizon)
    c = np.concatenate([one_side[:0:-1], one_side])
    common = np.convolve(c, c)  # sum_u c(u) c(u + d) for d = -2 (h - 1), ..., 2 (h - 1)
    pairs = np.convolve(weights, weights[::-1])  # sum_l w(l) w(l + d)
    middle, reach = len(pairs) // 2, min(len(common) // 2, len(pairs) // 2)
    centre = len(common) // 2
    scatter = common[centre - reach : centre + reach + 1] @ pairs[middle - reach : middle + reach + 1]
    square = float(weights @ weights)
    return float(weights @ r) / square, math.sqrt(float(scatter) / n) / square


def variance_inflation(y: Array, horizon: int) -> float:
    """Variance of the share of ups among the labels `y`, over what the overlap alone explains; above 1.

    1 + 2 E[A] sum_{l > 0} (1 - c(l)) w(l) / rows_per_label(h), with c(l) the correlation by overlap (0 from the horizon
    on) and E[A] the mean of a normal with the estimate and error of `persistent_share`, cut off below 0

    Returns
    -------
    The factor; with too few labels for an estimate, that of an estimate of 0 from two horizons of labels.

    Example
    -------
    >>> fair = np.random.default_rng(1).integers(0, 2, 4000).astype(float)
    >>> seasons = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0], 100)
    >>> round(variance_inflation(fair, 1), 1), variance_inflation(seasons, 1) > 10
    (1.3, True)
    """
    share, error = persistent_share(y, horizon)
    if math.isinf(error):
        share, error = 0.0, 1.0 / math.sqrt(max(2.0, float(independent_number(2 * horizon, horizon))))
    z = share / error
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    below = 0.5 * math.erfc(-z / math.sqrt(2.0))
    # Far below 0 both vanish; the mean of what is left of the normal then tends to error / |z|.
    mean = share + error * density / below if z > -30.0 else error / -z
    ratio = 0.5 ** (1.0 / HALF_LIFE)
    within = float((1.0 - sign_correlation(horizon)) @ ratio ** np.arange(horizon))
    beyond = float(ratio**horizon / (1.0 - ratio))
    return 1.0 + 2.0 * max(mean, 0.0) * (within + beyond) / rows_per_label(horizon)
