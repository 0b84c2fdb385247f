"""Accounts of several sleeves, and an instrument that is no fund: priced by a model, with an expiry and a margin."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.dataset.predictions import Predictions
from bullbear.decide.account import walk
from bullbear.decide.advice import take
from bullbear.decide.backtest import backtest
from bullbear.decide.book import Book, Mark
from bullbear.decide.instruments import INSTRUMENT_KINDS, Cash, Fund, Instrument
from bullbear.decide.market import Bars, Market
from bullbear.decide.policy import POLICIES, Forecast, Needs, NoMemory, Policy, Sleeve, Slot, Stance, State, load_policy
from bullbear.decide.step import step
from bullbear.definitions import Source
from bullbear.errors import DefinitionError, InputError
from bullbear.sessions import between

NAN = math.nan
DAYS = between("2019-12-02", "2019-12-31")
FLAT = (100.0, 100.0)


@INSTRUMENT_KINDS.register
class ToySpread(Instrument):
    """A call spread at what it would pay today, from 0 to `width` over `strike`, plus a premium read from a factor."""

    kind: Literal["toy_spread"] = "toy_spread"
    underlying: str
    strike: float
    width: float
    expires: str
    bound: float = 0.0

    @property
    def priced_by(self) -> tuple[str, ...]:
        return (self.underlying,)

    @property
    def expiry(self) -> date:
        return date.fromisoformat(self.expires)

    def mark(self, market: Market, row: int, at: Literal["open", "close"]) -> float:
        bars = market.bars[self.underlying]
        price = (bars.open if at == "open" else bars.close)[row]
        premium = market.factor("premium", row, at) if market.days[row].date() < self.expiry else 0.0
        return min(max(price - self.strike, 0.0), self.width) + premium

    def margin(self, value: float) -> float:
        return self.bound * value


def fund(ticker: str, multiple: float = 1.0, commission: float = 0.0) -> Fund:
    return Fund(ticker=ticker, multiple=multiple, inception="2000-01-03", half_spread_bp=0, commission=commission)


def spread(**changes) -> ToySpread:
    given = {"ticker": "IWM 100/110", "underlying": "IWM", "strike": 100.0, "width": 10.0, "expires": "2019-12-04"}
    return ToySpread(**{"half_spread_bp": 100.0, **given, **changes})


def market(premium: float = 2.0, **bars: list[tuple[float, float]]) -> Market:
    """(open, close) of each fund, by session from 2019-12-02."""
    found = {}
    for ticker, rows in bars.items():
        open_, close = [o for o, _ in rows], [c for _, c in rows]
        unknown = [NAN] * len(rows)
        found[ticker] = Bars(open_, unknown, unknown, close, unknown, open_, [1.0] * len(rows), unknown)
    n = len(next(iter(bars.values())))
    return Market("IWM", DAYS[:n], [0.1] * n, found, [0.0] * n, {"premium": [premium] * n})


CORE, OVERLAY, HEDGE = Slot("IWM", "core", "bull"), Slot("IWM", "overlay", "bull"), Slot("IWM", "hedge", "bear")
SPREAD = Slot("IWM 100/110", "overlay", "bull")


def test_a_spread_is_bought_marked_and_paid_out_to_the_cent():
    prices = market(IWM=[FLAT, (100.0, 104.0), (106.0, 107.0), (50.0, 50.0)])
    book = Book(DAYS[0]).ordered({SPREAD: 0.2}, {"IWM 100/110": spread()})
    first = step(book, prices, 1)
    # Bought at 2, a hundredth of it is cost: v = 0.2 (1 - 0.01 v).
    paid = 0.2 / 1.002
    assert first.fills[0].price == 2.0
    assert first.book.cash == pytest.approx(1 - 1.01 * paid, abs=1e-15)
    assert first.book.values == pytest.approx({SPREAD: paid * 6 / 2}, abs=1e-15)  # 4 inside, and 2 of premium
    assert first.profit == pytest.approx(
        {"interest": 0.0, "costs": -0.01 * paid, "overlay_intraday": 2 * paid}, abs=1e-15
    )
    again = Book.from_json(json.loads(json.dumps(first.book.to_json())))
    assert again == first.book
    assert isinstance(again.instruments["IWM 100/110"], ToySpread)
    second = step(again, prices, 2)  # the day of its expiry: 7 inside, nothing beside
    assert second.book.values == {}
    assert second.book.instruments == {}
    assert second.book.cash == pytest.approx(1 - 1.01 * paid + paid * 7 / 2, abs=1e-15)
    assert second.profit["overlay_overnight"] + second.profit["overlay_intraday"] == pytest.approx(paid / 2, abs=1e-15)
    out = second.fills[0]
    assert (out.at, out.price, out.cost, out.weight_after) == ("close", 7.0, 0.0, 0.0)
    assert step(second.book, prices, 3).book.equity == second.book.equity


def test_what_expires_worthless_is_gone_and_its_orders_lapse():
    prices = market(IWM=[FLAT, FLAT, (90.0, 90.0), FLAT])
    book = Book(DAYS[0]).ordered({SPREAD: 0.2}, {"IWM 100/110": spread(half_spread_bp=0.0)})
    held = step(book, prices, 1).book
    over = step(held.ordered({SPREAD: 0.3}, {}), market(IWM=[FLAT, FLAT, (NAN, 90.0), FLAT]), 2)
    assert (over.book.values, over.book.orders, over.book.instruments) == ({}, {}, {})
    assert over.book.cash == over.book.equity == pytest.approx(0.8, abs=1e-15)


def test_a_margin_binds_cash_that_nothing_else_may_use():
    prices = market(IWM=[FLAT, FLAT])
    both = {"IWM 100/110": spread(half_spread_bp=0.0, bound=2.0, expires="2019-12-06"), "IWM": fund("IWM")}
    done = step(Book(DAYS[0]).ordered({SPREAD: 0.2, CORE: 0.8}, both), prices, 1)
    # 0.2 of the spread bind 0.4: of 1, both purchases take 1 + 0.4, so that all are cut by 1 / 1.4.
    assert done.book.values == pytest.approx({SPREAD: 0.2 / 1.4, CORE: 0.8 / 1.4}, abs=1e-15)
    assert done.book.cash == pytest.approx(2 * done.book.values[SPREAD], abs=1e-15)
    full = step(done.book.ordered({SPREAD: 0.2 / 1.4, CORE: 0.9}, {}), market(IWM=[FLAT, FLAT, FLAT]), 2)
    assert full.book.values[CORE] == pytest.approx(0.8 / 1.4, abs=1e-15)


def test_sleeves_of_one_ticker_are_netted_and_share_its_cost():
    prices = market(IWM=[FLAT, FLAT, (100.0, 110.0)])
    dear = {"IWM": fund("IWM", commission=0.01)}
    held = step(Book(DAYS[0]).ordered({CORE: 0.5, OVERLAY: 0.25}, dear), prices, 1).book
    paid = 0.75 * 0.01 / (1 + 0.75 * 0.01)
    assert held.values == pytest.approx({CORE: 0.5 * (1 - paid), OVERLAY: 0.25 * (1 - paid)}, abs=1e-15)
    swapped = step(held.ordered({CORE: 0.25, OVERLAY: 0.5}, {}), prices, 2)
    # One sleeve sells to the other: nothing is traded, nothing is paid.
    assert swapped.profit["costs"] == pytest.approx(0.0, abs=1e-15)
    assert swapped.profit["core_intraday"] == pytest.approx(0.1 * 0.25 * (1 - paid), abs=1e-12)
    assert swapped.profit["overlay_intraday"] == pytest.approx(0.1 * 0.5 * (1 - paid), abs=1e-12)


def test_buyers_share_what_cash_there_is():
    prices = market(IWM=[FLAT, FLAT], RWM=[FLAT, (NAN, 100.0)])
    both = {"IWM": fund("IWM"), "RWM": fund("RWM", -1.0)}
    other = Slot("RWM", "bear", "bear")
    book = Book(DAYS[0], 0.1, {other: 0.9}, {"RWM": Mark(DAYS[0], 100.0)}, {}, DAYS[0], both)
    done = step(book.ordered({CORE: 0.6, OVERLAY: 0.2}, both), prices, 1).book
    assert done.values == pytest.approx({other: 0.9, CORE: 0.075, OVERLAY: 0.025}, abs=1e-15)
    assert done.orders == {other: 0.0, CORE: 0.6, OVERLAY: 0.2}


SLOTS = (CORE, OVERLAY, HEDGE, Slot("TWM", "bear", "bear"), SPREAD, Slot("later", "overlay", "bull"))
COSTLY = {
    "IWM": fund("IWM", 1.0, 0.01),
    "TWM": fund("TWM", -2.0, 0.02),
    "IWM 100/110": spread(expires="2019-12-11", bound=0.5),
    "later": spread(ticker="later", expires="2019-12-20", strike=90.0, width=30.0, bound=1.0),
}


@given(seed=st.integers(0, 2**32 - 1), missing=st.sampled_from([0.0, 0.1, 0.4]))
@settings(max_examples=120, deadline=None)
def test_over_random_sleeves_orders_gaps_and_expiries_no_cent_is_lost(seed, missing):
    rng = np.random.default_rng(seed)
    n, bars = 20, {}
    for ticker in ("IWM", "TWM"):
        close = 100.0 * np.cumprod(1 + rng.normal(0, 0.05, n))
        open_ = close * (1 + rng.normal(0, 0.05, n))
        gone, late = rng.random(n) < missing, rng.random(n) < missing
        bars[ticker] = list(zip(np.where(gone | late, NAN, open_), np.where(gone, NAN, close), strict=True))
    prices = market(premium=float(rng.uniform(0.5, 5)), **bars)
    books: list[Book] = []

    def decide(row: int, book: Book) -> Book:
        books.append(book)
        if rng.random() < 0.3:
            return book
        shares = rng.dirichlet(np.full(len(SLOTS) + 1, 0.3))[: len(SLOTS)] * (rng.random(len(SLOTS)) < 0.7)
        today = prices.days[row].date()
        open_ = [COSTLY[s.ticker].expiry is None or COSTLY[s.ticker].expiry > today for s in SLOTS]
        targets = {s: w for s, w, ok in zip(SLOTS, shares.tolist(), open_, strict=True) if ok}
        return book.ordered(targets, COSTLY)

    account, last = walk(prices, 0, n - 1, decide)
    for book in (*books, last):
        assert book.cash >= -1e-12
        assert all(value >= 0.0 for value in book.values.values())
        assert sum(book.weights.values()) <= 1 + 1e-9
        expiries = [book.instruments[slot.ticker].expiry for slot in book.values]
        assert all(each is None or each > book.session.date() for each in expiries)
        again = Book.from_json(json.loads(json.dumps(book.to_json())))
        assert again == book
    np.testing.assert_allclose(account.bookings.sum(axis=1).to_numpy()[1:], np.diff(account.equity), rtol=0, atol=1e-12)
    assert account.attribution["total"] == pytest.approx(account.equity.iloc[-1] - 1, abs=1e-11)
    assert account.trades["cost"].sum() == pytest.approx(-account.attribution["costs"], abs=1e-12)
    np.testing.assert_allclose(account.positions.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(account.weights.sum(axis=1), 1 - account.daily["cash_weight"], rtol=0, atol=1e-12)


@POLICIES.register
class TwoSleeves(Policy):
    """A core in IWM and a spread over it, sized by a factor and by the forecasts of two questions."""

    kind: Literal["two_sleeves"] = "two_sleeves"

    @property
    def needs(self) -> Needs:
        return Needs(funds=("IWM",), questions=("up", "dip8"), factors=("premium",))

    def decide(self, state, memory):
        core = Sleeve("core", "bull", fund("IWM"), state.forecasts["up"].p, ("a core",))
        overlay = Sleeve(
            "overlay", "bear", spread(expires="2019-12-27"), state.forecasts["dip8"].p, ("a spread",), tier=2
        )
        rest = Sleeve("rest", "bull", Cash(), 0.1)
        seen = Sleeve("seen", "watcher", fund("IWM"), state.factors["premium"] / 100, ("a third agent",))
        return Stance(state.decided_at, (core, overlay, rest, seen)), NoMemory()


def test_a_policy_of_several_questions_factors_sleeves_and_agents_runs(view, bars, predictions):
    days = ("2019-12-18", "2019-12-19", "2019-12-20", "2019-12-23", "2019-12-24", "2019-12-26", "2019-12-27")
    view.prices["IWM"] = bars([(day, 100.0, 101.0, 99.0, 100.0, 100.0) for day in days])
    up, dip = (predictions({"2019-12-20": p, "2019-12-23": p}, question=q) for q, p in (("up", 0.5), ("dip8", 0.2)))
    both = Predictions.concat([up, dip])
    factors = pd.DataFrame({"premium": 2.0, "other": 9.0}, index=pd.DatetimeIndex(days).as_unit("us"))
    policy = load_policy({"kind": "two_sleeves"}, questions=("up", "dip8"), factors=("premium", "other"))
    result = backtest(both, view, policy, factors=factors, baselines={})
    assert result.positions.iloc[-2].to_dict() == pytest.approx(
        {"IWM": 0.52, "IWM 100/110": 0.2, "CASH": 0.28}, abs=2e-3
    )
    assert result.account.sleeves == {"core": ("IWM",), "overlay": ("IWM 100/110",), "seen": ("IWM",)}
    assert result.positions["IWM 100/110"].iloc[-1] == 0.0  # expired
    assert result.attribution["overlay"] == pytest.approx(-0.2, abs=2e-3)
    document = result.stances[-1].to_json()
    assert list(document["agents"]) == ["bull", "bear", "watcher"]
    assert document["agents"]["bull"]["weight"] == pytest.approx(0.6)
    assert document["agents"]["bear"] == {
        "weight": 0.2,
        "instrument": "IWM 100/110",
        "tier": 2,
        "reasons": ["a spread"],
        "sleeves": [{"name": "overlay", "ticker": "IWM 100/110", "weight": 0.2, "tier": 2, "reasons": ["a spread"]}],
    }
    assert document["positions"] == pytest.approx({"IWM": 0.52, "IWM 100/110": 0.2, "CASH": 0.28})
    assert result.decisions[["p_up", "p_dip8"]].iloc[0].tolist() == [0.5, 0.2]
    with pytest.raises(InputError, match=r"policy's question: got 'dip8'; allowed: those given on 2019-12-20: up"):
        backtest(up, view, policy, factors=factors, baselines={})
    with pytest.raises(InputError, match=r"policy's factor: got 'premium'; allowed: those given: none"):
        backtest(both, view, policy, baselines={})


@pytest.mark.parametrize("wrong", [CORE, OVERLAY])
def test_each_sleeve_of_a_state_is_checked(wrong):
    held = {CORE: 0.5, OVERLAY: 0.25, wrong: NAN}
    with pytest.raises(InputError, match=r"state\.held\[IWM\]: got nan; allowed: a finite number from 0"):
        State(pd.Timestamp("2019-12-30T21:00Z"), held=held).check()


def test_whatever_the_policy_a_state_that_no_rule_can_use_is_refused():
    prices, asked = market(IWM=[FLAT, FLAT]), pd.Timestamp("2019-12-02T21:00Z")
    forecasts = {"up": Forecast(0.5, NAN, NAN, 0.5), "dip8": Forecast(NAN, NAN, NAN, 0.1)}
    with pytest.raises(InputError, match=r"state\.dip8\.p: got nan; allowed: a probability, 0 to 1"):
        take(prices, 0, Book(DAYS[0]), TwoSleeves(), asked, forecasts)


def test_a_policy_without_its_question_or_factor_is_refused_when_it_is_loaded(tmp_path):
    source = Source(tmp_path / "models" / "x.toml", 'name = "x"\n[policy]\nkind = "two_sleeves"\n')
    with pytest.raises(
        DefinitionError, match=r"models/x\.toml:2 \(policy\): got 'two_sleeves, which needs the question dip8'"
    ):
        load_policy({"kind": "two_sleeves"}, source)
    with pytest.raises(
        DefinitionError, match=r"needs the factor premium'; allowed: a policy that needs no factor but rsi"
    ):
        load_policy({"kind": "two_sleeves"}, source, questions=("up", "dip8"), factors=("rsi",))
    with pytest.raises(
        DefinitionError, match=r"models/x\.toml:3 \(policy\.kind\): got 'x'; allowed: band or buy_and_hold"
    ):
        load_policy({"kind": "x"}, source)


@pytest.mark.parametrize(
    ("sleeves", "message"),
    [
        ([("core", 0.6), ("core", 0.1)], "stance.sleeves: got 'two of one name'"),
        ([("core", -0.1)], r"stance\.core: got -0\.1"),
        ([("core", math.nan)], r"stance\.core: got nan"),
        ([("core", 0.6), ("overlay", 0.5)], r"stance\.sleeves: got 1\.1"),
    ],
)
def test_a_stance_that_cannot_be_held_is_refused(sleeves, message):
    stance = Stance(pd.Timestamp("2019-12-30T21:00Z"), tuple(Sleeve(n, "bull", fund("IWM"), w) for n, w in sleeves))
    with pytest.raises(InputError, match=message):
        stance.targets()
