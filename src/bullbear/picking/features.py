"""The factors of a company that a picker ranks by: what each is, and their values at a grid of decisions.

A value reads the bars of its own company, and the growth of the group; both until the decision's close. What compares
companies, the rank among the members of the day, is a step of its own (`factor_panel`), so that companies can be
computed in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.data.companies.panel import Panel
from bullbear.errors import InputError
from bullbear.picking.history import Array, Daily, History, deviation, highest, mean

MONTH, YEAR = 21, 252


@dataclass(frozen=True)
class Feature:
    """One factor of a company.

    Attributes
    ----------
    text
        What it is, with its source.
    compute
        Its values of a block of companies, shape (n_companies,), NaN where unknown.
    """

    text: str
    compute: Callable[[History], Array]


def _return(sessions: int) -> Callable[[History], Array]:
    return lambda history: np.asarray(1.0 / history.price[:, -1 - sessions] - 1.0)


def _without_a_month(sessions: int) -> Callable[[History], Array]:
    return lambda history: np.asarray(history.price[:, -1 - MONTH] / history.price[:, -1 - sessions] - 1.0)


def _above(sessions: int) -> Callable[[History], Array]:
    return lambda history: 1.0 / mean(history.price, sessions) - 1.0


def _volatility(sessions: int) -> Callable[[History], Array]:
    return lambda history: np.asarray(deviation(history.growth, sessions) * np.sqrt(YEAR))


def _to_high(history: History) -> Array:
    return 1.0 / highest(history.price, YEAR)


def _highest_return(history: History) -> Array:
    return highest(history.growth, MONTH)


def _beta(history: History) -> Array:
    return history.against_group[0]


def _own_volatility(history: History) -> Array:
    return np.asarray(deviation(history.against_group[1], YEAR) * np.sqrt(YEAR))


def _reversal(history: History) -> Array:
    rest = history.against_group[1]
    scale = deviation(rest, YEAR)
    return -mean(rest, MONTH) / np.where(scale > 0, scale, np.nan)


def _volume_growth(history: History) -> Array:
    year = mean(history.shares, YEAR)
    return mean(history.shares, MONTH) / np.where(year > 0, year, np.nan) - 1.0


def _dollar_volume(history: History) -> Array:
    # A session without a bar is one without a trade. The median, unlike the mean, is not moved by a single misprint.
    return np.asarray(np.median(np.nan_to_num(history.dollars[:, -MONTH:]), axis=1))


def _illiquidity(history: History) -> Array:
    dollars = np.where(history.dollars > 0, history.dollars, np.nan)
    return mean(np.abs(history.growth) / dollars, YEAR) * 1e6


FEATURES: dict[str, Feature] = {
    **{
        f"return_{sessions}": Feature(f"total return of {sessions} sessions", _return(sessions))
        for sessions in (5, 21, 63, 126)
    },
    "momentum_12_1": Feature(
        "total return of the year without its last month (Jegadeesh and Titman 1993, "
        "doi:10.1111/j.1540-6261.1993.tb04702.x)",
        _without_a_month(YEAR),
    ),
    "momentum_6_1": Feature("total return of half a year without its last month, as above", _without_a_month(126)),
    "reversal_21": Feature(
        "minus the mean return of 21 sessions that the group's does not explain, in standard deviations (Blitz, Huij, "
        "Lansdorp and Verbeek 2013, doi:10.1016/j.finmar.2012.10.005)",
        _reversal,
    ),
    "above_50": Feature("distance from the average of 50 sessions, dividends reinvested", _above(50)),
    "above_200": Feature("distance from the average of 200 sessions, dividends reinvested", _above(200)),
    "high_252": Feature(
        "close as a share of the highest close of 252 sessions, dividends reinvested (George and Hwang 2004, "
        "doi:10.1111/j.1540-6261.2004.00695.x)",
        _to_high,
    ),
    **{
        f"volatility_{sessions}": Feature(f"yearly volatility over {sessions} sessions", _volatility(sessions))
        for sessions in (21, 63, 252)
    },
    "own_volatility_252": Feature(
        "yearly volatility that the group's return does not explain (Ang, Hodrick, Xing and Zhang 2006, "
        "doi:10.1111/j.1540-6261.2006.00836.x)",
        _own_volatility,
    ),
    "highest_return_21": Feature(
        "the highest return of one session among 21 (Bali, Cakici and Whitelaw 2011, "
        "doi:10.1016/j.jfineco.2010.08.014)",
        _highest_return,
    ),
    "beta_252": Feature("slope of the company's return on the group's over 252 sessions", _beta),
    "volume_growth_21": Feature("shares traded a session in 21 sessions against 252, splits applied", _volume_growth),
    "dollar_volume": Feature("dollars traded a session, median of 21", _dollar_volume),
    "illiquidity_252": Feature(
        "mean absolute return per million dollars traded, over 252 sessions (Amihud 2002, "
        "doi:10.1016/S1386-4181(01)00024-6)",
        _illiquidity,
    ),
}
"""The factors computed from bars, by name. A company without a bar on the decision's session has none of them."""


def values(panel: Panel, group: Array, decisions: pd.DatetimeIndex, names: Sequence[str]) -> Array:
    """Features of the panel's companies at decisions, shape (n_decisions, n_companies, n_features).

    Equal to the last bit whatever other companies the panel holds, whatever sessions follow a decision, and whatever
    sessions precede its last 258.

    Parameters
    ----------
    panel
        Bars as traded, misprints already removed.
    group
        The group's growth of each session of the panel, shape (n_sessions,), a fraction.
    decisions
        Sessions of the panel.
    names
        Keys of `FEATURES`.

    Raises
    ------
    InputError
        A decision is no session of the panel, or a feature does not exist.
    """
    for name in names:
        if name not in FEATURES:
            raise InputError("feature", name, ", ".join(FEATURES), "use one of these")
    places = panel.sessions.get_indexer(decisions)
    if (places < 0).any():
        missing = str(decisions[places < 0][0].date())
        raise InputError("decision", missing, "a session of the panel", "decide at the close of a session")
    return values_of(Daily.of(panel.close, panel.volume, panel.split, panel.dividend), group, places, names)


def values_of(daily: Daily, group: Array, places: NDArray[np.intp], names: Sequence[str]) -> Array:
    """As `values`, of decisions at these places among the sessions of `daily`."""
    found = np.full((len(places), len(daily.gross), len(names)), np.nan)
    for row, place in enumerate(places.tolist()):
        here = daily.traded[:, place]
        if not here.any():
            continue
        history = History.of(daily, group, place)
        for column, name in enumerate(names):
            found[row, here, column] = FEATURES[name].compute(history)[here]
    return found
