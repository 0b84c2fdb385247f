"""The daily-reset model by hand, against a session-by-session loop, and before a fund's first bar."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.decide.advice import market_for, state_at
from bullbear.decide.backtest import backtest
from bullbear.decide.book import Book
from bullbear.decide.daily_reset import DailyReset, Prices, ResetFund, daily_reset
from bullbear.decide.instruments import Fund, packaged_instruments, read_instruments
from bullbear.decide.market import read_market
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policy import Forecast
from bullbear.errors import DefinitionError
from bullbear.sessions import between, closes

NAN = math.nan
TWM = ResetFund("IWM", -2.0, expense_ratio=0.0095, financing_spread=0.01, inception="2019-01-02")


def prices(*rows: tuple[float, float, float, float]) -> Prices:
    return Prices(*(np.array(column) for column in zip(*rows, strict=True)))


def test_an_inverse_fund_over_a_weekend_by_hand():
    sessions = pd.DatetimeIndex(["2019-01-04", "2019-01-07"])  # Friday, Monday
    index = prices((100, 100, 100, 100), (101, 102, 99, 98))
    found = daily_reset(TWM, index, sessions, [0.02, 0.5])
    # Three days: three times the bill on its cash, less a spread on two units sold short, less the fee.
    carry = (3 * 0.02 - 2 * 0.01 - 0.0095) * 3 / 365
    assert found.close.tolist() == [100.0, pytest.approx(100 * (1 + 0.04 + carry))]
    assert found.open[1] == pytest.approx(100 * (1 - 0.02 + carry))
    assert found.low[1] == pytest.approx(100 * (1 - 0.04 + carry))  # where the index was highest
    assert found.high[1] == pytest.approx(100 * (1 + 0.02 + carry))


@pytest.mark.parametrize(
    ("multiple", "carry"),
    [
        (1.0, -0.01),
        (2.0, -0.03 - 0.004 - 0.01),
        (3.0, -0.06 - 0.008 - 0.01),
        (-1.0, 0.06 - 0.004 - 0.01),
        (-3.0, 0.12 - 0.012 - 0.01),
        (0.5, 0.015 - 0.01),
    ],
)
def test_what_a_year_costs_while_the_index_stands_still(multiple, carry):
    fund = ResetFund("IWM", multiple, expense_ratio=0.01, financing_spread=0.004)
    assert fund.carry(np.array([0.03]), np.array([365.0]))[0] == pytest.approx(carry, abs=1e-15)


def test_what_has_lost_all_stays_worthless():
    sessions = between("2019-01-02", "2019-01-07")
    index = prices((100, 100, 100, 100), (100, 160, 100, 130), (130, 200, 130, 200), (200, 200, 100, 100))
    found = daily_reset(ResetFund("X", -2.0), index, sessions, [0.0] * 4)
    assert found.close.tolist() == pytest.approx([100.0, 40.0, 0.0, 0.0])
    assert found.low.tolist() == [100.0, 0.0, 0.0, 0.0]


MOVES = st.lists(
    st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(0, 0.1), st.floats(0, 0.1), st.booleans()),
    min_size=2,
    max_size=30,
)


@given(MOVES, st.sampled_from([-3.0, -2.0, -1.0, 0.5, 2.0, 3.0]), st.floats(0, 0.1))
def test_it_equals_a_loop_keeps_its_bars_in_order_and_never_looks_ahead(moves, multiple, rate):
    fund = ResetFund("IWM", multiple, 0.01, 0.01)
    sessions, rows, last = between("2010-01-04", "2010-12-31")[: len(moves)], [], 100.0
    for gap, day, above, below, missing in moves:
        o, c = last * (1 + gap), last * (1 + gap) * (1 + day)
        rows.append((o, max(o, c) * (1 + above), min(o, c) * (1 - below), NAN if missing else c))
        last = c
    index = prices(*rows)
    found = daily_reset(fund, index, sessions, [rate] * len(sessions))
    expected, held, base, when = [], None, None, None
    for session, close in zip(sessions, index.close, strict=True):
        if close != close:
            expected.append(NAN)
            continue
        if held is None:
            held = 100.0
        else:
            years = (session - when).days / 365
            borrowed = max(multiple - 1, 0) if multiple > 0 else -multiple
            grown = multiple * (close / base - 1) + ((1 - multiple) * rate - 0.01 - 0.01 * borrowed) * years
            held *= max(1 + grown, 0)
        base, when = close, session
        expected.append(held)
    np.testing.assert_allclose(found.close, expected, rtol=1e-9)
    known = np.isfinite(found.close)
    assert (found.low[known] <= np.minimum(found.open, found.close)[known] * (1 + 1e-12)).all()
    assert (found.high[known] * (1 + 1e-12) >= np.maximum(found.open, found.close)[known]).all()
    half = len(sessions) // 2
    short = daily_reset(fund, Prices(*(each[:half] for each in index)), sessions[:half], [rate] * half)
    for whole, part in zip(found, short, strict=True):
        np.testing.assert_array_equal(whole[:half], part)


def fund(listed: str = "2019-01-02", **model: float) -> Fund:
    made = DailyReset(index="IWM", financing_spread=0.01, **model)
    return Fund(ticker="TWM", multiple=-2.0, expense_ratio=0.0095, inception=listed, half_spread_bp=5.0, model=made)


def test_the_model_ends_with_the_first_bar_and_returns_are_whole_across_it(market_view):
    view = market_view(3)  # TWM has bars from 2018-12-31 on
    market = read_market(view, "IWM", tickers=("TWM",), models={"TWM": TWM})
    first = market.place(view.bars("TWM").index[0])
    assert market.modelled["TWM"].first_bar == first == 250
    assert market.is_modelled("TWM", first - 1)
    assert not market.is_modelled("TWM", first)
    modelled, index = np.array(market.bars["TWM"].close), np.array(market.bars["IWM"].close)
    days = np.diff(market.sessions).astype("timedelta64[D]").astype(float)
    rates = np.array(market.rates[:-1])
    expected = -2 * (index[1:] / index[:-1] - 1) + TWM.carry(rates, days)
    np.testing.assert_allclose((modelled[1:] / modelled[:-1] - 1)[:first], expected[:first], atol=1e-12)
    real = view.bars("TWM")["adj_close"].to_numpy()
    np.testing.assert_allclose((modelled[1:] / modelled[:-1] - 1)[first:], real[1:] / real[:-1] - 1, atol=1e-12)
    np.testing.assert_allclose((modelled * market.bars["TWM"].unit)[first:], view.bars("TWM")["close"], rtol=1e-12)
    assert np.isfinite(market.bars["TWM"].atr[14:]).all()
    # No volume is known of what was not traded.
    assert np.isnan(market.bars["TWM"].dollar_volume[:first]).all()
    assert market.bars["TWM"].dollar_volume[first] > 0


@pytest.mark.parametrize("cut", [30, 200, 249, 250, 251, 300])
def test_a_modelled_row_is_the_same_to_the_last_bit_without_the_later_bars(market_view, cut):
    view = market_view(5)
    whole = read_market(view, "IWM", tickers=("TWM",), models={"TWM": TWM})
    short = read_market(view.until(whole.sessions[cut]), "IWM", tickers=("TWM",), models={"TWM": TWM})
    for name in ("open", "high", "low", "close", "atr"):
        np.testing.assert_array_equal(
            getattr(short.bars["TWM"], name), getattr(whole.bars["TWM"], name)[: cut + 1], strict=True
        )
    assert [short.is_modelled("TWM", row) for row in range(cut + 1)] == [row < 250 for row in range(cut + 1)]


def test_a_decision_sees_a_modelled_price_until_the_listing_and_hears_of_it(market_view):
    view = market_view(7)
    del view.prices["TWM"]
    policy = BandPolicy(bear_instrument=fund())
    market = market_for(view, policy, "IWM")
    before, after = market.place(pd.Timestamp("2019-02-01")), market.place(pd.Timestamp("2019-02-04"))
    for row, seen in ((before, True), (after, False)):
        at = closes(market.sessions[[row]])[0]
        state = state_at(market, row, Book(market.days[row]), policy, at, {"up": Forecast(0.3, 0.2, 0.4, 0.6)})
        assert ("TWM" in state.closes) is seen
        assert state.modelled == ("TWM",)
        stance, _ = policy.decide(state, policy.recall({}))
        bear = stance.telling(state.modelled).sleeves[1]
        assert bear.priced is seen
        assert ("TWM is not listed yet: its price is modelled" in bear.reasons) is seen
        # What was bought before can be sold.
        assert policy.bear_instrument.mark(market, row, "open") > 0


def test_the_account_tells_modelled_trades_from_real_ones(market_view, random_forecasts):
    view = market_view(11)
    sessions = view.bars("IWM").index
    policy = BandPolicy(bear_instrument=fund())
    result = backtest(random_forecasts(sessions[21:480], 12), view, policy)
    trades = result.trades
    listed = view.bars("TWM").index[0]
    bear = trades["ticker"] == "TWM"
    early = trades["executed_at"] < pd.Timestamp(listed, tz="UTC")
    assert (trades["modelled"] == (bear & early)).all()
    assert (bear & early).any()
    assert (bear & ~early).any()
    assert set(result.account.modelled) == {"TWM"}
    assert trades["executed_at"][bear & early].max().tz_localize(None).normalize() <= result.account.modelled["TWM"]
    assert result.account.modelled["TWM"] < listed


def test_a_fund_whose_index_has_no_bars_has_no_model(market_view):
    view = market_view(8)
    del view.prices["TWM"]
    market = read_market(view, "IWM", tickers=("TWM", "QQQ"), models={"TWM": TWM._replace(tracks="QQQ")})
    assert "TWM" not in market.bars
    assert not market.is_modelled("TWM", 0)


def test_geared_funds_come_with_a_model_and_plain_ones_without():
    for ticker, each in packaged_instruments().items():
        geared = each.multiple not in (0.0, 1.0)
        assert (each.model_fund is not None) is geared, ticker
        assert each.priced_by == ((ticker, each.model.index) if geared else (ticker,))


def test_a_model_without_sense_is_refused(tmp_path):
    path = tmp_path / "instruments.toml"
    entry = '[[instrument]]\nticker = "X"\nmultiple = -1.0\nhalf_spread_bp = 1.0\ninception = "2006-06-19"\n'
    path.write_text(entry + '[instrument.model]\nindex = "IWM"\nfinancing_spread = -0.01\n')
    with pytest.raises(
        DefinitionError, match=r"instruments\.toml:8 \(instrument\.0\.model\.financing_spread\): got -0"
    ):
        read_instruments({path: None})
