"""Surveys of investors: what individuals expect (AAII) and how much active managers hold (NAAIM), per cent.

A weekly survey is a step function of the sessions, so a window of 252 sessions holds about fifty answers, and ranks and
scores compare the present week with the weeks before it. Opinion is never revised, but NAAIM recalculated its history
when it corrected its method; the rule of its series says so.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, factor
from bullbear.factors.engine.windows import percent_rank, standard_score


@factor(unit="percentage points", bounds=(-100.0, 100.0), windowed=True)
def bull_bear_spread(bullish: Array, bearish: Array) -> Array:
    """Share of bulls less share of bears.

    References
    ----------
    Fisher and Statman (2000), Financial Analysts Journal 56(2), 16-23, doi:10.2469/faj.v56.n2.2340

    Example
    -------
    >>> bull_bear_spread(np.array([42.0]), np.array([20.5]))
    array([21.5])
    """
    return bullish - bearish


@factor(unit="standard deviations", limits={"window": (3, 2520)}, windowed=True)
def bull_bear_zscore(bullish: Array, bearish: Array, *, window: int = 252) -> Array:
    """Distance of the bull-bear spread from its mean over `window` sessions, in standard deviations (n - 1).

    Example
    -------
    >>> bull_bear_zscore(np.array([30.0, 31.0, 32.0]), np.full(3, 30.0), window=3)
    array([nan, nan,  1.])
    """
    return standard_score(bull_bear_spread(bullish, bearish), window)


@factor(unit="share of sessions", bounds=(0.0, 1.0), lookback=lambda window: window + 1, windowed=True)
def bull_bear_percentile(bullish: Array, bearish: Array, *, window: int = 504) -> Array:
    """Share of the `window` sessions before on which the bull-bear spread was lower than now.

    Example
    -------
    >>> bull_bear_percentile(np.array([30.0, 45.0, 40.0]), np.full(3, 30.0), window=2)
    array([nan, nan, 0.5])
    """
    return percent_rank(bull_bear_spread(bullish, bearish), window)


@factor(unit="per cent of capital", bounds=(-200.0, 200.0), windowed=True)
def manager_exposure(exposure: Array) -> Array:
    """Mean exposure of active managers to US stocks: 100 is fully invested, below 0 is net short.

    Example
    -------
    >>> manager_exposure(np.array([97.44]))
    array([97.44])
    """
    return np.array(exposure, dtype=np.float64)


@factor(unit="share of sessions", bounds=(0.0, 1.0), lookback=lambda window: window + 1, windowed=True)
def manager_exposure_percentile(exposure: Array, *, window: int = 504) -> Array:
    """Share of the `window` sessions before on which managers held less than now.

    Example
    -------
    >>> manager_exposure_percentile(np.array([20.0, 60.0, 40.0]), window=2)
    array([nan, nan, 0.5])
    """
    return percent_rank(exposure, window)
