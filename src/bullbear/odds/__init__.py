"""What followed past events, with the base rate, an interval and a q-value."""

from bullbear.odds.definitions import EventSet, EventSpec, load
from bullbear.odds.statements import EventOdds
from bullbear.odds.telling import HORIZONS, tell

__all__ = ["HORIZONS", "EventOdds", "EventSet", "EventSpec", "load", "tell"]
