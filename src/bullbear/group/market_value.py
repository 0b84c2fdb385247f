"""Market value of each company: close as traded, times the shares outstanding that were known then.

A count of shares is of a day; splits between that day and the session are applied to it. A count older than 400 days is
not used, nor one that is twenty times off the one before it, as filings in thousands are. Where prices were delivered
already divided by later splits (`restated`), the level is not what was paid, and the value is as wrong as the price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.returns import GAP, carried, share_value
from bullbear.group.screening import Screen

CONCEPT = "shares_outstanding"
MAX_AGE_DAYS = 400
"""A count a year, and the time in which it is filed."""
IMPLAUSIBLE = 20.0


@dataclass(frozen=True)
class MarketValues:
    """Shape (n_companies,) each, of one session.

    Parameters
    ----------
    value
        Dollars; NaN where price or shares are not known.
    shares
        Outstanding, as of the session; NaN where not known.
    restated
        Whether the price was delivered divided by later splits.
    doubted
        Whether the latest count of shares was set aside as implausible, and the one before it used.
    """

    value: Array
    shares: Array
    restated: BoolArray
    doubted: BoolArray


@dataclass(frozen=True)
class ValueSummary:
    """Market values of a group, in dollars; `smallest` and `largest` are columns of the panel, -1 if there are none."""

    mean: float
    median: float
    total: float
    lowest: float
    highest: float
    smallest: int
    largest: int
    names: int
    restated: int


def market_values(screened: Screen, facts: pd.DataFrame) -> MarketValues:
    """Market value at the last session of a panel.

    Parameters
    ----------
    screened
        The screened panel; it should reach back as far as the counts.
    facts
        Every version of `shares_outstanding` known at that session's close, as `CompanyView.facts` serves them.
    """
    clean = screened.clean
    # What corrects a wrong start of the prices has changed no number of shares.
    factor = np.asarray(np.cumprod(clean.split / screened.rebased, axis=0), dtype=np.float64)
    count, doubted = _latest_counts(facts, clean, factor)
    worth = carried(share_value(clean), GAP)[-1]
    price, shares = worth / np.prod(clean.split, axis=0), count * factor[-1]
    return MarketValues(value=price * shares, shares=shares, restated=clean.restated.copy(), doubted=doubted)


def summarise(values: MarketValues, member: BoolArray) -> ValueSummary:
    """Mean, median and range of the members' values that are known."""
    columns = np.flatnonzero(member & ~np.isnan(values.value))
    if not len(columns):
        nan = float("nan")
        return ValueSummary(nan, nan, nan, nan, nan, -1, -1, 0, 0)
    found = values.value[columns]
    smallest, largest = columns[np.argmin(found)], columns[np.argmax(found)]
    return ValueSummary(
        mean=float(np.mean(found)),
        median=float(np.median(found)),
        total=float(np.sum(found)),
        lowest=float(np.min(found)),
        highest=float(np.max(found)),
        smallest=int(smallest),
        largest=int(largest),
        names=len(columns),
        restated=int(np.count_nonzero(values.restated[columns])),
    )


def _latest_counts(facts: pd.DataFrame, panel: Panel, factor: Array) -> tuple[Array, BoolArray]:
    """The latest plausible count of each company, as of the panel's first session, and whether a later one was off."""
    session = panel.sessions[-1]
    columns = {name: column for column, name in enumerate(panel.companies)}
    rows = facts[
        (facts["value"] > 0)
        & (facts["event_date"] >= session - pd.Timedelta(days=MAX_AGE_DAYS))
        & (facts["event_date"] <= session)
        & facts["company"].isin(columns)
    ].sort_values(["company", "event_date", "known_at"], kind="stable")
    rows = rows.drop_duplicates(["company", "event_date"], keep="last")
    column = rows["company"].map(columns).to_numpy(np.int64)
    place = panel.sessions.searchsorted(pd.DatetimeIndex(rows["event_date"]), side="right") - 1
    since = np.where(place >= 0, factor[np.maximum(place, 0), column], 1.0)
    value = rows["value"].to_numpy(np.float64) / since
    last = np.append(column[1:] != column[:-1], True)[: len(column)]
    first = np.append(True, column[1:] != column[:-1])[: len(column)]
    before = np.where(first, value, np.roll(value, 1))
    off = last & ((value > IMPLAUSIBLE * before) | (value < before / IMPLAUSIBLE))
    count, doubted = np.full(len(columns), np.nan), np.zeros(len(columns), dtype=bool)
    count[column[last]] = np.where(off, before, value)[last]
    doubted[column[off]] = True
    return count, doubted
