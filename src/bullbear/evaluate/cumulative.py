"""The skill of a record up to each month, of which the skill of the whole record is the last.

Where the curves of two models cross, the other one took the lead; one number for twenty years hides that.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import Score, losses
from bullbear.statistics.long_run import default_lag
from bullbear.statistics.overlap import Array, Rows
from bullbear.statistics.proportions import LEVEL

LEAST_MONTHS = 12
"""Months before the first point: the skill of a few overlapping labels is noise."""


def cumulative_skill(predictions: Predictions, score: Score = "brier") -> pd.Series:
    """Skill against climatology of all forecasts decided up to the end of each month, from the twelfth month on.

    `1 - sum of losses / sum of climatology's losses`; the last value is the skill of the whole record.

    Parameters
    ----------
    predictions
        Of one question, horizon, member and path.

    Returns
    -------
    By the last day of the month, UTC; empty for a record of less than twelve months. NaN while climatology is perfect.

    Raises
    ------
    InputError, HistoryError
        See `evaluate`.

    References
    ----------
    Goyal and Welch (2008), Review of Financial Studies 21(4), doi:10.1093/rfs/hhm014, who plot the same sums.

    Example
    -------
    >>> days = pd.date_range("2020-01-01 21:00", periods=400, freq="D", tz="UTC")
    >>> due = days + pd.Timedelta(days=1)
    >>> made = Predictions.of(decided_at=days, resolved_at=due, asset="IWM", horizon=1, climatology=0.5,
    ...                       p=[0.6] * 200 + [0.5] * 200, y=1.0)
    >>> cumulative_skill(made).round(4).tolist()
    [0.1967, 0.1814, 0.18]
    """
    rows = Sample.of(predictions)
    return _skill(rows, score)


def _skill(rows: Sample, score: Score) -> pd.Series:
    month = pd.PeriodIndex(rows.decided_at.tz_localize(None), freq="M")
    ours, par = (
        pd.Series(losses(rows.y, p, score)).groupby(month).sum().cumsum().to_numpy() for p in (rows.p, rows.climatology)
    )
    skill = 1.0 - np.divide(ours, par, out=np.full(len(par), np.nan), where=(par > 0) & np.isfinite(par))
    ends = month.unique().sort_values().to_timestamp(how="end").normalize().tz_localize("UTC")
    return pd.Series(skill, index=ends).iloc[LEAST_MONTHS - 1 :]


def cumulative_band(predictions: Predictions, score: Score = "brier", *, level: float = LEVEL) -> pd.DataFrame:
    """`cumulative_skill` with its interval at each month's end: columns `skill`, `low` and `high`.

    The interval is that of a ratio of means, by the delta method: `r_t = (1 - skill) par_t - ours_t` has mean zero, and
    `skill +- t sqrt(n LRV(r)) / sum par`, with Newey-West's long-run variance, its lag and degrees of freedom as in the
    tests (`default_lag`), which allow for overlapping labels. It holds at one month that was chosen in advance, not
    over the whole curve. The last month's differs a little from the bootstrap interval of `evaluate`.

    Example
    -------
    >>> days = pd.date_range("2020-01-01 21:00", periods=400, freq="D", tz="UTC")
    >>> due = days + pd.Timedelta(days=1)
    >>> made = Predictions.of(decided_at=days, resolved_at=due, asset="IWM", horizon=1, climatology=0.5,
    ...                       p=[0.6, 0.5] * 200, y=[1.0, 0.0, 0.0, 1.0] * 100)
    >>> cumulative_band(made).iloc[-1].round(3).tolist()
    [-0.02, -0.025, -0.015]
    """
    rows = Sample.of(predictions)
    skill = _skill(rows, score)
    session = np.arange(len(rows.y)) if rows.session is None else rows.session
    ours, par = (np.bincount(session, losses(rows.y, p, score)).astype(np.float64) for p in (rows.p, rows.climatology))
    first = np.unique(session, return_index=True)[1]
    month = pd.PeriodIndex(rows.decided_at[first].tz_localize(None), freq="M")
    ends = np.flatnonzero(np.append(month[1:] != month[:-1], True))[LEAST_MONTHS - 1 :] + 1
    error = _standard_errors(ours, par, skill.to_numpy(dtype=np.float64), ends, rows.horizon)
    lags = np.array([default_lag(int(n), rows.horizon) for n in ends])
    reach = stdtrit(np.minimum(ends - 1.0, 1.5 * ends / np.maximum(lags, 1)), 0.5 + level / 2.0) * error
    return pd.DataFrame({"skill": skill, "low": skill - reach, "high": skill + reach})


def _standard_errors(ours: Array, par: Array, skill: Array, ends: Rows, horizon: int) -> Array:
    """Of the skill of the first `n` sessions, for each n of `ends`.

    The residuals change with n, but their products are a quadratic form of those of the losses, whose running sums
    serve every n.
    """
    if not len(ends):
        return np.array([])
    c = 1.0 - skill
    most = default_lag(int(ends[-1]), horizon)
    variance = np.zeros(len(ends))
    lags = np.array([default_lag(int(n), horizon) for n in ends])
    for k in range(most + 1):
        used = (k <= lags) & (ends > k)
        pp, cross, oo = (
            np.concatenate([[0.0], np.cumsum(products)])[np.maximum(ends - k, 0)]
            for products in (
                par[k:] * par[: len(par) - k],
                par[k:] * ours[: len(ours) - k] + ours[k:] * par[: len(par) - k],
                ours[k:] * ours[: len(ours) - k],
            )
        )
        weight = 1.0 if k == 0 else 2.0 * (1.0 - k / (lags + 1.0))
        variance += np.where(used, weight * (c**2 * pp - c * cross + oo), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)) / np.cumsum(par)[ends - 1])
