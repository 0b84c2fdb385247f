"""`backtest_run`: a run's policy, again."""

from __future__ import annotations

import json

import pytest

from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.backtesting import backtest_run


@pytest.fixture
def small(home: Home) -> Run:
    return Runs(home).find("small")


def test_a_backtest_of_a_run_repeats_the_logged_one(home: Home, small: Run) -> None:
    logged = json.loads(small.read_text("backtest.json"))
    policy = next(row for row in logged["accounts"] if row["account"] == "policy")
    equity = backtest_run(home, small).equity
    assert policy["total_return"] == pytest.approx(equity.iloc[-1] / equity.iloc[0] - 1, rel=1e-12)
