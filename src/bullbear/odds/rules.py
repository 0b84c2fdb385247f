"""Rules: at which rows a series makes an event, seen from the rows up to that one alone.

An unknown value makes no event and interrupts a stay; a series that begins beyond the level has not passed it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bullbear.errors import InputError
from bullbear.factors.registry import Array
from bullbear.odds.definitions import EventSpec

Flags = NDArray[np.bool_]


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
    match event.rule:
        case "rises_through":
            return passes(values, event.level)
        case "falls_through":
            return passes(-values, -event.level)
        case "stays_above":
            return stays(values, event.level, event.sessions or 0)
        case "stays_below":
            return stays(-values, -event.level, event.sessions or 0)


def passes(x: Array, level: float) -> Flags:
    """Rows at which `x` is above the level and was at or below it one row earlier.

    Example
    -------
    >>> passes(np.array([2.0, 0.0, 1.0, 2.0, np.nan, 1.0]), 0.0).nonzero()[0].tolist()
    [2]
    """
    found = np.zeros(len(x), dtype=bool)
    found[1:] = (x[1:] > level) & (x[:-1] <= level)
    return found


def stays(x: Array, level: float, sessions: int) -> Flags:
    """Rows at which `x` is above the level for exactly the `sessions`-th time in a row; later ones are the same event.

    Raises
    ------
    InputError
        Fewer than one session.

    Example
    -------
    >>> stays(np.array([0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0]), 0.5, 2).nonzero()[0].tolist()
    [2, 6]
    """
    if sessions < 1:
        raise InputError("sessions", sessions, "at least 1", "count the first session beyond the level as 1")
    beyond = x > level
    rows = np.arange(len(x))
    last_within = np.maximum.accumulate(np.where(beyond, -1, rows)) if len(x) else rows
    # A stay that began before the first known value may be older than it looks; it counts from that value on.
    return np.asarray(beyond & (rows - last_within == sessions))
