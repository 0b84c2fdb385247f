"""The policy beside its baselines up to a close: equity, weights, figures, and every trade with its reasons."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.decide import Backtest
from bullbear.decide.performance.figures import performance
from bullbear.decide.performance.side_by_side import POLICY
from bullbear.errors import HistoryError
from bullbear.sessions import day, days

if TYPE_CHECKING:
    from bullbear.report.contents import TestedPolicy, Trade
    from bullbear.tracking import Run, Runs


def tested_policy(tested: Backtest, run: Run, runs: Runs) -> TestedPolicy:
    """What the report shows of a backtest of a run.

    The intervals of the figures take seconds: they are those that the training logged, where they are of this very
    account, and are left out of any other.
    """
    from bullbear.report.contents import TestedPolicy

    accounts = {POLICY: tested.account, **tested.baselines}
    return TestedPolicy(
        ticker=tested.ticker,
        policy=tested.policy.kind,
        model=run.model,
        equity=pd.DataFrame({name: account.equity for name, account in accounts.items()}),
        weights=tested.positions,
        trades=trades_of(tested),
        figures=_figures(tested, _logged(run, runs)),
    )


def trades_of(tested: Backtest) -> tuple[Trade, ...]:
    """The policy's trades, each with the reasons that its decision gave for the sleeve."""
    from bullbear.report.contents import Trade

    table = tested.trades
    if table.empty:
        return ()
    reasons = {
        (stance.decided_at, sleeve.name): sleeve.reasons for stance in tested.stances for sleeve in stance.sleeves
    }
    columns = table.to_dict("list")
    return tuple(
        Trade(
            decided_on=day(decided_at),
            executed_on=session,
            ticker=ticker,
            sleeve=sleeve,
            weight_before=before,
            weight_after=after,
            price=price,
            why=why,
            reasons=reasons.get((decided_at, sleeve), ()),
        )
        for decided_at, session, ticker, sleeve, before, after, price, why in zip(
            columns["decided_at"],
            days(pd.DatetimeIndex(table["executed_at"])),
            *(columns[name] for name in ("ticker", "sleeve", "weight_before", "weight_after", "price", "why")),
            strict=True,
        )
    )


def _figures(tested: Backtest, logged: Mapping[str, Any]) -> pd.DataFrame:
    rows: dict[str, dict[str, Any]] = {}
    for name, account in {POLICY: tested.account, **tested.baselines}.items():
        try:
            rows[name] = asdict(performance(account))
        except HistoryError:  # the first days of an account
            continue
    before = {row["account"]: row for row in logged.get("accounts", ())}
    if POLICY in rows and POLICY in before and _is_same(rows[POLICY], before[POLICY]):
        rows = {name: {**before.get(name, {}), **row} for name, row in rows.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("account")


def _is_same(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    names = ("total_return", "max_drawdown", "turnover", "trades")
    return all(math.isclose(now[name], before[name], rel_tol=1e-9, abs_tol=1e-12) for name in names)


def _logged(run: Run, runs: Runs) -> Mapping[str, Any]:
    """The backtest that the training logged; nothing once that is gone."""
    found: Mapping[str, Any] = json.loads(runs.texts([run.run_id], "backtest.json").get(run.run_id, "{}"))
    return found
