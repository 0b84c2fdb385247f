"""The state of the trend: eight states, hysteresis between them, and the reason of every transition.

A level breaks when the close stands `breach_atr` ATRs below it for `breach_sessions` sessions; the level is the one
that stood before the price fell through it. A break counts unless everything known about shorts and sectors speaks
against it; what is unknown neither confirms nor vetoes. `docs/agents.md` has the table of transitions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from bullbear.decide.agents import reasons
from bullbear.decide.agents.inputs import Inputs, Note, noted
from bullbear.decide.agents.rules import ReversalRules, TrendRules

UPTREND, TESTING, BREAKDOWN, RETEST, DOWNTREND, CAPITULATION, STABILISING, REVERSAL = 0, 1, 2, 3, 4, 5, 6, 7
STATES = (
    "uptrend",
    "testing support",
    "breakdown",
    "retest",
    "downtrend",
    "capitulation",
    "stabilising",
    "reversal",
)


class Runs(NamedTuple):
    """Closes in a row: below the level, below the channel, above the broken level, above the slow average."""

    breach: int
    channel: int
    reclaim: int
    above: int


class Averages(NamedTuple):
    """Which average leads (1 the fast one, -1 the slow one, 0 neither yet); a death cross that is not answered yet."""

    side: int
    crossed: bool


class Decline(NamedTuple):
    """What broke and how far it fell; prices are total-return prices, NaN where nothing broke.

    `origin` is the first level of the decline that broke, `broken` the last, `atr` the ATR of the first break. `low` is
    the lowest close since, of age `low_age` and volume `low_volume`. `under` and `oversold`: whether a close stood
    below the slow average, and whether the RSI was oversold.
    """

    origin: float
    broken: float
    atr: float
    low: float
    low_age: int
    low_volume: float
    under: bool
    oversold: bool


class Trend(NamedTuple):
    """The state, for `age` sessions (0 on the day of the transition) and for the reason `note`.

    `level` is the support watched now, NaN where there is none. `breaks` counts all breaks so far. `vetoed`: one stands
    today that the witnesses speak against.
    """

    state: int
    age: int
    note: Note
    breaks: int
    vetoed: bool
    level: float
    runs: Runs
    averages: Averages
    decline: Decline


def no_decline() -> Decline:
    """Nothing has broken."""
    return Decline(math.nan, math.nan, math.nan, math.nan, 0, math.nan, False, False)


def first_trend() -> Trend:
    """Before the first close: an uptrend without a level."""
    start = noted(reasons.START)
    return Trend(UPTREND, 0, start, 0, False, math.nan, Runs(0, 0, 0, 0), Averages(0, False), no_decline())


def declining(state: int) -> bool:
    """Whether a support has broken and nothing has reversed it."""
    return BREAKDOWN <= state <= STABILISING


def witnesses(x: Inputs, rules: TrendRules) -> int:
    """What shorts and sectors say of a break: witnesses for it less witnesses against it.

    Shorts are one witness: for it where short interest or short volume is above its threshold, against it where what is
    known of both is not. Sectors are the other. A witness of whom nothing is known says nothing.
    """
    found = 0
    if x.short_interest > rules.short_interest_rise or x.short_volume > rules.short_volume_score:
        found += 1
    elif not (math.isnan(x.short_interest) and math.isnan(x.short_volume)):
        found -= 1
    if x.sector_weakness >= rules.sector_weakness:
        found += 1
    elif not math.isnan(x.sector_weakness):
        found -= 1
    return found


def break_depth(decline: Decline) -> float:
    """How far the decline went below its first broken level, in ATRs of that day; 0 where nothing broke."""
    depth = (decline.origin - decline.low) / decline.atr if decline.atr > 0.0 else 0.0
    return depth if depth > 0.0 else 0.0  # false for NaN too


def follow(x: Inputs, before: Trend, rules: TrendRules, reversal: ReversalRules) -> Trend:
    """The trend after this close. Without a close or an ATR nothing is judged: the state only grows older."""
    if not (x.close > 0.0 and x.atr > 0.0):
        return _moved(before, before.state, before.age + 1, before.note, before.breaks)
    seen = _watched(x, before, rules, reversal)
    if declining(seen.state):
        return _in_decline(x, seen, rules, reversal)
    if seen.state == REVERSAL:
        return _in_reversal(x, seen, rules, reversal)
    return _in_uptrend(x, seen, rules)


def _watched(x: Inputs, t: Trend, rules: TrendRules, reversal: ReversalRules) -> Trend:
    """One session older, before any transition: the level, the runs and the low after this close."""
    margin, level, d = rules.breach_atr * x.atr, t.level, t.decline
    # A level is followed only from above: the next lower one must not take the place of one that is being broken.
    if t.state != REVERSAL and not x.close < level:
        level = x.support
    runs = Runs(
        t.runs.breach + 1 if x.close < level - margin else 0,
        t.runs.channel + 1 if x.close < x.channel - margin and x.sma < 0.0 else 0,
        t.runs.reclaim + 1 if x.close > d.broken + margin else 0,
        t.runs.above + 1 if x.sma > rules.average_band else 0,
    )
    side, crossed = t.averages.side, t.averages.crossed
    if x.sma_gap > rules.average_band:
        side, crossed = 1, False
    elif x.sma_gap < -rules.average_band:
        side, crossed = -1, crossed or side == 1
    # Outside a decline the low is that of the closes below the level, should they become a break.
    lower = x.close < d.low or (runs.breach == 1 and not declining(t.state))
    decline = Decline(
        d.origin,
        d.broken,
        d.atr,
        x.close if lower else d.low,
        0 if lower else d.low_age + 1,
        x.volume if lower else d.low_volume,
        d.under or x.sma < 0.0,
        d.oversold or x.rsi < reversal.oversold,
    )
    return Trend(t.state, t.age + 1, t.note, t.breaks, False, level, runs, Averages(side, crossed), decline)


def _in_uptrend(x: Inputs, t: Trend, rules: TrendRules) -> Trend:
    support, channel = t.runs.breach >= rules.breach_sessions, t.runs.channel >= rules.breach_sessions
    cross = t.averages.crossed and x.sma_gap < 0.0 and x.sma < 0.0
    found = witnesses(x, rules)
    vetoed = (support or channel or cross) and found < 0
    if not vetoed:
        if support:
            note = noted(reasons.SUPPORT_BROKEN, t.level, (t.level - x.close) / x.atr, found)
            return _broken(x, t, BREAKDOWN, t.level, True, note)
        if channel:
            note = noted(reasons.CHANNEL_BROKEN, x.channel, (x.channel - x.close) / x.atr, found)
            return _broken(x, t, BREAKDOWN, x.channel, True, note)
        if cross:
            average = x.close / (1.0 + x.sma)
            return _broken(x, t, DOWNTREND, average, True, noted(reasons.DEATH_CROSS, average, x.sma_gap, found))
    state, age, note, away = t.state, t.age, t.note, (x.close - t.level) / x.atr
    if state == UPTREND and away <= rules.near_atr:
        state, age, note = TESTING, 0, noted(reasons.NEAR_SUPPORT, t.level, away)
    elif state == TESTING and not away <= rules.near_atr + rules.hysteresis_atr:
        state, age, note = UPTREND, 0, noted(reasons.SUPPORT_HELD, t.level, away)
    return Trend(state, age, note, t.breaks, vetoed, t.level, t.runs, t.averages, t.decline)


def _in_decline(x: Inputs, t: Trend, rules: TrendRules, reversal: ReversalRules) -> Trend:
    d, away = t.decline, (t.decline.broken - x.close) / x.atr
    if t.runs.reclaim >= reversal.reclaim_sessions:
        return _reversed(x, t, noted(reasons.RECLAIMED, d.broken, -away))
    if d.under and t.runs.above >= reversal.reclaim_sessions:
        return _reversed(x, t, noted(reasons.AVERAGE_RECLAIMED, x.close / (1.0 + x.sma), x.sma))
    if t.runs.breach >= rules.breach_sessions:
        note = noted(reasons.LOWER_BREAK, t.level, (t.level - x.close) / x.atr)
        return _broken(x, t, DOWNTREND, t.level, False, note)
    if t.state == BREAKDOWN or t.state == DOWNTREND:
        depth = break_depth(d)
        exhausted = x.rsi < reversal.oversold and x.volume >= reversal.heavy_volume
        if exhausted and d.low_age == 0 and depth >= rules.confirm_atr:
            return _moved(t, CAPITULATION, 0, noted(reasons.EXHAUSTED, x.rsi, x.volume, depth), t.breaks)
        # Only what has left the level can come back to it.
        left = (d.broken - d.low) / x.atr >= rules.near_atr + rules.hysteresis_atr
        if left and away <= rules.near_atr:
            return _moved(t, RETEST, 0, noted(reasons.BACK_AT_LEVEL, d.broken, away), t.breaks)
    if t.state == BREAKDOWN:
        return _in_breakdown(x, t, rules)
    if t.state == RETEST:
        if away > rules.near_atr + rules.hysteresis_atr:
            return _moved(t, DOWNTREND, 0, noted(reasons.TURNED_BACK, d.broken, away), t.breaks + 1)
        return t
    if t.state == STABILISING:
        return _in_stabilising(x, t, reversal)
    return _in_fall(x, t, reversal)


def _in_breakdown(x: Inputs, t: Trend, rules: TrendRules) -> Trend:
    depth = break_depth(t.decline)
    if depth >= rules.confirm_atr:
        return _moved(t, DOWNTREND, 0, noted(reasons.DEEP, t.decline.origin, depth), t.breaks)
    if t.age >= rules.confirm_sessions and (x.sma < 0.0 or x.sma_gap < 0.0):
        return _moved(t, DOWNTREND, 0, noted(reasons.STAYED_BELOW, t.decline.broken, t.age), t.breaks)
    return t


def _in_fall(x: Inputs, t: Trend, reversal: ReversalRules) -> Trend:
    """From a downtrend or a capitulation to its end, if no new low has been made for long enough."""
    d = t.decline
    wait = reversal.pause_sessions if t.state == CAPITULATION else reversal.calm_sessions
    if d.low_age >= wait:
        if d.oversold and x.rsi > reversal.oversold + reversal.rsi_hysteresis:
            return _moved(t, STABILISING, 0, noted(reasons.LEFT_OVERSOLD, d.low, d.low_age, x.rsi), t.breaks)
        if d.low_volume <= reversal.dry_volume:
            return _moved(t, STABILISING, 0, noted(reasons.DRY_LOWS, d.low, d.low_age, d.low_volume), t.breaks)
        if d.low_age >= 2 * reversal.calm_sessions:
            return _moved(t, STABILISING, 0, noted(reasons.NO_NEW_LOW, d.low, d.low_age), t.breaks)
    return t


def _in_stabilising(x: Inputs, t: Trend, reversal: ReversalRules) -> Trend:
    d, rebound = t.decline, (x.close - t.decline.low) / x.atr
    if d.low_age == 0:
        return _moved(t, DOWNTREND, 0, noted(reasons.NEW_LOW, d.low), t.breaks + 1)
    if x.rsi > reversal.recovered and rebound >= reversal.rebound_atr:
        return _reversed(x, t, noted(reasons.MOMENTUM, d.low, rebound, x.rsi))
    return t


def _in_reversal(x: Inputs, t: Trend, rules: TrendRules, reversal: ReversalRules) -> Trend:
    if t.runs.breach >= rules.breach_sessions:
        note = noted(reasons.REVERSAL_FAILED, t.level, (t.level - x.close) / x.atr)
        return _broken(x, t, BREAKDOWN, t.level, True, note)
    if t.age >= reversal.glide_sessions:
        note, runs = noted(reasons.GLIDE_OVER, reversal.glide_sessions), Runs(0, 0, 0, t.runs.above)
        return Trend(UPTREND, 0, note, t.breaks, False, x.support, runs, t.averages, no_decline())
    return t


def _moved(t: Trend, state: int, age: int, note: Note, breaks: int) -> Trend:
    """To another state. After `breaks` more, an agent that was stopped out may come back."""
    return Trend(state, age, note, breaks, t.vetoed, t.level, t.runs, t.averages, t.decline)


def _broken(x: Inputs, t: Trend, state: int, level: float, first: bool, note: Note) -> Trend:
    """After a break of `level`, the `first` of a decline or a lower one of it; what lies below is watched next."""
    d = t.decline
    if first:
        low, low_age, low_volume = x.close, 0, x.volume
        if t.runs.breach > 0 and d.low < low:
            low, low_age, low_volume = d.low, d.low_age, d.low_volume
        decline = Decline(level, level, x.atr, low, low_age, low_volume, x.sma < 0.0, False)
    else:
        decline = Decline(d.origin, level, d.atr, d.low, d.low_age, d.low_volume, d.under, d.oversold)
    averages = Averages(t.averages.side, False)
    return Trend(state, 0, note, t.breaks + 1, False, x.support, Runs(0, 0, 0, t.runs.above), averages, decline)


def _reversed(x: Inputs, t: Trend, note: Note) -> Trend:
    """From a decline to a reversal, which fails below the reclaimed level, or below the low where none was."""
    level = t.decline.broken if x.close > t.decline.broken else t.decline.low
    averages = Averages(t.averages.side, False)
    return Trend(REVERSAL, 0, note, t.breaks, False, level, Runs(0, 0, 0, t.runs.above), averages, t.decline)
