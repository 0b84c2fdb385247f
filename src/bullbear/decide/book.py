"""What an account holds after a session: cash, positions, waiting orders and the policy's memory, as one value.

A `Book` is all that the account remembers. A session turns one book into the next (`step.step`), a decision adds
orders and memory (`Book.followed`), and JSON keeps every float to its last bit; so an account can be put down after one
close and taken up at a later one. Everything is in units that neither a split nor a dividend changes: values are
fractions of the equity at the start, marks are total-return prices (`adj_close`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pandas as pd

from bullbear.decide.instruments import CASH, INSTRUMENT_KINDS, Instrument
from bullbear.decide.market import Market
from bullbear.decide.policy import Memory, Policy, Slot, Stance
from bullbear.errors import DefinitionError, InputError

_AGAIN = "start a new account"


@dataclass(frozen=True, slots=True)
class Mark:
    """The last price of an instrument, in total-return units, and its session (`event_date`)."""

    session: pd.Timestamp
    price: float


@dataclass(frozen=True)
class Book:
    """The account after the close of `session`, and after that close's decision if there was one.

    `values` are in units of the equity at the start, without slots that hold nothing; `orders` are target weights that
    wait for an open, decided at the close of `decided_on`; `instruments` are those held or ordered, by ticker. `slots`
    are the sleeves of the last decision, `kind` is that of its policy, and `memory` what the policy remembers, as JSON.
    `stops` are the resting stops of that decision, by slot, and `stopped` the slots that one has sold since, with the
    price: total-return prices both.
    """

    session: pd.Timestamp
    cash: float = 1.0
    values: Mapping[Slot, float] = field(default_factory=dict)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    orders: Mapping[Slot, float] = field(default_factory=dict)
    decided_on: pd.Timestamp | None = None
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    kind: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)
    stops: Mapping[Slot, float] = field(default_factory=dict)
    stopped: Mapping[Slot, float] = field(default_factory=dict)

    @property
    def equity(self) -> float:
        """Cash and values, in units of the equity at the start."""
        # In the order of the names: the sum must not depend on what was bought first.
        return self.cash + sum([self.values[slot] for slot in sorted(self.values)])

    def at(
        self,
        session: pd.Timestamp,
        cash: float,
        values: Mapping[Slot, float],
        marks: Mapping[str, Mark],
        orders: Mapping[Slot, float],
        stops: Mapping[Slot, float],
        stopped: Mapping[Slot, float],
    ) -> Book:
        """The book at the close of a later session; `replace` would take three times as long, on every session."""
        known = self.decided_on, self.instruments, self.slots, self.kind, self.memory
        return Book(session, cash, values, marks, orders, *known, stops, stopped)

    @property
    def held(self) -> dict[Slot, float]:
        """Fractions of equity by slot."""
        equity = self.equity
        return {slot: value / equity for slot, value in self.values.items()}

    @property
    def weights(self) -> dict[str, float]:
        """Fractions of equity by ticker, without cash."""
        found: dict[str, float] = {}
        for slot, weight in self.held.items():
            found[slot.ticker] = found.get(slot.ticker, 0.0) + weight
        return found

    @property
    def targets(self) -> dict[str, float]:
        """The weights, by ticker, to which the waiting orders lead."""
        after = {**self.held, **self.orders}
        found: dict[str, float] = {}
        for slot in self.orders:
            found[slot.ticker] = sum(weight for each, weight in after.items() if each.ticker == slot.ticker)
        return found

    @property
    def tickers(self) -> tuple[str, ...]:
        """Every ticker whose bars the book needs."""
        read = (t for instrument in self.instruments.values() for t in instrument.priced_by)
        return tuple(sorted({*read, *self.marks}))

    def recalled(self, policy: Policy) -> Memory:
        """What `policy` remembers; that of a first decision where another kind decided last.

        Raises
        ------
        InputError
            The memory cannot be read.
        """
        try:
            return policy.recall(self.memory if self.kind == policy.kind else {})
        except (KeyError, TypeError, ValueError, AttributeError) as bad:
            raise _unreadable("book.memory", bad) from bad

    def ordered(
        self,
        targets: Mapping[Slot, float],
        instruments: Mapping[str, Instrument],
        stops: Mapping[Slot, float] | None = None,
    ) -> Book:
        """With orders to the `targets` of a decision at this close and its resting `stops`, replacing all that wait.

        A slot that is held and has no target is sold.
        """
        return replace(self, **self._orders(targets, instruments, stops or {}))

    def followed(self, stance: Stance, memory: Memory, kind: str, closes: Mapping[str, float]) -> Book:
        """With the orders and the memory of a decision taken at this close by a policy of that kind."""
        targets, stops = stance.targets(), stance.resting()
        held, marks = {slot.ticker for slot in self.values}, {}
        levels = (*memory.tickers, *(slot.ticker for slot in stops))
        for t in (*self.marks, *levels):
            # A level without the mark of its ticker could not follow prices that a new store keeps at another level.
            if t in self.marks and (t in held or t in levels):
                marks[t] = self.marks[t]
            elif t in closes and t in levels:
                marks[t] = Mark(self.session, closes[t])
        instruments = {sleeve.instrument.ticker: sleeve.instrument for sleeve in stance.sleeves}
        slots = tuple([slot for slot in targets if slot.ticker != CASH])
        return Book(
            session=self.session,
            cash=self.cash,
            values=self.values,
            marks=marks,
            slots=self.slots if slots == self.slots else slots,  # thousands of equal ones would slow a backtest
            kind=kind,
            memory=memory.to_json(),
            **self._orders(targets, instruments, stops),
        )

    def _orders(
        self, targets: Mapping[Slot, float], instruments: Mapping[str, Instrument], stops: Mapping[Slot, float]
    ) -> dict[str, Any]:
        held = self.held
        wanted = {slot: targets.get(slot, 0.0) for slot in sorted({*held, *targets}) if slot.ticker != CASH}
        orders = {slot: weight for slot, weight in wanted.items() if weight != held.get(slot, 0.0)}
        known = {**self.instruments, **instruments}
        kept = {slot.ticker: known[slot.ticker] for slot in sorted({*self.values, *orders})}
        same = self.instruments if kept == self.instruments else kept
        # A stop of what is neither held nor bought protects nothing.
        standing = {slot: stops[slot] for slot in sorted(stops) if slot in held or targets.get(slot, 0.0) > 0.0}
        return {
            "orders": orders,
            "decided_on": self.session,
            "instruments": same,
            "stops": standing,
            "stopped": {},
        }

    def in_prices_of(self, market: Market, policy: Policy) -> Book:
        """The same book, should the total-return prices of `market` stand at another level than those it was kept in.

        Only their returns have a meaning; a store that was filled anew may serve another multiple of them.
        """
        scales = {}
        for t, mark in self.marks.items():
            price = market.close_on(t, mark.session)
            scales[t] = 1.0 if price is None else price / mark.price
        if all(scale == 1.0 for scale in scales.values()):
            return self
        marks = {t: Mark(mark.session, mark.price * scales[t]) for t, mark in self.marks.items()}
        memory = self.recalled(policy).rescaled(scales).to_json() if self.kind == policy.kind else {}
        stops, stopped = (
            {slot: level * scales.get(slot.ticker, 1.0) for slot, level in levels.items()}
            for levels in (self.stops, self.stopped)
        )
        return replace(self, marks=marks, memory=memory, stops=stops, stopped=stopped)

    def to_json(self) -> dict[str, Any]:
        """A document of plain values; `from_json` gives back the same book to the last bit."""
        return {
            "session": str(self.session.date()),
            "equity": self.equity,
            "cash": self.cash,
            "values": [{**slot._asdict(), "value": value} for slot, value in self.values.items()],
            "marks": {t: {"session": str(m.session.date()), "price": m.price} for t, m in self.marks.items()},
            "orders": [{**slot._asdict(), "weight": weight} for slot, weight in self.orders.items()],
            "stops": [{**slot._asdict(), "price": price} for slot, price in self.stops.items()],
            "stopped": [{**slot._asdict(), "price": price} for slot, price in self.stopped.items()],
            "decided_on": None if self.decided_on is None else str(self.decided_on.date()),
            "instruments": [each.model_dump(mode="json") for each in self.instruments.values()],
            "slots": [slot._asdict() for slot in self.slots],
            "policy": self.kind,
            "memory": dict(self.memory),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The book that `to_json` wrote.

        Raises
        ------
        InputError
            A key is missing, a number is not finite or is negative, or an instrument is unknown.
        """
        try:
            decided = document["decided_on"]
            instruments = [INSTRUMENT_KINDS.read(each) for each in document["instruments"]]
            book = cls(
                session=_day(document["session"]),
                cash=float(document["cash"]),
                values={_slot(each): float(each["value"]) for each in document["values"]},
                marks={str(t): Mark(_day(m["session"]), float(m["price"])) for t, m in document["marks"].items()},
                orders={_slot(each): float(each["weight"]) for each in document["orders"]},
                decided_on=None if decided is None else _day(decided),
                instruments={each.ticker: each for each in instruments},
                slots=tuple(_slot(each) for each in document["slots"]),
                kind=str(document["policy"]),
                memory=dict(document["memory"]),
                # Accounts kept before there were resting stops know neither.
                stops={_slot(each): float(each["price"]) for each in document.get("stops", ())},
                stopped={_slot(each): float(each["price"]) for each in document.get("stopped", ())},
            )
        except (KeyError, TypeError, ValueError, AttributeError, DefinitionError) as bad:
            raise _unreadable("book", bad) from bad
        book._check()
        return book

    def _check(self) -> None:
        named = {"cash": self.cash, **{f"values[{slot.ticker}]": v for slot, v in self.values.items()}}
        named |= {f"marks[{t}]": mark.price for t, mark in self.marks.items()}
        named |= {f"orders[{slot.ticker}]": weight for slot, weight in self.orders.items()}
        named |= {f"stops[{slot.ticker}]": price for slot, price in self.stops.items()}
        named |= {f"stopped[{slot.ticker}]": price for slot, price in self.stopped.items()}
        for name, number in named.items():
            # Cash may miss zero by the rounding of a purchase with all of it.
            if not -1e-9 <= number < math.inf:
                raise InputError(f"book.{name}", number, "a finite number from 0", _AGAIN)
        unknown = sorted({slot.ticker for slot in (*self.values, *self.orders)} - set(self.instruments))
        unmarked = sorted({slot.ticker for slot in self.values} - set(self.marks))
        for tickers, lack in ((unknown, "an instrument"), (unmarked, "a mark")):
            if tickers:
                raise InputError("book", f"{', '.join(tickers)} without {lack}", f"{lack} for each position", _AGAIN)
        if self.equity <= 0.0:
            raise InputError("book", f"equity {self.equity}", "an equity above 0", _AGAIN)


def _unreadable(name: str, bad: Exception) -> InputError:
    return InputError(name, f"{type(bad).__name__}: {bad}", "the document that Book.to_json writes", _AGAIN)


def _slot(document: Mapping[str, Any]) -> Slot:
    return Slot(*(str(document[name]) for name in Slot._fields))


def _day(text: Any) -> pd.Timestamp:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is not a day")
    return pd.Timestamp(text).as_unit("us")
