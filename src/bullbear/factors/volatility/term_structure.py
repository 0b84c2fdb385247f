"""The term structure of implied volatility: the VIX of 1 to 12 months, and the futures on it.

All levels are in per cent a year, as last published at each decision: those of the session before, since options and
futures trade on after the close of stocks. `implied_term` of `implied` compares two of them.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, factor
from bullbear.factors.engine.trailing import log_positive
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import percent_rank, standard_score

_MATURITIES = np.log(np.array([1.0, 3.0, 6.0, 12.0]))
_WEIGHTS = (_MATURITIES - _MATURITIES.mean()) / ((_MATURITIES - _MATURITIES.mean()) ** 2).sum()


@factor(unit="log ratio per log month", lookback=1, windowed=True)
def term_slope(month: Array, quarter: Array, half_year: Array, year: Array) -> Array:
    """Slope of the whole curve: of log volatility on the logarithm of 1, 3, 6 and 12 months, by least squares.

    Positive in contango, the usual state; missing unless all four levels are known.

    Parameters
    ----------
    month, quarter, half_year, year
        Implied volatility over 1, 3, 6 and 12 months, per cent a year, as last published.

    References
    ----------
    Johnson (2017), Journal of Financial and Quantitative Analysis 52(6), 2461-2490, doi:10.1017/S0022109017000825

    Example
    -------
    >>> levels = [np.array([level]) for level in (16.0, 18.0, 19.0, 20.0)]
    >>> term_slope(*levels).round(4)
    array([0.0899])
    """
    first, second, third, fourth = _WEIGHTS
    near = first * log_positive(month) + second * log_positive(quarter)
    return np.asarray(near + third * log_positive(half_year) + fourth * log_positive(year))


@factor(
    unit="per cent a year",
    bounds=(0.0, np.inf),
    lookback=lambda near_months, far_months: min(in_order(near_months=near_months, far_months=far_months), 1),
    limits={"near_months": (1, 24), "far_months": (2, 24)},
    windowed=True,
)
def forward_volatility(near: Array, far: Array, *, near_months: int = 3, far_months: int = 6) -> Array:
    """Volatility that the curve implies for the months between two horizons.

    sqrt((f F^2 - n N^2) / (f - n)), for volatilities N and F over n and f months; missing where that variance would be
    negative

    Parameters
    ----------
    near_months
        Horizon of the near level, shorter than `far_months`.
    far_months
        Horizon of the far level.

    Example
    -------
    >>> forward_volatility(np.array([16.0]), np.array([18.0])).round(4)
    array([19.799])
    """
    near, far = (np.where(level > 0.0, level, np.nan) for level in (near, far))
    variance = (far_months * far**2 - near_months * near**2) / (far_months - near_months)
    return np.sqrt(np.where(variance >= 0.0, variance, np.nan))


@factor(unit="share of sessions", bounds=(0.0, 1.0), lookback=lambda window: window + 1, windowed=True)
def term_percentile(near: Array, far: Array, *, window: int = 252) -> Array:
    """Share of the `window` sessions before on which the near level was lower against the far one than now.

    Example
    -------
    >>> term_percentile(np.array([14.0, 22.0, 18.0]), np.array([16.0, 20.0, 18.0]), window=2)
    array([nan, nan, 0.5])
    """
    return percent_rank(log_positive(near) - log_positive(far), window)


@factor(unit="log ratio", lookback=1, windowed=True)
def futures_basis(future: Array, spot: Array) -> Array:
    """Price of a VIX future over the VIX: log(future / spot), what a buyer loses if the VIX stands still until expiry.

    The first month has between no day and five weeks to go, so the same slope shows as a smaller basis before expiry.

    Parameters
    ----------
    future
        Settlement of the future.
    spot
        The VIX of the same day.

    References
    ----------
    Simon and Campasano (2014), Journal of Derivatives 21(3), 54-69, doi:10.3905/jod.2014.21.3.054

    Example
    -------
    >>> futures_basis(np.array([16.0]), np.array([14.0])).round(4)
    array([0.1335])
    """
    return log_positive(future) - log_positive(spot)


@factor(unit="log ratio", lookback=1, windowed=True)
def futures_roll(first: Array, second: Array) -> Array:
    """Second month over first month: log(second / first), the cost of holding on when the first expires.

    Example
    -------
    >>> futures_roll(np.array([16.0]), np.array([17.0])).round(4)
    array([0.0606])
    """
    return log_positive(second) - log_positive(first)


@factor(unit="standard deviations", limits={"window": (3, 2520)}, windowed=True)
def futures_roll_z(first: Array, second: Array, *, window: int = 252) -> Array:
    """Distance of the roll from the mean of the last `window` sessions, in their standard deviations (n - 1).

    Example
    -------
    >>> futures_roll_z(np.array([10.0, 10.0, 10.0]), np.array([10.0, 11.0, 12.0]), window=3).round(4)
    array([   nan,    nan, 0.9845])
    """
    return standard_score(futures_roll(first, second), window)
