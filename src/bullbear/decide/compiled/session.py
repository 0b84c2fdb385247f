"""The account of `decide.step`, compiled: one session after the other over arrays.

The same rules in the same order of operations, for funds: interest, positions to the open, orders (sales first,
purchases as far as the cash goes, the rest waits), resting stops, positions to the close. `decide.step` is the
reference and explains them; tests hold both together.

Arrays are few and indexed by constants, since a compiled call pays for each array that it passes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bullbear.decide import step
from bullbear.decide.compiled.machine_code import compiled, register
from bullbear.decide.compiled.tables import BASE, CLOSE, IMPACT, LOW, OPEN, Ints, Tables
from bullbear.decide.market import Floats
from bullbear.decide.step import ROUNDING, stop_price

BOOK = 14
"""Rows of the book, an array (BOOK, n_slots) changed in place; NaN is none.

By slot: what it holds, its waiting order, its resting stop, the price at which that sold, and at this open what it gets
and pays. By ticker: the last price, and at this open the value before, the target, the value after, the cost of a unit,
whether cash lacked; the change of weight in this session. The last row: cash, and the row of the last decision.
"""
VALUE, ORDER, STOP, STOPPED, GOT, PART, PRICE, BEFORE, WEIGHT, AFTER, RATE, SHORT, CHANGE, MONEY = range(BOOK)

DAY = 5
"""Columns of the log by session, (n_sessions, DAY)."""
EQUITY, CASH, INTEREST, COSTS, TURNOVER = range(DAY)

SLOT = 3
"""Rows of the log by session and slot, (n_sessions, SLOT, n_slots)."""
HELD, OVERNIGHT, INTRADAY = range(SLOT)

FILL = 9
"""Columns of the trades: row, row of the decision, slot, 0 order 1 stop 2 over, weights, price, value, cost."""

Log = tuple[Floats, Floats, Floats, Ints]
"""By session, by session and slot, the trades, and how many of them there are, (1,)."""


def new_book(n_slots: int) -> Floats:
    """An account of 1 in cash."""
    book = np.full((BOOK, max(n_slots, 2)), np.nan)
    book[VALUE] = 0.0
    book[MONEY, 0] = 1.0
    return book


def new_log(n_sessions: int, n_slots: int) -> Log:
    """Room for the sessions of an account."""
    return (
        np.zeros((n_sessions, DAY)),
        np.zeros((n_sessions, SLOT, n_slots)),
        np.empty((3 * n_sessions * n_slots, FILL)),  # at most an order, a stop and an end each
        np.zeros(1, dtype=np.int64),
    )


def equity_of(book: Floats, n_slots: int) -> float:
    """Cash and values."""
    total = 0.0
    for slot in range(n_slots):
        total += book[VALUE, slot]
    return float(book[MONEY, 0] + total)


def order(book: Floats, row: int, slot: int, weight: float, target: float, stop: float) -> None:
    """The decision at the close of `row` for a slot that holds the fraction `weight`; see `Book.ordered`."""
    book[ORDER, slot] = target if target != weight else math.nan
    book[STOP, slot] = stop if weight > 0.0 or target > 0.0 else math.nan
    book[STOPPED, slot] = math.nan
    book[MONEY, 1] = row


def session(tables: Tables, book: Floats, log: Log, row: int, at: int) -> None:
    """Carry the account from the close of `row - 1` to that of `row`; what happened goes to row `at` of the log."""
    bars, ticker_of = tables.bars, tables.ticker_of
    by_day, by_slot = log[0], log[1]
    n_slots, n_tickers = len(ticker_of), bars.shape[2]
    interest = book[MONEY, 0] * tables.cash_return[row]
    book[MONEY, 0] += interest
    by_day[at, INTEREST] = interest
    waiting = stops = over = False
    for slot in range(n_slots):
        ticker = ticker_of[slot]
        price = bars[row, OPEN, ticker]
        if price > 0.0 and book[VALUE, slot] > 0.0:  # false for NaN
            moved = book[VALUE, slot] * (price / book[PRICE, ticker] - 1.0)
            book[VALUE, slot] += moved
            by_slot[at, OVERNIGHT, slot] = moved
        waiting = waiting or book[ORDER, slot] == book[ORDER, slot]
        stops = stops or book[STOP, slot] == book[STOP, slot]
    for ticker in range(n_tickers):
        book[CHANGE, ticker] = 0.0
        if bars[row, OPEN, ticker] > 0.0:
            book[PRICE, ticker] = bars[row, OPEN, ticker]
    if waiting:
        _fill(tables, book, log, row, at)
    if stops:
        for slot in range(n_slots):
            if book[VALUE, slot] > 0.0 and book[STOP, slot] == book[STOP, slot]:
                _stop(tables, book, log, row, at, slot)
    for slot in range(n_slots):
        ticker = ticker_of[slot]
        price = bars[row, CLOSE, ticker]
        if price == price and book[VALUE, slot] > 0.0:
            moved = book[VALUE, slot] * (price / book[PRICE, ticker] - 1.0)
            book[VALUE, slot] += moved
            by_slot[at, INTRADAY, slot] += moved
            if price == 0.0:
                _record(book, log, row, slot, 2, 0.0, 0.0, 0.0, 0.0, 0.0)
                book[VALUE, slot] = 0.0
        over = over or price == 0.0
    turnover = 0.0
    for ticker in range(n_tickers):
        turnover += abs(book[CHANGE, ticker])
        if bars[row, CLOSE, ticker] == bars[row, CLOSE, ticker]:
            book[PRICE, ticker] = bars[row, CLOSE, ticker]
    by_day[at, TURNOVER] = turnover
    if over:  # what is worth nothing at a close is over, and its orders lapse
        for slot in range(n_slots):
            if book[PRICE, ticker_of[slot]] == 0.0:
                book[ORDER, slot] = math.nan
    at_close(book, log, at, n_slots)


def at_close(book: Floats, log: Log, at: int, n_slots: int) -> None:
    """Write what is held at a close."""
    log[0][at, EQUITY] = equity_of(book, n_slots)
    log[0][at, CASH] = book[MONEY, 0]
    for slot in range(n_slots):
        log[1][at, HELD, slot] = book[VALUE, slot]


def _fill(tables: Tables, book: Floats, log: Log, row: int, at: int) -> None:
    """Execute what can be executed at the open; see `step._fill` and `step._trade`."""
    bars, ticker_of = tables.bars, tables.ticker_of
    n_slots, n_tickers = len(ticker_of), bars.shape[2]
    for ticker in range(n_tickers):
        book[BEFORE, ticker] = book[WEIGHT, ticker] = book[SHORT, ticker] = 0.0
    some = left = False
    for slot in range(n_slots):
        ticker = ticker_of[slot]
        if book[ORDER, slot] == book[ORDER, slot]:
            if bars[row, OPEN, ticker] > 0.0:
                some = True
                book[BEFORE, ticker] += book[VALUE, slot]
                book[WEIGHT, ticker] += book[ORDER, slot]
            else:
                left = True
    if not some:
        return
    equity = equity_of(book, n_slots)
    paid = 0.0
    for _ in range(50):  # C = sum_k c_k |w_k (E - C) - v_k|
        total = 0.0
        for ticker in range(n_tickers):
            book[AFTER, ticker] = book[WEIGHT, ticker] * (equity - paid)
            value = abs(book[AFTER, ticker] - book[BEFORE, ticker])
            book[RATE, ticker] = _rate(bars, row, ticker, value)
            total += book[RATE, ticker] * value
        if abs(total - paid) <= 1e-17 * equity:
            break
        paid = total
    proceeds = needed = 0.0
    for ticker in range(n_tickers):
        change = book[AFTER, ticker] - book[BEFORE, ticker]
        if change > 0.0:
            needed += change * (1.0 + book[RATE, ticker])
        else:
            proceeds += -change * (1.0 - book[RATE, ticker])
    free = max(0.0, book[MONEY, 0] + proceeds)
    if needed > free + ROUNDING * equity:
        cut = free / needed
        for ticker in range(n_tickers):
            change = book[AFTER, ticker] - book[BEFORE, ticker]
            if change > 0.0:
                book[SHORT, ticker] = 1.0
                book[AFTER, ticker] = book[BEFORE, ticker] + cut * change
    costs = 0.0
    for ticker in range(n_tickers):
        costs += _shared(book, ticker_of, bars[row, OPEN, ticker], ticker, equity - paid)
    for slot in range(n_slots):
        ticker = ticker_of[slot]
        target = book[ORDER, slot]
        if not (target == target and bars[row, OPEN, ticker] > 0.0):
            continue
        before, after, cost = book[VALUE, slot], book[GOT, slot], book[PART, slot]
        book[MONEY, 0] -= after - before + cost
        book[VALUE, slot] = max(after, 0.0)
        short = book[SHORT, ticker] > 0.0
        if not (short and after == before):
            reached = after / (equity - costs) if short else target
            book[CHANGE, ticker] += reached - before / equity
            log[0][at, COSTS] -= cost
            _record(book, log, row, slot, 0, before / equity, reached, bars[row, OPEN, ticker], after - before, cost)
        if not (left and short):  # what waits may be the sale that brings the cash
            book[ORDER, slot] = math.nan


def _shared(book: Floats, ticker_of: Ints, opened: float, ticker: int, equity: float) -> float:
    """What each slot gets of its ticker, and its part of the costs; see `step._shared`. Returns these costs."""
    own, wanted, kept = 0, 0.0, 0.0
    for slot in range(len(ticker_of)):
        if ticker_of[slot] == ticker and book[ORDER, slot] == book[ORDER, slot] and opened > 0.0:
            own += 1
            got = book[ORDER, slot] * equity
            book[GOT, slot] = got
            if got > book[VALUE, slot]:
                wanted += got - book[VALUE, slot]
                kept += book[VALUE, slot]
            else:
                kept += got
    if own == 0:
        return 0.0
    moved = 0.0
    for slot in range(len(ticker_of)):
        if ticker_of[slot] == ticker and book[ORDER, slot] == book[ORDER, slot]:
            if own == 1:
                book[GOT, slot] = book[AFTER, ticker]
            elif book[SHORT, ticker] > 0.0 and book[GOT, slot] > book[VALUE, slot]:
                share = (book[AFTER, ticker] - kept) / wanted
                book[GOT, slot] = book[VALUE, slot] + share * (book[GOT, slot] - book[VALUE, slot])
            moved += abs(book[GOT, slot] - book[VALUE, slot])
    cost, costs = book[RATE, ticker] * abs(book[AFTER, ticker] - book[BEFORE, ticker]), 0.0
    for slot in range(len(ticker_of)):
        if ticker_of[slot] == ticker and book[ORDER, slot] == book[ORDER, slot]:
            part = cost * (abs(book[GOT, slot] - book[VALUE, slot]) / moved) if moved > 0.0 else 0.0
            book[PART, slot] = part
            costs += part
    return costs


def _rate(bars: Floats, row: int, ticker: int, value: float) -> float:
    impact = bars[row, IMPACT, ticker]
    return float(bars[row, BASE, ticker] + impact * math.sqrt(value) if impact > 0.0 else bars[row, BASE, ticker])


def _stop(tables: Tables, book: Floats, log: Log, row: int, at: int, slot: int) -> None:
    """Sell the slot if its resting stop is reached; see `step._stopped`."""
    bars, ticker = tables.bars, tables.ticker_of[slot]
    price = stop_price(book[STOP, slot], bars[row, OPEN, ticker], bars[row, LOW, ticker], bars[row, CLOSE, ticker])
    if price is None:
        return
    before = book[VALUE, slot]
    value = before * (price / book[PRICE, ticker])
    cost = _rate(bars, row, ticker, value) * value
    book[VALUE, slot] = 0.0
    others = 0.0
    for other in range(len(tables.ticker_of)):
        others += book[VALUE, other]
    weight = value / (book[MONEY, 0] + value + others)
    book[MONEY, 0] += value - cost
    book[ORDER, slot] = book[STOP, slot] = math.nan
    book[STOPPED, slot] = price
    book[CHANGE, ticker] -= weight
    log[0][at, COSTS] -= cost
    log[1][at, INTRADAY, slot] += value - before
    _record(book, log, row, slot, 1, weight, 0.0, price, -value, cost)


def _record(
    book: Floats,
    log: Log,
    row: int,
    slot: int,
    why: int,
    had: float,
    has: float,
    price: float,
    value: float,
    cost: float,
) -> None:
    fills, count = log[2], log[3]
    line = count[0]
    fills[line, 0], fills[line, 1], fills[line, 2], fills[line, 3] = row, book[MONEY, 1], slot, why
    fills[line, 4], fills[line, 5], fills[line, 6] = had, has, price
    fills[line, 7], fills[line, 8] = value, cost
    count[0] = line + 1


def _walk(version: str) -> Callable[..., None]:
    def walk(
        tables: Tables,
        book: Floats,
        log: Log,
        first: int,
        last: int,
        decided: NDArray[np.bool_],
        targets: Floats,
        stops: Floats,
    ) -> None:
        version  # noqa: B018 - see machine_code
        n_slots = len(tables.ticker_of)
        at_close(book, log, 0, n_slots)
        for row in range(first, last + 1):
            at = row - first
            if at:
                session(tables, book, log, row, at)
            if decided[at]:
                equity = equity_of(book, n_slots)
                for slot in range(n_slots):
                    order(book, row, slot, book[VALUE, slot] / equity, targets[at, slot], stops[at, slot])

    return walk


walk_targets = compiled(_walk, register((step, sys.modules[__name__])))
"""(tables, book, log, first, last, decided, targets, stops): from the close of row `first` to that of `last`.

Row 0 of the log and of `decided`, `targets` and `stops` is `first`.
"""
