"""How tightly sectors move together: the absorption ratio of Kritzman, Li, Page and Rigobon, and mean correlation.

Each row is computed from the covariance of its own window, so that it neither sees a later row nor remembers one before
the window. The paper's exponential weights (half-life half the window) are applied inside the window.

Missing data: a window in which a ticker has no return is missing, as is one without any variance.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors import trailing, windows
from bullbear.factors.registry import Array, Bars, Kind, factor

_NINE: dict[str, Kind] = dict.fromkeys(("s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"), "bars")


@factor(
    family="sectors",
    inputs=_NINE,
    unit="share of variance",
    lookback=lambda *, window, **_: window + 1,
    bounds=(0.0, 1.0),
    limits={"window": (10, 1260), "components": (1, 9)},
    windowed=True,
)
def absorption_ratio(
    s1: Bars,
    s2: Bars,
    s3: Bars,
    s4: Bars,
    s5: Bars,
    s6: Bars,
    s7: Bars,
    s8: Bars,
    s9: Bars,
    *,
    window: int = 500,
    components: int = 2,
) -> Array:
    """Share of the nine sectors' total variance that the first `components` eigenvectors absorb.

    AR = sum of the largest eigenvalues / sum of all, of the covariance of daily log returns over `window` sessions with
    weights 2**(-age / (window / 2)). A high ratio means that risks have one source and shocks spread.

    Parameters
    ----------
    s1, s2, s3, s4, s5, s6, s7, s8, s9
        Shape (n_sessions,), joint sessions, in any order.
    window
        Daily returns in the window; the paper uses 500.
    components
        Eigenvectors; the paper uses a fifth of the number of assets.

    Returns
    -------
    Shape (n_sessions,), a fraction, at least components / 9.

    References
    ----------
    Kritzman, Li, Page and Rigobon (2011), "Principal components as a measure of systemic risk", Journal of Portfolio
    Management 37(4), 112-126, doi:10.3905/jpm.2011.37.4.112.

    Example
    -------
    >>> generator = np.random.default_rng(0)
    >>> same = _walk(generator, 12)
    >>> absorption_ratio(same, same, same, same, same, same, same, same, same, window=10).round(6)[-2:]
    array([1., 1.])
    """
    return _absorbed(np.stack([s.close for s in (s1, s2, s3, s4, s5, s6, s7, s8, s9)]), window, components)


@factor(
    family="sectors",
    inputs=_NINE,
    unit="standard deviations",
    lookback=lambda *, window, short, long, **_: window + max(short, long),
    limits={"window": (10, 1260), "components": (1, 9), "short": (1, 252), "long": (5, 504)},
    windowed=True,
)
def absorption_shift(
    s1: Bars,
    s2: Bars,
    s3: Bars,
    s4: Bars,
    s5: Bars,
    s6: Bars,
    s7: Bars,
    s8: Bars,
    s9: Bars,
    *,
    window: int = 500,
    components: int = 2,
    short: int = 15,
    long: int = 252,
) -> Array:
    """Standardised shift of the absorption ratio: (mean over `short` - mean over `long`) / deviation over `long`.

    Parameters
    ----------
    s1, s2, s3, s4, s5, s6, s7, s8, s9
        Shape (n_sessions,), joint sessions, in any order.
    window, components
        As in `absorption_ratio`.
    short, long
        Sessions of the recent and of the reference mean; the paper uses 15 and a year.

    Returns
    -------
    Shape (n_sessions,); in the paper a rise above 1 preceded most large falls.

    References
    ----------
    Kritzman, Li, Page and Rigobon (2011), doi:10.3905/jpm.2011.37.4.112.

    Example
    -------
    >>> generator = np.random.default_rng(0)
    >>> nine = [_walk(generator, 40) for _ in range(9)]
    >>> int(np.isnan(absorption_shift(*nine, window=20, short=3, long=10)).sum())
    29
    """
    ratio = _absorbed(np.stack([s.close for s in (s1, s2, s3, s4, s5, s6, s7, s8, s9)]), window, components)
    shift = windows.mean(ratio, short) - windows.mean(ratio, long)
    return windows.ratio(shift, windows.deviation(ratio, long, ddof=1))


@factor(
    family="sectors",
    inputs=_NINE,
    unit="correlation",
    lookback=lambda *, window: window + 1,
    bounds=(-0.125, 1.0),
    limits={"window": (3, 1260)},
    windowed=True,
)
def mean_correlation(
    s1: Bars, s2: Bars, s3: Bars, s4: Bars, s5: Bars, s6: Bars, s7: Bars, s8: Bars, s9: Bars, *, window: int = 63
) -> Array:
    """Mean of the 36 correlations between the nine sectors' daily log returns over `window` sessions.

    Parameters
    ----------
    s1, s2, s3, s4, s5, s6, s7, s8, s9
        Shape (n_sessions,), joint sessions, in any order.
    window
        Daily returns in the window.

    Returns
    -------
    Shape (n_sessions,); nine series cannot be correlated by less than -1/8 on average.

    References
    ----------
    Pollet and Wilson (2010), "Average correlation and stock market returns", Journal of Financial Economics 96,
    364-380, doi:10.1016/j.jfineco.2010.02.011.

    Example
    -------
    >>> generator = np.random.default_rng(0)
    >>> same = _walk(generator, 12)
    >>> mean_correlation(same, same, same, same, same, same, same, same, same, window=10).round(6)[-2:]
    array([1., 1.])
    """
    returns = _daily(np.stack([s.close for s in (s1, s2, s3, s4, s5, s6, s7, s8, s9)]))
    _, products = trailing.comoments(returns, window)
    left, right = np.triu_indices(len(returns))
    deviations = np.sqrt(products[left == right])
    total = np.zeros(products.shape[1])
    for pair in np.flatnonzero(left != right):
        total += windows.ratio(products[pair], deviations[left[pair]] * deviations[right[pair]])
    return np.clip(total / np.count_nonzero(left != right), -0.125, 1.0)


def _absorbed(closes: Array, window: int, components: int) -> Array:
    decay = 0.5 ** (2 / window)
    _, products = trailing.comoments(_daily(closes), window, decay=decay)
    assets = len(closes)
    rows = np.flatnonzero(np.isfinite(products).all(axis=0))
    left, right = np.triu_indices(assets)
    matrices = np.empty((len(rows), assets, assets))
    matrices[:, left, right] = matrices[:, right, left] = products[:, rows].T
    eigenvalues = np.clip(np.linalg.eigvalsh(matrices), 0.0, None)
    absorbed, every = np.zeros(len(rows)), np.zeros(len(rows))
    for rank in range(assets):  # ascending, and added one by one so that the order of summation is fixed
        every += eigenvalues[:, rank]
        if rank >= assets - components:
            absorbed += eigenvalues[:, rank]
    result = np.full(closes.shape[1], np.nan)
    result[rows] = windows.ratio(absorbed, every)
    return result


def _daily(closes: Array) -> Array:
    return np.stack([windows.log_returns(row) for row in closes])


def _walk(generator: np.random.Generator, rows: int) -> Bars:
    """A random walk of prices; for examples."""
    prices = np.exp(np.cumsum(generator.normal(0, 0.01, rows)))
    days = np.datetime64("2019-01-02") + np.arange(rows)
    return Bars(days, prices, prices, prices, prices, np.full(rows, np.nan))
