"""A paper account: walks sessions one by one, executes orders at opens, marks at closes, and loses no cent.

Per session, in this order (`step`): overnight (interest on the cash held, holdings from the last close to the open),
orders of an earlier close at the open with their costs, intraday (open to close); then at the close the next decision.
Holdings are carried in total-return units, so a dividend is reinvested on its ex-date. Profit is booked where it
arises; the sum of all bookings is the change of equity.

An order for a fund that has no open waits for one, or for the next decision, which replaces it. At one open sales come
before purchases, and purchases share the cash that is there: cash never falls below zero and weights never pass one.
What a purchase lacked cash for waits as long as another order does, which may be the sale that brings it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from bullbear.decide.book import Book, Mark
from bullbear.decide.instruments import CASH, instrument
from bullbear.decide.market import Market
from bullbear.sessions import closes, opens

Decider = Callable[[int, Book], Book]
"""(row, book at its close) -> the book with the orders of a decision, or as it was where nothing is decided."""

Leg = Literal["bull", "bear"]
BOOKINGS = ("bull_overnight", "bull_intraday", "bear_overnight", "bear_intraday", "interest", "costs")
_DAILY = ("equity", "bull_weight", "bear_weight", "cash_weight", "exposure", "cash_return", "turnover", *BOOKINGS)
_ROUNDING = 1e-12  # of equity: a purchase with all cash may miss it by this much and is not cut


@dataclass(frozen=True)
class Account:
    """What happened.

    `daily`, by session (`event_date`): `equity` at the close (starts at 1), `bull_weight`, `bear_weight` (all funds
    with a positive and with a negative multiple), `cash_weight` at the close, `exposure` (sum of weight times index
    multiple), `cash_return` (what a unit of cash earned since the last close), `turnover` (sum of absolute weight
    changes), and the bookings `bull_overnight`, `bull_intraday`, `bear_overnight`, `bear_intraday`, `interest`,
    `costs` (negative) in units of starting equity.

    `trades`: ticker, decided_at, executed_at, weight_before, weight_after, weight_change, price (raw open), value
    (signed, in units of starting equity), cost.
    """

    daily: pd.DataFrame
    trades: pd.DataFrame
    bull_ticker: str
    bear_ticker: str

    @property
    def equity(self) -> pd.Series:
        """Equity at each close."""
        return self.daily["equity"]

    @property
    def positions(self) -> pd.DataFrame:
        """Weights at each close, by ticker, with cash."""
        names = {"bull_weight": self.bull_ticker, "bear_weight": self.bear_ticker, "cash_weight": CASH}
        return self.daily[list(names)].rename(columns=names)

    @property
    def attribution(self) -> dict[str, float]:
        """Arithmetic profit by source, in units of starting equity: bull + bear + interest + costs = total."""
        sums = {name: float(self.daily[name].sum()) for name in BOOKINGS}
        bull, bear = sums["bull_overnight"] + sums["bull_intraday"], sums["bear_overnight"] + sums["bear_intraday"]
        total = bull + bear + sums["interest"] + sums["costs"]
        return {"bull": bull, "bear": bear, **sums, "total": total}


@dataclass(frozen=True, slots=True)
class Fill:
    """An order executed at an open; weights are fractions of the equity before and after all trades of that open."""

    ticker: str
    decided_on: pd.Timestamp
    session: pd.Timestamp
    weight_before: float
    weight_after: float
    price: float
    value: float
    cost: float


@dataclass(frozen=True)
class Step:
    """One session of an account: the book at its close, its profit by source, its trades."""

    book: Book
    bookings: Mapping[str, float]
    cash_return: float
    fills: tuple[Fill, ...]


def step(book: Book, market: Market, row: int, rate: float, cost_rates: Mapping[str, float]) -> Step:
    """Carry `book` to the close of session number `row`, without a decision there.

    Parameters
    ----------
    rate : yield known at the close of `book.session`, fraction a year; earned over actual days / 365
    cost_rates : per ticker, cost as a fraction of the value traded
    """
    session = market.days[row]
    pnl = dict.fromkeys(BOOKINGS, 0.0)
    cash_return = rate * (session - book.session).days / 365.0
    pnl["interest"] = book.cash * cash_return
    cash = book.cash + pnl["interest"]
    values, marks = dict(book.values), dict(book.marks)
    _mark(market, row, "open", values, marks, pnl)
    now = replace(book, session=session, cash=cash, values=values, marks=marks)
    now, fills = _fill(now, market, row, cost_rates)
    pnl["costs"] = -sum(fill.cost for fill in fills)
    values, marks = dict(now.values), dict(now.marks)
    _mark(market, row, "close", values, marks, pnl)
    return Step(replace(now, values=values, marks=marks), pnl, cash_return, fills)


def leg(ticker: str) -> Leg:
    """Whose fund it is: the Bear's where the multiple is negative, else the Bull's."""
    return "bear" if instrument(ticker).multiple < 0 else "bull"


def walk(
    market: Market,
    first: int,
    last: int,
    decide: Decider,
    *,
    bull_ticker: str,
    bear_ticker: str,
    rates: Sequence[float],
    cost_rates: Mapping[str, float],
) -> tuple[Account, Book]:
    """Run an account of 1 from the close of row `first` to the close of row `last`.

    Parameters
    ----------
    rates : yield known at each row's close from `first` on, fraction a year
    cost_rates : per ticker, cost as a fraction of the value traded

    Returns
    -------
    What happened, and the book at the last close.
    """
    book = Book(session=market.days[first])
    daily: list[tuple[float, ...]] = []
    fills: list[Fill] = []
    for row in range(first, last + 1):
        done = Step(book, dict.fromkeys(BOOKINGS, 0.0), 0.0, ())
        if row > first:
            done = step(book, market, row, rates[row - first - 1], cost_rates)
        book, weights = done.book, done.book.weights
        by_leg = {"bull": 0.0, "bear": 0.0}
        for t in sorted(weights):
            by_leg[leg(t)] += weights[t]
        exposure = sum(weights[t] * instrument(t).multiple for t in sorted(weights))
        turnover = sum(abs(fill.weight_after - fill.weight_before) for fill in done.fills)
        daily.append(
            (book.equity, by_leg["bull"], by_leg["bear"], book.cash / book.equity, exposure, done.cash_return, turnover,
             *done.bookings.values())
        )  # fmt: skip
        fills += done.fills
        book = decide(row, book)
    index = market.sessions[first : last + 1].rename("event_date")
    frame = pd.DataFrame(daily, columns=list(_DAILY), index=index)
    return Account(frame, _trades(fills), bull_ticker, bear_ticker), book


def _mark(
    market: Market,
    row: int,
    at: Literal["open", "close"],
    values: dict[str, float],
    marks: dict[str, Mark],
    pnl: dict[str, float],
) -> None:
    """Bring values and marks to the row's prices where there are any, and book the difference."""
    when = "overnight" if at == "open" else "intraday"
    for t in sorted(market.funds):
        fund = market.funds[t]
        price = (fund.open if at == "open" else fund.close)[row]
        if price != price:
            continue
        if t in values:
            moved = values[t] * (price / marks[t].price - 1.0)
            values[t] += moved
            pnl[f"{leg(t)}_{when}"] += moved
        marks[t] = Mark(market.days[row], price)


def _fill(book: Book, market: Market, row: int, cost_rates: Mapping[str, float]) -> tuple[Book, tuple[Fill, ...]]:
    """Execute what can be executed at the row's open."""
    funds, day = market.funds, book.session
    targets = {
        t: book.orders[t] for t in sorted(book.orders) if t in funds and funds[t].open[row] == funds[t].open[row]
    }
    if not targets:
        return book, ()
    equity, values = book.equity, dict(book.values)
    held = {t: values.get(t, 0.0) for t in targets}
    after, short = _after_trade(equity, book.cash, held, targets, cost_rates)
    costs = {t: cost_rates[t] * abs(after[t] - held[t]) for t in targets}
    paid, cash = sum(costs.values()), book.cash
    fills = []
    for t, target in targets.items():
        value = after[t] - held[t]
        cash -= value + costs[t]
        if after[t] > 0.0:
            values[t] = after[t]
        else:
            values.pop(t, None)
        if value == 0.0 and t in short:
            continue
        reached = after[t] / (equity - paid) if t in short else target
        decided = day if book.decided_on is None else book.decided_on
        fills.append(
            Fill(t, decided, day, held[t] / equity, reached, funds[t].raw_open[row], value, costs[t])
        )  # fmt: skip
    waiting = {t: weight for t, weight in book.orders.items() if t not in targets}
    if waiting:  # one of them may be the sale that brings the cash
        waiting |= {t: targets[t] for t in targets if t in short}
    return replace(book, cash=cash, values=values, orders=waiting), tuple(fills)


def _after_trade(
    equity: float,
    cash: float,
    held: Mapping[str, float],
    targets: Mapping[str, float],
    cost_rates: Mapping[str, float],
) -> tuple[dict[str, float], frozenset[str]]:
    """Values after the trade, such that each target is met *after* costs are paid; and what lacked the cash for it.

    Solves C = sum_k c_k |w_k (E - C) - v_k| by iteration, a contraction with factor of the size of c. Where the
    purchases would take more than the cash held and the proceeds of the sales, all are cut by one factor.
    """
    paid = 0.0
    after: dict[str, float] = {}
    for _ in range(50):
        after = {t: weight * (equity - paid) for t, weight in targets.items()}
        total = sum(cost_rates[t] * abs(after[t] - held[t]) for t in targets)
        if abs(total - paid) <= 1e-17 * equity:
            break
        paid = total
    bought = [t for t in targets if after[t] > held[t]]
    proceeds = sum((held[t] - after[t]) * (1.0 - cost_rates[t]) for t in targets if t not in bought)
    free = max(0.0, cash + proceeds)
    needed = sum((after[t] - held[t]) * (1.0 + cost_rates[t]) for t in bought)
    if needed <= free + _ROUNDING * equity:
        return after, frozenset()
    cut = free / needed
    return {t: held[t] + cut * (after[t] - held[t]) if t in bought else after[t] for t in targets}, frozenset(bought)


def _trades(fills: Sequence[Fill]) -> pd.DataFrame:
    days = {
        name: pd.DatetimeIndex([getattr(fill, name) for fill in fills]).as_unit("us")
        for name in ("decided_on", "session")
    }
    return pd.DataFrame(
        {
            "ticker": [fill.ticker for fill in fills],
            "decided_at": closes(days["decided_on"]),
            "executed_at": opens(days["session"]),
            "weight_before": [fill.weight_before for fill in fills],
            "weight_after": [fill.weight_after for fill in fills],
            "weight_change": [fill.weight_after - fill.weight_before for fill in fills],
            "price": [fill.price for fill in fills],
            "value": [fill.value for fill in fills],
            "cost": [fill.cost for fill in fills],
        }
    )
