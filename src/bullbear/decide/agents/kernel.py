"""One decision of the two agents: trend, Bear, Bull, and the weights that fit together."""

from __future__ import annotations

import math
from typing import NamedTuple

from bullbear.decide.agents import reasons
from bullbear.decide.agents.bear import Bear, hedged, no_bear
from bullbear.decide.agents.bull import Overlay, allocation, banded, no_overlay, overlaid, smoothed, trend_share
from bullbear.decide.agents.inputs import Inputs, Note, noted
from bullbear.decide.agents.outlook import Outlook, outlook
from bullbear.decide.agents.rules import Rules
from bullbear.decide.agents.trend import Trend, first_trend, follow


class Memory(NamedTuple):
    """What the agents remember from one close to the next; `allocation` is the Bull's (NaN before the first)."""

    trend: Trend
    bear: Bear
    overlay: Overlay
    allocation: float


class Weights(NamedTuple):
    """Fractions of equity: the Bull's base and overlay, and the Bear's three funds; the rest is cash."""

    base: float
    overlay: float
    first: float
    second: float
    third: float


class Decision(NamedTuple):
    """Target weights for the next open, and why.

    The stops of the Bear's fund and of the overlay are in `memory`, and the Bull's allocation: `allocated` is what the
    forecast of this close alone asks for, `memory.allocation` what it has been smoothed to, `wanted` what the trend
    leaves of that; `base` says what became of it.
    """

    memory: Memory
    weights: Weights
    outlook: Outlook
    allocated: float
    wanted: float
    base: Note


def first_memory() -> Memory:
    """The memory of a first decision."""
    return Memory(first_trend(), no_bear(), no_overlay(), math.nan)


def decide(x: Inputs, memory: Memory, rules: Rules) -> Decision:
    """The decision at a close. Weights are from 0 and sum to at most 1, whatever the inputs."""
    trend = follow(x, memory.trend, rules.trend, rules.reversal)
    seen = outlook(x, rules.forecast, rules.bear)
    bear = hedged(x, memory.bear, trend, seen, rules.bear, rules.reversal, rules.stops)
    room = max(0.0, 1.0 - bear.weight)
    overlay = overlaid(x, memory.overlay, trend, bear.exposure, room, rules.overlay, rules.reversal, rules.stops)
    wanted_now = allocation(seen, x.horizon, rules.bull)
    allocated = smoothed(wanted_now, memory.allocation, rules.bull.smoothing_sessions)
    wanted = allocated * trend_share(trend, rules.bull, rules.reversal)
    # The hedge comes first: the Bull makes room for it and for its overlay.
    base, room = banded(wanted, x.base_held, rules.bull.band), max(0.0, room - overlay.weight)
    note = noted(
        reasons.BASE_TRADED if base != x.base_held else reasons.BASE_KEPT, wanted, x.base_held, rules.bull.band
    )
    if base > room:
        base, note = room, noted(reasons.BASE_MADE_ROOM, wanted, room)
    weights = Weights(
        base,
        overlay.weight,
        bear.weight if bear.fund == 1 else 0.0,
        bear.weight if bear.fund == 2 else 0.0,
        bear.weight if bear.fund == 3 else 0.0,
    )
    return Decision(Memory(trend, bear, overlay, allocated), weights, seen, wanted_now, wanted, note)
