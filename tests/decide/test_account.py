"""Fills at one open: sales first, purchases from the cash that is there, and every cent accounted for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.decide.account import walk
from bullbear.decide.backtest import backtest
from bullbear.decide.book import Book, Mark
from bullbear.decide.instruments import Fund
from bullbear.decide.market import Bars, Market
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policies.buy_and_hold import BuyAndHold
from bullbear.decide.policies.hold_cash import HoldCash
from bullbear.decide.policy import Slot
from bullbear.decide.step import step
from bullbear.sessions import between

NAN = math.nan
DAYS = between("2019-12-02", "2019-12-31")
SLOTS = {t: Slot(t, agent, agent) for t, agent in (("IWM", "bull"), ("TWM", "bear"), ("UWM", "bull"), ("RWM", "bear"))}
TICKERS = tuple(SLOTS)
MULTIPLES = {"IWM": 1.0, "TWM": -2.0, "UWM": 2.0, "RWM": -1.0}
COSTS = {"IWM": 0.01, "TWM": 0.02, "UWM": 0.0, "RWM": 0.005}
FREE = dict.fromkeys(TICKERS, 0.0)


def funds(costs: dict[str, float]) -> dict[str, Fund]:
    return {
        t: Fund(ticker=t, multiple=MULTIPLES[t], inception="2000-01-03", half_spread_bp=0, commission=cost)
        for t, cost in costs.items()
    }


def market(**bars: list[tuple[float, float]]) -> Market:
    """(open, close) of each fund, by session from 2019-12-02."""
    found = {}
    for ticker, rows in bars.items():
        open_, close = [o for o, _ in rows], [c for _, c in rows]
        unknown = [NAN] * len(rows)
        found[ticker] = Bars(open_, unknown, unknown, close, unknown, open_, [1.0] * len(rows), unknown)
    n = len(next(iter(bars.values())))
    return Market("IWM", DAYS[:n], [0.1] * n, found, [0.0] * n)


def by_slot(weights: dict[str, float]) -> dict[Slot, float]:
    return {SLOTS[t]: weight for t, weight in weights.items()}


def held(cash: float, orders: dict[str, float], costs: dict[str, float] = FREE, **values: float) -> Book:
    marks = {t: Mark(DAYS[0], 100.0) for t in values}
    return Book(DAYS[0], cash, by_slot(values), marks, by_slot(orders), DAYS[0], funds(costs))


FLAT = (100.0, 100.0)


def test_a_purchase_whose_sale_has_no_open_takes_only_the_free_cash_and_the_rest_waits_for_it():
    prices = market(IWM=[FLAT, (NAN, 100.0), FLAT], TWM=[FLAT, FLAT, FLAT])
    book = held(0.1, {"IWM": 0.0, "TWM": 0.3}, IWM=0.9)
    first = step(book, prices, 1)
    assert first.book.weights == pytest.approx({"IWM": 0.9, "TWM": 0.1}, abs=1e-15)
    assert first.book.cash == 0.0
    assert first.book.orders == by_slot({"IWM": 0.0, "TWM": 0.3})
    assert [(f.slot.ticker, f.weight_before, f.weight_after) for f in first.fills] == [("TWM", 0.0, pytest.approx(0.1))]
    second = step(first.book, prices, 2)
    assert second.book.weights == pytest.approx({"TWM": 0.3}, abs=1e-15)
    assert second.book.orders == {}
    assert [(f.slot.ticker, f.weight_after) for f in second.fills] == [("IWM", 0.0), ("TWM", 0.3)]


def test_an_order_that_is_met_already_does_not_wait_for_cash():
    prices = market(IWM=[FLAT, (NAN, 100.0)], TWM=[FLAT, FLAT], RWM=[FLAT, FLAT])
    book = held(0.125, {"IWM": 0.0, "TWM": 0.25, "RWM": 0.25}, IWM=0.625, TWM=0.25)
    done = step(book, prices, 1)
    assert done.book.values == by_slot({"IWM": 0.625, "TWM": 0.25, "RWM": 0.125})
    assert done.book.orders == by_slot({"IWM": 0.0, "RWM": 0.25})


def test_without_any_cash_nothing_is_bought_and_no_trade_is_recorded():
    prices = market(IWM=[FLAT, (NAN, 100.0)], TWM=[FLAT, FLAT])
    done = step(held(0.0, {"IWM": 0.0, "TWM": 0.3}, COSTS, IWM=1.0), prices, 1)
    assert (done.fills, done.book.values, done.book.cash) == ((), by_slot({"IWM": 1.0}), 0.0)
    assert done.book.orders == by_slot({"IWM": 0.0, "TWM": 0.3})


def test_purchases_share_the_free_cash_and_their_costs_come_out_of_it():
    prices = market(IWM=[FLAT, (NAN, 100.0)], TWM=[FLAT, FLAT], RWM=[FLAT, FLAT])
    book = held(0.1, {"IWM": 0.0, "TWM": 0.3, "RWM": 0.1}, COSTS, IWM=0.9)
    done = step(book, prices, 1)
    # 0.3 (1 - C) at 2 % and 0.1 (1 - C) at 0.5 %, both cut by one factor to spend 0.1
    factor = 0.1 / (0.3 * 1.02 + 0.1 * 1.005)
    assert done.book.values == pytest.approx(by_slot({"IWM": 0.9, "TWM": 0.3 * factor, "RWM": 0.1 * factor}), rel=1e-12)
    assert done.book.cash == pytest.approx(0.0, abs=1e-15)
    assert done.profit["costs"] == pytest.approx(-factor * (0.3 * 0.02 + 0.1 * 0.005), rel=1e-12)
    reached = 0.3 * factor / (1 + done.profit["costs"])
    assert next(f.weight_after for f in done.fills if f.slot.ticker == "TWM") == pytest.approx(reached, rel=1e-12)


def test_the_sales_of_an_open_pay_for_its_purchases():
    prices = market(IWM=[FLAT, FLAT], TWM=[FLAT, FLAT])
    done = step(held(0.0, {"IWM": 0.0, "TWM": 1.0}, COSTS, IWM=1.0), prices, 1)
    # 1 sold at 1 %, all of the rest bought at 2 %
    assert done.book.values == pytest.approx(by_slot({"TWM": 0.99 / 1.02}), rel=1e-12)
    assert done.book.cash == pytest.approx(0.0, abs=1e-15)
    assert [f.weight_after for f in done.fills] == [0.0, 1.0]


def test_what_a_drifted_position_leaves_no_cash_for_is_not_bought_later():
    prices = market(IWM=[FLAT, (150.0, 150.0)], TWM=[FLAT, FLAT])
    done = step(held(0.3, {"TWM": 0.3}, IWM=0.7), prices, 1)
    assert done.book.values == pytest.approx(by_slot({"IWM": 1.05, "TWM": 0.3}), rel=1e-12)
    assert (done.book.cash, done.book.orders) == (0.0, {})


@st.composite
def markets(draw: st.DrawFn) -> tuple[Market, list[dict[str, float] | None]]:
    """Twenty sessions of four funds, any bar or open missing, and target weights on some of them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing = draw(st.sampled_from([0.0, 0.1, 0.5]))
    n, bars = 20, {}
    for ticker in TICKERS:
        closes = 100.0 * np.cumprod(1 + rng.normal(0, 0.05, n))
        rows = []
        for close in closes:
            no_bar, no_open = rng.random() < missing, rng.random() < missing
            rows.append((NAN if no_bar or no_open else close * (1 + rng.normal(0, 0.03)), NAN if no_bar else close))
        bars[ticker] = rows
    targets: list[dict[str, float] | None] = []
    for _ in range(n):
        shares = rng.dirichlet(np.full(5, 0.3))[: len(TICKERS)] * (rng.random(4) < 0.7)
        if rng.random() < 0.5:
            shares = np.eye(4)[rng.integers(4)]  # all in one: every switch needs the whole cash
        targets.append(dict(zip(TICKERS, shares.tolist(), strict=True)) if rng.random() < 0.7 else None)
    return market(**bars), targets


@given(case=markets(), costly=st.booleans())
@settings(max_examples=150, deadline=None)
def test_cash_is_never_spent_twice_and_no_cent_is_lost(case, costly):
    prices, targets = case
    prices = replace(prices, rates=np.linspace(0.0, 0.05, len(targets)).tolist())
    traded = funds(COSTS if costly else FREE)
    books: list[Book] = []

    def decide(row: int, book: Book) -> Book:
        books.append(book)
        wanted = targets[row]
        return book if wanted is None else book.ordered(by_slot(wanted), traded)

    account, last = walk(prices, 0, len(targets) - 1, decide)
    for book in (*books, last):
        assert book.cash >= -1e-12
        assert all(weight > 0.0 for weight in book.weights.values())
        assert sum(book.weights.values()) <= 1 + 1e-9
    booked = account.bookings.sum(axis=1).to_numpy()[1:]
    np.testing.assert_allclose(booked, np.diff(account.equity), rtol=0, atol=1e-13)
    assert account.attribution["total"] == pytest.approx(account.equity.iloc[-1] - 1, abs=1e-12)
    assert account.trades["cost"].sum() == pytest.approx(-account.attribution["costs"], abs=1e-13)
    weights = account.weights.sum(axis=1) + account.daily["cash_weight"]
    np.testing.assert_allclose(weights, 1.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(account.positions.sum(axis=1), 1.0, rtol=0, atol=1e-12)


def test_a_whole_switch_with_a_missing_bar_goes_on_deciding(view, bars, predictions):
    days = ("2019-12-18", "2019-12-19", "2019-12-20", "2019-12-23", "2019-12-24", "2019-12-26", "2019-12-27")
    rows = [(day, 100.0, 101.0, 99.0, 100.0, 100.0) for day in days]
    view.prices["TWM"] = bars(rows)
    rows[5] = ("2019-12-26", NAN, 101.0, 99.0, 100.0, 100.0)
    view.prices["IWM"] = bars(rows)
    policy = BandPolicy(
        volatility_window=2, atr_window=2, volatility_cap=9, stop_atr_multiple=0,
        bull_instrument=funds(FREE)["IWM"], bear_instrument=funds(FREE)["TWM"],
    )  # fmt: skip
    forecasts = predictions({"2019-12-23": 0.7, "2019-12-24": 0.3, "2019-12-26": 0.3})
    result = backtest(forecasts, view, policy)
    assert result.positions["IWM"].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert result.positions["TWM"].tolist() == [0.0, 0.0, 0.0, 0.3]
    assert result.states[-1].held == {SLOTS["IWM"]: 1.0}


def test_a_fund_that_is_remembered_and_worth_nothing_has_no_return():
    prices = market(IWM=[FLAT, FLAT], TWM=[(0.0, 0.0), FLAT])
    book = held(0.5, {}, IWM=0.5)
    done = step(replace(book, marks={**book.marks, "TWM": Mark(DAYS[0], 0.0)}), prices, 1)
    assert (done.book.equity, done.book.marks["TWM"].price) == (1.0, 100.0)


def test_bookings_go_to_the_sleeve_that_holds():
    prices = market(IWM=[FLAT, (110.0, 121.0)], RWM=[FLAT, (90.0, 81.0)])
    done = step(held(0.0, {}, IWM=0.5, RWM=0.5), prices, 1)
    assert {k: pytest.approx(v) for k, v in done.profit.items()} == {
        "bull_overnight": 0.05, "bull_intraday": 0.055, "bear_overnight": -0.05, "bear_intraday": -0.045,
        "interest": 0.0, "costs": 0.0,
    }  # fmt: skip
    assert pd.Timestamp(done.book.session) == DAYS[1]


def test_an_account_without_a_trade_has_a_table_of_the_same_types(view, bars, predictions):
    days = ("2019-12-18", "2019-12-19", "2019-12-20", "2019-12-23", "2019-12-24", "2019-12-26")
    view.prices["IWM"] = bars([(day, 100.0, 101.0, 99.0, 100.0, 100.0) for day in days])
    made = backtest(predictions({"2019-12-23": 0.5}), view, HoldCash(), baselines={"hold": BuyAndHold()})
    idle, traded = made.account.trades, made.baselines["hold"].trades
    assert (len(idle), len(traded)) == (0, 1)
    pd.testing.assert_series_equal(idle.dtypes, traded.dtypes)
    assert idle.equals(traded.iloc[:0].set_axis(idle.index))
