"""Stops in ATRs: where one stands on entry, how it trails, and how its distance follows the ATR's own regime."""

from __future__ import annotations

import math

from bullbear.decide.agents.rules import StopRules


def distance(multiple: float, atr: float, atr_ratio: float, rules: StopRules) -> float:
    """Distance of a stop from its price: multiple * ATR * clip(ATR ratio, narrowest, widest).

    An unknown ratio counts as 1; NaN without an ATR, and where stops are off or `multiple` is 0.
    """
    if not rules.enabled or not multiple > 0.0 or not atr > 0.0:
        return math.nan
    regime = 1.0 if math.isnan(atr_ratio) else min(max(atr_ratio, rules.narrowest), rules.widest)
    return multiple * atr * regime


def trailed(stop: float, peak: float, away: float) -> float:
    """The stop under the highest close since entry; it never falls, and NaN where it never could be set.

    Parameters
    ----------
    stop
        The one that stands; NaN for none.
    peak
        Highest close since entry.
    away
        `distance`, NaN where it is unknown: the stop stays where it is.
    """
    level = peak - away
    if not level > 0.0:  # false for NaN too
        return stop
    return level if math.isnan(stop) else max(stop, level)
