"""What an account went through between two evenings: profit by source to the cent, and each order against its fill."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.decide.hand_made import NAN, Bar, market_of

from bullbear.decide.book import Book, Mark
from bullbear.decide.instruments import Fund
from bullbear.decide.market import Market
from bullbear.decide.policy import Slot
from bullbear.decide.statement import Statement, statement
from bullbear.decide.step import step
from bullbear.sessions import between

DAYS = between("2019-12-02", "2019-12-31")
CORE, HEDGE = Slot("IWM", "core", "bull"), Slot("TWM", "hedge", "bear")
FLAT: Bar = (100.0, 100.0, 100.0)
FUNDS = {t: Fund(ticker=t, inception="2000-01-03", half_spread_bp=100) for t in ("IWM", "TWM")}


def market(unit: float = 1.0, **bars: list[Bar]) -> Market:
    return market_of(DAYS, 0.0365, unit, **bars)


def carried(book: Book, prices: Market) -> Statement:
    steps, at = [], book
    for row in range(1, len(prices.sessions)):
        steps.append(step(at, prices, row))
        at = steps[-1].book
    return statement(book, steps, prices)


def test_a_fill_is_set_against_the_advice_and_the_gap_is_named():
    book = Book(DAYS[0]).ordered({CORE: 0.5}, FUNDS)
    made = carried(book, market(unit=2.0, IWM=[FLAT, (102.0, 101.0, 104.0)]))
    (order,) = made.executions
    assert (order.held, order.wanted, order.reached) == (0.0, 0.5, 0.5)
    assert (order.close, order.price, order.session) == (200.0, 204.0, DAYS[1])
    assert order.note == "the open was +2.0 % from the close of the decision"
    bought = 0.5 * (1.0001 - made.fills[0].cost)
    assert made.profit == pytest.approx(
        {"interest": 0.0001, "core": bought * (104 / 102 - 1), "costs": -0.01 * bought}, abs=1e-12
    )
    assert sum(made.profit.values()) == pytest.approx(made.equity - made.equity_before, abs=1e-15)
    document = made.to_json()
    assert document["session"] == "2019-12-02"
    assert document["return"] == pytest.approx(made.equity - 1.0)
    assert document["profit"]["total"] == made.equity - 1.0
    assert document["fills"][0] | {"value": None, "cost": None} == {
        "ticker": "IWM", "sleeve": "core", "agent": "bull", "why": "order", "session": "2019-12-03", "price": 204.0,
        "weight_before": 0.0, "weight_after": 0.5, "value": None, "cost": None,
    }  # fmt: skip
    assert document["orders"][0]["session"] == "2019-12-03"


def test_an_order_without_an_open_says_that_it_waits_and_later_that_it_waited():
    book = Book(DAYS[0]).ordered({CORE: 0.5}, FUNDS)
    bars = [FLAT, (NAN, NAN, 100.0), FLAT]
    (order,) = carried(book, market(IWM=bars[:2])).executions
    assert (order.price, order.reached) == (None, 0.0)
    assert order.note == "not filled: no open, or no cash while a sale waits for one"
    (order,) = carried(book, market(IWM=bars)).executions
    assert (order.session, order.reached, order.note) == (DAYS[2], 0.5, "no open on 3 Dec 2019")


def test_a_purchase_that_lacks_cash_says_how_much_was_filled():
    marks = {t: Mark(DAYS[0], 100.0) for t in ("IWM", "TWM")}
    free = {t: fund.model_copy(update={"half_spread_bp": 0.0}) for t, fund in FUNDS.items()}
    book = replace(Book(DAYS[0], 0.1, {CORE: 0.9}, marks), orders={CORE: 0.0, HEDGE: 0.3}, instruments=free)
    still = replace(market(IWM=[FLAT, (NAN, NAN, 100.0)], TWM=[FLAT, FLAT]), rates=[0.0, 0.0])
    sale, purchase = carried(book, still).executions
    assert sale.note.startswith("not filled: no open")
    assert purchase.reached == pytest.approx(0.1)
    assert purchase.note == "cash allowed 10.0 % of the 30.0 % advised; the rest still waits"


def test_stops_say_what_they_ended():
    book = Book(DAYS[0]).ordered({CORE: 0.5}, FUNDS, {CORE: 95.0})
    made = carried(book, market(IWM=[FLAT, (100.0, 94.0, 99.0)]))
    assert made.executions[0].note == "a stop sold it on 3 Dec 2019"
    assert [fill["why"] for fill in made.to_json()["fills"]] == ["order", "stop"]
    held = Book(DAYS[0], 0.5, {CORE: 0.5}, {"IWM": Mark(DAYS[0], 100.0)}, {CORE: 0.6}, DAYS[0], FUNDS, stops={CORE: 95})
    (order,) = carried(held, market(IWM=[FLAT, (NAN, 94.0, 99.0)])).executions
    assert (order.held, order.reached, order.note) == (0.5, 0.0, "a stop sold it on 3 Dec 2019 before an open")


def test_a_fill_at_the_close_of_the_decision_is_as_advised():
    (order,) = carried(Book(DAYS[0]).ordered({CORE: 0.5}, FUNDS), market(IWM=[FLAT, FLAT])).executions
    assert order.note == "as advised"
