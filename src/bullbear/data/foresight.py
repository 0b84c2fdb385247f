"""What cannot have been known: a value before the period that it describes was over.

A file may claim an early `known_at`, and a provider may list a period that is still running; either would let a
backtest see the future. Such a row is set aside. A period is over, for this purpose, at 16:00 New York of its last
business day: nothing is traded or worked in it afterwards. Surveys come out within their month, and are only held to
its beginning.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data.publication import Rule, at, last_business_day, period_end

OVER = "16:00"


def earliest_known_at(rule: Rule, event_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The instants before which no value of a macro series can have been known.

    They are never before the event date begins, which is the bound where a value may come out within its period.

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
    # Almost every value is known days later; 21:00 UTC is never before 16:00 New York, and costs no time zone.
    safe: np.ndarray = _last_day(rule, event_dates).astype("datetime64[h]") + 21
    early: np.ndarray = instants < safe
    if early.any():
        early[early] = instants[early] < earliest_known_at(rule, event_dates[early]).tz_localize(None).to_numpy()
    return early


def settled_at(settlement_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The instants before which no short interest of these settlement dates can have been known."""
    return at(settlement_dates.to_numpy().astype("datetime64[D]"), OVER)


def day_begins(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The midnight in New York with which each day begins."""
    return at(days.to_numpy().astype("datetime64[D]"), "00:00")


def _may_be_early(rule: Rule) -> bool:
    return rule.from_start or rule.within_period


def _last_day(rule: Rule, event_dates: pd.DatetimeIndex) -> np.ndarray:
    start = event_dates.to_numpy().astype("datetime64[D]")
    return start if _may_be_early(rule) else period_end(start, rule.period)
