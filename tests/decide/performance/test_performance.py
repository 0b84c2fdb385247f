from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bullbear.decide.account import Account
from bullbear.decide.backtest import backtest
from bullbear.decide.performance import comparison, figures, intervals, sharpe_difference
from bullbear.decide.policies.band import BandPolicy
from bullbear.errors import HistoryError, InputError
from bullbear.sessions import between, closes
from bullbear.statistics.bootstrap import stationary_rows

# mean 0.005, deviations (0.005, -0.015, 0.015, -0.005): variance 0.0005 / 3
R = np.array([0.01, -0.01, 0.02, 0.0])
DEVIATION = math.sqrt(0.0005 / 3)


def test_ratios_by_hand():
    assert figures.annual_volatility(R) == pytest.approx(DEVIATION * math.sqrt(252), rel=1e-12)
    daily = 0.005 / DEVIATION
    assert figures.sharpe(R) == pytest.approx(daily * math.sqrt(252), rel=1e-12)
    assert figures.sharpe_error(R) == pytest.approx(math.sqrt((1 + daily**2 / 2) / 4 * 252), rel=1e-12)
    assert figures.sortino(R) == pytest.approx(0.005 / math.sqrt(0.0001 / 4) * math.sqrt(252), rel=1e-12)


def test_ratios_without_a_denominator_are_unknown():
    assert math.isnan(figures.sharpe(np.zeros(5)))
    assert math.isnan(figures.sortino(np.full(5, 0.01)))
    assert math.isnan(figures.sharpe(np.array([0.01])))
    assert math.isnan(figures.sharpe(np.full(250, 0.1)))  # whose deviation is some 1e-17 by rounding
    assert math.isnan(figures.calmar(pd.Series([1.0, 1.1], index=pd.DatetimeIndex(["2019-01-02", "2019-07-01"]))))


EQUITY = pd.Series(
    [1.0, 1.2, 0.9, 1.08, 1.3],
    index=pd.DatetimeIndex(["2018-12-28", "2018-12-31", "2019-01-02", "2019-12-31", "2020-01-02"]),
)


def test_growth_and_drawdown_by_hand():
    assert figures.cagr(EQUITY) == pytest.approx(1.3 ** (365.25 / 370) - 1, rel=1e-12)
    fall = figures.max_drawdown(EQUITY)
    assert fall.depth == pytest.approx(-0.25)
    assert [str(d.date()) for d in (fall.peak, fall.trough, fall.recovered)] == [
        "2018-12-31",
        "2019-01-02",
        "2020-01-02",
    ]
    assert figures.calmar(EQUITY) == pytest.approx(figures.cagr(EQUITY) / 0.25)
    assert figures.max_drawdown(EQUITY.iloc[:4]).recovered is None
    assert figures.max_drawdown(EQUITY.iloc[:2]).depth == 0


@pytest.fixture
def account():
    daily = pd.DataFrame(
        {
            "equity": EQUITY.to_numpy(),
            "bull_weight": [0.0, 0.5, 0.5, 0.0, 0.0],
            "bear_weight": [0.0, 0.0, 0.0, 0.25, 0.0],
            "cash_weight": [1.0, 0.5, 0.5, 0.75, 1.0],
            "exposure": [0.0, 0.5, 0.5, -0.5, 0.0],
            "cash_return": [0.0, 0.01, 0.0, 0.02, 0.0],
            "turnover": [0.0, 0.5, 0.0, 0.75, 0.25],
            "bull_overnight": [0.0, 0.0, -0.4, 0.3, 0.0],
            "bull_intraday": [0.0, 0.2, 0.1, -0.1, 0.0],
            "bear_overnight": [0.0, 0.0, 0.0, 0.0, 0.22],
            "bear_intraday": 0.0,
            "interest": 0.0,
            "costs": [0.0, -0.01, 0.0, -0.018, -0.0108],
        },
        index=EQUITY.index,
    )
    trades = pd.DataFrame({"cost": [0.01, 0.018, 0.0108]})
    return Account(daily, pd.DataFrame(index=EQUITY.index), trades, {"bull": ("IWM",), "bear": ("TWM",)})


def test_figures_of_an_account_by_hand(account):
    years = 370 / 365.25
    found = figures.performance(account)
    assert found.total_return == pytest.approx(0.3)
    assert found.turnover == pytest.approx(1.5 / years)
    assert found.cost_drag == pytest.approx((0.01 / 1.0 + 0.018 / 0.9 + 0.0108 / 1.08) / years)
    assert found.exposure == pytest.approx(0.1)
    assert found.time_invested == pytest.approx(0.6)
    assert found.hit_rate == pytest.approx(2 / 3)  # held into three sessions: -0.3, +0.2, +0.22
    assert found.trades == 3
    excess = np.array([0.2 - 0.01, -0.25, 0.2 - 0.02, 1.3 / 1.08 - 1])
    assert found.sharpe == pytest.approx(excess.mean() / excess.std(ddof=1) * math.sqrt(252))
    assert (found.drawdown_peak, found.drawdown_recovered) == ("2018-12-31", "2020-01-02")


def test_years_chain_to_the_total(account):
    years = figures.by_year(account)
    assert years.to_dict() == pytest.approx({2018: 0.2, 2019: -0.1, 2020: 1.3 / 1.08 - 1})
    assert (1 + years).prod() == pytest.approx(1.3)


def test_too_short_an_account_is_refused(account):
    short = Account(account.daily.iloc[:2], account.trades, "IWM", "TWM")
    with pytest.raises(HistoryError, match="account: got '2 closes'; allowed: at least 3"):
        figures.performance(short)


def test_the_difference_of_a_series_with_itself_is_exactly_nil():
    r = np.random.default_rng(1).normal(0, 0.01, 400)
    assert sharpe_difference(r, r, replicates=50) == (0.0, 0.0, 0.0)


def test_the_interval_holds_a_null_difference_and_excludes_a_large_one():
    rng = np.random.default_rng(2)
    base = rng.normal(0.0003, 0.01, 2000)
    noisy, better = base + rng.normal(0, 0.002, 2000), base + 0.001
    difference, low, high = sharpe_difference(noisy, base, replicates=300)
    assert low < 0 < high
    assert low < difference < high
    difference, low, high = sharpe_difference(better, base, replicates=300)
    assert 0 < low < difference < high
    assert difference == pytest.approx(0.001 / base.std(ddof=1) * math.sqrt(252), rel=1e-9)
    assert sharpe_difference(better, base, replicates=300) == (difference, low, high)


def test_the_interval_knows_that_positions_persist():
    """A position that may change sides every fortnight: days in a row are alike, which single draws do not see."""
    rng = np.random.default_rng(4)
    side = np.repeat(rng.choice([-1.0, 1.0], 200), 10)
    held, base = side * 0.004 + rng.normal(0, 0.004, 2000), rng.normal(0, 0.004, 2000)

    def width(**options: int) -> float:
        _, low, high = sharpe_difference(held, base, replicates=300, **options)
        return high - low

    assert width() > 1.4 * width(block=1)
    assert width() == width(block=21)
    assert width(block=5) < 0.9 * width(block=21)


def test_comparisons_take_blocks_of_the_horizon_of_the_forecasts(market_view, random_forecasts):
    view = market_view(61)
    result = backtest(
        random_forecasts(view.bars("IWM").index[21:480], 62), view, BandPolicy(), ticker="IWM", horizon=63
    )  # fmt: skip
    own, hold = (figures.excess_returns(each) for each in (result.account, result.baselines["buy_and_hold"]))
    for horizon, block in ((63, 63), (21, 21), (5, 21)):
        table = comparison(replace(result, horizon=horizon), replicates=50)
        _, low, high = sharpe_difference(own, hold, block=block, replicates=50)
        row = table.loc["buy_and_hold", ["sharpe_difference_low", "sharpe_difference_high"]]
        assert row.tolist() == [low, high]


def test_wrong_comparisons_are_refused():
    with pytest.raises(InputError, match="baseline: got '3 days'; allowed: 4 days"):
        sharpe_difference(R, R[:3])
    with pytest.raises(InputError, match=r"level: got 1\.0"):
        sharpe_difference(R, R, level=1.0)


def test_an_account_all_in_cash_has_no_ratio(view, bars, predictions):
    days = between("2018-11-01", "2019-12-31")
    rng = np.random.default_rng(7)
    close = 100 * np.cumprod(1 + rng.normal(0, 0.01, len(days)))
    view.prices["IWM"] = bars([(str(d.date()), c, c, c, c, c) for d, c in zip(days, close, strict=True)])
    view.values["DGS3MO"] = pd.DataFrame(
        {"known_at": closes(days), "value": np.round(2 + rng.normal(0, 0.3, len(days)), 2)}, index=days
    )
    policy = BandPolicy(neutral_weight=0)
    result = backtest(predictions({str(d.date()): 0.5 for d in days[40:-1]}), view, policy)
    found = figures.performance(result.account)
    assert found.total_return > 0.01
    assert figures.excess_returns(result.account).std() > 0  # by rounding
    for name in ("sharpe", "sharpe_error", "sortino", "calmar", "hit_rate"):
        assert math.isnan(getattr(found, name)), name
    table = comparison(result, replicates=20)
    assert table.loc["buy_and_hold", ["sharpe_difference", "sharpe_difference_low"]].isna().all()


def test_an_interval_is_undetermined_where_a_replicate_has_no_ratio():
    once = np.zeros(40)
    once[7] = 0.01
    difference, low, high = sharpe_difference(once, np.tile(R, 10), block=5, replicates=100)
    assert math.isfinite(difference)
    assert math.isnan(low)
    assert math.isnan(high)


def test_a_flat_account_has_no_sharpe_difference():
    difference, low, high = sharpe_difference(np.zeros(4), R)
    assert all(math.isnan(x) for x in (difference, low, high))


def test_the_comparison_names_every_account(market_view, random_forecasts):
    view = market_view(61)
    result = backtest(random_forecasts(view.bars("IWM").index[21:480], 62), view, BandPolicy())
    table = comparison(result, replicates=50)
    assert table.index.tolist() == ["policy", *result.baselines]
    assert math.isnan(table.loc["policy", "sharpe_difference"])
    expected = table.loc["policy", "sharpe"] - table.loc["buy_and_hold", "sharpe"]
    assert table.loc["buy_and_hold", "sharpe_difference"] == pytest.approx(expected)
    assert table.loc["buy_and_hold", "exposure"] > 0.99


def test_falls_under_water_by_hand():
    equity = np.array([1.0, 1.2, 1.1, 1.0, 1.2, 1.3, 1.25, 1.26, 1.2, 1.25])
    assert figures.longest_drawdown(equity) == 4  # from the 1.3 to the end
    assert figures.longest_drawdown(equity[:6]) == 2
    assert figures.under_water(equity) == pytest.approx(6 / 10)
    assert figures.longest_drawdown(np.stack([equity[:6], np.ones(6)])).tolist() == [2.0, 0.0]


def test_the_tail_is_the_mean_of_the_worst_months():
    days = between("2015-12-31", "2018-02-15")
    index = pd.DatetimeIndex(days)
    months = index.year * 12 + index.month
    level = pd.Series(months).rank(method="dense").to_numpy() - 1.0
    steps = np.array(
        [0.0, *[0.01 * k for k in (3, -5, 2, 1, -8, 4, 2, 0, 1, 2, 3, 1, -1, 2, 3, 1, 0, 2, -7, 1, 2, 3, 1, 2, 9, 9)]]
    )
    equity = pd.Series(np.cumprod(1 + steps)[level.astype(int)], index=index)
    found = figures.monthly_returns(equity)
    assert len(found) == 25  # January 2016 to January 2018; February is not over
    assert found[:3].tolist() == pytest.approx([0.03, -0.05, 0.02])
    assert figures.tail_month(found) == pytest.approx((-0.08 - 0.07) / 2)  # 5 % of 25 months, rounded up
    assert math.isnan(figures.tail_month(found[:11]))


def test_intervals_equal_the_figures_of_drawn_accounts(market_view, random_forecasts):
    """Each draw is an account of its own: its figures are those that a plain account of these sessions would have."""
    view = market_view(61)
    account = backtest(random_forecasts(view.bars("IWM").index[21:480], 62), view, BandPolicy(), baselines={}).account
    found = intervals(account, replicates=40, block=21)
    growth, excess = figures.returns(account), figures.excess_returns(account)
    traded = account.daily["turnover"].to_numpy()[1:]
    years = (account.daily.index[-1] - account.daily.index[0]).days / 365.25
    drawn: dict[str, list[float]] = {name: [] for name in found}
    for rows in stationary_rows(len(growth), 21, resamples=40, seed=0):
        equity = np.concatenate([[1.0], np.cumprod(1 + growth[rows])])
        drawn["sharpe"].append(figures.sharpe(excess[rows]))
        drawn["max_drawdown"].append(figures.max_drawdown(pd.Series(equity)).depth)
        drawn["drawdown_sessions"].append(float(figures.longest_drawdown(equity)))
        drawn["under_water"].append(float(figures.under_water(equity)))
        drawn["turnover"].append(traded[rows].sum() / years)
    months = figures.monthly_returns(account.equity)
    for rows in stationary_rows(len(months), 3, resamples=40, seed=0):
        drawn["tail_month"].append(figures.tail_month(months[rows]))
    for name, values in drawn.items():
        assert found[name] == pytest.approx(tuple(np.quantile(values, [0.05, 0.95])), rel=1e-9), name
    assert found["sharpe"][0] < figures.sharpe(excess) < found["sharpe"][1]
