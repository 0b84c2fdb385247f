"""One session of a book: orders are executed at its open, positions marked to its close, and no cent is lost.

In this order (`step`): overnight (interest on the cash held, positions from the last close to the open), orders of an
earlier close at the open with their costs, resting stops, intraday (open to close), payment of what has expired.
Positions are carried in total-return units, so a dividend is reinvested on its ex-date. Profit is booked by sleeve
where it arises; the sum of all bookings is the change of equity.

An order for an instrument without an open waits for one, or for the next decision, which replaces it. A price of zero
at an open is none; one at a close ends the position. At one open sales come before purchases, and purchases share the
cash that no margin binds: cash never falls below zero and weights never pass one. What a purchase lacked cash for waits
as long as another order does, which may be the sale that brings it. Orders of several sleeves for one instrument are
netted: only the difference is traded and pays.

A resting stop sells all that its slot holds, what was bought at this very open included: a bar does not tell which of
its prices came first, so the worst order is assumed. An open at or below the stop fills there; else the stop itself,
if the low reaches it. Without an open a touched stop fills at the low, without a low at a close at or below the stop.
Orders that still wait for the slot lapse. A stop in total-return prices gives way by each dividend, as brokers reduce
resting sell stops on the ex-date (FINRA Rule 5330).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from bullbear.decide.book import Book, Mark
from bullbear.decide.instruments import At
from bullbear.decide.market import Market
from bullbear.decide.policy import Slot

WHEN = ("overnight", "intraday")
"""The two parts of a session, as bookings name them."""
WHY = {"open": "order", "stop": "stop", "close": "expiry"}
"""What a fill is the execution of, by its `at`."""
ROUNDING = 1e-12  # of equity: a purchase with all cash may miss it by this much and is not cut


@dataclass(frozen=True, slots=True)
class Fill:
    """A slot's trade; weights are fractions of the equity before and after all trades of that moment.

    `at` is the open for an order, "stop" for a resting stop and the close for what is paid out. The equity at a stop is
    that of all else at its last price before.
    """

    slot: Slot
    decided_on: pd.Timestamp
    session: pd.Timestamp
    at: Literal["open", "stop", "close"]
    weight_before: float
    weight_after: float
    price: float
    value: float
    cost: float


@dataclass(frozen=True)
class Step:
    """One session of an account: the book at its close, its profit by source, its trades.

    `profit` has the keys `SLEEVE_overnight` and `SLEEVE_intraday` of what was held, `interest` and `costs`.
    """

    book: Book
    profit: Mapping[str, float]
    cash_return: float
    fills: tuple[Fill, ...]


def step(book: Book, market: Market, row: int) -> Step:
    """Carry `book` from the close of the session before to that of session number `row`, without a decision there.

    Cash earns the yield that was known at the close before, over actual days / 365.
    """
    session = market.days[row]
    rate = market.rates[row - 1] if row else 0.0
    cash_return = rate * (session - book.session).days / 365.0
    profit = {"interest": book.cash * cash_return}
    cash = book.cash + profit["interest"]
    values, prices = dict(book.values), {t: mark.price for t, mark in book.marks.items()}
    seen: dict[str, None] = {}  # tickers with a price on this session
    names = sorted({*book.instruments, *book.marks})
    _mark(book, market, row, "open", names, values, prices, seen, profit)
    orders: Mapping[Slot, float] = {}
    fills: tuple[Fill, ...] = ()
    if book.orders:
        cash, values, orders, fills = _fill(replace(book, session=session, cash=cash, values=values), market, row)
    stops, stopped = book.stops, book.stopped
    if stops:
        cash, hit = _stopped(book, market, row, cash, values, prices, profit)
        if hit:
            sold = {fill.slot: price for price, fill in hit}
            fills = (*fills, *(fill for _, fill in hit))
            stops = {slot: level for slot, level in stops.items() if slot not in sold}
            stopped = {**stopped, **sold}
            orders = {slot: weight for slot, weight in orders.items() if slot not in sold}
    profit["costs"] = -sum([fill.cost for fill in fills])
    _mark(book, market, row, "close", names, values, prices, seen, profit)
    marks = {**book.marks, **{t: Mark(session, prices[t]) for t in seen}}
    at_close = book.at(session, cash, values, marks, orders, stops, stopped)
    over = _over(at_close)
    if not over:
        return Step(at_close, profit, cash_return, fills)
    paid_out, ended = _paid_out(at_close, over)
    return Step(paid_out, profit, cash_return, (*fills, *ended))


def _mark(
    book: Book,
    market: Market,
    row: int,
    at: At,
    names: Sequence[str],
    values: dict[Slot, float],
    prices: dict[str, float],
    seen: dict[str, None],
    profit: dict[str, float],
) -> None:
    """Bring values and prices to those of the row where there are any, and book the difference."""
    when = WHEN[at == "close"]
    moves: dict[str, float] = {}
    for t in names:
        if t in book.instruments:
            price = book.instruments[t].mark(market, row, at)
        else:  # only remembered, by the level of a policy
            price = getattr(market.bars[t], at)[row] if t in market.bars else float("nan")
        if price != price or (price == 0.0 and at == "open"):
            continue
        if prices.get(t):  # what was worth nothing has no return
            moves[t] = price / prices[t] - 1.0
        prices[t] = price
        seen[t] = None
    for slot in sorted(values):
        if slot.ticker in moves:
            moved = values[slot] * moves[slot.ticker]
            values[slot] += moved
            name = f"{slot.sleeve}_{when}"
            profit[name] = profit.get(name, 0.0) + moved


def _stopped(
    book: Book,
    market: Market,
    row: int,
    cash: float,
    values: dict[Slot, float],
    prices: Mapping[str, float],
    profit: dict[str, float],
) -> tuple[float, list[tuple[float, Fill]]]:
    """Sell what a resting stop sells in the row's session: the cash after it, and each trade with its price."""
    hit: list[tuple[float, Fill]] = []
    for slot in sorted(book.stops):
        if slot not in values:
            continue
        t, instrument = slot.ticker, book.instruments[slot.ticker]
        opened = instrument.mark(market, row, "open")
        price = stop_price(book.stops[slot], opened, instrument.low(market, row), instrument.mark(market, row, "close"))
        if price is None:
            continue
        held = values.pop(slot)
        value = held * (price / prices[t])
        name = f"{slot.sleeve}_intraday"
        profit[name] = profit.get(name, 0.0) + (value - held)
        cost = 0.0 if market.free_of_costs else instrument.cost(-value, market, row) * value
        equity = cash + value + sum([values[each] for each in sorted(values)])
        cash += value - cost
        decided = book.session if book.decided_on is None else book.decided_on
        shown = price * market.bars[t].unit[row] if t in market.bars else price
        hit.append((price, Fill(slot, decided, market.days[row], "stop", value / equity, 0.0, shown, -value, cost)))
    return cash, hit


def stop_price(stop: float, opened: float, low: float, close: float) -> float | None:
    """The price at which a resting sell stop fills in a bar; None where it does not. NaN is unknown, 0 no price.

    >>> [stop_price(95.0, opened, low, 97.0) for opened, low in ((94.0, 92.0), (98.0, 92.0), (98.0, 96.0))]
    [94.0, 95.0, None]
    """
    if 0.0 < opened <= stop:
        return opened
    if 0.0 < low <= stop:
        return stop if opened > 0.0 else low
    return close if 0.0 < close <= stop else None


def _over(book: Book) -> set[str]:
    """The tickers that have expired or are worth nothing at the close."""
    over = {t for t in book.instruments if t in book.marks and book.marks[t].price == 0.0}
    for t, instrument in book.instruments.items():
        expiry = instrument.expiry
        if expiry is not None and expiry <= book.session.date():
            over.add(t)
    return over


def _paid_out(book: Book, over: set[str]) -> tuple[Book, tuple[Fill, ...]]:
    """The book after what is over was paid out, and those trades; orders for it lapse."""
    equity, cash, values, fills = book.equity, book.cash, dict(book.values), []
    for slot in sorted(book.values):
        if slot.ticker in over:
            value = values.pop(slot)
            cash += value
            decided = book.session if book.decided_on is None else book.decided_on
            fills.append(
                Fill(
                    slot,
                    decided,
                    book.session,
                    "close",
                    value / equity,
                    0.0,
                    book.marks[slot.ticker].price,
                    -value,
                    0.0,
                )
            )
    return replace(
        book,
        cash=cash,
        values=values,
        orders={slot: weight for slot, weight in book.orders.items() if slot.ticker not in over},
        instruments={t: each for t, each in book.instruments.items() if t not in over},
        marks={t: mark for t, mark in book.marks.items() if t not in over},
        stops={slot: level for slot, level in book.stops.items() if slot.ticker not in over},
    ), tuple(fills)


def _fill(
    book: Book, market: Market, row: int
) -> tuple[float, dict[Slot, float], Mapping[Slot, float], tuple[Fill, ...]]:
    """Execute what can be executed at the row's open: cash, values and orders after it, and the trades."""
    prices = {t: book.instruments[t].mark(market, row, "open") for t in {slot.ticker for slot in book.orders}}
    targets = {slot: book.orders[slot] for slot in sorted(book.orders) if prices[slot.ticker] > 0.0}  # not if NaN
    equity, values, cash = book.equity, dict(book.values), book.cash
    if not targets:
        return cash, values, book.orders, ()
    held = {slot: values.get(slot, 0.0) for slot in targets}
    trade = _trade(book, market, row, held, targets)
    decided = book.session if book.decided_on is None else book.decided_on
    fills = []
    for slot, target in targets.items():
        t, value, cost = slot.ticker, trade.after[slot] - held[slot], trade.costs[slot]
        cash -= value + cost
        if trade.after[slot] > 0.0:
            values[slot] = trade.after[slot]
        else:
            values.pop(slot, None)
        if value == 0.0 and t in trade.short:
            continue
        reached = trade.after[slot] / (equity - trade.paid) if t in trade.short else target
        raw = market.bars[t].raw_open[row] if t in market.bars else prices[t]
        fills.append(Fill(slot, decided, book.session, "open", held[slot] / equity, reached, raw, value, cost))
    waiting = {slot: weight for slot, weight in book.orders.items() if slot not in targets}
    if waiting:  # one of them may be the sale that brings the cash
        waiting |= {slot: weight for slot, weight in targets.items() if slot.ticker in trade.short}
    return cash, values, waiting, tuple(fills)


@dataclass(frozen=True)
class _Trade:
    """Values and costs by slot after the trades of one open, their sum, and the tickers that lacked cash."""

    after: Mapping[Slot, float]
    costs: Mapping[Slot, float]
    paid: float
    short: frozenset[str]


def _trade(book: Book, market: Market, row: int, held: Mapping[Slot, float], targets: Mapping[Slot, float]) -> _Trade:
    """Meet each target after costs are paid, as far as the cash goes.

    Solves C = sum_k c_k |w_k (E - C) - v_k| over tickers by iteration, a contraction with factor of the size of c.
    Where the purchases would take more than the free cash and the proceeds of the sales, all are cut by one factor.
    """
    equity, slots = book.equity, _by_ticker(targets)
    funds = {t: book.instruments[t] for t in slots}
    before = {t: sum(held[slot] for slot in each) for t, each in slots.items()}
    weights = {t: sum(targets[slot] for slot in each) for t, each in slots.items()}
    paid, after, rates = 0.0, before, dict.fromkeys(slots, 0.0)
    for _ in range(50):
        after = {t: weight * (equity - paid) for t, weight in weights.items()}
        if not market.free_of_costs:
            rates = {t: funds[t].cost(after[t] - before[t], market, row) for t in slots}
        total = sum(rates[t] * abs(after[t] - before[t]) for t in slots)
        if abs(total - paid) <= 1e-17 * equity:
            break
        paid = total
    bought = [t for t in slots if after[t] > before[t]]
    bound = sum(
        book.instruments[slot.ticker].margin(value) for slot, value in book.values.items() if slot.ticker not in slots
    )
    bound += sum(funds[t].margin(before[t] if t in bought else after[t]) for t in slots)
    proceeds = sum((before[t] - after[t]) * (1.0 - rates[t]) for t in slots if t not in bought)
    free = max(0.0, book.cash + proceeds - bound)
    needed = sum(
        (after[t] - before[t]) * (1.0 + rates[t]) + funds[t].margin(after[t]) - funds[t].margin(before[t])
        for t in bought
    )
    short: frozenset[str] = frozenset()
    if needed > free + ROUNDING * equity:
        cut, short = free / needed, frozenset(bought)
        after = {t: before[t] + cut * (after[t] - before[t]) if t in short else after[t] for t in slots}
    by_slot: dict[Slot, float] = {}
    costs: dict[Slot, float] = {}
    for t, own in slots.items():
        wanted = {slot: targets[slot] * (equity - paid) for slot in own}
        by_slot |= {own[0]: after[t]} if len(own) == 1 else _shared(wanted, held, after[t] if t in short else None)
        cost = rates[t] * abs(after[t] - before[t])
        changes = {slot: abs(by_slot[slot] - held[slot]) for slot in own}
        moved = sum(changes.values())
        costs |= {slot: cost * (change / moved) if moved else 0.0 for slot, change in changes.items()}
    return _Trade(by_slot, costs, sum(costs.values()), short)


def _by_ticker(slots: Mapping[Slot, float]) -> dict[str, tuple[Slot, ...]]:
    found: dict[str, tuple[Slot, ...]] = {}
    for slot in slots:
        found[slot.ticker] = (*found.get(slot.ticker, ()), slot)
    return found


def _shared(wanted: Mapping[Slot, float], held: Mapping[Slot, float], after: float | None) -> dict[Slot, float]:
    """What each sleeve holds of one ticker: what it wants or, if only `after` is there, buyers their share of it."""
    if after is None:
        return dict(wanted)
    buyers = [slot for slot in wanted if wanted[slot] > held[slot]]
    kept = {slot: held[slot] if slot in buyers else value for slot, value in wanted.items()}
    share = (after - sum(kept.values())) / sum(wanted[slot] - held[slot] for slot in buyers)
    return {slot: kept[slot] + (share * (wanted[slot] - held[slot]) if slot in buyers else 0.0) for slot in wanted}
