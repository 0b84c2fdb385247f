"""The baselines by hand, and that none of them knows more than its day."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.decide.advice import market_for, take
from bullbear.decide.backtest import backtest
from bullbear.decide.baselines import OnBaseRate, baselines_of
from bullbear.decide.book import Book
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policies.hold_cash import HoldCash
from bullbear.decide.policies.jump_model import JumpModelSwitch, _chosen
from bullbear.decide.policies.sixty_forty import SixtyForty
from bullbear.decide.policies.volatility_target import VolatilityTarget
from bullbear.decide.policy import Forecast, Slot, State, load_policy
from bullbear.sessions import between, closes

FREE = {
    t: each.model_copy(update={"half_spread_bp": 0.0, "impact_bp": 0.0}) for t, each in packaged_instruments().items()
}
CLOSE = pd.Timestamp("2019-12-23T21:00Z")


def frame(close: np.ndarray, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Bars that open where the last one closed."""
    start = np.concatenate([close[:1], close[:-1]])
    bars = {"open": start, "high": np.maximum(start, close), "low": np.minimum(start, close), "close": close}
    return pd.DataFrame(
        {"known_at": closes(days), **bars, "adj_close": close, "volume": 1e6}, index=days.rename("event_date")
    )


def test_their_names_and_whose_fund_they_hold():
    found = baselines_of("QID" if "QID" in FREE else "TWM", FREE, BandPolicy())
    assert list(found) == [
        "buy_and_hold",
        "ten_month_average",
        "volatility_target",
        "sixty_forty",
        "jump_model",
        "base_rate",
    ]
    assert found["sixty_forty"].needs.funds[1] == "IEF"
    assert "base_rate" not in baselines_of("IWM", FREE, HoldCash())  # no forecast could change it
    assert "base_rate" not in baselines_of("IWM", FREE)


def test_the_volatility_target_by_hand(view):
    """Steps of 1 % a day are 15.9 % a year, steps of 2 % are 31.7 %; the month's end sets the next month's weight."""
    days = between("2019-09-03", "2019-12-31")
    size = np.where(days < pd.Timestamp("2019-11-01"), 0.01, 0.02)
    close = 100 * np.cumprod(1 + size * np.where(np.arange(len(days)) % 2, 1, -1))
    view.prices["IWM"] = frame(close, days)
    policy = VolatilityTarget(instrument=FREE["IWM"])
    market = market_for(view, policy, "IWM")
    weights = {}
    for day in ("2019-09-13", "2019-09-30", "2019-10-31", "2019-11-29"):
        row = market.place(pd.Timestamp(day))
        _, stance, _ = take(market, row, Book(session=market.days[row]), policy, CLOSE, {})
        weights[day] = stance.positions["IWM"]
    assert weights == {
        "2019-09-13": 0.0,  # eight returns only
        "2019-09-30": 0.0,  # nineteen
        "2019-10-31": pytest.approx(0.15 / (0.01 * math.sqrt(252)), rel=1e-9),
        # Twenty of the 21 sessions up to the end of November are its own, the first is October's last.
        "2019-11-29": pytest.approx(0.15 / math.sqrt(252 / 21 * (20 * 0.02**2 + 0.01**2)), rel=1e-9),
    }


def test_a_calm_market_is_held_whole_and_never_more(view):
    days = between("2019-10-01", "2019-12-31")
    view.prices["IWM"] = frame(100 * 1.001 ** np.arange(len(days)), days)
    policy = VolatilityTarget(instrument=FREE["IWM"])
    market = market_for(view, policy, "IWM")
    _, stance, _ = take(market, 60, Book(session=market.days[60]), policy, CLOSE, {})
    assert stance.positions == {"IWM": 1.0, "CASH": 0.0}


def test_sixty_forty_drifts_within_a_month_and_is_brought_back_at_its_end(view, predictions):
    days = between("2019-10-28", "2019-12-31")
    stocks = np.where(days < pd.Timestamp("2019-11-15"), 100.0, 120.0)  # + 20 % on the 15th
    view.prices["IWM"], view.prices["IEF"] = frame(stocks, days), frame(np.full(len(days), 50.0), days)
    policy = SixtyForty(stocks=FREE["IWM"], bonds=FREE["IEF"])
    forecasts = predictions({str(d.date()): 0.5 for d in days[:-1]})
    account = backtest(forecasts, view, HoldCash(), baselines={"mix": policy}).baselines["mix"]
    held = account.positions.loc[["2019-10-29", "2019-11-14", "2019-11-15", "2019-11-29", "2019-12-02"]]
    drifted = 0.6 * 1.2 / 1.12
    assert held["IWM"].tolist() == pytest.approx([0.6, 0.6, drifted, drifted, 0.6], rel=1e-9)
    assert held["IEF"].tolist() == pytest.approx([0.4, 0.4, 1 - drifted, 1 - drifted, 0.4], rel=1e-9)
    assert account.equity.iloc[-1] == pytest.approx(1.12, rel=1e-9)


def test_bonds_that_come_late_get_what_the_drift_of_stocks_leaves():
    policy, stocks = SixtyForty(), Slot("IWM", "stocks", "bull")
    first = State(pd.Timestamp("2019-11-29T18:00Z"), closes={"IWM": 100.0})
    stance, memory = policy.decide(first, policy.recall({}))
    assert stance.positions == {"IWM": 0.6, "IEF": 0.0, "CASH": 0.4}
    later = State(CLOSE, closes={"IWM": 120.0, "IEF": 50.0}, held={stocks: 0.65})
    assert policy.decide(later, memory)[0].positions == pytest.approx({"IWM": 0.65, "IEF": 0.35, "CASH": 0.0})


def test_bonds_without_a_price_stay_in_cash(view, predictions):
    days = between("2019-12-02", "2019-12-31")
    view.prices["IWM"] = frame(np.full(len(days), 100.0), days)
    forecasts = predictions({str(d.date()): 0.5 for d in days[:-1]})
    result = backtest(forecasts, view, HoldCash(), baselines=baselines_of("IWM", FREE))
    assert result.baselines["sixty_forty"].positions.iloc[-1].to_dict() == pytest.approx(
        {"IWM": 0.6, "IEF": 0.0, "CASH": 0.4}
    )


@pytest.fixture(scope="module")
def regimes() -> pd.DataFrame:
    """Nine years that rise calmly but for two wild falls of some months."""
    days = between("2011-01-03", "2019-12-31")
    rng = np.random.default_rng(7)
    wild = (days >= pd.Timestamp("2015-03-01")) & (days < pd.Timestamp("2015-09-01"))
    wild |= (days >= pd.Timestamp("2018-02-01")) & (days < pd.Timestamp("2018-10-01"))
    returns = np.where(wild, rng.normal(-0.003, 0.022, len(days)), rng.normal(0.0006, 0.006, len(days)))
    return frame(100 * np.cumprod(1 + returns), days)


def turbulent(prices: pd.DataFrame, view) -> pd.Series:
    view.prices["IWM"] = prices
    policy = JumpModelSwitch()
    market = market_for(view, policy, "IWM")
    return pd.Series(market.signals["turbulent"], index=market.sessions)


def test_the_jump_model_leaves_a_wild_fall_and_comes_back(view, regimes):
    signal = turbulent(regimes, view)
    begins = signal.first_valid_index()
    # 252 sessions for the features and 504 more for a model, then the end of the month: January 2014.
    assert begins == pd.Timestamp("2014-01-31")
    assert signal.loc["2015-05":"2015-08"].mean() > 0.95
    assert signal.loc["2018-04":"2018-09"].mean() > 0.95
    # Before it has seen a wild regime it parts the calm one in two; a slow Sortino ratio remembers a fall for months.
    calm = pd.concat([signal.loc["2016-06":"2018-01"], signal.loc["2019-06":]])
    assert calm.mean() < 0.05


def test_no_later_price_changes_a_regime(view, regimes):
    whole = turbulent(regimes, view)
    for end in ("2016-06-15", "2018-06-29"):
        pd.testing.assert_series_equal(turbulent(regimes.loc[:end], view), whole.loc[:end], check_exact=True)
    crash = regimes.copy()
    crash.loc["2018-07-02":, ["open", "high", "low", "close", "adj_close"]] *= 0.5
    pd.testing.assert_series_equal(turbulent(crash, view).loc[:"2018-06-29"], whole.loc[:"2018-06-29"])


def test_no_evening_knows_that_the_last_session_of_its_month_will_lack_a_price(view, regimes):
    sessions = regimes.index
    ends = sessions[:-1][sessions.month[:-1] != sessions.month[1:]]
    view.prices["IWM"] = regimes
    policy = JumpModelSwitch(instrument=FREE["SPY"], least=126, window=504, judged=504)

    def signal(end: str | None = None) -> pd.Series:
        view.prices["IWM"], view.prices["SPY"] = regimes.loc[:end], regimes.drop(ends[10::2]).loc[:end]
        market = market_for(view, policy, "IWM")
        return pd.Series(market.signals["turbulent"], index=market.sessions)

    whole = signal()
    assert whole.loc[whole.first_valid_index() :].notna().all()  # without a price the last regime holds
    for at in sessions.get_indexer(ends[40::16]):
        end = str(sessions[at - 1].date())
        pd.testing.assert_series_equal(signal(end), whole.loc[:end], check_exact=True)


def test_the_penalty_is_the_one_that_had_paid():
    """Of three strategies the first misses every fall but switches often, the second is always in, the third never."""
    fall = np.arange(60) % 4 == 3
    close = 100 * np.cumprod(np.where(fall, 0.99, 1.01))
    knows = np.roll(fall, -1).astype(int)  # out at the close before each fall
    states = np.column_stack([knows, np.zeros(60, int), np.ones(60, int)])

    def chosen(cost: float, judged: int = 60) -> list[int]:
        rule = ((1.0, 2.0, 3.0), 60, 10, judged, 10, cost)
        return _chosen(states, [9, 29, 49], close, np.zeros(60), rule)[[9, 29, 49]].tolist()

    # Twenty returns are known at the second refit, none at the first: there the middle candidate serves.
    assert chosen(cost=0.0) == [1, 0, 0]
    assert chosen(cost=0.01) == [1, 1, 1]  # a fall avoided for two switches at 1 % each
    falling = close[::-1].copy()
    states = np.column_stack([np.zeros(60, int), np.zeros(60, int), np.ones(60, int)])
    close = falling
    assert chosen(cost=0.0) == [1, 1, 1]  # of equals the higher penalty; never to be in has no ratio


def test_the_jump_model_holds_all_or_nothing(view, regimes, predictions):
    view.prices["IWM"] = regimes
    days = regimes.index[(regimes.index >= pd.Timestamp("2015-01-02")) & (regimes.index < pd.Timestamp("2016-06-01"))]
    forecasts = predictions({str(d.date()): 0.5 for d in days}, resolved="2016-06-30")
    account = backtest(forecasts, view, HoldCash(), baselines=baselines_of("IWM", FREE)).baselines["jump_model"]
    held = account.positions["IWM"]
    assert set(held.round(9)) == {0.0, 1.0}
    signal = turbulent(regimes, view).reindex(held.index)
    assert (held.to_numpy()[1:] == 1.0 - signal.to_numpy()[:-1]).all()  # decided at a close, held from the next open


def test_on_the_base_rate_no_forecast_counts(market_view, random_forecasts):
    view = market_view(71)
    policy = BandPolicy()
    days = view.bars("IWM").index[30:400]
    first, second = (backtest(random_forecasts(days, seed), view, policy) for seed in (1, 2))
    base = first.baselines["base_rate"]
    pd.testing.assert_frame_equal(base.daily, second.baselines["base_rate"].daily, check_exact=True)
    assert not first.account.equity.equals(second.account.equity)
    table = random_forecasts(days, 1).table
    usual = Predictions(table.assign(p=table["climatology"], p_low=math.nan, p_high=math.nan))
    pd.testing.assert_frame_equal(base.daily, backtest(usual, view, policy).account.daily, check_exact=True)


def test_on_the_base_rate_the_interval_is_unknown():
    state = State(CLOSE, forecasts={"up": Forecast(0.9, 0.8, 0.95, 0.6)}, volatility=0.1, closes={"IWM": 100.0})
    stance, _ = OnBaseRate(policy=BandPolicy()).decide(state, BandPolicy().recall({}))
    reasons = " ".join(reason for sleeve in stance.sleeves for reason in sleeve.reasons)
    assert "P(up) 60.0 % is in the bull band" in reasons
    assert "the forecast has no interval" in reasons


@pytest.mark.parametrize("kind", ["volatility_target", "sixty_forty", "jump_model"])
def test_each_is_a_policy_that_a_model_may_name(kind, view, predictions):
    policy = load_policy({"kind": kind})
    days = between("2019-10-01", "2019-12-31")
    view.prices["IWM"] = frame(100 * 1.001 ** np.arange(len(days)), days)
    forecasts = predictions({str(d.date()): 0.5 for d in days[:-1]})
    result = backtest(forecasts, view, policy)
    # As a baseline it decides on the same closes, if only at the ends of months.
    held, baseline = result.account.positions["IWM"], result.baselines[kind].positions["IWM"]
    assert held.loc[:"2019-10-31"].tolist() == pytest.approx(baseline.loc[:"2019-10-31"].tolist(), abs=1e-9)
