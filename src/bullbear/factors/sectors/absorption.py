"""How tightly sectors move together: the absorption ratio of Kritzman, Li, Page and Rigobon, and mean correlation.

Each row is computed from the covariance of its own window, so that it neither sees a later row nor remembers one before
the window. The paper's exponential weights (half-life half the window) are applied inside the window.

Missing data: a window in which a ticker has no return is missing, as is one without any variance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.sectors.nine_sectors import NINE, daily_returns


@factor(
    family="sectors",
    inputs=NINE,
    unit="share of variance",
    lookback=lambda *, window, **_: window + 1,
    bounds=(0.0, 1.0),
    limits={"window": (10, 1260), "components": (1, 9)},
    windowed=True,
)
def absorption_ratio(*sectors: Bars, window: int = 500, components: int = 2) -> Array:
    """Share of the nine sectors' total variance that the first `components` eigenvectors absorb.

    AR = sum of the largest eigenvalues / sum of all, of the covariance of daily log returns over `window` sessions with
    weights 2**(-age / (window / 2)). A high ratio means that risks have one source and shocks spread.

    Parameters
    ----------
    *sectors
        The nine, shape (n_sessions,), joint sessions, in any order.
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
    >>> from bullbear.factors.sectors.nine_sectors import walks
    >>> same = walks(12)[:1] * 9
    >>> absorption_ratio(*same, window=10).round(6)[-2:]
    array([1., 1.])
    """
    return _absorbed(sectors, window, components)


@factor(
    family="sectors",
    inputs=NINE,
    unit="standard deviations",
    lookback=lambda *, window, short, long, **_: window + max(short, long),
    limits={"window": (10, 1260), "components": (1, 9), "short": (1, 252), "long": (5, 504)},
    windowed=True,
)
def absorption_shift(*sectors: Bars, window: int = 500, components: int = 2, short: int = 15, long: int = 252) -> Array:
    """Standardised shift of the absorption ratio: (mean over `short` - mean over `long`) / deviation over `long`.

    Parameters
    ----------
    *sectors
        The nine, shape (n_sessions,), joint sessions, in any order.
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
    >>> from bullbear.factors.sectors.nine_sectors import walks
    >>> int(np.isnan(absorption_shift(*walks(40), window=20, short=3, long=10)).sum())
    29
    """
    ratio = _absorbed(sectors, window, components)
    shift = windows.mean(ratio, short) - windows.mean(ratio, long)
    return windows.ratio(shift, windows.deviation(ratio, long, ddof=1))


@factor(
    family="sectors",
    inputs=NINE,
    unit="correlation",
    lookback=lambda *, window: window + 1,
    bounds=(-0.125, 1.0),
    limits={"window": (3, 1260)},
    windowed=True,
)
def mean_correlation(*sectors: Bars, window: int = 63) -> Array:
    """Mean of the 36 correlations between the nine sectors' daily log returns over `window` sessions.

    Parameters
    ----------
    *sectors
        The nine, shape (n_sessions,), joint sessions, in any order.
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
    >>> from bullbear.factors.sectors.nine_sectors import walks
    >>> same = walks(12)[:1] * 9
    >>> mean_correlation(*same, window=10).round(6)[-2:]
    array([1., 1.])
    """
    returns = daily_returns(sectors)
    _, products = trailing.comoments(returns, window)
    left, right = np.triu_indices(len(returns))
    deviations, apart = np.sqrt(products[left == right]), left != right
    total = np.zeros(products.shape[1])
    for each in windows.ratio(products[apart], deviations[left[apart]] * deviations[right[apart]]):
        total += each
    return np.clip(total / np.count_nonzero(apart), -0.125, 1.0)


def _absorbed(sectors: Sequence[Bars], window: int, components: int) -> Array:
    decay = 0.5 ** (2 / window)
    _, products = trailing.comoments(daily_returns(sectors), window, decay=decay)
    assets = len(sectors)
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
    result = np.full(products.shape[1], np.nan)
    result[rows] = windows.ratio(absorbed, every)
    return result
