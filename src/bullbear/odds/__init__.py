"""Event odds: how often a rise or a fall followed an event, beside the base rate, with intervals and tests."""

from bullbear.odds.current import HORIZONS, event_odds
from bullbear.odds.definitions import EventSet, EventSpec, load
from bullbear.odds.statements import EventOdds

__all__ = ["HORIZONS", "EventOdds", "EventSet", "EventSpec", "event_odds", "load"]
