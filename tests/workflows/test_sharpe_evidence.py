"""A backtest's Sharpe ratio after its shape and the models tried, on accounts made by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bullbear.decide.account import Account
from bullbear.sessions import between
from bullbear.workflows.sharpe_evidence import sharpe_evidence

DAYS = between("2010-01-04", "2019-12-31")


def account(returns: np.ndarray) -> Account:
    columns = ("bull_overnight", "bear_overnight", "bull_intraday", "bear_intraday", "interest", "costs", "turnover")
    daily = pd.DataFrame(dict.fromkeys(columns, 0.0), index=DAYS.rename("event_date"))
    daily = daily.assign(equity=np.cumprod(1 + returns), cash_return=0.0, bull_weight=1.0, bear_weight=0.0,
                         cash_weight=0.0, exposure=1.0)  # fmt: skip
    return Account(daily, pd.DataFrame(index=daily.index), pd.DataFrame({"cost": []}), {"bull": (), "bear": ()})


@pytest.fixture(scope="module")
def made() -> Account:
    return account(0.0004 + 0.01 * np.random.default_rng(5).standard_t(5, len(DAYS)))


def test_it_is_the_formula_of_the_papers(made: Account) -> None:
    found = sharpe_evidence(made, [0.1, -0.3, math.nan], trials=4)
    excess = made.equity.pct_change().to_numpy()[1:]
    s, g3, g4 = excess.mean() / excess.std(ddof=1), stats.skew(excess), stats.kurtosis(excess, fisher=False)
    assert found.sharpe == pytest.approx(s * math.sqrt(252))
    error = math.sqrt((1 - g3 * s + (g4 - 1) / 4 * s**2) / (len(excess) - 1))
    assert found.probabilistic == pytest.approx(stats.norm.cdf(s / error))
    spread = np.std([found.sharpe, 0.1, -0.3], ddof=1) / math.sqrt(252)
    euler = 0.5772156649
    best = spread * ((1 - euler) * stats.norm.ppf(1 - 1 / 4) + euler * stats.norm.ppf(1 - 1 / (4 * math.e)))
    assert found.deflated == pytest.approx(stats.norm.cdf((s - best) / error))
    assert found.track_record_years == pytest.approx(
        (1 + (error**2 * (len(excess) - 1)) * (1.644853627 / s) ** 2) / 252
    )


def test_of_a_single_model_nothing_is_deflated_and_more_tries_deflate_more(made: Account) -> None:
    alone = sharpe_evidence(made, [], trials=1)
    assert alone.deflated == alone.probabilistic
    many = [sharpe_evidence(made, [], trials=trials).deflated for trials in (2, 10, 100)]
    assert alone.deflated > many[0] > many[1] > many[2]


def test_cash_has_no_ratio() -> None:
    found = sharpe_evidence(account(np.zeros(len(DAYS))), [0.5], trials=2)
    assert math.isnan(found.sharpe)
    assert math.isnan(found.deflated)
