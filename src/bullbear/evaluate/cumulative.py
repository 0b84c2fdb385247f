"""The skill of a record up to each month, of which the skill of the whole record is the last.

Where the curves of two models cross, the other one took the lead; one number for twenty years hides that.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import Score, losses

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
    month = pd.PeriodIndex(rows.decided_at.tz_localize(None), freq="M")
    ours, par = (
        pd.Series(losses(rows.y, p, score)).groupby(month).sum().cumsum().to_numpy() for p in (rows.p, rows.climatology)
    )
    skill = 1.0 - np.divide(ours, par, out=np.full(len(par), np.nan), where=(par > 0) & np.isfinite(par))
    ends = month.unique().sort_values().to_timestamp(how="end").normalize().tz_localize("UTC")
    return pd.Series(skill, index=ends).iloc[LEAST_MONTHS - 1 :]
