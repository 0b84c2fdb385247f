"""Which rows of a factor make an event."""

from __future__ import annotations

from bullbear.factors.engine.registry import Array
from bullbear.factors.technical.occurrences import Flags, occurs
from bullbear.odds.definitions import EventSpec


def happens(event: EventSpec, values: Array) -> Flags:
    """The rows at which the factor `values` makes the event.

    Parameters
    ----------
    event
        Its rule, level and sessions are used.
    values
        The factor, one row a session, NaN where unknown; shape (n_sessions,).

    Returns
    -------
    Shape (n_sessions,), boolean.
    """
    return occurs(values, event.rule, event.level, event.sessions or 1)
