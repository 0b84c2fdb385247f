"""Macro factors read off the last published values: rates, spreads, dollar, oil, and the small-cap headwind.

Every input is the value a user could have had at each close, so a monthly series is a step function of the sessions.
That suits series whose values are never revised (prices of markets, and surveys of opinion). Statistics that are
revised belong in `macro_releases`, where a change is taken within one vintage and never across two.

Missing data: a session without a valid input is missing, and so is every window that contains one.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, factor
from bullbear.factors.macro.releases import HALF_YEAR_CHANGE

_WINDOW = (1, 2520)


def _one_row(**_: object) -> int:
    return 1


def _window(*, window: int) -> int:
    return window


def _window_and_one(*, window: int) -> int:
    return window + 1


@factor(family="macro", unit="unit of the series", lookback=_one_row, windowed=True)
def last_known(level: Array) -> Array:
    """The last value published by each decision.

    Parameters
    ----------
    level
        Shape (n_sessions,).

    Returns
    -------
    Shape (n_sessions,), in the unit of the series.

    Example
    -------
    >>> last_known(np.array([np.nan, 4.5, 4.5]))
    array([nan, 4.5, 4.5])
    """
    return level.copy()


@factor(
    family="macro",
    unit="unit of the series",
    lookback=_window_and_one,
    limits={"window": _WINDOW},
    windowed=True,
)
def level_change(level: Array, *, window: int = 21) -> Array:
    """Change of the last published value over `window` sessions: x[t] - x[t - window].

    Parameters
    ----------
    level
        Shape (n_sessions,), a rate, a spread or an index of opinion.
    window
        Sessions.

    Returns
    -------
    Shape (n_sessions,), in the unit of the series (percentage points for rates and spreads).

    Example
    -------
    >>> level_change(np.array([4.0, 4.25, 4.5]), window=2)
    array([nan, nan, 0.5])
    """
    return level - windows.lagged(level, window)


@factor(
    family="macro",
    unit="log change",
    lookback=_window_and_one,
    limits={"window": _WINDOW},
    windowed=True,
)
def level_log_change(level: Array, *, window: int = 63) -> Array:
    """Logarithmic change over `window` sessions: ln(x[t] / x[t - window]).

    Parameters
    ----------
    level
        Shape (n_sessions,), a price or an index; a value that is not positive is missing.
    window
        Sessions.

    Returns
    -------
    Shape (n_sessions,), a fraction (0.05 is about 5 per cent); the same for k x as for x.

    Example
    -------
    >>> level_log_change(np.array([50.0, 100.0]), window=1).round(4)
    array([   nan, 0.6931])
    """
    logs = trailing.log_positive(level)
    return logs - windows.lagged(logs, window)


@factor(
    family="macro",
    unit="standard deviations",
    lookback=_window,
    limits={"window": (3, 2520)},
    windowed=True,
)
def level_zscore(level: Array, *, window: int = 756) -> Array:
    """Distance from the mean of the last `window` sessions, in their standard deviations (n - 1).

    Parameters
    ----------
    level
        Shape (n_sessions,).
    window
        Sessions, the current one included.

    Returns
    -------
    Shape (n_sessions,); missing where the window is constant; the same for a + k x (k > 0) as for x.

    Example
    -------
    >>> level_zscore(np.array([1.0, 2.0, 3.0]), window=3)
    array([nan, nan,  1.])
    """
    return windows.standard_score(level, window)


@factor(
    family="macro",
    unit="unit of the series",
    lookback=_window,
    bounds=(0.0, float("inf")),
    limits={"window": _WINDOW},
    windowed=True,
)
def level_rise(level: Array, *, window: int = 252) -> Array:
    """Rise above the lowest value of the last `window` sessions: x[t] - min(x[t - window + 1 .. t]).

    Parameters
    ----------
    level
        Shape (n_sessions,), a spread for instance: how far credit has tightened from its easiest.
    window
        Sessions, the current one included.

    Returns
    -------
    Shape (n_sessions,), never negative, in the unit of the series.

    Example
    -------
    >>> level_rise(np.array([3.0, 2.0, 2.5]), window=3)
    array([nan, nan, 0.5])
    """
    return level - trailing.lowest(level, window)


@factor(
    family="macro",
    unit="share of sessions",
    lookback=_window,
    bounds=(0.0, 1.0),
    limits={"window": _WINDOW},
    windowed=True,
)
def below_zero_share(level: Array, *, window: int = 252) -> Array:
    """Share of the last `window` sessions at which the value was below zero (a slope: the curve was inverted).

    Parameters
    ----------
    level
        Shape (n_sessions,).
    window
        Sessions, the current one included.

    Returns
    -------
    Shape (n_sessions,), a fraction.

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


@factor(
    family="macro",
    unit="unit of the series",
    lookback=_one_row,
    windowed=True,
)
def level_gap(level: Array, reference: Array) -> Array:
    """Difference of two last published values: a slope, a spread or a real rate.

    Parameters
    ----------
    level, reference
        Shape (n_sessions,), of one unit.

    Returns
    -------
    Shape (n_sessions,), level - reference.

    Example
    -------
    >>> level_gap(np.array([5.0, 5.5]), np.array([4.0, 6.0]))
    array([ 1. , -0.5])
    """
    return level - reference


@factor(
    family="macro",
    unit="unit of the series",
    lookback=_window_and_one,
    limits={"window": _WINDOW},
    windowed=True,
)
def level_gap_change(level: Array, reference: Array, *, window: int = 63) -> Array:
    """Change over `window` sessions of the difference of two last published values.

    Parameters
    ----------
    level, reference
        Shape (n_sessions,), of one unit.
    window
        Sessions.

    Returns
    -------
    Shape (n_sessions,), in the unit of the series.

    Example
    -------
    >>> level_gap_change(np.array([5.0, 5.5]), np.array([4.0, 4.0]), window=1)
    array([nan, 0.5])
    """
    gap = level - reference
    return gap - windows.lagged(gap, window)


@factor(
    family="macro",
    unit="standard deviations",
    inputs={"rate": "level", "spread": "level", "slack": HALF_YEAR_CHANGE},
    lookback=lambda *, window, change: window + change,
    limits={"window": (3, 2520), "change": (1, 504)},
    windowed=True,
)
def small_cap_headwind(rate: Array, spread: Array, slack: Array, *, window: int = 504, change: int = 126) -> Array:
    """Small-cap headwind: the cost of debt, the tightening of credit and the loss of growth, standardised and averaged.

    headwind = (z(leverage (rate + spread)) + z(spread[t] - spread[t - change]) + z(half-year change of slack)) / 3

    where z is the distance from the mean of the last `window` sessions in their standard deviations. Small companies
    borrow short and at a spread, so that `rate + spread` is what their debt costs and its product with leverage what
    it takes out of earnings. No point-in-time series of their leverage is free; it moves slowly, is taken as constant
    over a window, and then drops out of z. Growth enters as Okun saw it: where unemployment rises, it falls short. It
    is revised, so its change is taken between two months of one vintage.

    Parameters
    ----------
    rate
        Shape (n_sessions,), a short rate, per cent.
    spread
        Shape (n_sessions,), the spread of risky over government bonds, percentage points.
    slack
        Shape (n_sessions,), the last published change over six months, within one vintage, of the unemployment rate or
        of another monthly measure that rises when activity falls.
    window
        Sessions of the standardisation, the current one included.
    change
        Sessions over which the change of the spread is taken.

    Returns
    -------
    Shape (n_sessions,); positive where the wind blows against small caps; missing where a window has a missing value
    or one of the three does not vary in it.

    Example
    -------
    >>> rate, spread, slack = np.array([1.0, 1, 2, 4]), np.array([2.0, 2, 3, 5]), np.array([0.0, 0.1, 0.2, 0.5])
    >>> small_cap_headwind(rate, spread, slack, window=3, change=1).round(3)
    array([  nan,   nan,   nan, 1.071])
    """
    tightened = spread - windows.lagged(spread, change)
    burden, tightening, weakening = windows.standard_score(np.stack([rate + spread, tightened, slack]), window)
    return np.asarray((burden + tightening + weakening) / 3)
