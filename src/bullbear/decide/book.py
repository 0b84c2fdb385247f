"""What an account holds after a session: cash, positions, waiting orders and stop levels, as one value.

A `Book` is all that the account remembers. A session turns one book into the next (`account.step`), a decision adds
orders and levels (`Book.ordered`), and JSON keeps every float to its last bit; so an account can be put down after one
close and taken up at a later one. Everything is in units that neither a split nor a dividend changes: values are
fractions of the equity at the start, marks and levels are total-return prices (`adj_close`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import pandas as pd

from bullbear.decide.instruments import CASH, instrument
from bullbear.decide.market import Market
from bullbear.decide.policy import Level, Stance, Tier
from bullbear.errors import InputError


@dataclass(frozen=True, slots=True)
class Mark:
    """The last total-return price seen of a fund, and its session (`event_date`)."""

    session: pd.Timestamp
    price: float


@dataclass(frozen=True)
class Book:
    """The account after the close of `session`, and after that close's decision if there was one.

    `values` are in units of the equity at the start, without tickers that are not held; `orders` are target weights
    that wait for an open, decided at the close of `decided_on`; `levels` are the exit and re-entry levels of the last
    decision, `tier` the Bear's tier, and `bull` and `bear` the funds of the policy that decided.
    """

    session: pd.Timestamp
    cash: float = 1.0
    values: Mapping[str, float] = field(default_factory=dict)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    orders: Mapping[str, float] = field(default_factory=dict)
    decided_on: pd.Timestamp | None = None
    levels: Mapping[str, Level] = field(default_factory=dict)
    tier: Tier = Tier.NONE
    bull: str = ""
    bear: str = ""

    @property
    def equity(self) -> float:
        """Cash and values, in units of the equity at the start."""
        # In the order of the names: the sum must not depend on what was bought first.
        return self.cash + sum(self.values[t] for t in sorted(self.values))

    @property
    def weights(self) -> dict[str, float]:
        """Fractions of equity by ticker, without cash."""
        equity = self.equity
        return {t: value / equity for t, value in self.values.items()}

    @property
    def tickers(self) -> tuple[str, ...]:
        """Every fund that the book knows of: held, ordered or with a level."""
        return tuple(sorted({*self.values, *self.orders, *self.levels}))

    def ordered(self, targets: Mapping[str, float]) -> Book:
        """With orders to the `targets` of a decision at this close, replacing all that still wait.

        A ticker that is held and has no target is sold.
        """
        held = self.weights
        wanted = {t: targets.get(t, 0.0) for t in sorted({*targets, *held} - {CASH})}
        orders = {t: weight for t, weight in wanted.items() if weight != held.get(t, 0.0)}
        return replace(self, orders=orders, decided_on=self.session)

    def followed(self, stance: Stance) -> Book:
        """With the orders, levels, tier and funds of a stance taken at this close."""
        orders = self.ordered(stance.positions).orders
        kept = {*self.values, *stance.levels}
        return replace(
            self,
            marks={t: mark for t, mark in self.marks.items() if t in kept},
            orders=orders,
            decided_on=self.session,
            levels=stance.levels,
            tier=stance.tier,
            bull=stance.bull_fund,
            bear=stance.bear_fund,
        )

    def in_prices_of(self, market: Market) -> Book:
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
        levels = {t: each.scaled(scales.get(t, 1.0)) for t, each in self.levels.items()}
        return replace(self, marks=marks, levels=levels)

    def to_json(self) -> dict[str, Any]:
        """A document of plain values; `from_json` gives back the same book to the last bit."""
        return {
            "session": str(self.session.date()),
            "equity": self.equity,
            "cash": self.cash,
            "values": dict(self.values),
            "marks": {t: {"session": str(m.session.date()), "price": m.price} for t, m in self.marks.items()},
            "orders": dict(self.orders),
            "decided_on": None if self.decided_on is None else str(self.decided_on.date()),
            "levels": {t: asdict(each) for t, each in self.levels.items()},
            "tier": int(self.tier),
            "bull": self.bull,
            "bear": self.bear,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The book that `to_json` wrote.

        Raises
        ------
        InputError
            A key is missing, a number is not finite or is negative, or a fund is unknown.
        """
        try:
            decided = document["decided_on"]
            book = cls(
                session=_day(document["session"]),
                cash=float(document["cash"]),
                values={str(t): float(v) for t, v in document["values"].items()},
                marks={str(t): Mark(_day(m["session"]), float(m["price"])) for t, m in document["marks"].items()},
                orders={str(t): float(w) for t, w in document["orders"].items()},
                decided_on=None if decided is None else _day(decided),
                levels={str(t): _level(each) for t, each in document["levels"].items()},
                tier=Tier(document["tier"]),
                bull=str(document["bull"]),
                bear=str(document["bear"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as bad:
            raise InputError(
                "book", f"{type(bad).__name__}: {bad}", "the document that Book.to_json writes", "start a new account"
            ) from bad
        book._check()
        return book

    def _check(self) -> None:
        named = {"cash": self.cash, **{f"values[{t}]": v for t, v in self.values.items()}}
        named |= {f"marks[{t}]": mark.price for t, mark in self.marks.items()}
        named |= {f"orders[{t}]": weight for t, weight in self.orders.items()}
        named |= {f"levels[{t}]": each.level for t, each in self.levels.items()}
        named |= {
            f"levels[{t}].sold_below": each.sold_below for t, each in self.levels.items() if each.sold_below is not None
        }
        for name, number in named.items():
            # Cash may miss zero by the rounding of a purchase with all of it.
            if not -1e-9 <= number < math.inf:
                raise InputError(f"book.{name}", number, "a finite number from 0", "start a new account")
        for t in self.tickers:
            instrument(t)
        unmarked = sorted(set(self.values) - set(self.marks))
        if unmarked or self.equity <= 0.0:
            value = f"{', '.join(unmarked)} without a mark" if unmarked else f"equity {self.equity}"
            raise InputError("book", value, "a mark for each fund held and an equity above 0", "start a new account")


def _day(text: Any) -> pd.Timestamp:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no day")
    return pd.Timestamp(text).as_unit("us")


def _level(document: Mapping[str, Any]) -> Level:
    side = document["side"]
    if side not in ("exit", "reentry"):
        raise ValueError(f"{side!r} is neither exit nor reentry")
    sold_below = document["sold_below"]
    return Level(side, float(document["level"]), None if sold_below is None else float(sold_below))
