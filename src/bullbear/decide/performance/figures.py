"""What an account achieved, told so that luck can be seen: every Sharpe ratio comes with its error.

Functions over daily simple returns `r` (fractions) at 252 sessions a year, or over an equity series indexed by
session. The denominators use the sample deviation (n - 1). A ratio whose denominator is zero, or no more than rounding,
is undetermined: NaN, never infinite and never a number made of rounding.

References
----------
Lo, A. W. (2002), The statistics of Sharpe ratios, Financial Analysts Journal 58(4), 36-52.
https://doi.org/10.2469/faj.v58.n4.2453
Sortino, F. A. and Price, L. N. (1994), Performance measurement in a downside risk framework, Journal of Investing 3(3),
59-64. https://doi.org/10.3905/joi.3.3.59
Rockafellar, R. T. and Uryasev, S. (2002), Conditional value-at-risk for general loss distributions, Journal of Banking
and Finance 26(7), 1443-1471. https://doi.org/10.1016/S0378-4266(02)00271-6
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.decide.account import Account
from bullbear.decide.market import Floats
from bullbear.errors import HistoryError
from bullbear.statistics.volatility import SESSIONS_PER_YEAR

DAYS_PER_YEAR = 365.25
TAIL = 0.05
"""Share of months that count as the tail."""
_LEAST_MONTHS = 12
_NO_RISK = 1e-12
"""A deviation that is none. A daily return is the quotient of two equities less one: rounding alone moves it by some
1e-16, and a thousandth of the equity, held for one day of fifteen years, by some 1e-7."""


@dataclass(frozen=True)
class Drawdown:
    """The maximum drawdown: `depth` (negative fraction), the high before it, its low, and the recovery if any."""

    depth: float
    peak: pd.Timestamp
    trough: pd.Timestamp
    recovered: pd.Timestamp | None


@dataclass(frozen=True)
class Performance:
    """The figures of one account; all yearly, as fractions, unless the name says otherwise.

    `drawdown_sessions` is the longest time from a high until it is reached again or to the end; `under_water` the share
    of closes below an earlier high; `tail_month` the mean of the worst 5 % of calendar months.
    """

    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    sharpe_error: float
    sortino: float
    max_drawdown: float
    drawdown_sessions: float
    under_water: float
    worst_month: float
    tail_month: float
    drawdown_peak: str
    drawdown_trough: str
    drawdown_recovered: str | None
    calmar: float
    exposure: float
    time_invested: float
    turnover: float
    hit_rate: float
    cost_drag: float
    trades: int


def cagr(equity: pd.Series) -> float:
    """Compound annual growth, (E_end / E_start) ** (365.25 / days) - 1.

    Example
    -------
    >>> days = pd.DatetimeIndex(["2014-01-01", "2018-01-01"])
    >>> round(cagr(pd.Series([1.0, 1.4641], index=days)), 6)
    0.1
    """
    days = (equity.index[-1] - equity.index[0]).days
    return float((equity.iloc[-1] / equity.iloc[0]) ** (DAYS_PER_YEAR / days) - 1.0) if days else math.nan


def annual_volatility(returns: Floats) -> float:
    """Standard deviation of daily returns times sqrt(252)."""
    return float(np.std(returns, ddof=1) * math.sqrt(SESSIONS_PER_YEAR)) if len(returns) > 1 else math.nan


def sharpe(excess: Floats) -> float:
    """mean(e) / std(e) * sqrt(252), where `e` are daily returns in excess of cash.

    Example
    -------
    >>> round(sharpe(np.array([0.01, -0.005, 0.01])), 4) == round(0.005 / 0.00866025404 * 252**0.5, 4)
    True
    """
    if len(excess) < 2:
        return math.nan
    deviation = float(np.std(excess, ddof=1))
    return float(np.mean(excess)) / deviation * math.sqrt(SESSIONS_PER_YEAR) if deviation > _NO_RISK else math.nan


def sharpe_error(excess: Floats) -> float:
    """Lo's standard error for independent returns, sqrt((1 + s^2 / 2) / n) * sqrt(252), with s the daily ratio."""
    daily = sharpe(excess) / math.sqrt(SESSIONS_PER_YEAR)
    return math.sqrt((1.0 + daily * daily / 2.0) / len(excess) * SESSIONS_PER_YEAR) if len(excess) else math.nan


def sortino(excess: Floats) -> float:
    """mean(e) / sqrt(mean(min(e, 0)^2)) * sqrt(252); the target is the return of cash."""
    if len(excess) == 0:
        return math.nan
    downside = math.sqrt(float(np.mean(np.square(np.minimum(excess, 0.0)))))
    return float(np.mean(excess)) / downside * math.sqrt(SESSIONS_PER_YEAR) if downside > _NO_RISK else math.nan


def max_drawdown(equity: pd.Series) -> Drawdown:
    """The minimum of E_t / max(E_s, s <= t) - 1 with its dates.

    Example
    -------
    >>> days = pd.DatetimeIndex(["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"])
    >>> found = max_drawdown(pd.Series([1.0, 1.25, 1.0, 1.3], index=days))
    >>> round(found.depth, 10), str(found.peak.date()), str(found.recovered.date())
    (-0.2, '2020-01-03', '2020-01-07')
    """
    values = equity.to_numpy(dtype=float)
    highs = np.maximum.accumulate(values)
    trough = int(np.argmin(values / highs))
    peak = int(np.argmax(values[: trough + 1]))
    later = np.flatnonzero(values[trough:] >= values[peak])
    depth = float(values[trough] / values[peak] - 1.0)
    recovered = equity.index[trough + later[0]] if len(later) and depth < 0 else None
    return Drawdown(depth, equity.index[peak], equity.index[trough], recovered)


def longest_drawdown(equity: Floats) -> Floats:
    """The most sessions in a row below an earlier high, along the last axis; shape (..., n) to (...).

    Example
    -------
    >>> int(longest_drawdown(np.array([1.0, 1.2, 1.1, 1.0, 1.2, 1.3, 1.25])))
    2
    """
    below = equity < np.maximum.accumulate(equity, axis=-1) * (1.0 - _NO_RISK)
    rows = np.arange(equity.shape[-1])
    at_high = np.maximum.accumulate(np.where(below, -1, rows), axis=-1)
    return np.asarray((rows - at_high).max(axis=-1), dtype=np.float64)


def under_water(equity: Floats) -> Floats:
    """The share of closes below an earlier high, along the last axis; shape (..., n) to (...)."""
    below = equity < np.maximum.accumulate(equity, axis=-1) * (1.0 - _NO_RISK)
    return np.asarray(below.mean(axis=-1), dtype=np.float64)


def monthly_returns(equity: pd.Series) -> Floats:
    """Returns of whole calendar months: from the last close of a month to that of the next."""
    index = pd.DatetimeIndex(equity.index)
    last = equity.groupby(index.year * 12 + index.month).last().to_numpy(dtype=float)
    return np.asarray(last[1:-1] / last[:-2] - 1.0, dtype=np.float64)


def tail_month(months: Floats) -> float:
    """Mean of the worst 5 % of monthly returns, at least one (expected shortfall); NaN of less than a year."""
    if len(months) < _LEAST_MONTHS:
        return math.nan
    return float(np.mean(np.sort(months)[: max(1, math.ceil(TAIL * len(months)))]))


def calmar(equity: pd.Series) -> float:
    """CAGR / |maximum drawdown|."""
    depth = max_drawdown(equity).depth
    return cagr(equity) / -depth if depth < -_NO_RISK else math.nan


def per_year(total: float, sessions: pd.Index) -> float:
    """A sum over all sessions as one a year; NaN within a day."""
    days = (sessions[-1] - sessions[0]).days
    return total / (days / DAYS_PER_YEAR) if days else math.nan


def turnover(account: Account) -> float:
    """Sum of absolute weight changes per year; buying and later selling everything counts two."""
    return per_year(float(account.daily["turnover"].sum()), account.daily.index)


def cost_drag(account: Account) -> float:
    """Yearly sum of costs over the equity of the close before."""
    before = account.equity.shift(1).to_numpy(dtype=float)[1:]  # a cost is paid out of what stood there at the open
    return per_year(float(np.sum(-account.daily["costs"].to_numpy(dtype=float)[1:] / before)), account.daily.index)


def hit_rate(account: Account) -> float:
    """Share of sessions with profit among those entered with a position (held at the close before)."""
    held = _invested(account)[:-1]
    gains = account.bookings.drop(columns=["interest", "costs"]).sum(axis=1)
    return float(np.mean(gains.to_numpy(dtype=float)[1:][held] > 0)) if held.any() else math.nan


def returns(account: Account) -> Floats:
    """Daily simple returns of the account; one fewer than its closes."""
    equity = account.equity.to_numpy(dtype=float)
    return np.asarray(equity[1:] / equity[:-1] - 1.0, dtype=np.float64)


def excess_returns(account: Account) -> Floats:
    """Daily returns less what cash earned over the same night."""
    return np.asarray(returns(account) - account.daily["cash_return"].to_numpy(dtype=float)[1:], dtype=np.float64)


def by_year(account: Account) -> pd.Series:
    """Return of each calendar year; the first and last may be partial."""
    equity = account.equity
    last = equity.groupby(pd.DatetimeIndex(equity.index).year).last()
    start = last.shift(1)  # a year starts from the last close of the year before, the first from the account's start
    start.iloc[0] = equity.iloc[0]
    return (last / start - 1.0).rename("return").rename_axis("year")


def performance(account: Account) -> Performance:
    """All figures of one account.

    Raises
    ------
    HistoryError
        The account has fewer than three closes.
    """
    if len(account.daily) < 3:
        raise HistoryError("account", f"{len(account.daily)} closes", "at least 3", "backtest a longer span")
    daily, excess, fall = account.daily, excess_returns(account), max_drawdown(account.equity)
    months = monthly_returns(account.equity)
    return Performance(
        total_return=float(account.equity.iloc[-1] / account.equity.iloc[0] - 1.0),
        cagr=cagr(account.equity),
        volatility=annual_volatility(returns(account)),
        sharpe=sharpe(excess),
        sharpe_error=sharpe_error(excess),
        sortino=sortino(excess),
        max_drawdown=fall.depth,
        drawdown_sessions=float(longest_drawdown(account.equity.to_numpy(dtype=float))),
        under_water=float(under_water(account.equity.to_numpy(dtype=float))),
        worst_month=float(months.min()) if len(months) >= _LEAST_MONTHS else math.nan,
        tail_month=tail_month(months),
        drawdown_peak=str(fall.peak.date()),
        drawdown_trough=str(fall.trough.date()),
        drawdown_recovered=str(fall.recovered.date()) if fall.recovered is not None else None,
        calmar=calmar(account.equity),
        exposure=float(daily["exposure"].mean()),
        time_invested=float(_invested(account).mean()),
        turnover=turnover(account),
        hit_rate=hit_rate(account),
        cost_drag=cost_drag(account),
        trades=len(account.trades),
    )


def _invested(account: Account) -> NDArray[np.bool_]:
    return np.asarray((account.weights.to_numpy() > 0.0).any(axis=1))
