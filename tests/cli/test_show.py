"""Results of accounts that have no ratio: a dash for people, null for programs, no metric."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bullbear.cli import show
from bullbear.decide import Backtest, Book, comparison
from bullbear.decide.account import Account
from bullbear.decide.policies.band import BandPolicy
from bullbear.sessions import between
from bullbear.tracking import Run
from bullbear.workflows.backtesting import backtest_metrics, backtest_params, backtest_summary

DAYS = between("2019-01-02", "2019-12-31")


def account(returns: np.ndarray, cash: float, invested: float) -> Account:
    equity = np.cumprod(1 + returns)
    columns = ("bull_overnight", "bear_overnight", "bull_intraday", "bear_intraday", "interest", "costs", "turnover")
    daily = pd.DataFrame(dict.fromkeys(columns, 0.0), index=DAYS.rename("event_date"))
    daily = daily.assign(
        equity=equity, cash_return=cash, bull_weight=invested, bear_weight=0.0, cash_weight=1 - invested, exposure=0.0
    )
    sleeves = {"bull": ("IWM",), "bear": ("TWM",)}
    return Account(daily, pd.DataFrame(index=daily.index), pd.DataFrame({"cost": []}), sleeves)


@pytest.fixture
def all_cash() -> Backtest:
    held = account(np.random.default_rng(3).normal(0.0005, 0.01, len(DAYS)), 0.0001, 1.0)
    cash = account(np.full(len(DAYS), 0.0001), 0.0001, 0.0)
    return Backtest("IWM", BandPolicy(), cash, (), (), (), Book(session=DAYS[-1]), {"buy_and_hold": held})


RUN = Run("0e1f2a3b", "base", {"data": "real"}, {}, None)


def test_the_table_shows_a_dash(all_cash: Backtest, capsys: pytest.CaptureFixture[str]) -> None:
    show.backtest(RUN, all_cash)
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    rows = {cells[0]: cells for cells in lines if cells}
    assert rows["policy"][3] == "-"
    assert rows["policy"][-1] == ""
    assert rows["buy_and_hold"][3] not in ("-", "")
    assert rows["buy_and_hold"][-1] == "-"
    show.backtest(RUN, replace(all_cash, baselines={}, without={"bear": all_cash.account}))
    found = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert [cells[0] for cells in found if cells and cells[0] in ("whole policy", "bear")] == ["whole policy", "bear"]


def test_the_document_has_null(all_cash: Backtest) -> None:
    document = json.loads(json.dumps(backtest_summary(all_cash), allow_nan=False))
    policy, held = document["accounts"]
    assert policy["sharpe"] is policy["sortino"] is policy["sharpe_error"] is None
    assert policy["cagr"] == pytest.approx(1.0001 ** (251 / (363 / 365.25)) - 1)
    assert held["sharpe_difference"] is held["sharpe_difference_low"] is None


def test_mlflow_gets_no_metric_for_it(all_cash: Backtest) -> None:
    metrics = backtest_metrics(comparison(all_cash, replicates=20))
    assert "trading/policy_sharpe" not in metrics
    assert "trading/policy_cagr" in metrics
    assert not [name for name in metrics if "buy_and_hold" in name]
    params = backtest_params(comparison(all_cash, replicates=20))
    assert re.fullmatch(
        r"cagr -?\d\.\d{4}, sharpe -?\d+\.\d{4}, max_drawdown -\d\.\d{4}", params["baseline.buy_and_hold"]
    )
    assert all(np.isfinite(value) for value in metrics.values())


def test_one_forecast_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    none: dict[str, object] = {"resolved": 0}
    found = {"question": "up", "resolved": 0, "pending": 1, "statement": "Too few.", "live": none, "replays": none,
             "unknown": none}  # fmt: skip
    show.scored({"simulated": False, "questions": [{**found, "entries": 1}, {**found, "entries": 2}]})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "up: 1 forecast, 0 resolved, 1 pending"
    assert lines[1:] == ["Too few.", "up: 2 forecasts, 0 resolved, 1 pending"]  # what holds for both is said once
