"""Accounts of the same sessions side by side: figures, their intervals, and the policy's Sharpe ratio less theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from bullbear.decide.account import Account
from bullbear.decide.backtest import Backtest
from bullbear.decide.performance.figures import excess_returns, performance
from bullbear.decide.performance.intervals import LEVEL, REPLICATES, intervals, sharpe_difference

POLICY = "policy"


def comparison(result: Backtest, *, level: float = LEVEL, replicates: int = REPLICATES, seed: int = 0) -> pd.DataFrame:
    """One row per account (policy first, then the baselines).

    Columns are the fields of `Performance`, `FIGURE_low` and `FIGURE_high` of those that `intervals` has, then
    `sharpe_difference`, `sharpe_difference_low`, `sharpe_difference_high` (policy minus that baseline; NaN on the
    policy's own row).
    """
    return compared(result.account, result.baselines, result.horizon, level=level, replicates=replicates, seed=seed)


def compared(
    account: Account,
    others: Mapping[str, Account],
    horizon: int,
    *,
    level: float = LEVEL,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """`comparison` of any account with others of the same sessions."""
    block = max(21, horizon)
    own = excess_returns(account)
    rows: dict[str, dict[str, Any]] = {}
    for name, each in {POLICY: account, **others}.items():
        difference = low = high = math.nan
        if name != POLICY:
            difference, low, high = sharpe_difference(
                own, excess_returns(each), level=level, block=block, replicates=replicates, seed=seed
            )
        found = intervals(each, level=level, block=block, replicates=replicates, seed=seed)
        ends = {
            f"{figure}_{end}": value
            for figure, pair in found.items()
            for end, value in zip(("low", "high"), pair, strict=True)
        }
        rows[name] = {
            **asdict(performance(each)),
            **ends,
            "sharpe_difference": difference,
            "sharpe_difference_low": low,
            "sharpe_difference_high": high,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("account")
