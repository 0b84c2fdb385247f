"""The policy beside its baselines up to a close: equity, weights, figures, and every trade with its reasons."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pandas as pd

from bullbear.decide import Backtest
from bullbear.decide.baselines import BASE_RATE
from bullbear.decide.performance.figures import excess_returns, performance
from bullbear.decide.performance.intervals import sharpe_difference
from bullbear.decide.performance.side_by_side import POLICY
from bullbear.errors import HistoryError
from bullbear.report.sections.account import TestedPolicy
from bullbear.report.trades import Trade
from bullbear.sessions import day, days

COMPARED = ("buy_and_hold", BASE_RATE)
"""The baselines whose Sharpe ratio is compared with the policy's."""


def tested_policy(tested: Backtest, model: str) -> TestedPolicy:
    """What the report shows of a backtest on the forecasts of a model."""
    accounts = {POLICY: tested.account, **tested.baselines}
    return TestedPolicy(
        ticker=tested.ticker,
        policy=tested.policy.kind,
        model=model,
        equity=pd.DataFrame({name: account.equity for name, account in accounts.items()}),
        weights=tested.positions,
        trades=trades_of(tested),
        figures=_figures(tested),
        against=_against(tested),
        profit=_profit(tested),
    )


def trades_of(tested: Backtest) -> tuple[Trade, ...]:
    """The policy's trades, each with the reasons that its decision gave for the sleeve."""
    table = tested.trades
    if table.empty:
        return ()
    wanted = {(stance.decided_at, each.name): each for stance in tested.stances for each in stance.sleeves}
    agents = {each.name: each.agent for each in wanted.values()}
    columns = table.to_dict("list")
    return tuple(
        Trade(
            decided_on=day(decided_at),
            executed_on=session,
            ticker=ticker,
            agent=agents.get(sleeve, sleeve),
            sleeve=sleeve,
            weight_before=before,
            weight_after=after,
            price=price,
            why=why,
            reasons=wanted[decided_at, sleeve].reasons if (decided_at, sleeve) in wanted else (),
        )
        for decided_at, session, ticker, sleeve, before, after, price, why in zip(
            columns["decided_at"],
            days(pd.DatetimeIndex(table["executed_at"])),
            *(columns[name] for name in ("ticker", "sleeve", "weight_before", "weight_after", "price", "why")),
            strict=True,
        )
    )


def _figures(tested: Backtest) -> pd.DataFrame:
    rows: dict[str, dict[str, Any]] = {}
    for name, account in {POLICY: tested.account, **tested.baselines}.items():
        with suppress(HistoryError):  # the first days of an account
            rows[name] = asdict(performance(account))
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("account")


def _against(tested: Backtest) -> dict[str, tuple[float, float, float]]:
    """As `decide.comparison` has it, for the two baselines that matter: all of them would take a second."""
    own = excess_returns(tested.account)
    return {
        name: sharpe_difference(own, excess_returns(tested.baselines[name]), block=max(21, tested.horizon))
        for name in COMPARED
        if name in tested.baselines
    }


def _profit(tested: Backtest) -> tuple[tuple[str, float | None, float | None, float], ...]:
    booked = tested.attribution
    sleeves = [
        (label, booked[f"{sleeve}_overnight"], booked[f"{sleeve}_intraday"], booked[sleeve])
        for sleeve, label in tested.account.labels.items()
    ]
    return (*sleeves, *((name, None, None, booked[name]) for name in ("interest", "costs", "total")))
