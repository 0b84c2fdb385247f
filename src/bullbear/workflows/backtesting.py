"""`bullbear backtest`: the policy over a run's out-of-sample forecasts, and its figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest, Policy, Rule, backtest, baselines_of, comparison
from bullbear.definitions import UP
from bullbear.documents import json_ready
from bullbear.errors import RunError
from bullbear.forecasting.account_factors import account_factors
from bullbear.forecasting.gate import refuse_another_question
from bullbear.home import Home
from bullbear.learn.coherent import coherent
from bullbear.workflows.comparison import require_walk_forward
from bullbear.workflows.sharpe_evidence import SharpeEvidence, sharpe_evidence

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs


def backtest_run(home: Home, run: Run, rule: Rule | None = None) -> Backtest:
    """The rule for positions of a run (or another, see `rule_for`) over its forecasts, on the prices stored now.

    Raises
    ------
    GateError
        The run answers another question than `up`, on which policies act.
    InputError
        It was not trained walk-forward.
    RunError
        The policy reads a question that was trained together with `up`, whose run, or champion, is gone.
    """
    refuse_another_question(f"{run.model} {run.run_id[:8]}", run.bundle.question)
    require_walk_forward(run, "RUN")
    target = run.bundle.definition.target
    view = home.filled_store().as_of()
    rule = rule or run.bundle.rule
    return backtest(
        decided_on(run.of_target, _beside(home, run, rule.policy), rule.policy),
        view,
        rule.policy,
        ticker=target.ticker,
        horizon=target.horizon,
        factors=account_factors(view, rule, run.bundle.feature_sets, target.ticker),
        baselines=baselines_of(target.ticker, home.instruments(), rule.policy),
    )


def rule_for(home: Home, run: Run, name: str) -> Rule:
    """The rule of `models/policies/NAME.toml`, for the forecasts of a run.

    Raises
    ------
    DefinitionError
        There is no such policy, or it needs a question that was not trained with `up`, or a factor that neither it nor
        the run's model brings along.
    """
    bundle = run.bundle
    bundle.factors()  # refuses what this version does not know
    return home.rule(name, named_at="--policy", questions=bundle.questions, feature_sets=bundle.feature_sets)


def sharpe_beside_tried(runs: Runs, run: Run, tested: Backtest) -> SharpeEvidence:
    """How much of the policy's Sharpe ratio is evidence, after all models tried; the run's own without a store."""
    try:
        others = runs.others_tried(run)
    except RunError:  # a champion outlives the store that it was trained in
        others = []
    return sharpe_evidence(
        tested.account, [each.sharpe for each in others if each.sharpe is not None], trials=1 + len(others)
    )


def _beside(home: Home, run: Run, policy: Policy) -> list[Predictions]:
    """The forecasts of the questions trained together with the run's own, where the policy reads one of them."""
    from bullbear.tracking import Runs

    read = policy.needs.read(run.bundle.questions) - {run.question}
    if not read:
        return []
    ticker = run.bundle.definition.target.ticker
    runs = [run, *Runs(home).beside(run, read)]
    # Champions are refitted one by one.
    together = coherent(
        [each.bundle.definition.target.question for each in runs],
        [each.predictions.select(asset=ticker) for each in runs],
    )
    return together[1:]


def decided_on(up: Predictions, others: Iterable[Predictions], policy: Policy) -> Predictions:
    """What a policy is given in a backtest: the forecasts of `up`, and at their closes those of what else it reads."""
    parts, closes = [up], up.table["decided_at"]
    for each in others:
        question = each.table["question"]
        read = policy.needs.read(question) - {UP.name}
        parts.append(each.where((question.isin(read) & each.table["decided_at"].isin(closes)).to_numpy()))
    return Predictions.concat(parts)


def backtest_summary(tested: Backtest, figures: pd.DataFrame | None = None) -> dict[str, Any]:
    """Figures of the policy and the baselines (`decide.comparison`), attribution and costs, JSON-ready.

    `modelled`: the last day on which a ticker was held or traded at a modelled price.
    """
    figures = comparison(tested) if figures is None else figures
    return {
        "accounts": json_ready(figures.reset_index().to_dict(orient="records")),
        "attribution": tested.attribution,
        "trades": len(tested.trades),
        "costs": float(tested.trades["cost"].sum()) if len(tested.trades) else 0.0,
        "modelled": {ticker: str(last.date()) for ticker, last in tested.account.modelled.items()},
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
