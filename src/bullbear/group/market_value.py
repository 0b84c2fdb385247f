"""Market value of each company: close as traded, times the shares outstanding that were known then.

Counts are those of `shares`, with the splits that the screened prices show. One of which a quarter changes hands on a
usual day is a mistake of scale, and not used. Where prices were delivered already divided by later splits (`restated`),
the level is not what was paid, and the value is wrong by the splits that followed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.companies.panel import Array, BoolArray
from bullbear.group.fundamentals import ITEMS
from bullbear.group.returns import GAP, carried, share_value
from bullbear.group.screening import Screen
from bullbear.group.shares import shares_outstanding

CONCEPTS = ITEMS["shares_outstanding"].concepts
"""What companies report of it."""
TURNOVER = 0.25
"""Share of a company that does not change hands on a usual day."""


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
        Whether a count of shares was set aside as implausible.
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
        Every version of `CONCEPTS` known at that session's close, as `CompanyView.facts` serves them.
    """
    clean = screened.clean
    # What corrects a wrong start of the prices has changed no number of shares.
    splits = clean.split / screened.rebased
    count = shares_outstanding(facts, clean, np.array([len(clean.sessions) - 1]), splits)[0]
    price = carried(share_value(clean), GAP)[-1] / np.prod(clean.split, axis=0)
    doubted = screened.unusual.dollars[-1] > TURNOVER * count * price
    shares = np.where(doubted, np.nan, count)
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
