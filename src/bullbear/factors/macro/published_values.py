"""Macro factors of the last published values: rates, spreads, dollar, oil, and the small-cap headwind.

Every input is the value a user could have had at each close, so a monthly series is a step function of the sessions.
That suits series whose values are never revised (prices of markets, and surveys of opinion). Statistics that are
revised belong in `macro.releases`, where a change is taken within one vintage and never across two.

Missing data: a session without a valid input is missing, and so is every window that contains one.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, factor
from bullbear.factors.macro.releases import HALF_YEAR_CHANGE

_WINDOW = (1, 2520)


@factor(unit="unit of the series", windowed=True)
def last_known(level: Array) -> Array:
    """The last value published by each decision.

    Example
    -------
    >>> last_known(np.array([np.nan, 4.5, 4.5]))
    array([nan, 4.5, 4.5])
    """
    return level.copy()


@factor(unit="unit of the series", lookback=lambda window: window + 1, limits={"window": _WINDOW}, windowed=True)
def level_change(level: Array, *, window: int = 21) -> Array:
    """Change of the last published value over `window` sessions: x[t] - x[t - window].

    Example
    -------
    >>> level_change(np.array([4.0, 4.25, 4.5]), window=2)
    array([nan, nan, 0.5])
    """
    return level - windows.lagged(level, window)


@factor(unit="log change", lookback=lambda window: window + 1, limits={"window": _WINDOW}, windowed=True)
def level_log_change(level: Array, *, window: int = 63) -> Array:
    """Logarithmic change over `window` sessions: ln(x[t] / x[t - window]).

    Example
    -------
    >>> level_log_change(np.array([50.0, 100.0]), window=1).round(4)
    array([   nan, 0.6931])
    """
    logs = trailing.log_positive(level)
    return logs - windows.lagged(logs, window)


@factor(unit="standard deviations", limits={"window": (3, 2520)}, windowed=True)
def level_zscore(level: Array, *, window: int = 756) -> Array:
    """Distance from the mean of the last `window` sessions, in their standard deviations (n - 1).

    Example
    -------
    >>> level_zscore(np.array([1.0, 2.0, 3.0]), window=3)
    array([nan, nan,  1.])
    """
    return windows.standard_score(level, window)


@factor(unit="unit of the series", bounds=(0.0, float("inf")), limits={"window": _WINDOW}, windowed=True)
def level_rise(level: Array, *, window: int = 252) -> Array:
    """Rise above the lowest value of the last `window` sessions: x[t] - min(x[t - window + 1 .. t]).

    Example
    -------
    >>> level_rise(np.array([3.0, 2.0, 2.5]), window=3)
    array([nan, nan, 0.5])
    """
    return level - trailing.lowest(level, window)


@factor(unit="share of sessions", bounds=(0.0, 1.0), limits={"window": _WINDOW}, windowed=True)
def below_zero_share(level: Array, *, window: int = 252) -> Array:
    """Share of the last `window` sessions at which the value was below zero (a slope: the curve was inverted).

    References
    ----------
    Estrella and Mishkin (1998), Review of Economics and Statistics 80, 45-61, doi:10.1162/003465398557320.

    Example
    -------
    >>> below_zero_share(np.array([0.5, -0.1, -0.2, 0.1]), window=4)
    array([nan, nan, nan, 0.5])
    """
    below = np.where(np.isnan(level), np.nan, level < 0)
    return windows.mean(below, window)


@factor(unit="unit of the series", windowed=True)
def level_gap(level: Array, reference: Array) -> Array:
    """Difference of two last published values: a slope, a spread or a real rate.

    Example
    -------
    >>> level_gap(np.array([5.0, 5.5]), np.array([4.0, 6.0]))
    array([ 1. , -0.5])
    """
    return level - reference


@factor(unit="unit of the series", lookback=lambda window: window + 1, limits={"window": _WINDOW}, windowed=True)
def level_gap_change(level: Array, reference: Array, *, window: int = 63) -> Array:
    """Change over `window` sessions of the difference of two last published values.

    Example
    -------
    >>> level_gap_change(np.array([5.0, 5.5]), np.array([4.0, 4.0]), window=1)
    array([nan, 0.5])
    """
    gap = level - reference
    return gap - windows.lagged(gap, window)


@factor(
    unit="standard deviations",
    inputs={"rate": "level", "spread": "level", "slack": HALF_YEAR_CHANGE},
    lookback=lambda window, change: window + change,
    limits={"window": (3, 2520), "change": (1, 504)},
    windowed=True,
)
def small_cap_headwind(rate: Array, spread: Array, slack: Array, *, window: int = 504, change: int = 126) -> Array:
    """Small-cap headwind: the cost of debt, the tightening of credit and the loss of growth, standardised and averaged.

    headwind = (z(leverage (rate + spread)) + z(spread[t] - spread[t - change]) + z(half-year change of slack)) / 3

    where z is the distance from the mean of the last `window` sessions in their standard deviations. Small companies
    borrow short and at a spread: `rate + spread` is what their debt costs, and its product with leverage what it takes
    out of earnings. Leverage moves slowly, is taken as constant over a window, and then drops out of z. Positive where
    conditions are against small caps.

    Parameters
    ----------
    rate
        A short rate, per cent.
    spread
        The spread of risky over government bonds, percentage points.
    slack
        The change over six months, within one vintage, of the unemployment rate or of another monthly measure that
        rises when activity falls (Okun's law).
    change
        Sessions over which the change of the spread is taken.

    Example
    -------
    >>> rate, spread, slack = np.array([1.0, 1, 2, 4]), np.array([2.0, 2, 3, 5]), np.array([0.0, 0.1, 0.2, 0.5])
    >>> small_cap_headwind(rate, spread, slack, window=3, change=1).round(3)
    array([  nan,   nan,   nan, 1.071])
    """
    tightened = spread - windows.lagged(spread, change)
    burden, tightening, weakening = windows.standard_score(np.stack([rate + spread, tightened, slack]), window)
    return np.asarray((burden + tightening + weakening) / 3)
