"""Market value of each company: close as traded, times the shares outstanding that were known then.

Counts are those of `shares`. One of which a quarter changes hands on a usual day is a mistake of scale, and not used.
Where prices were delivered already divided by later splits (`restated`), the level is not what was paid, and the value
is wrong by the splits that followed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.fundamentals import ITEMS
from bullbear.group.reported_periods import Integers
from bullbear.group.returns import GAP, carried, share_value
from bullbear.group.shares import shares_outstanding

CONCEPTS = ITEMS["shares_outstanding"].concepts
"""What companies report of it."""
TURNOVER = 0.25
"""Share of a company that does not change hands on a usual day."""
USUAL = 63
"""Sessions whose median says what is usual."""


@dataclass(frozen=True)
class MarketValues:
    """Shape (n_rows, n_companies) each, but `restated`, which is (n_companies,).

    Parameters
    ----------
    value
        Dollars; NaN where price or shares are not known.
    shares
        Outstanding, as of the session; NaN where not known or implausible. Of restated prices, whose level says
        nothing about a count, it is kept.
    restated
        Whether the price was delivered divided by later splits.
    doubted
        Whether a count of shares was set aside as implausible.
    """

    value: Array
    shares: Array
    restated: BoolArray
    doubted: BoolArray

    def at(self, row: int) -> MarketValues:
        """Those of one row, shape (n_companies,) each."""
        return MarketValues(self.value[row], self.shares[row], self.restated, self.doubted[row])


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


def market_values(panel: Panel, facts: pd.DataFrame, rows: Integers, splits: Array | None = None) -> MarketValues:
    """Market values at rows of a panel; a row reads no later session.

    Parameters
    ----------
    panel
        Bars without misprints (`screen(panel).clean`); it should reach back as far as the counts.
    facts
        Every version of `CONCEPTS` known, as `CompanyView.facts` serves them.
    splits
        See `shares_outstanding`.
    """
    count = shares_outstanding(facts, panel, rows, splits)
    held = (carried(share_value(panel), GAP) / np.cumprod(panel.split, axis=0))[rows]
    close = panel.close[rows]
    worth = np.where(np.isnan(close), held, close) * count
    doubted = _usual_dollars(panel, rows) > TURNOVER * worth
    return MarketValues(
        value=np.where(doubted | ~(worth > 0.0), np.nan, worth),
        shares=np.where(doubted & ~panel.restated, np.nan, count),
        restated=panel.restated.copy(),
        doubted=doubted,
    )


def _usual_dollars(panel: Panel, rows: Integers) -> Array:
    """Median dollars traded a session, of the sessions with a bar; zero where there is none."""
    dollars = panel.close * panel.volume
    found = np.zeros((len(rows), panel.shape[1]))
    for place, row in enumerate(rows.tolist()):
        window = np.sort(dollars[max(row + 1 - USUAL, 0) : row + 1], axis=0)  # holes last
        count = np.count_nonzero(~np.isnan(window), axis=0)
        middle = window[np.maximum(count - 1, 0) // 2, np.arange(len(count))]
        found[place] = np.where(count > 0, middle, 0.0)
    return found


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
