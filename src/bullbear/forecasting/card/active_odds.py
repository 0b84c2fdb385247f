"""The odds statements that are active at the close and beyond what luck explains; usually there are none.

They are those of `bullbear odds` at the same close. Some forty events are counted, so that a few look unusual on any
evening: only those count whose q-value keeps the share of false findings at the rate that the odds accept.
"""

from __future__ import annotations

from typing import Any

from bullbear.errors import BullbearError
from bullbear.forecasting.card.sources import Sources
from bullbear.odds.current import YEARS, odds_at
from bullbear.odds.statements import FALSE_DISCOVERY_RATE, EventOdds


def active_odds_of(sources: Sources) -> dict[str, Any]:
    """The keys `active_odds`, documents of the statements, and `odds_note`, one sentence where there are none.

    Events that cannot be read or counted yield no odds; the note then says why. A forecast is issued without them.
    """
    try:
        events = sources.home.events().event
        horizon = sources.entry["horizon_sessions"]
        found = odds_at(sources.view, sources.entry["ticker"], events, horizon=horizon)
    except BullbearError as bad:
        return {"active_odds": [], "odds_note": f"No odds of indicators: {bad}."}
    active = [each for each in found if each.active]
    beyond = [each for each in active if each.q_value <= FALSE_DISCOVERY_RATE]
    return {"active_odds": [each.as_dict() for each in beyond], "odds_note": None if beyond else _none(found, active)}


def _none(found: list[EventOdds], active: list[EventOdds]) -> str:
    if not active:
        return "None of the events that indicators are read by is active now."
    noun, verb = ("event", "is") if len(active) == 1 else ("events", "are")
    return (
        f"{len(active)} {noun} of indicators {verb} active, and none of them differs from its base rate beyond what "
        f"luck explains ({found[0].tested} events counted over {YEARS} years)."
    )
