"""How much of a figure is luck: intervals by the stationary bootstrap, paired where two accounts are compared.

Sessions are drawn in blocks of random length, so that what persists (volatility, positions) persists in the draws. The
same draws serve all accounts of a comparison. The ends are plain percentiles of the draws: those of a drawdown say what
other orders of the same sessions would have shown, not how far the estimate lies from a truth.

References
----------
Politis, D. N. and Romano, J. P. (1994), The stationary bootstrap, Journal of the American Statistical Association
89(428), 1303-1313. https://doi.org/10.1080/01621459.1994.10476870
Ledoit, O. and Wolf, M. (2008), Robust performance hypothesis testing with the Sharpe ratio, Journal of Empirical
Finance 15(5), 850-859. https://doi.org/10.1016/j.jempfin.2008.03.002
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bullbear.decide.account import Account
from bullbear.decide.market import Floats
from bullbear.decide.performance.figures import (
    excess_returns,
    longest_drawdown,
    monthly_returns,
    returns,
    sharpe,
    tail_month,
    under_water,
)
from bullbear.errors import InputError
from bullbear.statistics.bootstrap import stationary_rows
from bullbear.statistics.volatility import SESSIONS_PER_YEAR

LEVEL = 0.90
REPLICATES = 1000
MONTHS_BLOCK = 3
"""Mean block of monthly returns: volatility persists over a quarter, as daily blocks of a month do not show."""
Ends = tuple[float, float]
_BATCH = 250


def intervals(
    account: Account, *, level: float = LEVEL, block: int = 21, replicates: int = REPLICATES, seed: int = 0
) -> dict[str, Ends]:
    """Ends of the intervals of `sharpe`, `max_drawdown`, `drawdown_sessions`, `under_water`, `turnover`, `tail_month`.

    Parameters
    ----------
    level : coverage of the intervals
    block : mean block in sessions; at least the horizon of the forecasts, since positions persist that long

    Returns
    -------
    (low, high) by figure; NaN where it is undetermined in the account or in a draw
    """
    drawn = _drawn(len(account.daily) - 1, block, replicates, seed)
    # Turnover is a mean over sessions, scaled as the figure is: by calendar years.
    traded = account.daily["turnover"].to_numpy(dtype=float)[1:]
    days = (account.daily.index[-1] - account.daily.index[0]).days
    a_year = len(traded) * 365.25 / days if days else math.nan
    growth = np.log1p(returns(account))
    paths = [_path_figures(growth[drawn[at : at + _BATCH]]) for at in range(0, replicates, _BATCH)]
    depth, sessions, share = np.concatenate(paths, axis=1)
    found = {
        "sharpe": _sharpes(excess_returns(account), drawn),
        "max_drawdown": depth,
        "drawdown_sessions": sessions,
        "under_water": share,
        "turnover": traded[drawn].mean(axis=1) * a_year,
    }
    months = monthly_returns(account.equity)
    if math.isnan(tail_month(months)):
        found["tail_month"] = np.array([math.nan])
    else:
        of_months = _drawn(len(months), MONTHS_BLOCK, replicates, seed)
        found["tail_month"] = np.array([tail_month(months[rows]) for rows in of_months])
    return {name: _ends(values, level) for name, values in found.items()}


def sharpe_difference(
    excess: Floats,
    baseline: Floats,
    *,
    level: float = LEVEL,
    block: int = 21,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Sharpe ratio of `excess` less that of `baseline`, with a percentile interval of the paired stationary bootstrap.

    Parameters
    ----------
    excess, baseline : (n_days,) daily excess returns of the same days
    level : coverage of the interval
    block : mean block in sessions; at least the horizon of the forecasts, since positions persist that long

    Returns
    -------
    (difference, low, high); all NaN where a ratio is undetermined, the interval also where it is in a replicate

    Raises
    ------
    InputError
        The lengths differ, or the level is not between 0 and 1.
    """
    if len(excess) != len(baseline):
        raise InputError("baseline", f"{len(baseline)} days", f"{len(excess)} days", "compare the same days")
    difference = sharpe(excess) - sharpe(baseline)
    if not 0.0 < level < 1.0:
        raise InputError("level", level, "a coverage between 0 and 1", "use 0.90, for example")
    if not math.isfinite(difference):
        return math.nan, math.nan, math.nan
    drawn = _drawn(len(excess), block, replicates, seed)
    low, high = _ends(_sharpes(excess, drawn) - _sharpes(baseline, drawn), level)
    return difference, low, high


@lru_cache(maxsize=4)  # all accounts of a comparison share them
def _drawn(n: int, block: int, replicates: int, seed: int) -> NDArray[np.int32]:
    """Rows of each draw, shape (replicates, n)."""
    drawn = np.empty((replicates, n), dtype=np.int32)
    for place, rows in enumerate(stationary_rows(n, block, resamples=replicates, seed=seed)):
        drawn[place] = rows
    drawn.flags.writeable = False
    return drawn


def _sharpes(excess: Floats, drawn: NDArray[np.int32]) -> Floats:
    """`sharpe` of each draw; NaN where it has no risk."""
    if math.isnan(sharpe(excess)):
        return np.full(len(drawn), math.nan)
    found = np.empty(len(drawn))
    for at in range(0, len(drawn), _BATCH):
        values = excess[drawn[at : at + _BATCH]]
        deviation = values.std(axis=1, ddof=1)
        safe = np.where(deviation > 1e-12, deviation, math.nan)
        found[at : at + _BATCH] = values.mean(axis=1) / safe * math.sqrt(SESSIONS_PER_YEAR)
    return found


def _path_figures(growth: Floats) -> Floats:
    """Depth, longest drawdown and time under water of accounts with these log returns, shape (m, n) to (3, m)."""
    paths = np.exp(np.cumsum(np.concatenate([np.zeros((len(growth), 1)), growth], axis=1), axis=1))
    depth = (paths / np.maximum.accumulate(paths, axis=1)).min(axis=1) - 1.0
    return np.stack([depth, longest_drawdown(paths), under_water(paths)])


def _ends(values: Floats, level: float) -> Ends:
    if not np.isfinite(values).all():
        return math.nan, math.nan
    low, high = np.quantile(values, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return float(low), float(high)
