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

from bullbear.data.companies.panel import Panel
from bullbear.errors import InputError
from bullbear.picking.history import Array, Daily, History, deviation, highest, mean

YEAR = 252


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


def _growth(sessions: int) -> Callable[[History], Array]:
    return lambda history: 1.0 / history.price[:, -1 - sessions] - 1.0


def _above(sessions: int) -> Callable[[History], Array]:
    return lambda history: 1.0 / mean(history.price, sessions) - 1.0


def _volatility(sessions: int) -> Callable[[History], Array]:
    return lambda history: deviation(history.growth, sessions) * np.sqrt(YEAR)


def _year_without_a_month(history: History) -> Array:
    growth: Array = history.price[:, -22] / history.price[:, -253] - 1.0
    return growth


def _below_high(history: History) -> Array:
    return 1.0 / highest(history.price, YEAR) - 1.0


def _highest_growth(history: History) -> Array:
    return highest(history.growth, 21)


def _beta(history: History) -> Array:
    return history.against_group[0]


def _own_volatility(history: History) -> Array:
    return deviation(history.against_group[1], YEAR) * np.sqrt(YEAR)


def _reversal(history: History) -> Array:
    rest = history.against_group[1]
    scale = deviation(rest, YEAR)
    return -mean(rest, 21) / np.where(scale > 0, scale, np.nan)


def _volume_growth(history: History) -> Array:
    year = mean(history.shares, YEAR)
    return mean(history.shares, 21) / np.where(year > 0, year, np.nan) - 1.0


def _dollar_volume(history: History) -> Array:
    return mean(history.dollars, 63)


def _illiquidity(history: History) -> Array:
    dollars = np.where(history.dollars > 0, history.dollars, np.nan)
    return mean(np.abs(history.growth) / dollars, YEAR) * 1e6


FEATURES: dict[str, Feature] = {
    **{
        f"growth_{sessions}": Feature(f"total growth over {sessions} sessions", _growth(sessions))
        for sessions in (5, 21, 63, 126)
    },
    "growth_252_21": Feature(
        "total growth over the year without its last month (Jegadeesh and Titman 1993, "
        "doi:10.1111/j.1540-6261.1993.tb04702.x)",
        _year_without_a_month,
    ),
    "reversal_21": Feature(
        "minus the growth of 21 sessions that the group's does not explain, in its own deviations (Blitz, Huij, "
        "Lansdorp and Verbeek 2013, doi:10.1016/j.finmar.2012.10.005)",
        _reversal,
    ),
    "above_50": Feature("distance from the average of 50 sessions, dividends reinvested", _above(50)),
    "above_200": Feature("distance from the average of 200 sessions, dividends reinvested", _above(200)),
    "below_high_252": Feature(
        "distance from the highest close of 252 sessions, at most 0 (George and Hwang 2004, "
        "doi:10.1111/j.1540-6261.2004.00695.x)",
        _below_high,
    ),
    **{
        f"volatility_{sessions}": Feature(f"yearly volatility over {sessions} sessions", _volatility(sessions))
        for sessions in (21, 63, 252)
    },
    "own_volatility_252": Feature(
        "yearly volatility that the group's growth does not explain (Ang, Hodrick, Xing and Zhang 2006, "
        "doi:10.1111/j.1540-6261.2006.00836.x)",
        _own_volatility,
    ),
    "highest_growth_21": Feature(
        "the highest growth of one session among 21 (Bali, Cakici and Whitelaw 2011, "
        "doi:10.1016/j.jfineco.2010.08.014)",
        _highest_growth,
    ),
    "beta_252": Feature("slope of the company's growth on the group's over 252 sessions", _beta),
    "volume_growth_21": Feature("shares traded in 21 sessions against 252, splits applied", _volume_growth),
    "dollar_volume_63": Feature("dollars traded a session, mean of 63", _dollar_volume),
    "illiquidity_252": Feature(
        "mean of absolute growth per million dollars traded (Amihud 2002, doi:10.1016/S1386-4181(01)00024-6)",
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
    daily = Daily.of(panel.close, panel.volume, panel.split, panel.dividend)
    found = np.full((len(decisions), len(panel.companies), len(names)), np.nan)
    for row, place in enumerate(places):
        here = daily.traded[:, place]
        if not here.any():
            continue
        history = History.of(daily, group, int(place))
        for column, name in enumerate(names):
            found[row, here, column] = FEATURES[name].compute(history)[here]
    return found
