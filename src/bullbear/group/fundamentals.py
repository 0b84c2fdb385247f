"""Facts of companies as they were known: trailing twelve months, balances, and the same a year before.

**Versions.** At an instant the value of a period is the one last filed for it by then. A restatement therefore
changes nothing before the instant at which it was filed; from then on it is the value of its period, also where that
period is the year before in a comparison, so that both sides of a growth rate follow one way of accounting as far as
it is known.

**Age.** A figure counts until `OLDEST` days after the end of its period: some fifteen months after a quarterly report
was filed, and long enough for the next yearly report of a foreign company. A company that stopped filing then has no
facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from bullbear.data.companies.panel import Array
from bullbear.errors import InputError
from bullbear.group.reported_periods import YEAR, Cells, Integers, Item, cells, last_day
from bullbear.group.trailing import trailing_years

OLDEST = 500  # days
FALLBACK = 17  # months, no fewer than OLDEST: an older end than the latest counts where only that gives a whole year
REACH = FALLBACK + 2 * YEAR + 1  # months that a trailing year and the one before it can be made up of
MEMORY_DAYS = OLDEST + (2 * YEAR + 2) * 31
"""How long before an instant a period may have ended that still counts: in the year before the oldest year used."""
MICROSECONDS_A_DAY = 86_400_000_000

ITEMS: Mapping[str, Item] = {
    "revenue": Item(("revenue", "revenue_contracts")),
    "gross_profit": Item(("gross_profit",)),
    "operating_income": Item(("operating_income",)),
    "net_income": Item(("net_income",)),
    "cfo": Item(("cfo",)),
    "capex": Item(("capex",)),
    "total_assets": Item(("total_assets",), flow=False),
    "total_liabilities": Item(("total_liabilities",), flow=False),
    "equity": Item(("equity",), flow=False),
    "current_assets": Item(("current_assets",), flow=False),
    "current_liabilities": Item(("current_liabilities",), flow=False),
    "cash": Item(("cash",), flow=False),
    "shares_outstanding": Item(("shares_outstanding",), unit="shares", flow=False),
}


@dataclass(frozen=True)
class Figure:
    """One item of every company at every instant; all arrays have shape (n_instants, n_companies).

    Parameters
    ----------
    value, year_ago:
        The twelve months up to `end`, or the balance then; and those of twelve months before. NaN where not known.
    end:
        Month end, in months since January 1970 (see `reported_periods`).
    known:
        Of a balance: when its value was first filed, in microseconds since 1970 (UTC). NaN for flows.
    """

    value: Array
    year_ago: Array
    end: Array
    known: Array


@dataclass(frozen=True)
class Fundamentals:
    """Figures of `companies` as known at `instants`, one for each item."""

    instants: pd.DatetimeIndex
    companies: tuple[str, ...]
    figures: Mapping[str, Figure]

    def __getitem__(self, item: str) -> Figure:
        return self.figures[item]


def fundamentals(
    facts: pd.DataFrame,
    instants: pd.DatetimeIndex,
    companies: Sequence[str],
    items: Mapping[str, Item] = ITEMS,
) -> Fundamentals:
    """What was known of each company at each instant.

    The filings of all companies are walked through together, one of each at a time, so that the time taken grows with
    the number of filings and not with that of instants. Equal, to the last bit, to `fundamentals_at` each instant.

    Parameters
    ----------
    facts
        Every version known, one a row (`companies.facts()` of a view): company, concept, event_date, start_date,
        known_at, value, unit, form. In any order.
    instants
        In UTC, ascending.
    items
        Figures asked for, by name.

    Raises
    ------
    InputError
        `instants` are without a time zone or not ascending, or a column of `facts` is missing.
    """
    at = _microseconds(instants)
    found = {
        name: _figure(list(_states(versions, len(companies), items[name])), at, len(companies))
        for name, versions in cells(facts, items, companies).items()
    }
    return Fundamentals(instants, tuple(companies), found)


def fundamentals_at(
    facts: pd.DataFrame, instant: pd.Timestamp, companies: Sequence[str], items: Mapping[str, Item] = ITEMS
) -> Fundamentals:
    """`fundamentals` at one instant, from the latest versions alone."""
    instants = pd.DatetimeIndex([instant])
    at = _microseconds(instants)
    recent = facts["event_date"].to_numpy() >= (instant.tz_localize(None) - pd.Timedelta(days=MEMORY_DAYS)).to_numpy()
    known = (facts["known_at"] <= instant).to_numpy()
    found = {}
    for name, versions in cells(facts[recent & known], items, companies).items():
        table = _Table(versions, len(companies), items[name])
        table.apply(versions)
        filed = np.unique(versions.company)
        state = table.state(filed, np.full(len(filed), np.iinfo(np.int64).min))
        found[name] = _figure([state], at, len(companies))
    return Fundamentals(instants, tuple(companies), found)


@dataclass(frozen=True)
class _State:
    """What is known of some companies from an instant of each; all of shape (n_states,)."""

    company: Integers
    since: Integers
    value: Array
    year_ago: Array
    end: Array
    known: Array


class _Table:
    """The figures of one item that are known so far, of all companies."""

    def __init__(self, versions: Cells, n_companies: int, item: Item) -> None:
        first, last = (int(versions.end.min()), int(versions.end.max())) if len(versions) else (0, 0)
        self.flow = item.flow
        self.origin = first - REACH  # so that every window begins inside
        shape = (len(item.concepts), n_companies, last - self.origin + 1, YEAR + 1 if item.flow else 1)
        self.value = np.full(shape, np.nan)
        self.known = np.full((0, 0, 0, 0) if item.flow else shape, np.nan)
        self.latest = np.full(n_companies, self.origin)

    def apply(self, versions: Cells) -> None:
        """Enter versions, which are in the order in which they became known: the last of a cell stays."""
        place = versions.layer, versions.company, versions.end - self.origin, versions.months
        self.value[place] = versions.value
        if not self.flow:
            self.known[place] = versions.known
        np.maximum.at(self.latest, versions.company, versions.end)

    def state(self, company: Integers, since: Integers) -> _State:
        """What is known of some companies, which is so from `since` on."""
        latest = self.latest[company]
        back = np.zeros(len(company), dtype=np.int64)
        if self.flow:
            reach = (latest - self.origin)[:, None] + np.arange(1 - REACH, 1)
            years = trailing_years(_preferred(self.value, company[:, None], reach))
            usable = ~np.isnan(years[:, ::-1][:, : FALLBACK + 1])
            back = usable.argmax(axis=1)  # 0 also where none is: the value is missing then
            rows, column = np.arange(len(company)), REACH - 1 - back
            found, before = years[rows, column], years[rows, column - YEAR]
            known = np.full(len(company), np.nan)
        else:
            month = latest - self.origin
            found, before = (_preferred(self.value, company, month - ago)[:, 0] for ago in (0, YEAR))
            known = _preferred(self.known, company, month)[:, 0]
        missing = np.isnan(found)
        end = np.where(missing, np.nan, latest - back)
        return _State(company, since, found, np.where(missing, np.nan, before), end, known)


def _preferred(table: Array, company: Integers, month: Integers) -> Array:
    """Cells of the first concept that has each of them."""
    result: Array = table[0][company, month]
    for layer in table[1:]:
        result = np.where(np.isnan(result), layer[company, month], result)
    return result


def _states(versions: Cells, n_companies: int, item: Item) -> Iterator[_State]:
    """The states of all companies: first those after each one's first filing, then after its second, and so on."""
    if not len(versions):
        return
    table = _Table(versions, n_companies, item)
    order = np.lexsort((versions.known, versions.company))
    ordered = versions.take(order)
    begins = np.append(True, ordered.company[1:] != ordered.company[:-1])
    news = begins | np.append(True, ordered.known[1:] != ordered.known[:-1])
    counted = np.cumsum(news)
    number = counted - np.maximum.accumulate(np.where(begins, counted, 0))
    by_number = np.argsort(number, kind="stable")
    ordered, number = ordered.take(by_number), number[by_number]
    bounds = np.searchsorted(number, np.arange(number[-1] + 2))
    for first, last in pairwise(bounds):
        filed = ordered.take(np.arange(first, last))
        table.apply(filed)
        company, places = np.unique(filed.company, return_index=True)
        yield table.state(company, filed.known[places])


def _figure(states: list[_State], at: Integers, n_companies: int) -> Figure:
    """The state of each company at each instant, unless it is too old by then."""
    parts = ("company", "since", "value", "year_ago", "end", "known")
    joined = [np.concatenate([getattr(state, part) for state in states]) for part in parts] if states else []
    if not joined or not len(joined[0]):
        return Figure(*(np.full((len(at), n_companies), np.nan) for _ in range(4)))
    order = np.lexsort((joined[1], joined[0]))
    company, since, value, year_ago, end, known = (part[order] for part in joined)

    # One key for company and time: the instants at which anything changed are counted.
    changes = np.unique(since)
    key = company * (len(changes) + 1) + np.searchsorted(changes, since) + 1
    asked = np.arange(n_companies) * (len(changes) + 1) + np.searchsorted(changes, at, side="right")[:, None]
    row = np.searchsorted(key, asked, side="right") - 1
    valid = (row >= 0) & (company[row] == np.arange(n_companies))
    with np.errstate(invalid="ignore"):
        valid &= at[:, None] // MICROSECONDS_A_DAY - last_day(end)[row] <= OLDEST
    return Figure(*(np.where(valid, part[row], np.nan) for part in (value, year_ago, end, known)))


def _microseconds(instants: pd.DatetimeIndex) -> Integers:
    if instants.tz is None or not instants.is_monotonic_increasing:
        kind = "without a time zone" if instants.tz is None else "not ascending"
        raise InputError("instants", kind, "ascending instants in UTC", "use `sessions.closes`")
    return np.asarray(instants.as_unit("us").asi8)
