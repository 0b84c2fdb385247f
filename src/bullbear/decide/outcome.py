"""What a sweep keeps of an account, whichever engine walked it: the tables of thousands would fill the memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import pandas as pd

from bullbear.decide.account import Account
from bullbear.decide.instruments import CASH
from bullbear.decide.market import Floats
from bullbear.decide.performance.figures import (
    annual_volatility,
    cagr,
    excess_returns,
    max_drawdown,
    per_year,
    sharpe,
)

FIGURES = ("cagr", "volatility", "sharpe", "max_drawdown", "turnover", "trades")


@dataclass(frozen=True, eq=False)
class Outcome:
    """The figures of an account, its daily returns in excess of cash, and what it held when a year ended.

    `sessions` are its closes; `excess` has one number fewer. `year_ends`: by year, the weights by ticker at its last
    close, without cash.
    """

    sessions: pd.DatetimeIndex
    excess: Floats
    year_ends: Mapping[int, Mapping[str, float]]
    cagr: float
    volatility: float
    sharpe: float
    max_drawdown: float
    turnover: float
    trades: int

    @classmethod
    def of(
        cls, equity: pd.Series, excess: Floats, turnover: Floats, weights: Mapping[str, Floats], trades: int
    ) -> Self:
        """From the columns of an account: equity by session, excess returns, turnover, and weights by ticker."""
        sessions = pd.DatetimeIndex(equity.index)
        last_rows = {int(year): row for row, year in enumerate(sessions.year)}
        return cls(
            sessions,
            excess,
            {year: {t: float(held[row]) for t, held in weights.items()} for year, row in last_rows.items()},
            cagr(equity),
            annual_volatility(excess),
            sharpe(excess),
            max_drawdown(equity).depth,
            per_year(float(turnover.sum()), sessions),
            trades,
        )

    @classmethod
    def of_account(cls, account: Account) -> Self:
        """From the tables of an account."""
        weights = {str(t): held.to_numpy(dtype=float) for t, held in account.positions.items() if t != CASH}
        turnover = account.daily["turnover"].to_numpy(dtype=float)
        return cls.of(account.equity, excess_returns(account), turnover, weights, len(account.trades))
