"""The Bear: when it steps in, how much it hedges, in three tiers, and with which inverse fund."""

from __future__ import annotations

import math
from typing import NamedTuple

from bullbear.decide.agents import reasons
from bullbear.decide.agents.bull import banded, glided
from bullbear.decide.agents.inputs import Fund, Funds, Inputs, Note, noted
from bullbear.decide.agents.outlook import Outlook
from bullbear.decide.agents.rules import BearRules, ReversalRules, StopRules
from bullbear.decide.agents.stops import distance, trailed
from bullbear.decide.agents.trend import (
    BREAKDOWN,
    DOWNTREND,
    RETEST,
    REVERSAL,
    Decline,
    Trend,
    break_depth,
    declining,
)


class Size(NamedTuple):
    """Index exposure with all tiers open, a fraction of equity, and the three factors that it is made of.

    `deep` is the exposure once the break is as deep as it counts; the fund is chosen for it.
    """

    exposure: float
    deep: float
    depth: float
    volatility: float
    outlook: float


class Bear(NamedTuple):
    """The Bear's position: `tier` 0 to 3, the fund's place from 1 (0: none), its weight and index exposure wanted.

    `peak` is the fund's highest close since entry, `stop` its stop, total-return prices. `glide` is the exposure at the
    start of a reversal. `out`: the number of breaks at which it was stopped out, -1 for never; it waits for another.
    """

    tier: int
    fund: int
    weight: float
    exposure: float
    peak: float
    stop: float
    glide: float
    out: int
    size: Size
    note: Note


def no_size() -> Size:
    """The size of a Bear that is away."""
    return Size(0.0, 0.0, 0.0, 0.0, 0.0)


def no_bear() -> Bear:
    """Before the first break."""
    return _away(-1, noted(reasons.NO_DECLINE))


def sized(decline: Decline, seen: Outlook, rules: BearRules) -> Size:
    """Exposure = exposure * f * g * h, at most `max_exposure`.

    f rises with the depth of the break from `depth_floor` to 1 at `depth_atr` ATRs; g = min(1, target / forecast
    volatility), 1 where it is unknown; h = danger up to `outlook_cap`. All are 1 without `sizing`.
    """
    if not rules.sizing:
        return Size(rules.exposure, rules.exposure, 1.0, 1.0, 1.0)
    f = rules.depth_floor + (1.0 - rules.depth_floor) * min(1.0, break_depth(decline) / rules.depth_atr)
    g = min(1.0, rules.target_volatility / seen.volatility) if seen.volatility > 0.0 else 1.0
    h = min(seen.danger, rules.outlook_cap)
    deep = min(rules.exposure * g * h, rules.max_exposure)
    return Size(min(rules.exposure * f * g * h, rules.max_exposure), deep, f, g, h)


def share(tier: int, rules: BearRules) -> float:
    """Share of the size that is open in a tier."""
    if tier <= 0:
        return 0.0
    if tier == 1:
        return rules.shares.first
    return rules.shares.second if tier == 2 else rules.shares.third


def trigger(tier: int, decline: Decline, atr: float, rules: BearRules) -> float:
    """The close from which tier 2 or 3 opens: a rebound towards the broken level.

    low + max(rebound * (broken - low), (tier - 1) * rebound_atr * ATR). A new low sets it anew.
    """
    retraced = rules.rebounds.second if tier == 2 else rules.rebounds.third
    return decline.low + max(retraced * (decline.broken - decline.low), (tier - 1.0) * rules.rebound_atr * atr)


def rebounded(x: Inputs, tier: int, decline: Decline, rules: BearRules) -> bool:
    """Whether this close opens a tier: a rebound from an earlier low as far as its trigger, not past the level."""
    if tier > 3 or decline.low_age == 0:
        return False
    return trigger(tier, decline, x.atr, rules) <= x.close <= decline.broken


def holding_cost(fund: Fund, volatility: float) -> float:
    """Yearly cost of a unit of index exposure: (expense + L (L - 1) / 2 * volatility**2) / abs(L).

    The second term is what a daily reset loses against the multiple of the index's return.
    """
    gearing = abs(fund.multiple)
    return (fund.expense + fund.multiple * (fund.multiple - 1.0) / 2.0 * volatility * volatility) / gearing


def chosen(funds: Funds, exposure: float, volatility: float, rules: BearRules) -> int:
    """Place, from 1, of the cheapest fund that gives the exposure within `max_weight`; else of the most geared one.

    0 where no fund has a price.
    """
    best, cost, most, gearing = 0, math.inf, 0, 0.0
    for place in range(3):
        fund = funds[place]
        if fund.multiple < 0.0 and fund.close > 0.0:
            if -fund.multiple > gearing:
                most, gearing = place + 1, -fund.multiple
            own = holding_cost(fund, volatility)
            if exposure / -fund.multiple <= rules.max_weight and own < cost:
                best, cost = place + 1, own
    return best if best > 0 else most


def hedged(
    x: Inputs,
    before: Bear,
    trend: Trend,
    seen: Outlook,
    rules: BearRules,
    reversal: ReversalRules,
    stops: StopRules,
) -> Bear:
    """The Bear after this close."""
    if not rules.enabled:
        return _away(-1, noted(reasons.BEAR_OFF))
    if before.fund > 0 and x.bears[before.fund - 1].stopped:
        return _away(trend.breaks, noted(reasons.BEAR_STOPPED, before.stop))
    if trend.state == REVERSAL:
        return _gliding(x, before, trend, rules, reversal, stops)
    if not declining(trend.state):
        return _away(before.out, noted(reasons.NO_DECLINE))
    advancing = trend.state == BREAKDOWN or trend.state == RETEST or trend.state == DOWNTREND
    if before.tier == 0:
        if before.out >= trend.breaks:
            return _away(before.out, noted(reasons.WAITS_FOR_BREAK))
        if not advancing:
            return _away(before.out, noted(reasons.TOO_LATE))
        if seen.danger < rules.activate:
            return _away(before.out, noted(reasons.OUTLOOK_CALM, seen.danger, rules.activate))
    elif seen.danger < rules.deactivate:
        return _away(before.out, noted(reasons.OUTLOOK_CLEARED, seen.danger, rules.deactivate))
    size = sized(trend.decline, seen, rules)
    place = before.fund if before.tier > 0 else chosen(x.bears, size.deep, seen.volatility, rules)
    if place == 0:
        return _away(before.out, noted(reasons.NO_FUND))
    tier, code = before.tier, reasons.BEAR_KEPT
    if tier == 0:
        tier, code = 1 if rules.tiers else 3, reasons.TIER_OPENED
    elif advancing and rebounded(x, tier + 1, trend.decline, rules):
        tier, code = tier + 1, reasons.TIER_OPENED
    fund, gearing = x.bears[place - 1], abs(x.bears[place - 1].multiple)
    exposure = size.exposure * share(tier, rules)
    if not advancing:  # what is exhausted or stabilises is not sold short any further
        exposure = min(exposure, before.exposure)
    weight = min(exposure / gearing, rules.max_weight)
    if not fund.close > 0.0:
        return _held(before, fund, noted(reasons.FUND_WITHOUT_PRICE, fund.held))
    if code == reasons.BEAR_KEPT:
        weight = min(banded(weight, fund.held, rules.band), rules.max_weight)
    peak, stop = _trailing(x, before, fund, stops)
    note = noted(code, tier, weight, weight * gearing)
    return Bear(tier, place, weight, weight * gearing, peak, stop, math.nan, before.out, size, note)


def _gliding(
    x: Inputs, before: Bear, trend: Trend, rules: BearRules, reversal: ReversalRules, stops: StopRules
) -> Bear:
    """In a reversal: down to nothing, in equal steps from what stood at its beginning."""
    if before.tier == 0:
        return _away(before.out, noted(reasons.REVERSED))
    start = before.exposure if math.isnan(before.glide) else before.glide
    fund = x.bears[before.fund - 1]
    if not fund.close > 0.0:
        return _held(before, fund, noted(reasons.FUND_WITHOUT_PRICE, fund.held))
    exposure = start * (1.0 - glided(trend.age, reversal.glide_sessions))
    if not exposure > 0.0:
        return _away(before.out, noted(reasons.GLIDED))
    gearing = abs(fund.multiple)
    weight = min(exposure / gearing, rules.max_weight)
    peak, stop = _trailing(x, before, fund, stops)
    note = noted(reasons.GLIDING, trend.age + 1, reversal.glide_sessions, weight)
    return Bear(before.tier, before.fund, weight, exposure, peak, stop, start, before.out, before.size, note)


def _trailing(x: Inputs, before: Bear, fund: Fund, stops: StopRules) -> tuple[float, float]:
    """Peak and stop of the fund after this close; both begin on entry."""
    away = distance(stops.bear_atr, fund.atr, x.atr_ratio, stops)
    peak = before.peak if before.tier > 0 and before.peak > fund.close else fund.close
    return peak, trailed(before.stop if before.tier > 0 else math.nan, peak, away)


def _held(before: Bear, fund: Fund, note: Note) -> Bear:
    """A fund without a price cannot be traded: what is held stays, with its stop."""
    exposure = fund.held * abs(fund.multiple)
    return Bear(
        before.tier,
        before.fund,
        fund.held,
        exposure,
        before.peak,
        before.stop,
        before.glide,
        before.out,
        before.size,
        note,
    )


def _away(out: int, note: Note) -> Bear:
    return Bear(0, 0, 0.0, 0.0, math.nan, math.nan, math.nan, out, no_size(), note)
