"""Stops that rest in the market: each scenario's fill written out, and what must hold whatever the bars."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decide.hand_made import NAN, Bar, market_of

from bullbear.decide.account import walk
from bullbear.decide.advice import take
from bullbear.decide.book import Book, Mark
from bullbear.decide.instruments import Fund, packaged_instruments
from bullbear.decide.market import Market, read_market
from bullbear.decide.policies.buy_and_hold import BuyAndHold
from bullbear.decide.policy import Needs, NoMemory, Policy, Sleeve, Slot, Stance, State
from bullbear.decide.step import Step, step
from bullbear.errors import InputError
from bullbear.sessions import between

DAYS = between("2019-12-02", "2020-03-31")
CORE, OVERLAY, HEDGE = Slot("IWM", "core", "bull"), Slot("IWM", "overlay", "bull"), Slot("TWM", "hedge", "bear")
FLAT: Bar = (100.0, 100.0, 100.0)
HALTED: Bar = (NAN, NAN, NAN)


def fund(ticker: str, commission: float = 0.0) -> Fund:
    return Fund(ticker=ticker, inception="2000-01-03", half_spread_bp=0, commission=commission)


FUNDS = {t: fund(t) for t in ("IWM", "TWM")}


def market(unit: float = 1.0, **bars: list[Bar]) -> Market:
    return market_of(DAYS, 0.0, unit, **bars)


def holding(weight: float, stop: float | None, *, commission: float = 0.0) -> Book:
    """A book that holds IWM at 100 with a resting stop."""
    funds = {"IWM": fund("IWM", commission)}
    stops = {} if stop is None else {CORE: stop}
    return Book(DAYS[0], 1.0 - weight, {CORE: weight}, {"IWM": Mark(DAYS[0], 100.0)}, {}, DAYS[0], funds, stops=stops)


def only_fill(made: Step) -> tuple[str, float, float, float]:
    (fill,) = made.fills
    return fill.at, fill.price, fill.value, fill.cost


def test_a_touched_stop_sells_at_its_level():
    made = step(holding(0.5, 95.0, commission=0.01), market(IWM=[FLAT, (98.0, 90.0, 99.0)]), 1)
    assert only_fill(made) == ("stop", 95.0, pytest.approx(-0.475), pytest.approx(0.00475))
    assert made.book.cash == made.book.equity == pytest.approx(0.5 + 0.475 - 0.00475, abs=1e-15)
    assert (made.book.values, made.book.stops, made.book.stopped) == ({}, {}, {CORE: 95.0})
    assert made.profit == pytest.approx(
        {"interest": 0.0, "core_overnight": -0.01, "core_intraday": -0.015, "costs": -0.00475}, abs=1e-15
    )
    assert (made.fills[0].weight_before, made.fills[0].weight_after) == (pytest.approx(0.475 / 0.975), 0.0)
    assert made.fills[0].decided_on == DAYS[0]


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((90.0, 85.0, 99.0), 90.0),  # a gap through the stop: the open, which is worse
        ((95.0, 95.0, 99.0), 95.0),
        ((98.0, 95.0, 99.0), 95.0),
        ((98.0, 95.01, 99.0), None),
        ((NAN, 90.0, 99.0), 90.0),  # no open: the worst price of the bar
        ((98.0, NAN, 93.0), 93.0),  # no low: judged at open and close alone
        ((98.0, NAN, 96.0), None),
        ((90.0, NAN, 99.0), 90.0),
        ((NAN, NAN, 94.0), 94.0),
        (HALTED, None),
    ],
)
def test_where_a_stop_fills_in_a_bar(bar, price):
    made = step(holding(1.0, 95.0), market(IWM=[FLAT, bar]), 1)
    assert [fill.price for fill in made.fills] == ([] if price is None else [price])
    equity = price if price is not None else bar[2] if bar[2] == bar[2] else 100.0
    assert made.book.equity == pytest.approx(equity / 100.0, abs=1e-15)
    assert sum(made.profit.values()) == pytest.approx(made.book.equity - 1.0, abs=1e-15)


def test_a_stop_outlives_a_halted_session_and_fills_at_the_next_open():
    prices = market(IWM=[FLAT, HALTED, (80.0, 79.0, 81.0)])
    halted = step(holding(1.0, 95.0), prices, 1)
    assert (halted.fills, halted.book.stops, halted.book.equity) == ((), {CORE: 95.0}, 1.0)
    assert only_fill(step(halted.book, prices, 2)) == ("stop", 80.0, pytest.approx(-0.8), 0.0)


def test_what_is_bought_at_the_open_can_be_stopped_in_the_same_bar():
    prices = market(IWM=[FLAT, (100.0, 94.0, 105.0)])
    made = step(Book(DAYS[0]).ordered({CORE: 0.5}, {"IWM": fund("IWM", 0.01)}, {CORE: 95.0}), prices, 1)
    bought = 0.5 / 1.005
    assert [(fill.at, fill.price) for fill in made.fills] == [("open", 100.0), ("stop", 95.0)]
    assert made.book.values == {}
    assert made.book.cash == pytest.approx(1.0 - 1.01 * bought + 0.95 * bought * 0.99, abs=1e-15)
    below = step(Book(DAYS[0]).ordered({CORE: 0.5}, FUNDS, {CORE: 95.0}), market(IWM=[FLAT, (90.0, 90.0, 99.0)]), 1)
    assert [(fill.at, fill.price) for fill in below.fills] == [("open", 90.0), ("stop", 90.0)]
    assert below.book.equity == 1.0


def test_a_stop_waits_with_the_order_that_would_buy_and_ends_an_order_of_its_slot():
    prices = market(IWM=[FLAT, (NAN, 90.0, 99.0), (98.0, 94.0, 99.0), FLAT])
    waiting = step(Book(DAYS[0]).ordered({CORE: 0.5}, FUNDS, {CORE: 95.0}), prices, 1)
    assert (waiting.fills, waiting.book.orders, waiting.book.stops) == ((), {CORE: 0.5}, {CORE: 95.0})
    bought = step(waiting.book, prices, 2)
    assert [(fill.at, fill.price) for fill in bought.fills] == [("open", 98.0), ("stop", 95.0)]
    assert bought.book.orders == {}
    more = step(replace(holding(0.5, 95.0), orders={CORE: 0.9}), prices, 1)  # touched before the order had an open
    assert only_fill(more) == ("stop", 90.0, pytest.approx(-0.45), 0.0)
    assert (more.book.orders, more.book.stopped) == ({}, {CORE: 90.0})
    assert step(more.book, prices, 2).fills == ()


def test_sleeves_of_one_ticker_have_their_own_stops():
    prices = market(IWM=[FLAT, (99.0, 94.0, 96.0)])
    book = step(Book(DAYS[0]).ordered({CORE: 0.5, OVERLAY: 0.25}, FUNDS), market(IWM=[FLAT, FLAT]), 1).book.ordered(
        {CORE: 0.5, OVERLAY: 0.25}, FUNDS, {CORE: 90.0, OVERLAY: 95.0}
    )
    made = step(book, replace(prices, sessions=DAYS[1:3]), 1)
    assert made.book.values == {CORE: pytest.approx(0.48)}
    assert (made.book.stops, made.book.stopped) == ({CORE: 90.0}, {OVERLAY: 95.0})
    assert made.profit["overlay_overnight"] + made.profit["overlay_intraday"] == pytest.approx(-0.0125)


def test_a_split_while_a_stop_rests_rescales_it():
    whole = market(IWM=[FLAT, (98.0, 96.0, 97.0), (97.0, 94.0, 96.0)])
    halves = market(IWM=[(50.0, 50.0, 50.0), (49.0, 48.0, 48.5), (48.5, 47.0, 48.0)])
    book = step(holding(1.0, 95.0), whole, 1).book
    kept = Book.from_json(json.loads(json.dumps(book.to_json()))).in_prices_of(halves, BuyAndHold())
    assert (kept.stops, kept.marks["IWM"].price) == ({CORE: 47.5}, 48.5)
    there, here = step(kept, halves, 2), step(book, whole, 2)
    assert there.book.equity == here.book.equity == 0.95
    assert there.book.stopped == {CORE: 47.5}
    assert there.book.in_prices_of(whole, BuyAndHold()).stopped == {CORE: 95.0}


def test_a_stop_of_what_was_only_ordered_is_rescaled_too():
    sleeve = Sleeve("hedge", "bear", fund("TWM"), 0.5, stop=95.0)
    stance = Stance(pd.Timestamp("2019-12-02T21:00Z"), (sleeve,))
    book = Book(DAYS[0]).followed(stance, NoMemory(), "agents", {"TWM": 100.0})
    assert (book.stops, book.marks) == ({HEDGE: 95.0}, {"TWM": Mark(DAYS[0], 100.0)})
    assert book.in_prices_of(market(TWM=[(20.0, 20.0, 20.0)]), BuyAndHold()).stops == {HEDGE: 19.0}


def test_a_decision_replaces_stops_and_forgets_what_was_stopped():
    stopped = step(holding(1.0, 95.0), market(IWM=[FLAT, (90.0, 90.0, 90.0)]), 1).book
    assert stopped.stopped == {CORE: 90.0}
    again = stopped.ordered({CORE: 1.0}, FUNDS, {CORE: 80.0, OVERLAY: 85.0})
    assert (again.stops, again.stopped) == ({CORE: 80.0}, {})  # nothing is held or bought by the overlay
    assert again.ordered({CORE: 1.0}, FUNDS).stops == {}


def test_the_price_shown_is_that_of_the_day():
    made = step(holding(1.0, 95.0), market(unit=1.5, IWM=[FLAT, (98.0, 90.0, 99.0)]), 1)
    assert made.fills[0].price == 142.5
    assert made.book.stopped == {CORE: 95.0}


def test_what_a_stop_earns_buys_what_waits_for_cash():
    prices = market(IWM=[FLAT, (NAN, 94.0, 96.0), FLAT], TWM=[FLAT, FLAT, FLAT])
    book = replace(holding(1.0, 95.0), orders={CORE: 0.0, HEDGE: 0.5}, instruments=FUNDS)
    first = step(book, prices, 1)
    assert first.book.orders == {HEDGE: 0.5}
    assert step(first.book, prices, 2).book.weights == {"TWM": pytest.approx(0.5)}


def test_books_keep_stops_to_the_last_bit_and_those_of_before_have_none():
    book = replace(holding(0.5, 0.1 + 0.2), stopped={OVERLAY: 1 / 3})
    document = json.loads(json.dumps(book.to_json()))
    assert Book.from_json(document) == book
    earlier = {key: value for key, value in document.items() if key not in ("stops", "stopped")}
    assert Book.from_json(earlier) == replace(book, stops={}, stopped={})
    broken = {"ticker": "IWM", "sleeve": "core", "agent": "bull", "price": NAN}
    with pytest.raises(InputError, match=r"book\.stops\[IWM\]: got nan"):
        Book.from_json(document | {"stops": [broken]})
    with pytest.raises(InputError, match=r"book: got .KeyError"):
        Book.from_json(document | {"stopped": [{"ticker": "IWM"}]})


@pytest.mark.parametrize("stop", [0.0, -1.0, NAN, math.inf])
def test_a_stop_that_is_no_price_is_refused(stop):
    stance = Stance(pd.Timestamp("2019-12-02T21:00Z"), (Sleeve("core", "bull", FUNDS["IWM"], 1.0, stop=stop),))
    with pytest.raises(InputError, match=r"stance\.core\.stop: got"):
        Book(DAYS[0]).followed(stance, NoMemory(), "agents", {})


class Stopped(Policy):
    """Buys all once; stays out as soon as it hears of a stop."""

    kind: str = "stopped"

    @property
    def needs(self) -> Needs:
        return Needs(funds=("IWM",))

    def decide(self, state: State, memory: NoMemory) -> tuple[Stance, NoMemory]:
        iwm = packaged_instruments()["IWM"]
        sleeve = Sleeve("core", "bull", iwm, 0.0 if state.stopped else 1.0, stop=0.97 * state.closes["IWM"])
        return Stance(state.decided_at, (sleeve,)), memory


def test_the_next_decision_hears_of_a_stop_and_the_trades_say_so(view, bars):
    days = ("2019-12-18", "2019-12-19", "2019-12-20", "2019-12-23")
    view.prices["IWM"] = bars(
        [(days[0], 100.0, 101.0, 99.0, 100.0, 50.0), (days[1], 100.0, 102.0, 99.0, 102.0, 51.0),
         (days[2], 101.0, 101.0, 96.9, 100.0, 50.0), (days[3], 100.0, 101.0, 99.0, 100.0, 50.0)]
    )  # fmt: skip
    prices, seen = read_market(view, "IWM"), []

    def decide(row: int, book: Book) -> Book:
        state, _, after = take(prices, row, book, Stopped(), prices.sessions[row], {})
        seen.append(state.stopped)
        return after

    account, _ = walk(prices, 0, 3, decide)
    assert seen == [{}, {}, {CORE: pytest.approx(0.97 * 51.0)}, {}]
    assert account.trades[["why", "price"]].values.tolist() == [["order", 100.0], ["stop", pytest.approx(98.94)]]
    assert account.trades["executed_at"].astype(str).tolist() == [
        "2019-12-19 14:30:00+00:00", "2019-12-20 21:00:00+00:00",
    ]  # fmt: skip
    assert account.positions["IWM"].iloc[1:].tolist() == [1.0, 0.0, 0.0]


def test_bars_bring_highs_lows_and_the_dollars_traded(view, bars):
    view.prices["IWM"] = bars(
        [("2019-12-18", 100.0, 102.0, 96.0, 100.0, 50.0), ("2019-12-19", 99.0, NAN, NAN, 99.0, 49.5)]
    )
    iwm = read_market(view, "IWM").bars["IWM"]
    assert (iwm.high[0], iwm.low[0], iwm.dollar_volume) == (51.0, 48.0, [1e8, 9.9e7])
    assert math.isnan(iwm.high[1])
    assert math.isnan(iwm.low[1])
    view.prices["IWM"]["volume"] = [0.0, NAN]
    assert np.isnan(read_market(view, "IWM").bars["IWM"].dollar_volume).all()


@st.composite
def scenarios(draw: st.DrawFn):
    """Bars of two funds with gaps, holes and halts, and at each close new weights and stops, or no decision."""
    n = draw(st.integers(2, 12))
    hole = st.integers(0, 7)
    bars: dict[str, list[Bar]] = {}
    for t in ("IWM", "TWM"):
        close, rows = 100.0, [FLAT]
        for _ in range(n - 1):
            opened = close * draw(st.floats(0.85, 1.15))
            close = opened * draw(st.floats(0.85, 1.15))
            low = min(opened, close) * draw(st.floats(0.8, 1.0))
            missing = draw(hole)
            bar = (NAN if missing == 1 else opened, NAN if missing == 2 else low, close)
            rows.append(HALTED if missing == 3 and t == "TWM" else bar)
        bars[t] = rows
    weight, level = st.floats(0.0, 1 / 3), st.none() | st.floats(70.0, 120.0)
    slots = (CORE, OVERLAY, HEDGE)
    decision = st.tuples(st.tuples(weight, weight, weight), st.tuples(level, level, level))
    decisions = draw(st.lists(st.none() | decision, min_size=n, max_size=n))
    plans = [
        None
        if each is None
        else (
            dict(zip(slots, each[0], strict=True)),
            {slot: stop for slot, stop in zip(slots, each[1], strict=True) if stop is not None},
        )
        for each in decisions
    ]
    return market(**bars), plans


@given(case=scenarios(), commission=st.sampled_from([0.0, 0.01]))
@settings(max_examples=120, deadline=None)
def test_no_cent_is_lost_and_no_fill_is_better_than_its_bar(case, commission):
    prices, plans = case
    prices = replace(prices, rates=np.linspace(0.0, 0.05, len(plans)).tolist())
    traded = {t: fund(t, commission) for t in FUNDS}
    stops: list[dict[Slot, float]] = []

    def decide(row: int, book: Book) -> Book:
        for slot in book.stops:
            low = prices.bars[slot.ticker].low[row]
            assert slot not in book.values or not low <= book.stops[slot]  # a touched stop never stands on
        after = book if plans[row] is None else book.ordered(plans[row][0], traded, plans[row][1])
        assert Book.from_json(json.loads(json.dumps(after.to_json()))) == after
        stops.append(dict(after.stops))
        return after

    account, last = walk(prices, 0, len(plans) - 1, decide)
    booked = account.bookings.sum(axis=1).to_numpy()[1:]
    np.testing.assert_allclose(booked, np.diff(account.equity), rtol=0, atol=1e-9)
    assert account.attribution["total"] == pytest.approx(last.equity - 1, abs=1e-9)
    assert account.trades["cost"].sum() == pytest.approx(-account.attribution["costs"], abs=1e-9)
    weights = account.weights.sum(axis=1) + account.daily["cash_weight"]
    np.testing.assert_allclose(weights, 1.0, rtol=0, atol=1e-9)
    assert (account.equity > 0.0).all()
    assert last.cash >= -1e-12
    for trade in account.trades[account.trades["why"] == "stop"].itertuples():
        session = pd.Timestamp(trade.executed_at).tz_localize(None).normalize().as_unit("us")
        row = int(prices.sessions.get_indexer(pd.DatetimeIndex([session]))[0])
        bar = prices.bars[trade.ticker]
        resting = stops[row - 1][Slot(trade.ticker, trade.sleeve, "bear" if trade.sleeve == "hedge" else "bull")]
        known = [price for price in (bar.open[row], bar.low[row], bar.close[row]) if price == price]
        assert min(known) <= trade.price <= min(resting, max(known))
        if bar.open[row] <= resting:
            assert trade.price == bar.open[row]
