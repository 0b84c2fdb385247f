"""A part that is switched off is off, and its worth is the whole less the rest."""

from __future__ import annotations

import pandas as pd
import pytest

from bullbear.decide.backtest import backtest
from bullbear.decide.baselines import OnBaseRate, switched_off
from bullbear.decide.performance import excess_returns, sharpe
from bullbear.decide.performance.attribution import WHOLE, attribution
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policies.hold_cash import HoldCash
from bullbear.decide.policies.two_agents import TwoAgents

POLICY = BandPolicy(volatility_cap=0.12)


@pytest.fixture
def tested(market_view, random_forecasts):
    view = market_view(91)
    forecasts = random_forecasts(view.bars("IWM").index[30:400], 92)
    return backtest(forecasts, view, POLICY, baselines={}, parts=True)


def test_the_parts_of_the_band_policy():
    found = switched_off(POLICY)
    assert list(found) == ["forecast", "sizing", "stops", "bear", "threshold"]
    assert isinstance(found["forecast"], OnBaseRate)
    assert (found["bear"].bear_weight, found["bear"].bull_weight) == (0.0, 1.0)
    assert "stops" not in switched_off(BandPolicy(stop_atr_multiple=0.0))  # off already
    assert switched_off(HoldCash()) == {}


def test_the_parts_of_the_two_agents():
    found = switched_off(TwoAgents())
    assert "forecast" in found
    assert found["forecast"].forecast is False  # its own switch, not the policy on the base rate


def test_each_part_is_off(tested):
    assert list(tested.without) == ["forecast", "sizing", "stops", "bear", "threshold", "costs"]
    assert (tested.without["bear"].positions["TWM"] == 0).all()
    assert (tested.account.positions["TWM"] > 0).any()
    assert not any("stop" in str(why) for why in tested.without["stops"].trades["why"])
    assert len(tested.without["threshold"].trades) > len(tested.account.trades)
    assert tested.without["sizing"].positions["IWM"].mean() > tested.account.positions["IWM"].mean()


def test_without_costs_nothing_is_paid_and_the_first_trade_alone_shows_by_how_much(tested):
    free = tested.without["costs"]
    assert (free.trades["cost"] == 0).all()
    assert free.attribution["costs"] == 0
    assert tested.account.attribution["costs"] < 0
    assert free.equity.iloc[-1] > tested.account.equity.iloc[-1]
    pd.testing.assert_series_equal(free.trades["executed_at"], tested.account.trades["executed_at"])


def test_a_part_is_worth_the_whole_less_the_rest(tested):
    table = attribution(tested.account, tested.without, tested.horizon)
    assert table.index.tolist() == [WHOLE, *tested.without]
    for part, account in tested.without.items():
        difference = sharpe(excess_returns(tested.account)) - sharpe(excess_returns(account))
        assert table.loc[part, "sharpe_difference"] == pytest.approx(difference, abs=1e-12)
    assert table.loc["costs", "sharpe_difference"] < 0
    assert table.loc["costs", "sharpe_difference_low"] < table.loc["costs", "sharpe_difference_high"] < 0
