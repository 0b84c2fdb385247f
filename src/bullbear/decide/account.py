"""A paper account: a book walked session by session, and what happened as tables.

After each session's close (`step`) comes the next decision, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bullbear.decide.book import Book
from bullbear.decide.instruments import CASH
from bullbear.decide.market import Market
from bullbear.decide.policy import Slot
from bullbear.decide.step import WHEN, WHY, Fill, Step, step
from bullbear.sessions import closes, opens

_SHOWN = 4

Decider = Callable[[int, Book], Book]
"""(row, book at its close) -> the book with the orders of a decision, or as it was where nothing is decided."""


@dataclass(frozen=True)
class Account:
    """What happened.

    `daily`, by session (`event_date`): `equity` at the close (starts at 1), `SLEEVE_weight` for each of `sleeves` and
    `cash_weight` at the close, `exposure` (sum of weight times index multiple), `cash_return` (what a unit of cash
    earned since the last close), `turnover` (sum of absolute weight changes), and the bookings `SLEEVE_overnight`,
    `SLEEVE_intraday`, `interest`, `costs` (negative) in units of starting equity.

    `positions` are the weights at each close, by ticker, with cash. `trades`: ticker, decided_at, executed_at,
    weight_before, weight_after, weight_change, price (raw), value (signed, in units of starting equity), cost, sleeve,
    why ("order", "stop" or "expiry"), modelled (whether the price is a model's); a stop's executed_at is the close of
    its session, which tells of it. `sleeves` names what each sleeve held, `modelled` the last session on which an
    instrument was held at a modelled price, by ticker.
    """

    daily: pd.DataFrame
    positions: pd.DataFrame
    trades: pd.DataFrame
    sleeves: Mapping[str, tuple[str, ...]]
    modelled: Mapping[str, pd.Timestamp] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """By sleeve, its name and the tickers that it held: "bear, RWM + TWM"."""
        return {name: f"{name}, {' + '.join(abridged(tickers))}" for name, tickers in self.sleeves.items()}

    @property
    def equity(self) -> pd.Series:
        """Equity at each close."""
        return self.daily["equity"]

    @property
    def weights(self) -> pd.DataFrame:
        """Weights at each close by sleeve, without cash."""
        return self.daily[[f"{sleeve}_weight" for sleeve in self.sleeves]]

    @property
    def bookings(self) -> pd.DataFrame:
        """Profit by session and source; each row sums to the change of equity."""
        return self.daily[[*_booked(self.sleeves), "interest", "costs"]]

    @property
    def attribution(self) -> dict[str, float]:
        """Arithmetic profit by source, in units of starting equity: sleeves + interest + costs = total."""
        sums = {str(name): float(column.sum()) for name, column in self.bookings.items()}
        sleeves = {name: sums[f"{name}_overnight"] + sums[f"{name}_intraday"] for name in self.sleeves}
        total = sum(sleeves.values(), 0.0) + sums["interest"] + sums["costs"]
        return {**sleeves, **sums, "total": total}


def abridged(names: Iterable[str]) -> list[str]:
    """The first four names, and how many more there are: an account may have held a hundred options.

    >>> abridged("abcdef")
    ['a', 'b', 'c', 'd', '2 more']
    """
    known = list(names)
    return [*known[:_SHOWN], f"{len(known) - _SHOWN} more"] if len(known) > _SHOWN else known


def walk(market: Market, first: int, last: int, decide: Decider) -> tuple[Account, Book]:
    """Run an account of 1 from the close of row `first` to the close of row `last`.

    Returns
    -------
    What happened, and the book at the last close.
    """
    book = Book(session=market.days[first])
    done = [_row(Step(book, {}, 0.0, ()), ())]
    slots: dict[Slot, None] = {}
    book = decide(first, book)
    declared = book.slots
    slots |= dict.fromkeys(declared)
    for row in range(first + 1, last + 1):
        made = step(book, market, row)
        done.append(_row(made, [t for t, each in book.instruments.items() if each.is_modelled(market, row)]))
        book = decide(row, made.book)
        if book.slots is not declared:
            declared = book.slots
            slots |= dict.fromkeys(declared)
    return account_of(market.sessions[first : last + 1].rename("event_date"), done, tuple(slots)), book


class Row(NamedTuple):
    """What a row of an `Account` keeps of a step; the books of all sessions would fill the memory."""

    equity: float
    cash: float
    held: dict[Slot, float]
    exposure: float
    cash_return: float
    profit: Mapping[str, float]
    fills: tuple[Fill, ...]
    modelled: Sequence[str]


def _row(made: Step, modelled: Sequence[str]) -> Row:
    book, equity, exposure = made.book, made.book.equity, 0.0
    held = {slot: book.values[slot] / equity for slot in sorted(book.values)}
    for slot, weight in held.items():
        exposure += weight * book.instruments[slot.ticker].multiple
    return Row(equity, book.cash / equity, held, exposure, made.cash_return, made.profit, made.fills, modelled)


def account_of(index: pd.DatetimeIndex, rows: Sequence[Row], declared: tuple[Slot, ...]) -> Account:
    """The tables of what happened on the sessions of `index`; slots `declared` have a column though never held."""
    # What was bought and stopped in one session is held at no close.
    traded = [fill.slot for row in rows for fill in row.fills]
    slots = tuple(dict.fromkeys([*declared, *(slot for each in rows for slot in each.held), *traded]))
    sleeves: dict[str, tuple[str, ...]] = {}
    for slot in slots:
        sleeves[slot.sleeve] = (*sleeves.get(slot.sleeve, ()), slot.ticker)
    # Summed in the order of the names: a sum must not depend on what was bought first.
    held = {slot: np.array([row.held.get(slot, 0.0) for row in rows]) for slot in sorted(slots)}
    columns: dict[str, Any] = {"equity": [row.equity for row in rows]}
    for sleeve in sleeves:
        columns[f"{sleeve}_weight"] = sum(each for slot, each in held.items() if slot.sleeve == sleeve)
    cash = [row.cash for row in rows]
    columns |= {"cash_weight": cash, "exposure": [row.exposure for row in rows]}
    columns["cash_return"] = [row.cash_return for row in rows]
    columns["turnover"] = [_turnover(row.fills) if row.fills else 0.0 for row in rows]
    for source in (*_booked(sleeves), "interest", "costs"):
        columns[source] = [row.profit.get(source, 0.0) for row in rows]
    positions: dict[str, Any] = {}
    for t in dict.fromkeys(slot.ticker for slot in slots):
        positions[t] = sum(each for slot, each in held.items() if slot.ticker == t)
    return Account(
        pd.DataFrame(columns, index=index),
        pd.DataFrame({**positions, CASH: cash}, index=index),
        _trades([(fill, fill.slot.ticker in row.modelled) for row in rows for fill in row.fills]),
        {sleeve: tuple(dict.fromkeys(tickers)) for sleeve, tickers in sleeves.items()},
        _modelled(index, rows),
    )


def _modelled(index: pd.DatetimeIndex, rows: Sequence[Row]) -> dict[str, pd.Timestamp]:
    found: dict[str, pd.Timestamp] = {}
    for session, row in zip(index, rows, strict=True):
        if row.modelled:
            touched = {slot.ticker for slot in (*row.held, *(fill.slot for fill in row.fills))}
            found |= {t: session for t in row.modelled if t in touched}
    return found


def _booked(sleeves: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"{sleeve}_{when}" for sleeve in sleeves for when in WHEN]


def _turnover(fills: Sequence[Fill]) -> float:
    """Sum of absolute weight changes by ticker; what sleeves pass to each other is none."""
    changes: dict[str, float] = {}
    for fill in fills:
        changes[fill.slot.ticker] = changes.get(fill.slot.ticker, 0.0) + (fill.weight_after - fill.weight_before)
    return sum(map(abs, changes.values()))


_TRADES = {
    **dict.fromkeys(("ticker", "sleeve", "why"), "str"),
    **dict.fromkeys(("weight_before", "weight_after", "weight_change", "price", "value", "cost"), "float64"),
    "modelled": "bool",
}
"""Types of the columns that an account without a trade could not show."""


def _trades(made: Sequence[tuple[Fill, bool]]) -> pd.DataFrame:
    """The trades, each with whether its price was modelled."""
    fills = [fill for fill, _ in made]
    days = {
        name: pd.DatetimeIndex([getattr(fill, name) for fill in fills]).as_unit("us")
        for name in ("decided_on", "session")
    }
    at_open = [fill.at == "open" for fill in fills]
    executed = opens(days["session"]).where(at_open, closes(days["session"]))
    return pd.DataFrame(
        {
            "ticker": [fill.slot.ticker for fill in fills],
            "decided_at": closes(days["decided_on"]),
            "executed_at": executed,
            "weight_before": [fill.weight_before for fill in fills],
            "weight_after": [fill.weight_after for fill in fills],
            "weight_change": [fill.weight_after - fill.weight_before for fill in fills],
            "price": [fill.price for fill in fills],
            "value": [fill.value for fill in fills],
            "cost": [fill.cost for fill in fills],
            "sleeve": [fill.slot.sleeve for fill in fills],
            "why": [WHY[fill.at] for fill in fills],
            "modelled": [modelled for _, modelled in made],
        }
    ).astype(_TRADES)
