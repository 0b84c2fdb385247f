"""Event odds: it has happened before, and this is what followed - with the base rate, and with what luck would do."""

from bullbear.odds.definitions import EventSet, EventSpec, load
from bullbear.odds.statements import EventOdds
from bullbear.odds.telling import HORIZONS, tell

__all__ = ["HORIZONS", "EventOdds", "EventSet", "EventSpec", "load", "tell"]
