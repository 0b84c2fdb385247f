"""What the forecasts say, in the three numbers that sizes depend on.

Every one of them is neutral where a forecast is its base rate, so an agent without a forecast acts on the trend alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from bullbear.decide.agents.inputs import Inputs
from bullbear.decide.agents.rules import BearRules

_LEAST_ODDS = 1e-6
"""Probabilities of 0 and 1 have odds, too."""


class Outlook(NamedTuple):
    """`danger` is how much likelier a dip and a fall are than usual (1: as usual, 0 never), `volatility` a fraction a
    year (0: unknown), `score` the normal quantile of P(up).
    """

    danger: float
    volatility: float
    score: float


def odds_ratio(p: float, base: float) -> float:
    """Odds of a probability against those of its base rate; 1 where either is unknown."""
    if not (0.0 <= p <= 1.0 and 0.0 <= base <= 1.0):
        return 1.0
    ours = max(p, _LEAST_ODDS) / max(1.0 - p, _LEAST_ODDS)
    usual = max(base, _LEAST_ODDS) / max(1.0 - base, _LEAST_ODDS)
    return ours / usual


def outlook(x: Inputs, forecast: bool, rules: BearRules) -> Outlook:
    """The outlook of a close; that of the base rates and of trailing volatility without `forecast`."""
    danger, volatility, score = 1.0, x.volatility, x.score_up_base
    if forecast:
        dip, down = odds_ratio(x.p_dip, x.p_dip_base), odds_ratio(1.0 - x.p_up, 1.0 - x.p_up_base)
        danger, score = dip**rules.dip_power * down**rules.down_power, x.score_up
        if x.volatility_forecast > 0.0:
            volatility = x.volatility_forecast
    known = 0.0 < volatility < math.inf
    return Outlook(danger, volatility if known else 0.0, score if math.isfinite(score) else 0.0)
