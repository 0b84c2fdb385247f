"""What happened to an account between two decisions: its profit by source, its trades, and how its orders fared.

The statement is made by the very steps that carry the account, so its profit is the change of equity to the last cent.
Each order of the decision before is set against its fill; where the two differ, the reason is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from bullbear.decide.book import Book
from bullbear.decide.market import Market
from bullbear.decide.policy import Slot
from bullbear.decide.step import WHEN, WHY, Fill, Step
from bullbear.wording import percent, short_date

_ALIKE = 1e-9  # weights are quotients of floats


@dataclass(frozen=True, slots=True)
class Execution:
    """An order and what became of it: fractions of equity, prices of the day.

    `wanted` is the advised weight, `reached` the weight after the fill; `close` the price at the decision, `price` that
    of the fill (None: not filled). `note` says what differs from the advice and why.
    """

    slot: Slot
    held: float
    wanted: float
    reached: float
    close: float | None
    price: float | None
    session: pd.Timestamp | None
    note: str

    def to_json(self) -> dict[str, Any]:
        """Its fields, the slot's among them."""
        own = {name: value for name, value in asdict(self).items() if name not in ("slot", "session")}
        return {**self.slot._asdict(), **own, "session": None if self.session is None else str(self.session.date())}


@dataclass(frozen=True)
class Statement:
    """The account from the decision at the close of `opened` to the next decision, before that is taken.

    `profit` by sleeve, `interest` and `costs` (negative), in units of the equity at the start; their sum is the change
    of equity.
    """

    opened: pd.Timestamp
    equity_before: float
    equity: float
    profit: Mapping[str, float]
    fills: tuple[Fill, ...]
    executions: tuple[Execution, ...]

    def to_json(self) -> dict[str, Any]:
        """The key `since` of a forecast's `account`."""
        return {
            "session": str(self.opened.date()),
            "equity": self.equity_before,
            "return": self.equity / self.equity_before - 1.0,
            "profit": {**self.profit, "total": self.equity - self.equity_before},
            "orders": [each.to_json() for each in self.executions],
            "fills": [_fill(each) for each in self.fills],
        }


def statement(before: Book, steps: Sequence[Step], market: Market) -> Statement:
    """The statement of an account that the `steps` carried on from `before`, a book of a decision."""
    fills = tuple(fill for made in steps for fill in made.fills)
    profit: dict[str, float] = {}
    for made in steps:
        for source, amount in made.profit.items():
            name = source
            for when in WHEN:
                name = name.removesuffix(f"_{when}")
            profit[name] = profit.get(name, 0.0) + amount
    after = steps[-1].book if steps else before
    held = before.held
    executions = tuple(
        _execution(slot, held.get(slot, 0.0), before, after, fills, market) for slot in sorted(before.orders)
    )
    return Statement(before.session, before.equity, after.equity, profit, fills, executions)


def _execution(slot: Slot, held: float, before: Book, after: Book, fills: Sequence[Fill], market: Market) -> Execution:
    wanted, close = before.orders[slot], _close(before, slot.ticker, market)
    own = [fill for fill in fills if fill.slot == slot]
    filled = [fill for fill in own if fill.at == "open"]
    if not filled:
        reached = 0.0 if own else held
        return Execution(slot, held, wanted, reached, close, None, None, _unfilled(slot, own, after))
    last = filled[-1]
    notes = []
    if abs(last.weight_after - wanted) > _ALIKE:
        waits = "; the rest still waits" if slot in after.orders else ""
        notes.append(f"cash allowed {percent(last.weight_after)} of the {percent(wanted)} advised{waits}")
    if close is not None and f"{last.price / close - 1.0:.1%}" not in ("0.0%", "-0.0%"):
        notes.append(f"the open was {percent(last.price / close - 1.0, signed=True)} from the close of the decision")
    if (first := market.days[_row(before.session, market) + 1]) < filled[0].session:
        notes.append(f"no open on {short_date(first)}")
    notes += [f"a stop sold it on {short_date(fill.session)}" for fill in own if fill.at == "stop"]
    return Execution(
        slot, held, wanted, last.weight_after, close, last.price, last.session, "; ".join(notes) or "as advised"
    )


def _unfilled(slot: Slot, own: Sequence[Fill], after: Book) -> str:
    for fill in own:
        return f"{'a stop sold it' if fill.at == 'stop' else 'it expired'} on {short_date(fill.session)} before an open"
    if slot in after.orders:
        return "not filled: no open, or no cash while a sale waits for one"
    return "not filled: no cash"


def _row(session: pd.Timestamp, market: Market) -> int:
    return int(market.sessions.searchsorted(session, side="right")) - 1


def _close(book: Book, ticker: str, market: Market) -> float | None:
    """The price of the day at the close of the book's session."""
    row = _row(book.session, market)
    if row < 0 or ticker not in book.instruments:
        return None
    price = book.instruments[ticker].mark(market, row, "close")
    if ticker in market.bars:
        price *= market.bars[ticker].unit[row]
    return price if price > 0.0 else None


def _fill(fill: Fill) -> dict[str, Any]:
    return {
        **fill.slot._asdict(),
        "why": WHY[fill.at],
        "session": str(fill.session.date()),
        "price": fill.price,
        "weight_before": fill.weight_before,
        "weight_after": fill.weight_after,
        "value": fill.value,
        "cost": fill.cost,
    }
