"""Filed facts as cells of a calendar: how many months a figure covers, and the month end at which it stops.

Fiscal calendars do not keep to days: a year has 52 or 53 weeks, and one filing writes 29 December where the next
writes 1 January. Every boundary is therefore counted to its nearest month end, by itself, so that a later filing
cannot move it. A quarter is then 3 months, a year 12, and periods that adjoin or lie a year apart meet exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.data.companies.panel import Array
from bullbear.errors import InputError

Integers = NDArray[np.int64]

YEAR, QUARTER = 12, 3
COLUMNS = ("company", "concept", "event_date", "start_date", "known_at", "value", "unit", "form")
FIRST_HALF = 15  # days of a month that lie nearer to the end of the month before


@dataclass(frozen=True)
class Item:
    """A figure of a company: the `concepts` that report it, the preferred one first, in `unit`.

    A flow adds up over a period; what is no flow is a balance at one day.
    """

    concepts: tuple[str, ...]
    unit: str = "USD"
    flow: bool = True


@dataclass(frozen=True)
class Cells:
    """Versions of one item's figures, in the order in which they became known; all arrays have shape (n_versions,).

    Parameters
    ----------
    company, layer:
        Places in the list of companies and in the item's `concepts`.
    months:
        Months covered; 0 of a balance.
    end:
        Month end, in months since January 1970.
    known:
        Microseconds since 1970, UTC.
    """

    company: Integers
    layer: Integers
    months: Integers
    end: Integers
    known: Integers
    value: Array

    def __len__(self) -> int:
        return len(self.value)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Cells:
        """Some of the versions."""
        company, layer, months, end, known = (
            part[rows] for part in (self.company, self.layer, self.months, self.end, self.known)
        )
        return Cells(company, layer, months, end, known, self.value[rows])

    def cell(self) -> tuple[Integers, Integers, Integers, Integers]:
        """What figure each one is a version of."""
        return self.company, self.layer, self.end, self.months


def month_end(days: NDArray[np.datetime64]) -> Integers:
    """The month whose end lies nearest to each day, in months since January 1970.

    Example
    -------
    >>> month_end(np.array(["2018-12-30", "2019-01-03", "2019-01-16"], "M8[D]")).astype("M8[M]").tolist()
    [datetime.date(2018, 12, 1), datetime.date(2018, 12, 1), datetime.date(2019, 1, 1)]
    """
    whole = days.astype("M8[D]")
    month = whole.astype("M8[M]")
    of_month = (whole - month.astype("M8[D]")).astype(np.int64) + 1
    return np.asarray(month.astype(np.int64) - (of_month <= FIRST_HALF))


def last_day(months: Array) -> Array:
    """The last day of months counted since January 1970, in days since 1970; NaN stays NaN."""
    known = ~np.isnan(months)
    result = np.full(months.shape, np.nan)
    result[known] = (months[known].astype(np.int64) + 1).astype("M8[M]").astype("M8[D]").astype(np.int64) - 1
    return result


def cells(facts: pd.DataFrame, items: Mapping[str, Item], companies: Sequence[str]) -> dict[str, Cells]:
    """The versions of each item's figures, of the companies named.

    Left out are figures in another unit, of more than twelve months, and of a period that ends after its filing. A
    repeated figure adds no version. Of several versions known at one instant the one of an amendment counts, else that
    of the later day.

    Parameters
    ----------
    facts:
        Every version known, one a row: company, concept, event_date (end of the period, or the day of a balance),
        start_date, known_at, value, unit, form.

    Raises
    ------
    InputError
        A column is missing.
    """
    if missing := [name for name in COLUMNS if name not in facts.columns]:
        raise InputError("facts", missing, f"the columns {', '.join(COLUMNS)}", "read them with `companies.facts()`")
    layers = {concept: (name, place) for name, item in items.items() for place, concept in enumerate(item.concepts)}
    place = pd.Index(list(layers), dtype=object).get_indexer(pd.Index(facts["concept"], dtype=object))
    company = pd.Index(list(companies)).get_indexer(pd.Index(facts["company"]))
    units = np.array([items[name].unit for name, _ in layers.values()] or [""], dtype=object)
    wanted = (place >= 0) & (company >= 0)
    wanted &= facts["unit"].to_numpy(dtype=object) == units[place]
    rows, codes, company = facts[wanted], place[wanted], company[wanted].astype(np.int64)

    ends = pd.DatetimeIndex(rows["event_date"]).to_numpy().astype("M8[D]")
    starts = pd.DatetimeIndex(rows["start_date"]).to_numpy().astype("M8[D]")
    known = pd.DatetimeIndex(rows["known_at"]).as_unit("us").asi8
    value = rows["value"].to_numpy(dtype=float)
    flow = np.array([items[name].flow for name, _ in layers.values()] or [False])[codes]
    end = month_end(ends)
    dated = flow & ~np.isnat(starts)
    months = np.zeros(len(rows), dtype=np.int64)
    months[dated] = end[dated] - month_end(starts[dated] - 1)
    valid = np.where(flow, dated & (months >= 1) & (months <= YEAR), True)
    valid &= np.isfinite(value) & (ends.astype("M8[us]").astype(np.int64) <= known)

    form = pd.Categorical(rows["form"].astype(str))  # its codes sort as the texts do
    amended = np.array([text.endswith("/A") for text in form.categories], dtype=bool)[form.codes]
    order = np.lexsort((value, form.codes, ends, amended, known))
    order = order[valid[order]]
    item = np.array([list(items).index(name) for name, _ in layers.values()] or [0])[codes][order]
    layer = np.array([place for _, place in layers.values()] or [0], dtype=np.int64)[codes]
    whole = Cells(company, layer, months, end, known, value).take(order)
    return {name: _changes(whole.take(item == place)) for place, name in enumerate(items)}


def _changes(versions: Cells) -> Cells:
    """The last version of each instant, and of those only the ones that differ from the version before."""
    # Stable, so that versions of a cell keep the order in which they became known.
    order = np.lexsort(versions.cell())
    ordered = versions.take(order)
    last = np.append(~(_follows(ordered) & (ordered.known[1:] == ordered.known[:-1])), True)[: len(ordered)]
    order, ordered = order[last], ordered.take(last)
    news = np.append(True, ~(_follows(ordered) & (ordered.value[1:] == ordered.value[:-1])))[: len(ordered)]
    return versions.take(np.sort(order[news]))


def _follows(versions: Cells) -> NDArray[np.bool_]:
    """Whether each version but the first is of the same cell as the one before."""
    same = np.ones(max(len(versions) - 1, 0), dtype=bool)
    for part in versions.cell():
        same &= part[1:] == part[:-1]
    return same
