"""`bullbear backtest`: the policy over a run's out-of-sample forecasts, and its figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.decide import Backtest, Policy, backtest, baselines_of, comparison
from bullbear.documents import json_ready
from bullbear.forecasting.account_factors import account_factors
from bullbear.forecasting.gate import refuse_another_question
from bullbear.home import Home
from bullbear.workflows.comparison import require_walk_forward

if TYPE_CHECKING:
    from bullbear.tracking import Run


def backtest_run(home: Home, run: Run, policy: Policy | None = None) -> Backtest:
    """The policy of a run (or another) over its out-of-sample forecasts, on the prices stored now.

    Raises
    ------
    GateError
        The run answers another question than `up`, on which policies act.
    InputError
        It was not trained walk-forward.
    """
    refuse_another_question(f"{run.model} {run.run_id[:8]}", run.bundle.question)
    require_walk_forward(run, "RUN")
    target = run.bundle.definition.target
    view = home.filled_store().as_of()
    policy = policy or run.bundle.policy
    return backtest(
        run.of_target,
        view,
        policy,
        ticker=target.ticker,
        horizon=target.horizon,
        factors=account_factors(view, run.bundle, policy),
        baselines=baselines_of(target.ticker, home.instruments()),
    )


def backtest_summary(tested: Backtest, figures: pd.DataFrame | None = None) -> dict[str, Any]:
    """Figures of the policy and the baselines (`decide.comparison`), attribution and costs, JSON-ready."""
    figures = comparison(tested) if figures is None else figures
    return {
        "accounts": json_ready(figures.reset_index().to_dict(orient="records")),
        "attribution": tested.attribution,
        "trades": len(tested.trades),
        "costs": float(tested.trades["cost"].sum()) if len(tested.trades) else 0.0,
        "first": str(tested.equity.index[0].date()),
        "last": str(tested.equity.index[-1].date()),
    }


def backtest_metrics(figures: pd.DataFrame) -> dict[str, float]:
    """The figures of `decide.comparison` as MLflow metrics, without those that are undetermined."""
    return {
        f"backtest/{account}_{figure}": float(value)
        for account, row in figures.iterrows()
        for figure, value in row.items()
        if figure in ("cagr", "volatility", "sharpe", "max_drawdown", "turnover") and math.isfinite(value)
    }
