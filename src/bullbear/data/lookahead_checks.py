"""The earliest possible `known_at`: no value is known before the period it describes has ended.

A file may claim an early `known_at`, and a provider may list an unfinished period; both would be look-ahead, so such a
row is quarantined. A period ends at 16:00 New York on its last business day. Surveys appear within their month; their
bound is its beginning.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data.publication import Rule, at, last_business_day, period_end

OVER = "16:00"


def earliest_known_at(rule: Rule, event_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The first instants at which values of a macro series can have been known, never before the event date.

    Example
    -------
    >>> from bullbear.data.publication import RULES
    >>> bound = earliest_known_at(RULES["GDPC1"], pd.DatetimeIndex(["2019-10-01"]))
    >>> str(bound.tz_convert("America/New_York")[0])
    '2019-12-31 16:00:00-05:00'
    """
    begins = day_begins(event_dates)
    if _may_be_early(rule):
        return begins
    over = at(last_business_day(_last_day(rule, event_dates)), OVER)
    return over.where(over > begins, begins)  # a day may be a holiday


def too_early(rule: Rule, event_dates: pd.DatetimeIndex, known_at: pd.Series) -> np.ndarray:
    """Whether each `known_at` lies before `earliest_known_at`; (n_rows,) of bool."""
    instants = pd.DatetimeIndex(known_at).tz_localize(None).to_numpy()
    # A cheap bound first: 21:00 UTC is never before 16:00 New York, and almost every value is known days later.
    safe: np.ndarray = _last_day(rule, event_dates).astype("datetime64[h]") + 21
    early: np.ndarray = instants < safe
    if early.any():
        early[early] = instants[early] < earliest_known_at(rule, event_dates[early]).tz_localize(None).to_numpy()
    return early


def settled_at(settlement_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The first instants at which short interest of these settlement dates can have been known."""
    return at(settlement_dates.to_numpy().astype("datetime64[D]"), OVER)


def day_begins(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Midnight in New York at the beginning of each day."""
    return at(days.to_numpy().astype("datetime64[D]"), "00:00")


def _may_be_early(rule: Rule) -> bool:
    return rule.from_start or rule.within_period


def _last_day(rule: Rule, event_dates: pd.DatetimeIndex) -> np.ndarray:
    start = event_dates.to_numpy().astype("datetime64[D]")
    return start if _may_be_early(rule) else period_end(start, rule.period)
