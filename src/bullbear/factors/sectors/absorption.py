"""How tightly sectors move together: the absorption ratio of Kritzman, Li, Page and Rigobon, and mean correlation.

Each row is computed from the covariance of its own window. The paper's exponential weights (half-life half the window)
are applied inside the window.

Missing data: a window in which a ticker has no return is missing, as is one without any variance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.sectors.sector_funds import SECTORS, daily_returns, symmetric


@factor(
    inputs=SECTORS,
    unit="share of variance",
    lookback=lambda window: window + 1,
    bounds=(0.0, 1.0),
    limits={"window": (10, 1260)},
    windowed=True,
)
def absorption_ratio(*sectors: Bars, window: int = 500, components: int = 2) -> Array:
    """Share of the nine sectors' total variance that the first `components` eigenvectors absorb.

    AR = sum of the largest eigenvalues / sum of all, of the covariance of daily log returns over `window` sessions with
    weights 2**(-age / (window / 2)). A high ratio means that risks have one source and shocks spread. The paper takes
    500 sessions and as many eigenvectors as a fifth of the number of assets.

    References
    ----------
    Kritzman, Li, Page and Rigobon (2011), "Principal components as a measure of systemic risk", Journal of Portfolio
    Management 37(4), 112-126, doi:10.3905/jpm.2011.37.4.112.
    """
    return _absorbed(sectors, window, components)


@factor(
    inputs=SECTORS,
    unit="standard deviations",
    lookback=lambda window, short, long: window + max(short, long),
    limits={"window": (10, 1260), "long": (5, 504)},
    windowed=True,
)
def absorption_shift(*sectors: Bars, window: int = 500, components: int = 2, short: int = 15, long: int = 252) -> Array:
    """Standardised shift of the absorption ratio: (mean over `short` - mean over `long`) / deviation over `long`.

    In the paper (see `absorption_ratio`) a rise above 1 preceded most large falls; it takes 15 sessions and a year.
    """
    ratio = _absorbed(sectors, window, components)
    shift = windows.mean(ratio, short) - windows.mean(ratio, long)
    return windows.ratio(shift, windows.deviation(ratio, long, ddof=1))


@factor(
    inputs=SECTORS,
    unit="correlation",
    lookback=lambda window: window + 1,
    bounds=(-0.125, 1.0),
    limits={"window": (3, 1260)},
    windowed=True,
)
def mean_correlation(*sectors: Bars, window: int = 63) -> Array:
    """Mean of the 36 correlations between the nine sectors' daily log returns over `window` sessions.

    Nine series cannot be correlated by less than -1/8 on average.

    References
    ----------
    Pollet and Wilson (2010), "Average correlation and stock market returns", Journal of Financial Economics 96,
    364-380, doi:10.1016/j.jfineco.2010.02.011.
    """
    returns = daily_returns(sectors)
    _, products = trailing.comoments(returns, window)
    left, right = np.triu_indices(len(returns))
    deviations, apart = np.sqrt(products[left == right]), left != right
    correlations = windows.ratio(products[apart], deviations[left[apart]] * deviations[right[apart]])
    # Transposed so that the sum of a row does not depend on how many there are.
    return np.asarray(np.clip(correlations.T.copy().mean(axis=1), -0.125, 1.0))


def _absorbed(sectors: Sequence[Bars], window: int, components: int) -> Array:
    _, products = trailing.comoments(daily_returns(sectors), window, decay=0.5 ** (2 / window))
    rows = np.flatnonzero(np.isfinite(products).all(axis=0))
    eigenvalues = np.clip(np.linalg.eigvalsh(symmetric(products[:, rows], len(sectors))), 0.0, None)  # ascending
    result = np.full(products.shape[1], np.nan)
    result[rows] = windows.ratio(eigenvalues[:, -components:].sum(axis=1), eigenvalues.sum(axis=1))
    return result
