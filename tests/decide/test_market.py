from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.decide.advice import state_at
from bullbear.decide.book import Book
from bullbear.decide.market import bill_rate, read_market
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policy import Forecast
from bullbear.errors import HistoryError, NoDataError
from bullbear.sessions import between, closes

POLICY = BandPolicy()


def read(view):
    return read_market(view, "IWM", tickers=("TWM",))


def state(market, row: int, day: str):
    book = Book(session=market.days[row])
    return state_at(market, row, book, POLICY, pd.Timestamp(day), {"up": Forecast(0.5, 0.4, 0.6, 0.6)})


def test_atr_equals_wilders_loop_over_total_return_prices(market_view):
    view = market_view(4)
    frame = view.bars("IWM")
    factor = (frame["adj_close"] / frame["close"]).to_numpy()
    high, low, close = (frame[c].to_numpy() * factor for c in ("high", "low", "close"))
    ranges = [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) for i in range(1, len(frame))
    ]
    expected = [sum(ranges[:14]) / 14]
    for value in ranges[14:]:
        expected.append((expected[-1] * 13 + value) / 14)
    atr = read(view).bars["IWM"].atr
    assert np.isnan(atr[:14]).all()
    np.testing.assert_allclose(atr[14:], np.array(expected), rtol=1e-6)


@pytest.mark.parametrize("cut", [30, 249, 250, 251, 270, 299, 300, 301, 400])
def test_a_row_is_the_same_to_the_last_bit_without_the_later_bars(market_view, cut):
    view = market_view(5)
    whole = read(view)
    short = read(view.until(whole.sessions[cut]))
    assert len(short.sessions) == cut + 1
    assert state(short, cut, "2019-01-02T21:00Z") == state(whole, cut, "2019-01-02T21:00Z")


def test_the_unit_turns_total_return_prices_into_those_of_the_day(market_view):
    view = market_view(6)
    fund = read(view).bars["IWM"]
    frame = view.bars("IWM")
    np.testing.assert_allclose(np.array(fund.close) * fund.unit, frame["close"], rtol=1e-12)
    np.testing.assert_allclose(np.array(fund.open) * fund.unit, frame["open"], rtol=1e-8)


@pytest.mark.parametrize("ratio", [2.0, 3.0, 0.1])
def test_a_split_that_a_later_view_knows_of_changes_no_number_but_the_unit(market_view, ratio):
    view, split = market_view(9), market_view(9)
    for frame in split.prices.values():
        frame[["open", "high", "low", "close"]] /= ratio
    before, after = read(view), read(split)
    for ticker in ("IWM", "TWM"):
        old, new = before.bars[ticker], after.bars[ticker]
        for name in ("open", "close", "atr"):
            np.testing.assert_array_equal(getattr(old, name), getattr(new, name))
        np.testing.assert_allclose(np.array(old.unit) / ratio, new.unit, rtol=1e-12)


def test_a_bar_that_became_known_after_its_close_was_missing_on_its_day(market_view):
    view, without = market_view(10), market_view(10)
    late = pd.Timestamp("2019-05-01")
    for ticker in ("IWM", "TWM"):
        view.prices[ticker].loc[late, "known_at"] += pd.Timedelta(minutes=1)
        without.prices[ticker] = without.prices[ticker].drop(late)
    assert late not in read(view).sessions
    found, expected = read(view), read(without)
    pd.testing.assert_index_equal(found.sessions, expected.sessions)
    np.testing.assert_array_equal(found.volatility, expected.volatility)
    for ticker in ("IWM", "TWM"):
        for name in ("open", "close", "atr", "raw_open", "unit"):
            np.testing.assert_array_equal(getattr(found.bars[ticker], name), getattr(expected.bars[ticker], name))
    view.prices["IWM"].loc[late, "known_at"] -= pd.Timedelta(minutes=1)
    market = read(view)
    assert np.isnan(market.bars["TWM"].close[market.place(late)])


def test_rows_without_a_close_are_no_sessions_and_a_missing_high_only_delays_the_atr(market_view):
    view = market_view(7)
    frame = view.prices["IWM"].copy()
    frame.iloc[100, frame.columns.get_loc("close")] = np.nan
    frame.iloc[200, frame.columns.get_loc("high")] = np.nan
    view.prices["IWM"] = frame
    market = read(view)
    assert frame.index[100] not in market.sessions
    atr = market.bars["IWM"].atr
    assert np.isfinite(atr[14:]).all()
    row = market.place(frame.index[200])
    assert atr[row] == atr[row - 1]
    with pytest.raises(NoDataError, match=r"bars of IWM: got '2018-05-25'; allowed: sessions with a close"):
        market.place(frame.index[100])


def test_too_little_history_is_said(market_view):
    market = read(market_view(8))
    with pytest.raises(HistoryError, match=r"volatility of IWM: got '2018-01-31'"):
        state(market, 20, "2018-01-31T21:00Z")
    assert state(market, 21, "2018-02-01T21:00Z").volatility > 0


def test_no_bars_is_said(view):
    with pytest.raises(NoDataError, match=r"bars: got 'IWM'"):
        read(view)


def bills(view, rows):
    frame = pd.DataFrame(rows, columns=["event_date", "known_at", "value"])
    frame["known_at"] = pd.to_datetime(frame["known_at"], utc=True)
    frame.index = pd.DatetimeIndex(frame.pop("event_date")).as_unit("us")
    view.values["DGS3MO"] = frame
    return view


def test_cash_earns_the_bill_that_was_known_at_each_close(view):
    bills(
        view,
        [
            ("2019-12-19", "2019-12-20T21:15Z", 1.0),
            ("2019-12-20", "2019-12-23T21:15Z", 2.0),
            ("2019-12-18", "2019-12-26T12:00Z", 9.0),
            ("2019-12-23", "2019-12-30T12:00Z", np.nan),
        ],
    )
    days = between("2019-12-20", "2019-12-30")
    # Known fifteen minutes after a close is known at the next; a late older day displaces nothing; NaN is no value.
    assert bill_rate(view, "DGS3MO", closes(days)) == [0.0, 0.01, 0.02, 0.02, 0.02, 0.02]


def test_an_old_or_absent_bill_earns_nothing(view):
    days = between("2019-12-20", "2019-12-31")
    assert bill_rate(view, "DGS3MO", closes(days)) == [0.0] * 7
    bills(view, [("2019-11-26", "2019-11-27T12:00Z", 5.0)])
    assert bill_rate(view, "DGS3MO", closes(days)) == [0.05, 0.05, 0.05, 0.05, 0.0, 0.0, 0.0]
    bills(view, [("2019-11-26", "2019-11-27T12:00Z", np.nan)])
    assert bill_rate(view, "DGS3MO", closes(days)) == [0.0] * 7


def test_a_fund_whose_bars_are_all_still_to_come_has_no_price(market_view):
    view = market_view(81)
    day = view.bars("IWM").index[200]
    early = view.until(day)
    assert len(early.bars("TWM")) == 0
    market = read(early)
    assert market.close_on("IWM", day) == view.bars("IWM")["adj_close"].iloc[200]
    assert market.close_on("TWM", day) is None
    assert market.close_on("IWM", day + pd.Timedelta(days=1)) is None
