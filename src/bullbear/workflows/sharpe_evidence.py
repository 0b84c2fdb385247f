"""How much of a backtest's Sharpe ratio is evidence, given its returns and how many models were tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kurtosis, skew

from bullbear.decide.account import Account
from bullbear.decide.performance import excess_returns, sharpe
from bullbear.statistics.sharpe import deflated_sharpe, minimum_track_record, probabilistic_sharpe
from bullbear.statistics.volatility import SESSIONS_PER_YEAR


@dataclass(frozen=True)
class SharpeEvidence:
    """`probabilistic` is the probability that the true ratio is above 0, `deflated` that it is above the best that
    `trials` without skill would show; `track_record_years` would show one above 0 with 95 %.

    `skewness` and `kurtosis` are those of daily returns in excess of cash. NaN where the returns have no risk; infinite
    years where no record would show it.
    """

    sharpe: float
    years: float
    skewness: float
    kurtosis: float
    trials: int | None
    probabilistic: float
    deflated: float
    track_record_years: float


def sharpe_evidence(account: Account, others: Sequence[float], *, trials: int | None) -> SharpeEvidence:
    """Judge the ratio of a policy's account.

    Parameters
    ----------
    others
        Annual Sharpe ratios of the backtests of other models tried, those that are known.
    trials
        Models tried, this one included; None if that is unknown, so that `deflated` is NaN.
    """
    excess = excess_returns(account)
    annual, n = sharpe(excess), len(excess)
    years = n / SESSIONS_PER_YEAR
    if not math.isfinite(annual):
        nan = math.nan
        return SharpeEvidence(nan, years, nan, nan, trials, nan, nan, nan)
    daily = annual / math.sqrt(SESSIONS_PER_YEAR)
    shape = {"skewness": float(skew(excess)), "kurtosis": float(kurtosis(excess, fisher=False))}
    known = np.array([annual, *[other for other in others if math.isfinite(other)]])
    # Of a single known ratio the spread is unknown; that of skill-less ones with such a record is its own error's.
    spread = float(known.var(ddof=1)) if len(known) > 1 else SESSIONS_PER_YEAR / n
    return SharpeEvidence(
        sharpe=annual,
        years=years,
        **shape,
        trials=trials,
        probabilistic=probabilistic_sharpe(daily, n, **shape),
        deflated=math.nan
        if trials is None
        else deflated_sharpe(daily, n, trials=trials, variance=spread / SESSIONS_PER_YEAR, **shape),
        track_record_years=minimum_track_record(daily, **shape) / SESSIONS_PER_YEAR,
    )
