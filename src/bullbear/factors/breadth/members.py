"""Breadth of a fund's members: how many of them rise, how far they lie apart, and whether they move together.

The figures come from `group.breadth_table`: members by the list of holdings known at the close, prices by the bars
known at the close. Where membership was not known, or where too few members have prices, a factor is missing, not zero.
A fund's index weighs its companies by their capitalisation; these count each company once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.data.versions import Versions
from bullbear.factors.engine import windows
from bullbear.factors.engine.inputs import last_known
from bullbear.factors.engine.registry import Array, factor, input_kind
from bullbear.group.breadth_table import KIND

_SHARE = (0.0, 1.0)
_MAX_AGE_DAYS = 5
"""Over a long weekend the figures of the session before stand; older ones do not."""


@dataclass(frozen=True)
class Breadth:
    """Figures of a fund's members at each decision; shape (n_sessions,).

    `members` is how many are on the list, `priced` how many of them have a price. `advances`, `declines`, `above_50`,
    `above_200`, `highs`, `lows` and `rising_volume` are shares of the names with enough of a past. `dispersion_*` is
    the interquartile range of growth in standard deviations of a normal distribution, `median_*` the median growth and
    `weighted_*` that weighted by the list known where the span begins, over so many sessions, as fractions.
    `average_1` is the mean daily growth, `square_1` the mean of its square.
    """

    members: Array
    priced: Array
    advances: Array
    declines: Array
    above_50: Array
    above_200: Array
    highs: Array
    lows: Array
    rising_volume: Array
    dispersion_5: Array
    dispersion_21: Array
    median_21: Array
    weighted_21: Array
    median_63: Array
    weighted_63: Array
    average_1: Array
    square_1: Array

    @property
    def presence(self) -> Array:
        """Missing where membership is not known, or nothing has a price."""
        return self.priced


@input_kind("breadth", stored=KIND, annotation=Breadth, max_age_days=_MAX_AGE_DAYS)
def breadth(versions: Versions, series: str, decided: np.ndarray) -> Breadth:
    """The figures of the last session known at each decision."""
    values = last_known(versions).at(decided, _MAX_AGE_DAYS)
    return Breadth(**dict(zip(versions.numbers, values.T.copy(), strict=True)))


@factor(unit="share of members", bounds=_SHARE, windowed=True)
def members_above_50(breadth: Breadth) -> Array:
    """Share of the members whose price lies above its own average over 50 sessions."""
    return breadth.above_50


@factor(unit="share of members", bounds=_SHARE, windowed=True)
def members_above_200(breadth: Breadth) -> Array:
    """Share of the members whose price lies above its own average over 200 sessions."""
    return breadth.above_200


@factor(unit="share of members", bounds=(-1.0, 1.0), lookback=lambda window: window + 1, windowed=True)
def change_of_members_above_50(breadth: Breadth, *, window: int = 21) -> Array:
    """Change over `window` sessions of the share of members above their average over 50 sessions."""
    return breadth.above_50 - windows.lagged(breadth.above_50, window)


@factor(unit="share of members", bounds=(-1.0, 1.0), windowed=True, limits={"window": (1, 252)})
def net_advances(breadth: Breadth, *, window: int = 10) -> Array:
    """Advancing less declining members as a share of those with a price, averaged over `window` sessions."""
    return windows.mean(breadth.advances - breadth.declines, window)


@factor(unit="share of moves", bounds=_SHARE, windowed=True, limits={"window": (1, 252)})
def breadth_thrust(breadth: Breadth, *, window: int = 10) -> Array:
    """Advances as a share of advances and declines, averaged over `window` sessions: Zweig's breadth thrust.

    Zweig took a rise from below 0.40 to above 0.615 within ten sessions for the start of an advance.

    References
    ----------
    Zweig (1986), Winning on Wall Street, Warner Books.
    """
    return windows.mean(windows.ratio(breadth.advances, breadth.advances + breadth.declines), window)


@factor(unit="share of members", bounds=(-1.0, 1.0), windowed=True, limits={"window": (1, 252)})
def new_highs_less_lows(breadth: Breadth, *, window: int = 10) -> Array:
    """Members at a new high of 252 sessions less those at a new low, as a share, averaged over `window` sessions."""
    return windows.mean(breadth.highs - breadth.lows, window)


@factor(
    unit="standard deviations of growth", bounds=(0.0, float("inf")), windowed=True, choices={"over": ("week", "month")}
)
def dispersion_of_members(breadth: Breadth, *, over: str = "month") -> Array:
    """How far the members' growth over a month (or a week) lies apart on a session.

    The interquartile range over 1.349, which is the standard deviation if growth is normal and is not moved by a few
    wrong prices.

    Parameters
    ----------
    over
        The span of the growth: 5 or 21 sessions.

    References
    ----------
    Stivers (2003), "Firm-level return dispersion and the future volatility of aggregate stock market returns", Journal
    of Financial Markets 6, 389-411, doi:10.1016/S1386-4181(02)00068-1.
    """
    return breadth.dispersion_21 if over == "month" else breadth.dispersion_5


@factor(unit="growth", windowed=True, choices={"over": ("month", "quarter")})
def median_less_weighted(breadth: Breadth, *, over: str = "month") -> Array:
    """Growth of the median member less that of all weighted as in the fund: below zero, few large ones carry it.

    Parameters
    ----------
    over
        The span of the growth: 21 or 63 sessions.
    """
    if over == "month":
        return breadth.median_21 - breadth.weighted_21
    return breadth.median_63 - breadth.weighted_63


@factor(unit="share of members", bounds=_SHARE, windowed=True)
def rising_volume_of_members(breadth: Breadth) -> Array:
    """Share of the members that traded more a session in the last 21 sessions than in the 42 before."""
    return breadth.rising_volume


@factor(unit="correlation", windowed=True, limits={"window": (10, 252)})
def correlation_of_members(breadth: Breadth, *, window: int = 63) -> Array:
    """Mean correlation of the members' daily growth, as far as its variance tells, over `window` sessions.

    With N members, A the sum of the squared average growth of all, and S the sum of their mean squared growth,

        correlation = (N A / S - 1) / (N - 1),

    which is the mean correlation of pairs weighted by their volatilities, for growth with a mean of zero; it needs no
    matrix of pairs. Daily growth beyond 50 % counts as 50 %.

    References
    ----------
    Pollet and Wilson (2010), "Average correlation and stock market returns", Journal of Financial Economics 96,
    364-380, doi:10.1016/j.jfineco.2010.02.011.
    """
    together = windows.mean(breadth.average_1 * breadth.average_1, window)
    apart = windows.mean(breadth.square_1, window)
    names = windows.mean(breadth.priced, window)
    return windows.ratio(names * windows.ratio(together, apart) - 1.0, names - 1.0)
