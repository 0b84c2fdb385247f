"""Figures of returns by decision, with intervals by the stationary bootstrap over decisions.

The draws of a comparison are paired: both accounts see the same months. Blocks are at least as long as labels overlap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bullbear.picking.cross_section import Array, Rows
from bullbear.statistics.bootstrap import Interval, Resamples, resample
from bullbear.statistics.volatility import SESSIONS_PER_YEAR

PER_YEAR = {"week": 52.0, "month": 12.0}
_LEAST = 8


def between(rates: Array | None, decided: Rows) -> Array:
    """What a bill earns from each decision to the next, (n_decisions - 1,).

    Parameters
    ----------
    rates
        The yield known at each close, a fraction a year, (n_sessions,); None for 0.
    """
    if rates is None:
        return np.zeros(max(len(decided) - 1, 0))
    earned = np.concatenate([[0.0], np.cumsum(rates / SESSIONS_PER_YEAR)])
    return np.diff(earned[decided])


def overlapping(decided: Rows, horizon: int) -> int:
    """How many decisions a label spans, rounded up by the usual distance between them.

    Example
    -------
    >>> overlapping(np.arange(0, 210, 21), 21), overlapping(np.arange(0, 50, 5), 21)
    (1, 5)
    """
    return max(1, int(np.ceil(horizon / np.median(np.diff(decided)) - 0.05))) if len(decided) > 1 else 1


def draws(count: int, overlap: int = 1) -> Resamples | None:
    """Resamples of decisions whose labels span `overlap` of them; None where there are too few for an interval."""
    return None if count < max(_LEAST, 4 * overlap) else resample(count, horizon=overlap)


def mean_interval(values: Array, overlap: int = 1) -> Interval:
    """The mean with its interval; the interval is NaN where there are too few values."""
    drawn = draws(len(values), overlap)
    if drawn is None:
        mean = float(values.mean()) if len(values) else float("nan")
        return Interval(mean, float("nan"), float("nan"))
    return drawn.ratio(values[:, None], lambda means: means[:, 0])


def sharpe(excess: Array, per_year: float) -> float:
    """Mean over deviation of excess returns, annualised; NaN without risk."""
    if len(excess) < 2 or (deviation := float(excess.std(ddof=1))) <= 1e-12:
        return float("nan")
    return float(excess.mean()) / deviation * float(np.sqrt(per_year))


def sharpe_difference(excess: Array, baseline: Array, per_year: float, overlap: int = 1) -> Interval:
    """The Sharpe ratio of `excess` less that of `baseline`, both of the same months.

    References
    ----------
    Ledoit and Wolf (2008), doi:10.1016/j.jempfin.2008.03.002
    """
    difference = sharpe(excess, per_year) - sharpe(baseline, per_year)
    drawn = draws(len(excess), overlap)
    if drawn is None or not np.isfinite(difference):
        return Interval(difference, float("nan"), float("nan"))
    columns = np.column_stack([excess, excess**2, baseline, baseline**2])
    found = drawn.ratio(columns, lambda means: _ratio(means[:, :2], per_year) - _ratio(means[:, 2:], per_year))
    return Interval(difference, *(end + difference - found.estimate for end in (found.low, found.high)))


def sharpe_interval(excess: Array, per_year: float, overlap: int = 1) -> Interval:
    """The Sharpe ratio with its interval."""
    estimate, drawn = sharpe(excess, per_year), draws(len(excess), overlap)
    if drawn is None or not np.isfinite(estimate):
        return Interval(estimate, float("nan"), float("nan"))
    found = drawn.ratio(np.column_stack([excess, excess**2]), lambda means: _ratio(means, per_year))
    return Interval(estimate, *(end + estimate - found.estimate for end in (found.low, found.high)))


def _ratio(means: Array, per_year: float) -> NDArray[np.float64]:
    variance = means[:, 1] - means[:, 0] ** 2
    return np.asarray(means[:, 0] / np.sqrt(np.where(variance > 1e-24, variance, np.nan)) * np.sqrt(per_year))


def annual_return(returns: Array, per_year: float) -> float:
    """Compound growth a year; NaN without returns."""
    if not len(returns):
        return float("nan")
    return float(np.prod(1.0 + returns) ** (per_year / len(returns)) - 1.0)
