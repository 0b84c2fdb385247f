"""Shares outstanding at a close, from the counts filed by then.

**Splits.** A filing restates its count for a split between its balance sheet and its own day (SEC Staff Accounting
Bulletin Topic 4.C), but not every one does. Later splits multiply a count in any case; those in between do unless the
count, as filed, lies nearer to the one before.

**Mistakes of scale.** A count a thousand or a million times off the one before is one in thousands or millions, or the
one before was: both are read on the scale of the one that is `PLAUSIBLE`. A count otherwise `IMPLAUSIBLE` times off the
one before waits for a second that agrees with it; until then the one before counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.fundamentals import ITEMS, MICROSECONDS_A_DAY, OLDEST
from bullbear.group.reported_periods import Cells, Integers, cells, last_day

IMPLAUSIBLE = 20.0
PLAUSIBLE = 5e5, 5e9
"""Shares of a listed company."""
_SCALES = 3, 6  # powers of ten
_NEAR = 0.1  # in powers of ten: a count also grows from one filing to the next
_ITEM = "shares_outstanding"


def shares_outstanding(facts: pd.DataFrame, panel: Panel, rows: Integers, splits: Array | None = None) -> Array:
    """Shares outstanding at rows of a panel, in shares of those sessions; NaN where no count is known.

    Parameters
    ----------
    facts
        Every version known (`companies.facts()`).
    panel
        From before the counts were filed, else splits before its first session are not applied.
    splits
        New shares for one old, of the panel's shape, where they differ from those that its prices are read with.

    Returns
    -------
    Array
        Shape (n_rows, n_companies).
    """
    split = panel.split if splits is None else splits
    instants = exchange.closes(panel.sessions[rows]).as_unit("us").asi8
    opened = exchange.opens(panel.sessions).as_unit("us").asi8
    factor = np.concatenate([np.ones((1, panel.shape[1])), np.cumprod(split, axis=0)])
    versions = cells(facts, {_ITEM: ITEMS[_ITEM]}, panel.companies)[_ITEM]
    versions = versions.take(versions.value > 0.0)
    # Per share of the panel's first session: as of the evening of the balance sheet, and of the filing.
    dated = (last_day(versions.end.astype(float)) + 1) * MICROSECONDS_A_DAY
    of_end, of_filing = (
        versions.value / factor[np.searchsorted(opened, instant, side="right"), versions.company]
        for instant in (np.minimum(dated, versions.known), versions.known)
    )
    found = np.full((len(rows), panel.shape[1]), np.nan)
    order = np.argsort(versions.company, kind="stable")
    versions, of_end, of_filing = versions.take(order), of_end[order], of_filing[order]
    bounds = np.searchsorted(versions.company, np.arange(panel.shape[1] + 1))
    news, plain = _plain(versions, of_end, of_filing)
    months = versions.end.astype(float)
    for company in np.flatnonzero(np.diff(bounds)).tolist():
        own = slice(int(bounds[company]), int(bounds[company + 1]))
        if plain[own].all():
            kept = news[own]
            known, end, count = versions.known[own][kept], months[own][kept], of_filing[own][kept]
        else:
            known, end, count = _accepted(versions.take(np.arange(own.start, own.stop)), of_end[own], of_filing[own])
        state = np.searchsorted(known, instants, side="right") - 1
        age = instants // MICROSECONDS_A_DAY - last_day(end)[state]
        found[:, company] = np.where((state >= 0) & (age <= OLDEST), count[state], np.nan)
    return np.asarray(found * factor[rows + 1])


def splits_since(instants: Array, panel: Panel, rows: Integers) -> Array:
    """New shares for one old share from after each instant up to each row, shape (n_rows, n_companies).

    `instants` are microseconds since 1970, UTC, of the same shape; a split is effective at the open.
    """
    factor = np.concatenate([np.ones((1, panel.shape[1])), np.cumprod(panel.split, axis=0)])
    opened = exchange.opens(panel.sessions).as_unit("us").asi8
    until = np.searchsorted(opened, np.nan_to_num(instants), side="right")
    return np.asarray(factor[rows + 1] / np.take_along_axis(factor, until, axis=0))


@dataclass
class _Count:
    end: int
    value: float


def _plain(versions: Cells, of_end: Array, of_filing: Array) -> tuple[BoolArray, BoolArray]:
    """Which counts, sorted by company, are not of the past; and which need no more than that to be accepted.

    Most companies have no others, and `_accepted`, count by count, would accept these as filed.
    """
    span = int(np.ptp(versions.end)) + 1 if len(versions) else 1
    order = versions.company * span + (versions.end - versions.end.min(initial=np.iinfo(np.int64).max))
    news = order >= np.maximum.accumulate(order)
    plain = of_end == of_filing
    company, count = versions.company[news], of_filing[news]
    far = (company[1:] == company[:-1]) & (np.abs(np.log(count[1:] / count[:-1])) > math.log(IMPLAUSIBLE) - 1e-9)
    plain[np.flatnonzero(news)[1:][far]] = False
    return news, plain


def _accepted(versions: Cells, of_end: Array, of_filing: Array) -> tuple[Integers, Array, Array]:
    """When each count of a company was accepted, its month end, and its value; in the order of time."""
    known, end, value = [], [], []
    last: _Count | None = None
    waiting: _Count | None = None
    for place, month in enumerate(versions.end.tolist()):
        if last is not None and month < last.end:
            continue  # the past, filed again
        count = _Count(month, float(of_filing[place]))
        if last is not None:
            before = last.value
            if _distance(of_end[place], before) < _distance(count.value, before):
                count.value = float(of_end[place])
            scale = _scale(count.value, before)
            if scale and (_plausible(before) or not _plausible(count.value)):
                count.value /= 10.0**scale
            elif not scale and _far(count.value, before) and (waiting is None or _far(count.value, waiting.value)):
                waiting = count
                continue
        last, waiting = count, None
        known.append(int(versions.known[place]))
        end.append(float(month))
        value.append(count.value)
    return np.array(known, dtype=np.int64), np.array(end), np.array(value)


def _scale(count: float, before: float) -> int:
    """The power of ten by which a count is off the one before, if it is that of a mistake; else 0."""
    power = math.log10(count / before)
    nearest = round(power)
    return nearest if abs(nearest) in _SCALES and abs(power - nearest) < _NEAR else 0


def _plausible(count: float) -> bool:
    return PLAUSIBLE[0] <= count <= PLAUSIBLE[1]


def _distance(one: float, other: float) -> float:
    return abs(math.log(one / other))


def _far(one: float, other: float) -> bool:
    return _distance(one, other) > math.log(IMPLAUSIBLE)
