"""Events of a series: it crosses a level, or has stayed beyond one for a number of rows.

Each row is judged by the rows up to it. A missing value is no event and ends a stay; a series that starts beyond the
level has not crossed it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bullbear.errors import InputError
from bullbear.factors.engine.registry import Array

Flags = NDArray[np.bool_]
RULES = ("rises_through", "falls_through", "stays_above", "stays_below")


def occurs(values: Array, rule: str, level: float, sessions: int = 1) -> Flags:
    """The rows at which a series obeys a rule.

    Parameters
    ----------
    rule
        One of `RULES`.
    sessions
        For the `stays` rules: the length of the stay at which the event happens.

    Raises
    ------
    InputError
        An unknown rule, or a stay of no session.

    Example
    -------
    >>> occurs(np.array([40.0, 29.0, 28.0, 31.0]), "stays_below", 30.0, 2).nonzero()[0].tolist()
    [2]
    """
    match rule:
        case "rises_through":
            return passes(values, level)
        case "falls_through":
            return passes(-values, -level)
        case "stays_above":
            return stays(values, level, sessions)
        case "stays_below":
            return stays(-values, -level, sessions)
        case _:
            raise InputError("rule", rule, ", ".join(RULES), "choose one of them")


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
