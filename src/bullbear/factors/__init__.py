"""The factor library: registered functions, feature sets that use them, and the engine that respects time."""

from bullbear.factors import (  # each import registers its factors
    absorption,
    averages,
    bands,
    broken_levels,
    change_point,
    channels,
    directional,
    drawdowns,
    event_lift,
    extremes,
    implied,
    level_signals,
    levels,
    macro,
    macro_releases,
    markov_switching,
    momentum,
    money_flow,
    oscillators,
    patterns,
    phase,
    positioning,
    relative_volatility,
    sectors,
    short_interest_index,
    streaks,
    swings,
    tails,
    three_states,
    trend,
    turbulence,
    volatility,
    volume,
)
from bullbear.factors.feature_sets import load
from bullbear.factors.matrix import compute
from bullbear.factors.registry import Factor, factor, registered

FAMILIES = (
    absorption, averages, bands, broken_levels, change_point, channels, directional, drawdowns, event_lift,
    extremes, implied, level_signals, levels, macro, macro_releases, markov_switching, momentum, money_flow,
    oscillators, patterns, phase, positioning, relative_volatility, sectors, short_interest_index, streaks, swings,
    tails, three_states, trend, turbulence, volatility, volume,
)  # fmt: skip
"""The modules whose import fills the registry."""

__all__ = ["FAMILIES", "Factor", "compute", "factor", "load", "registered"]
