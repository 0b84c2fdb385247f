"""The Bull: a base allocation from the forecast distribution, and a small overlay of relief rallies in a sell-off."""

from __future__ import annotations

import math
from typing import NamedTuple

from bullbear.decide.agents import reasons
from bullbear.decide.agents.inputs import Inputs, Note, noted
from bullbear.decide.agents.outlook import Outlook
from bullbear.decide.agents.rules import CONSTANT, VOLATILITY_TARGET, BullRules, OverlayRules, ReversalRules, StopRules
from bullbear.decide.agents.stops import distance, trailed
from bullbear.decide.agents.trend import REVERSAL, Trend, declining


def allocation(seen: Outlook, horizon: float, rules: BullRules) -> float:
    """Weight of the fund, between 0 and `max_weight`, before the trend is asked.

    `volatility_target`: target / volatility. `mean_variance`: mean / (risk aversion * variance) over the horizon, with
    mean = volatility * score, hence score / (risk aversion * volatility * sqrt(horizon)). `constant`, and without a
    known volatility every rule: `max_weight`, but 0 for a mean that is not positive.
    """
    weight = rules.max_weight
    if rules.rule == VOLATILITY_TARGET:
        if seen.volatility > 0.0:
            weight = min(weight, rules.target_volatility / seen.volatility)
    elif rules.rule != CONSTANT:
        if not seen.score > 0.0:
            weight = 0.0
        elif seen.volatility > 0.0:
            weight = min(weight, seen.score / (rules.risk_aversion * seen.volatility * math.sqrt(horizon)))
    return weight


def smoothed(wanted: float, before: float, sessions: int) -> float:
    """A weight that follows what is wanted with a mean age of about `sessions`: before + (wanted - before) / sessions.

    `before` is NaN at the first decision.
    """
    return wanted if math.isnan(before) else before + (wanted - before) / sessions


def trend_share(trend: Trend, rules: BullRules, reversal: ReversalRules) -> float:
    """Share of the allocation that the trend leaves: all, `decline_share` in a decline, between them in a reversal."""
    if declining(trend.state):
        return rules.decline_share
    if trend.state == REVERSAL:
        return rules.decline_share + (1.0 - rules.decline_share) * glided(trend.age, reversal.glide_sessions)
    return 1.0


def glided(age: int, sessions: int) -> float:
    """How much of a glide over `sessions` is done on its day number `age`, counted from 0."""
    return min(1.0, (age + 1.0) / sessions)


def banded(wanted: float, held: float, band: float) -> float:
    """The weight to hold: what is wanted, or what is held where the difference is not worth a trade.

    A position is opened and closed whatever its size.
    """
    if wanted > 0.0 and held > 0.0 and abs(wanted - held) < band:
        return held
    return wanted


class Overlay(NamedTuple):
    """The overlay of a sell-off: its close on entry (NaN: none), sessions since, and stop; total-return prices.

    `weight` is a fraction of equity, of a call spread the premium; that has no stop.

    `spent`: it has had its turn, and waits until the RSI has left oversold.
    """

    entry: float
    age: int
    stop: float
    peak: float
    spent: bool
    weight: float
    note: Note


def no_overlay() -> Overlay:
    """None, and ready for one."""
    return Overlay(math.nan, 0, math.nan, math.nan, False, 0.0, noted(reasons.NO_OVERLAY))


def overlaid(
    x: Inputs,
    before: Overlay,
    trend: Trend,
    hedge: float,
    room: float,
    rules: OverlayRules,
    reversal: ReversalRules,
    stops: StopRules,
) -> Overlay:
    """The overlay after this close.

    It opens in a decline at an oversold close, with `share` of the Bear's exposure `hedge` and at most the `room` that
    the hedge leaves; it closes with its profit taken (`target_atr` ATRs above entry, or an RSI recovered), at its stop,
    after `sessions`, or with the Bear. A call spread is held as it was bought until it is closed or has expired.
    """
    if not rules.enabled:
        return no_overlay()
    cap = min(rules.share * hedge, rules.max_weight, room)
    spent = before.spent and not x.rsi > reversal.oversold + reversal.rsi_hysteresis
    if math.isnan(before.entry):
        if declining(trend.state) and x.rsi < reversal.oversold and cap > 0.0 and not spent and x.close > 0.0:
            if rules.spread:
                return _spread(x, cap)
            stop = trailed(math.nan, x.close, distance(stops.overlay_atr, x.atr, x.atr_ratio, stops))
            return Overlay(x.close, 0, stop, x.close, False, cap, noted(reasons.OVERLAY_OPENED, x.rsi, hedge, cap))
        return _without(spent, noted(reasons.NO_OVERLAY))
    if rules.spread and not x.overlay_held > 0.0:
        if before.age == 0:
            return _without(spent, noted(reasons.SPREAD_NOT_BOUGHT))
        return _without(True, noted(reasons.SPREAD_PAID_OUT))
    if x.overlay_stopped:
        return _without(True, noted(reasons.OVERLAY_STOPPED, before.stop))
    if not cap > 0.0:
        return _without(True, noted(reasons.OVERLAY_WITHOUT_BEAR))
    if x.rsi >= reversal.recovered:
        return _without(True, noted(reasons.OVERLAY_RECOVERED, x.rsi, reversal.recovered))
    gained = (x.close - before.entry) / x.atr if x.atr > 0.0 else math.nan
    if gained >= rules.target_atr:
        return _without(True, noted(reasons.OVERLAY_PROFIT, x.close, gained))
    if before.age + 1 >= rules.sessions:
        return _without(True, noted(reasons.OVERLAY_EXPIRED, rules.sessions))
    peak = x.close if x.close > before.peak else before.peak
    if rules.spread:
        # What is left of the premium is all that can be lost, so a hedge that shrinks does not cut it.
        held = min(x.overlay_held, room)
        return Overlay(before.entry, before.age + 1, math.nan, peak, False, held, noted(reasons.SPREAD_KEPT, held))
    stop = trailed(before.stop, peak, distance(stops.overlay_atr, x.atr, x.atr_ratio, stops))
    weight = min(banded(before.weight, x.overlay_held, rules.band), cap)
    return Overlay(before.entry, before.age + 1, stop, peak, False, weight, noted(reasons.OVERLAY_KEPT, weight, cap))


def _spread(x: Inputs, cap: float) -> Overlay:
    """A call spread of which neither the index exposure nor the premium, all that it can lose, exceeds `cap`."""
    if not x.overlay_multiple > 0.0:
        return _without(False, noted(reasons.SPREAD_UNPRICED, x.rsi))
    premium = cap / max(x.overlay_multiple, 1.0)
    note = noted(reasons.SPREAD_OPENED, x.rsi, premium, premium * x.overlay_multiple)
    return Overlay(x.close, 0, math.nan, x.close, False, premium, note)


def _without(spent: bool, note: Note) -> Overlay:
    return Overlay(math.nan, 0, math.nan, math.nan, spent, 0.0, note)
