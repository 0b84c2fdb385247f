"""The compiled account against the Python one, which is the reference."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.decide import account
from bullbear.decide.book import Book
from bullbear.decide.compiled import tables, walk
from bullbear.decide.instruments import Fund, Instrument
from bullbear.decide.market import Bars, Market
from bullbear.decide.policy import Slot
from bullbear.errors import InputError
from bullbear.sessions import between

NAN = math.nan
DAYS = between("2019-11-01", "2019-12-31")
CORE, OVERLAY = Slot("IWM", "core", "bull"), Slot("IWM", "overlay", "bull")
SLOTS = tuple(sorted([CORE, OVERLAY, Slot("TWM", "hedge", "bear"), Slot("RWM", "hedge", "bear")]))
MULTIPLES = {"IWM": 1.0, "RWM": -1.0, "TWM": -2.0}


def funds(commission: float = 0.0) -> dict[str, Instrument]:
    return {
        t: Fund(ticker=t, multiple=multiple, inception="2000-01-03", half_spread_bp=3, commission=commission)
        for t, multiple in MULTIPLES.items()
    }


def bars_of(rows: list[tuple[float, float, float, float]]) -> Bars:
    """(open, high, low, close) by session."""
    open_, high, low, close = ([float(price) for price in column] for column in zip(*rows, strict=True))
    n = len(rows)
    return Bars(
        open=open_, high=high, low=low, close=close, atr=[NAN] * n, raw_open=open_, unit=[1.0] * n,
        dollar_volume=[1e8] * n,
    )  # fmt: skip


def market_of(**bars: list[tuple[float, float, float, float]]) -> Market:
    n = len(next(iter(bars.values())))
    return Market("IWM", DAYS[:n], [0.1] * n, {t: bars_of(rows) for t, rows in bars.items()}, [0.0] * n)


def by_python(market: Market, traded: dict[str, Instrument], targets: np.ndarray, stops: np.ndarray, first: int = 0):
    def decide(row: int, book: Book) -> Book:
        wanted, levels = targets[row - first], stops[row - first]
        if np.isnan(wanted).all():
            return book
        standing = {slot: float(level) for slot, level in zip(SLOTS, levels, strict=True) if level == level}
        return book.ordered(dict(zip(SLOTS, wanted.tolist(), strict=True)), traded, standing)

    return account.walk(market, first, first + len(targets) - 1, decide)[0]


def same(reference: account.Account, found: account.Account) -> None:
    daily = found.daily.reindex(columns=reference.daily.columns)
    pd.testing.assert_frame_equal(reference.daily, daily, rtol=0, atol=1e-9)
    positions = found.positions.reindex(columns=reference.positions.columns)
    pd.testing.assert_frame_equal(reference.positions, positions, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(reference.trades, found.trades, rtol=0, atol=1e-9)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Market, np.ndarray, np.ndarray]:
    """Bars with gaps, any of them missing; targets on some closes, stops near the price on some of those."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing = draw(st.sampled_from([0.0, 0.1, 0.4]))
    worthless = draw(st.booleans())
    n, bars = 30, {}
    for ticker in MULTIPLES:
        closes = 100.0 * np.cumprod(1 + rng.normal(0, 0.05, n))
        rows = []
        for close in closes:
            open_ = close * (1 + rng.normal(0, 0.03))
            low, high = min(open_, close) * (1 - rng.random() / 20), max(open_, close) * 1.01
            gone = rng.random() < missing
            no_open, no_low = gone or rng.random() < missing, gone or rng.random() < missing
            end = 0.0 if worthless and ticker == "TWM" and rng.random() < 0.1 else close
            rows.append((NAN if no_open else open_, high, NAN if no_low else low, NAN if gone else end))
        bars[ticker] = rows
    targets, stops = np.full((n, len(SLOTS)), NAN), np.full((n, len(SLOTS)), NAN)
    for row in range(n):
        if row and rng.random() < 0.3:
            continue
        shares = rng.dirichlet(np.full(len(SLOTS) + 1, 0.3))[: len(SLOTS)] * (rng.random(len(SLOTS)) < 0.7)
        targets[row] = np.eye(len(SLOTS))[rng.integers(len(SLOTS))] if rng.random() < 0.4 else shares
        targets[row, -1] *= 0.9  # of what may become worthless: nothing is left of an account that was all in it
        for place, slot in enumerate(SLOTS):
            if rng.random() < 0.6 and (close := bars[slot.ticker][row][3]) > 0.0:
                stops[row, place] = close * (1 - rng.random() / 10)
    market = market_of(**bars)
    rates = np.linspace(0.0, 0.06, n).tolist()
    return Market("IWM", market.sessions, market.volatility, market.bars, rates), targets, stops


@given(case=cases(), commission=st.sampled_from([0.0, 0.01]), first=st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_both_accounts_agree_on_every_table(case, commission, first):
    market, targets, stops = case
    traded = funds(commission)
    targets, stops = targets[first:], stops[first:]
    found = walk(market, traded, SLOTS, targets, stops, first=first)
    same(by_python(market, traded, targets, stops, first), found.account())
    assert (found.cash >= -1e-12).all()
    np.testing.assert_allclose(found.weights.sum(axis=1) + found.cash, 1.0, rtol=0, atol=1e-12)


FLAT = (100.0, 101.0, 99.0, 100.0)


def test_a_stop_fills_at_its_level_at_a_gap_at_the_open_and_in_the_bar_that_bought():
    level = 97.0
    gap, dip = (95.0, 96.0, 94.0, 95.5), (100.0, 100.0, 96.0, 98.0)
    for bar, price in ((dip, level), (gap, 95.0)):
        market = market_of(IWM=[FLAT, FLAT, bar, FLAT], RWM=[FLAT] * 4, TWM=[FLAT] * 4)
        targets, stops = np.full((4, 4), NAN), np.full((4, 4), NAN)
        targets[0], stops[0, SLOTS.index(CORE)] = np.eye(4)[SLOTS.index(CORE)], level
        free = {t: each.model_copy(update={"half_spread_bp": 0.0}) for t, each in funds().items()}
        found = walk(market, free, SLOTS, targets, stops)
        assert found.equity.tolist() == pytest.approx([1.0, 1.0, price / 100.0, price / 100.0], abs=1e-15)
        assert found.account().trades["why"].tolist() == ["order", "stop"]
    market = market_of(IWM=[FLAT, dip, FLAT], RWM=[FLAT] * 3, TWM=[FLAT] * 3)
    found = walk(market, free, SLOTS, targets[:3], stops[:3])
    assert found.equity.tolist() == pytest.approx([1.0, 0.97, 0.97], abs=1e-15)


def test_what_the_compiled_account_has_not_is_refused():
    market = market_of(IWM=[FLAT] * 3, RWM=[FLAT] * 3, TWM=[FLAT] * 3)

    class Bound(Fund):
        def margin(self, value: float) -> float:
            return value

    class Dear(Fund):
        def cost(self, value: float, market: Market, row: int) -> float:
            return 0.5

    given_ = {"ticker": "IWM", "multiple": 1.0, "inception": "2000-01-03", "half_spread_bp": 0.0}
    for kind, match in ((Bound, "binds a margin"), (Dear, "a cost of its own")):
        with pytest.raises(InputError, match=match):
            tables(market, {"IWM": kind(**given_)}, [CORE])
    with pytest.raises(InputError, match="sorted"):
        tables(market, funds(), [OVERLAY, CORE])
    with pytest.raises(InputError, match="no set of weights"):
        walk(market, funds(), [CORE], np.array([[1.5], [NAN], [0.0]]))
    with pytest.raises(InputError, match="shape"):
        walk(market, funds(), [CORE], np.zeros((4, 1)))
