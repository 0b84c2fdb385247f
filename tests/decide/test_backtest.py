"""Small backtests that a person can check by hand, then the invariants on a random market."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.decide.advice import forecasts_by_close, market_for, state_at
from bullbear.decide.backtest import backtest
from bullbear.decide.baselines import baselines_of
from bullbear.decide.book import Book
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.market import read_market
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policies.ten_month_average import TenMonthAverage
from bullbear.decide.policy import load_policy
from bullbear.errors import HistoryError, InputError, NoDataError
from bullbear.sessions import between, closes

TINY = BandPolicy(
    volatility_window=2, atr_window=2, volatility_cap=100, stop_atr_multiple=0, rebalance_threshold=0, neutral_weight=0
)
BUY_AND_HOLD, TEN_MONTHS = "buy_and_hold", "ten_month_average"
FUNDS = packaged_instruments()
CLOSE = pd.Timestamp("2019-12-23T21:00Z")


def paying(policy: BandPolicy, **costs: float) -> BandPolicy:
    """The policy with its funds at these costs, basis points of the value traded."""
    funds = {
        t: FUNDS[t].model_copy(update={"half_spread_bp": cost, "impact_bp": 0.0})
        for t, cost in {"IWM": 0.0, "TWM": 0.0, **costs}.items()
    }
    return policy.model_copy(update={"bull_instrument": funds["IWM"], "bear_instrument": funds["TWM"]})


FLAT = [(day, 100.0, 101.0, 99.0, 100.0, 100.0) for day in ("2019-12-18", "2019-12-19", "2019-12-20", "2019-12-23")]


def at_close(account, day: str) -> float:
    return float(account.equity.loc[pd.Timestamp(day)])


def test_cost_gap_drift_and_dividend_by_hand(view, bars, predictions):
    view.prices["IWM"] = bars(
        [
            *[(day, o, h, lo, c, 0.98 * c) for day, o, h, lo, c, _ in FLAT],
            ("2019-12-24", 105.0, 111.0, 104.0, 110.25, 0.98 * 110.25),  # gap of 5 % is missed, then 5 % is earned
            ("2019-12-26", 110.25, 110.25, 99.0, 99.225, 0.98 * 99.225),  # falls 10 % within the day
            ("2019-12-27", 97.2405, 97.2405, 97.2405, 97.2405, 97.2405),  # pays 2 %: the total return is nil
            ("2019-12-30", 97.2405, 107.0, 97.0, 97.2405 * 1.1, 97.2405 * 1.1),
            ("2019-12-31", 97.2405 * 0.99, 100.0, 90.0, 90.0, 90.0),  # gaps down 10 %, sold there
        ]
    )
    result = backtest(predictions({"2019-12-23": 0.7, "2019-12-30": 0.3}), view, paying(TINY, IWM=100.0))
    bought = 1 / 1.01
    expected = {
        "2019-12-23": 1.0,
        "2019-12-24": bought * 1.05,
        "2019-12-26": bought * 1.05 * 0.9,
        "2019-12-27": bought * 1.05 * 0.9,
        "2019-12-30": bought * 1.05 * 0.9 * 1.1,
        "2019-12-31": bought * 1.05 * 0.9 * 1.1 * 0.9 * 0.99,
    }
    assert {str(day.date()): value for day, value in result.equity.items()} == pytest.approx(expected, rel=1e-8)
    trades = result.trades
    assert trades["ticker"].tolist() == ["IWM", "IWM"]
    assert [str(t) for t in trades["decided_at"]] == ["2019-12-23 21:00:00+00:00", "2019-12-30 21:00:00+00:00"]
    assert [str(t) for t in trades["executed_at"]] == ["2019-12-24 14:30:00+00:00", "2019-12-31 14:30:00+00:00"]
    assert trades["weight_change"].tolist() == [1.0, pytest.approx(-1.0)]
    assert trades["price"].tolist() == [105.0, 97.2405 * 0.99]
    sold = bought * 1.05 * 0.9 * 1.1 * 0.9
    assert trades["value"].tolist() == pytest.approx([bought, -sold], rel=1e-8)
    assert trades["cost"].tolist() == pytest.approx([0.01 * bought, 0.01 * sold], rel=1e-8)
    parts = result.attribution
    overnight = -bought * 1.05 * 0.9 * 1.1 * 0.1
    assert parts["bull_overnight"] == pytest.approx(overnight, rel=1e-8)
    assert parts["bull_intraday"] == pytest.approx(bought * (0.05 - 0.105 + 0.0945), rel=1e-6)
    assert parts["costs"] == pytest.approx(-0.01 * (bought + sold), rel=1e-8)
    assert parts["bear"] == parts["interest"] == 0
    assert parts["total"] == pytest.approx(result.equity.iloc[-1] - 1, abs=1e-15)


def test_from_bull_to_bear_both_legs_pay_and_meet_their_weights_after_costs(view, bars, predictions):
    view.prices["IWM"] = bars(
        [
            *FLAT,
            ("2019-12-24", 100.0, 100.0, 100.0, 100.0, 100.0),
            ("2019-12-26", 100.0, 100.0, 90.0, 90.0, 90.0),
            ("2019-12-27", 90.0, 90.0, 90.0, 90.0, 90.0),
        ]
    )
    view.prices["TWM"] = bars(
        [
            *[(day, 50.0, 50.0, 50.0, 50.0, 50.0) for day, *_ in FLAT],
            ("2019-12-24", 50.0, 50.0, 50.0, 50.0, 50.0),
            ("2019-12-26", 50.0, 60.0, 50.0, 60.0, 60.0),
            ("2019-12-27", 66.0, 66.0, 60.0, 60.0, 60.0),
        ]
    )
    forecasts = predictions({"2019-12-23": 0.7, "2019-12-24": 0.3})
    result = backtest(forecasts, view, paying(TINY, IWM=150.0, TWM=200.0))
    bought = 1 / 1.015
    paid = bought * (0.015 + 0.02 * 0.3) / (1 + 0.02 * 0.3)  # C = 0.015 E + 0.02 * 0.3 (E - C)
    rest = bought - paid
    assert at_close(result.account, "2019-12-26") == pytest.approx(rest * (0.7 + 0.3 * 1.2), rel=1e-8)
    positions = result.positions.loc[pd.Timestamp("2019-12-26")]
    assert positions.to_dict() == pytest.approx({"IWM": 0.0, "TWM": 0.36 / 1.06, "CASH": 0.7 / 1.06}, rel=1e-8)
    # No decision follows: the drifted TWM is kept through the gap up and the fall back.
    assert at_close(result.account, "2019-12-27") == pytest.approx(rest * 1.06, rel=1e-8)
    parts = result.attribution
    assert parts["bear_overnight"] == pytest.approx(rest * 0.3 * 1.2 * 0.1, rel=1e-8)
    assert parts["bear_intraday"] == pytest.approx(rest * 0.3 * (0.2 - 1.2 * 0.1), rel=1e-6)
    assert result.account.daily["exposure"].iloc[-1] == pytest.approx(-2 * 0.36 / 1.06)


def test_cash_earns_the_known_bill_by_calendar_days(view, bars, predictions):
    view.prices["IWM"] = bars([*FLAT, *[(d, *FLAT[0][1:]) for d in ("2019-12-24", "2019-12-26", "2019-12-27")]])
    view.values["DGS3MO"] = pd.DataFrame(
        {"known_at": pd.to_datetime(["2019-12-23T20:00Z", "2019-12-24T19:00Z"]), "value": [3.65, 36.5]},
        index=pd.DatetimeIndex(["2019-12-20", "2019-12-23"]).as_unit("us"),
    )
    result = backtest(predictions({"2019-12-23": 0.5}), view, TINY)
    # Two nights to the 26th, still at 3.65: the second rate came an hour after the early close of the 24th.
    assert result.equity.tolist() == pytest.approx([1, 1.0001, 1.0001 * 1.0002, 1.0001 * 1.0002 * 1.001], rel=1e-8)
    assert result.attribution["interest"] == pytest.approx(result.equity.iloc[-1] - 1, rel=1e-8)
    assert result.trades.empty


def test_a_stop_sells_at_the_open_after_the_close_below_it_and_a_rise_from_the_low_buys_again(view, bars, predictions):
    view.prices["IWM"] = bars(
        [
            *FLAT,  # true ranges of 2: the first level is 100 - 1 x 2 = 98
            ("2019-12-24", 100.0, 100.0, 97.0, 97.0, 97.0),  # ATR 2.5, sold: re-entry at 97 + 1 x 2.5 = 99.5
            ("2019-12-26", 95.0, 98.5, 95.0, 98.5, 98.5),  # sold at 95, not at 98; above the old stop, yet under 99.5
            ("2019-12-27", 98.5, 99.6, 98.0, 99.6, 99.6),  # at the re-entry level: buy
            ("2019-12-30", 99.0, 100.0, 99.0, 99.99, 99.99),
        ]
    )
    policy = TINY.model_copy(update={"stop_atr_multiple": 1.0, "reentry_atr_multiple": 1.0})
    days = ("2019-12-23", "2019-12-24", "2019-12-26", "2019-12-27", "2019-12-30")
    result = backtest(predictions(dict.fromkeys(days, 0.7)), view, paying(policy))
    assert result.equity.tolist() == pytest.approx([1, 0.97, 0.95, 0.95, 0.95 * 99.99 / 99], rel=1e-8)
    assert result.positions["IWM"].tolist() == [0.0, 1.0, 0.0, 0.0, 1.0]
    approx = pytest.approx
    shown = [[(s.side, s.level) for s in (*stance.stops, *stance.reentries)] for stance in result.stances]
    assert shown[:3] == [[("exit", 98.0)], [("reentry", approx(99.5))], [("reentry", approx(99.5))]]
    assert [levels[0][0] for levels in shown[3:]] == ["exit", "exit"]
    assert result.trades["price"].tolist() == [100.0, 95.0, 99.0]


def test_a_dividend_alone_does_not_trigger_a_stop(view, bars, predictions):
    view.prices["IWM"] = bars(
        [
            *[(day, o, h, lo, c, 0.96 * c) for day, o, h, lo, c, _ in FLAT],
            ("2019-12-24", 100.0, 101.0, 99.0, 100.0, 96.0),
            ("2019-12-26", 96.0, 97.0, 95.0, 96.0, 96.0),  # below 98 in dollars, but it went ex 4 dollars
        ]
    )
    policy = TINY.model_copy(update={"stop_atr_multiple": 1.0})
    days = ("2019-12-23", "2019-12-24", "2019-12-26")
    result = backtest(predictions(dict.fromkeys(days, 0.7)), view, paying(policy))
    assert result.stances[-1].positions["IWM"] == 1.0
    assert [stance.stops[0].level for stance in result.stances] == pytest.approx([98, 98, 98 * 0.96])


def test_an_order_without_an_open_waits_and_a_new_decision_replaces_it(view, bars, predictions):
    nan = float("nan")
    view.prices["IWM"] = bars(
        [
            *FLAT,
            ("2019-12-24", nan, 101.0, 99.0, 100.0, 100.0),
            ("2019-12-26", 80.0, 101.0, 80.0, 100.0, 100.0),
            ("2019-12-27", 100.0, 101.0, 99.0, 100.0, 100.0),
        ]
    )
    waits = backtest(predictions({"2019-12-23": 0.7}), view, paying(TINY))
    assert waits.equity.tolist() == pytest.approx([1, 1, 1.25, 1.25])
    assert str(waits.trades["executed_at"].iloc[0]) == "2019-12-26 14:30:00+00:00"
    replaced = backtest(predictions({"2019-12-23": 0.7, "2019-12-24": 0.5}), view, paying(TINY))
    assert replaced.trades.empty


def test_a_day_without_an_open_books_the_whole_move_within_the_day(view, bars, predictions):
    view.prices["IWM"] = bars(
        [
            *FLAT,
            ("2019-12-24", 100.0, 101.0, 99.0, 100.0, 100.0),
            ("2019-12-26", float("nan"), 121.0, 99.0, 120.0, 120.0),
        ]
    )
    result = backtest(predictions({"2019-12-23": 0.7}), view, paying(TINY))
    assert result.attribution["bull_intraday"] == pytest.approx(0.2)


def test_without_its_fund_the_bear_is_cash_and_says_so(view, bars, predictions):
    view.prices["IWM"] = bars([*FLAT, ("2019-12-24", *FLAT[0][1:])])
    result = backtest(predictions({"2019-12-23": 0.3}), view, TINY)
    assert result.stances[0].to_json()["agents"]["bear"]["instrument"] == "CASH"
    assert "TWM has no price on this day (listed 2007-01-23): cash instead" in result.stances[0].sleeves[1].reasons
    assert result.equity.tolist() == [1.0, 1.0]


def test_the_account_ends_when_the_last_forecast_resolves_or_with_the_data(view, bars, predictions):
    view.prices["IWM"] = bars([*FLAT, *[(d, *FLAT[0][1:]) for d in ("2019-12-24", "2019-12-26", "2019-12-27")]])
    short = backtest(predictions({"2019-12-23": 0.7}, resolved="2019-12-26"), view, TINY)
    assert str(short.equity.index[-1].date()) == "2019-12-26"
    later = predictions({"2019-12-23": 0.7}, resolved="2020-02-03")
    assert str(backtest(later, view, TINY).equity.index[-1].date()) == "2019-12-27"


def run(view, forecasts):
    return backtest(forecasts, view, paying(BandPolicy(), IWM=2.0, TWM=6.0))


@pytest.mark.parametrize("cut", [100, 249, 262, 300, 420])
def test_no_later_bar_changes_a_decision_a_position_or_a_trade(market_view, random_forecasts, cut):
    view = market_view(11)
    days = view.bars("IWM").index[21:480]
    forecasts = random_forecasts(days, 12)
    whole = run(view, forecasts)
    session = view.bars("IWM").index[cut]
    rng = np.random.default_rng(13)
    for ticker, frame in view.prices.items():
        columns = ["open", "high", "low", "close", "adj_close"]
        later = frame.index > session
        frame = frame.copy()
        frame.loc[later, columns] = frame.loc[later, columns] * rng.uniform(0.5, 2, (int(later.sum()), len(columns)))
        view.prices[ticker] = frame
    changed = run(view, forecasts)
    close = closes(pd.DatetimeIndex([session]))[0]
    seen = sum(state.decided_at <= close for state in whole.states)
    assert seen == cut - 20
    assert whole.states[:seen] == changed.states[:seen]
    assert whole.stances[:seen] == changed.stances[:seen]
    for name, account in {"policy": whole.account, **whole.baselines}.items():
        other = changed.account if name == "policy" else changed.baselines[name]
        pd.testing.assert_frame_equal(account.daily.loc[:session], other.daily.loc[:session], check_exact=True)
        old, new = (a.trades[a.trades["executed_at"] <= close] for a in (account, other))
        pd.testing.assert_frame_equal(old, new, check_exact=True)
    assert not whole.equity.equals(changed.equity)


@pytest.mark.parametrize("cut", [60, 262, 300, 400])
def test_the_policy_called_by_hand_on_a_day_gives_the_backtests_weights_to_the_last_bit(
    market_view, random_forecasts, cut
):
    view, policy = market_view(21), BandPolicy()
    days = view.bars("IWM").index[21:480]
    forecasts = random_forecasts(days, 22)
    result = backtest(forecasts, view, policy)
    number = cut - 21
    session = view.bars("IWM").index[cut]
    market = market_for(view.until(session), policy, "IWM")
    row = market.place(session)
    at, forecast = list(forecasts_by_close(forecasts).items())[number]
    # The daily forecast sees only its own past, and knows yesterday's memory and today's positions.
    book = Book(session=session, cash=result.books[number].cash, values=result.books[number].values)
    today = state_at(market, row, book, policy, at, forecast)
    stance, _ = policy.decide(today, result.books[number - 1].recalled(policy))
    assert stance == result.stances[number]
    known = forecasts.where(np.arange(len(forecasts)) <= number)
    again = backtest(known, view.until(session), policy)
    assert again.stances[-1] == result.stances[number]


def test_executed_weights_are_the_decided_ones_and_every_booking_adds_up(market_view, random_forecasts):
    view = market_view(31)
    result = run(view, random_forecasts(view.bars("IWM").index[21:480], 32))
    decided = result.decisions.set_index("decided_at")
    assert len(result.trades) > 50
    assert set(result.trades["ticker"]) == {"IWM", "TWM"}
    for trade in result.trades.itertuples():
        assert trade.weight_after == decided.loc[trade.decided_at, trade.ticker]
        assert trade.executed_at > trade.decided_at
    for account in (result.account, *result.baselines.values()):
        change = account.equity.diff().iloc[1:]
        booked = account.bookings.sum(axis=1).iloc[1:]
        np.testing.assert_allclose(booked, change, atol=1e-13)
        parts = account.attribution
        sleeves = sum(parts[name] for name in account.sleeves)
        assert sleeves + parts["interest"] + parts["costs"] == parts["total"]
        assert parts["total"] == pytest.approx(account.equity.iloc[-1] - 1, abs=1e-12)
        assert account.trades["cost"].sum() == pytest.approx(-parts["costs"], abs=1e-12)
        np.testing.assert_allclose(account.positions.sum(axis=1), 1, atol=1e-12)


def test_buy_and_hold_is_the_total_return_from_the_first_open_after_one_cost(market_view, random_forecasts):
    view = market_view(41)
    frame = view.bars("IWM")
    dear = {"IWM": FUNDS["IWM"].model_copy(update={"half_spread_bp": 10.0, "impact_bp": 0.0})}
    forecasts = random_forecasts(frame.index[21:480], 42)
    result = backtest(forecasts, view, BandPolicy(), baselines=baselines_of("IWM", dear))
    factor = frame["adj_close"] / frame["close"]
    first_open = frame["open"].iloc[22] * factor.iloc[22]
    night = 1 + 0.02 / 365  # of cash at 2 %, before the first open
    expected = night * frame["adj_close"].iloc[22:] / first_open / 1.001
    hold = result.baselines[BUY_AND_HOLD]
    np.testing.assert_allclose(hold.equity.iloc[1:], expected.loc[: hold.equity.index[-1]], rtol=1e-8)
    assert len(hold.trades) == 1


def inside(market) -> list[bool]:
    """Whether the ten-month rule wants to be in the market, by session."""
    policy = TenMonthAverage()
    found = []
    for row, session in enumerate(market.days):
        stance, _ = policy.decide(state_at(market, row, Book(session=session), policy, CLOSE, {}), None)
        found.append(stance.positions["IWM"] == 1.0)
    return found


def test_the_ten_month_rule_equals_the_plain_pandas_expression(market_view):
    market = read_market(market_view(51), "IWM")
    close = pd.Series(market.bars["IWM"].close, index=market.sessions)
    month_end = close.groupby(close.index.to_period("M")).tail(1)  # the data ends on a month's last session
    signal = month_end > month_end.rolling(10).mean()
    expected = signal.reindex(close.index).ffill().fillna(False).astype(bool)
    assert expected.sum() > 20
    assert (~expected.iloc[220:]).sum() > 20
    assert inside(market) == expected.tolist()


def test_an_unfinished_month_gives_no_signal(market_view):
    market = read_market(market_view(51).until(pd.Timestamp("2019-11-27")), "IWM")
    assert inside(market)[-1] == inside(market)[market.place(pd.Timestamp("2019-10-31"))]


@pytest.mark.parametrize("kind", [BUY_AND_HOLD, TEN_MONTHS])
def test_a_baseline_as_the_policy_of_a_model_earns_what_the_baseline_earns(market_view, random_forecasts, kind):
    view = market_view(51)
    forecasts = random_forecasts(view.bars("IWM").index[21:480], 52)
    result = backtest(forecasts, view, load_policy({"kind": kind}))
    pd.testing.assert_frame_equal(result.account.daily, result.baselines[kind].daily, check_exact=True)
    assert result.equity.iloc[-1] != 1.0


def test_a_model_that_holds_cash_earns_the_bill(market_view, random_forecasts):
    view = market_view(51)
    forecasts = random_forecasts(view.bars("IWM").index[21:480], 52)
    result = backtest(forecasts, view, load_policy({"kind": "hold_cash"}))
    assert result.trades.empty
    assert list(result.positions) == ["CASH"]
    assert result.attribution == {
        "interest": result.attribution["total"],
        "costs": 0.0,
        "total": pytest.approx(result.equity.iloc[-1] - 1),
    }
    assert result.attribution["total"] > 0


def test_a_ticker_that_is_no_instrument_has_no_baseline():
    with pytest.raises(
        InputError, match=r"instrument: got 'XYZ'; allowed: IWM, .*; add it to models/instruments\.toml"
    ):
        baselines_of("XYZ")


def test_the_ten_month_rule_trades_at_the_open_after_a_month_end(market_view, random_forecasts):
    view = market_view(51)
    result = backtest(random_forecasts(view.bars("IWM").index[21:480], 52), view, BandPolicy())
    trades = result.baselines[TEN_MONTHS].trades
    assert len(trades) > 1
    for trade in trades.itertuples():
        session = trade.decided_at.tz_convert("America/New_York").tz_localize(None).normalize()
        following = between(session, session + pd.Timedelta(days=10))[1]
        assert following.month != session.month
        assert trade.executed_at.tz_localize(None).normalize() == following


@pytest.mark.parametrize(("growth", "trades"), [(1.001, ["2018-12-12"]), (0.999, [])])
def test_the_ten_month_rule_starts_on_its_first_day_with_the_signal_that_stands(
    view, bars, predictions, growth, trades
):
    days = between("2018-01-02", "2019-03-29")
    close = 100 * growth ** np.arange(len(days))
    view.prices["IWM"] = bars([(str(d.date()), c, c, c, c, c) for d, c in zip(days, close, strict=True)])
    # A Wednesday in mid-month: the signal of the month end before stands and does not change.
    result = backtest(predictions({"2018-12-12": 0.5, "2018-12-13": 0.5}, resolved="2019-03-29"), view, BandPolicy())
    found = result.baselines[TEN_MONTHS].trades
    assert [str(day.date()) for day in found["decided_at"]] == trades
    assert [str(day.date()) for day in found["executed_at"]] == ["2018-12-13"] * len(trades)
    assert found["weight_after"].tolist() == [1.0] * len(trades)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda f: f.iloc[:0], InputError, "predictions: no rows"),
        (lambda f: f.assign(decided_at=f["decided_at"] - pd.Timedelta("1h")), InputError, "the close of a session"),
        (lambda f: f.assign(decided_at=f["decided_at"] - pd.Timedelta("3D")), InputError, "days on which the exchange"),
    ],
)
def test_predictions_without_sense_are_refused(view, bars, predictions, change, error, message):
    view.prices["IWM"] = bars([*FLAT, *[(d, *FLAT[0][1:]) for d in ("2019-12-24", "2019-12-26")]])
    forecasts = predictions({"2019-12-23": 0.7, "2019-12-24": 0.5})
    with pytest.raises(error, match=message):
        backtest(Predictions(change(forecasts.table)), view, TINY)


def test_a_session_without_a_bar_decides_nothing(view, bars, predictions):
    view.prices["IWM"] = bars([*FLAT, *[(d, *FLAT[0][1:]) for d in ("2019-12-26", "2019-12-27")]])
    with_gap = backtest(predictions({"2019-12-23": 0.7, "2019-12-24": 0.1, "2019-12-26": 0.7}), view, TINY)
    without = backtest(predictions({"2019-12-23": 0.7, "2019-12-26": 0.7}), view, TINY)
    assert [str(state.decided_at.date()) for state in with_gap.states] == ["2019-12-23", "2019-12-26"]
    assert with_gap.stances == without.stances
    assert with_gap.equity.tolist() == without.equity.tolist()


@pytest.mark.parametrize("christmas", ["2017-12-25", "2018-12-25", "2019-12-25", "2014-12-25", "2020-12-25"])
def test_a_forecast_of_a_weekday_that_is_no_session_any_more_is_passed_over(view, bars, predictions, christmas):
    days = [f"{day.date()}" for day in between(f"{christmas[:4]}-12-14", f"{christmas[:4]}-12-30")]
    view.prices["IWM"] = bars([(day, *FLAT[0][1:]) for day in days])
    before, after = max(day for day in days if day < christmas), min(day for day in days if day > christmas)
    earlier = days[days.index(before) - 1]
    forecasts = predictions({earlier: 0.7, before: 0.5, after: 0.7}, resolved=days[-1])
    decided = pd.DatetimeIndex(forecasts.table["decided_at"])
    closure = decided.where(np.arange(3) != 1, pd.Timestamp(f"{christmas}T21:00Z")).as_unit("us")
    with_closure = backtest(Predictions(forecasts.table.assign(decided_at=closure)), view, TINY)
    without = backtest(forecasts.where(np.arange(3) != 1), view, TINY)
    assert with_closure.stances == without.stances
    assert with_closure.equity.tolist() == without.equity.tolist()


def test_missing_bars_and_short_history_are_refused(view, bars, predictions):
    view.prices["IWM"] = bars([*FLAT, ("2019-12-26", *FLAT[0][1:])])
    with pytest.raises(NoDataError, match=r"bars of IWM: got '2019-12-24'"):
        backtest(predictions({"2019-12-24": 0.5}), view, TINY)
    with pytest.raises(HistoryError, match=r"volatility of IWM: got '2019-12-19'"):
        backtest(predictions({"2019-12-19": 0.7}), view, TINY)


def test_fifteen_years_of_the_real_market(snapshot_dir, view):
    for ticker in ("IWM", "TWM"):
        frame = pd.read_csv(snapshot_dir / "prices" / f"{ticker}.csv", parse_dates=["date"], index_col="date")
        frame.index = pd.DatetimeIndex(frame.index).as_unit("us")
        view.prices[ticker] = frame.assign(known_at=closes(frame.index))
    days = view.prices["IWM"].loc["2005":].index
    decided = closes(days)
    due = decided[[-1] * len(days)] + pd.Timedelta("31D")
    forecasts = Predictions.of(decided_at=decided, resolved_at=due, asset="IWM", p=0.3, climatology=0.3)
    hold = {BUY_AND_HOLD: baselines_of("IWM")[BUY_AND_HOLD]}
    began = time.process_time()
    result = backtest(forecasts, view, BandPolicy(), baselines=hold)
    seconds = time.process_time() - began
    assert seconds < 3  # of the processor; 0.4 on an idle machine
    bear = result.decisions.set_index("decided_at")["TWM"]
    told = pd.Series(["its price is modelled" in str(stance.sleeves[1].reasons) for stance in result.stances], days)
    assert (told == (bear.to_numpy() > 0)[: len(told)])[:"2007-01-24"].all()
    assert (bear[:"2007-01-24"] > 0).any()
    assert not told["2007-01-25":].any()
    assert (bear["2007-01-25":] > 0).any()
    close = view.prices["IWM"]["adj_close"]
    bought = result.baselines[BUY_AND_HOLD].equity
    assert bought.iloc[-1] / bought.iloc[1] == pytest.approx(close.iloc[-1] / close.loc[days[1]], rel=1e-8)


def test_the_curves_have_every_account_and_weights_that_sum_to_one(market_view, random_forecasts):
    view = market_view(81)
    result = backtest(random_forecasts(view.bars("IWM").index[30:200], 82), view, BandPolicy())
    curves = result.curves
    assert curves.index.name == "date"
    assert list(curves)[:7] == ["policy", *result.baselines]
    assert list(curves)[7:] == ["weight_IWM", "weight_TWM", "weight_CASH"]
    assert (curves.iloc[0, :7] == 1.0).all()
    np.testing.assert_allclose(curves.iloc[:, 7:].sum(axis=1), 1.0, rtol=0, atol=1e-9)
    assert curves["buy_and_hold"].equals(result.baselines[BUY_AND_HOLD].equity)
