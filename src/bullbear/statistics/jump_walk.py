"""Regimes told as a jump model refitted again and again would have told them: each from the rows before it alone.

At every refit a model is fitted to a trailing window for each of several penalties, and names the states online until
the next one. A descent starts from the centres of the last refit, of whose rows all but a few are the same, and at
every twelfth from those of the next lower penalty too, which bring back a state that a high one has lost; only the
first window is searched from many starts. All descend together: a path that may change its state for the penalty is a
chain of clamps,

    lead_t = own_t + min(max(lead_{t-1}, -penalty), penalty)

and clamps compose, so that n rows take log2(n) passes over arrays instead of n steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bullbear.errors import Found, InputError
from bullbear.statistics.jump_model import States, fit_jump_model
from bullbear.statistics.overlap import Array

UNKNOWN = -1
_CLIP = 3.0
"""Standard deviations beyond which a row is no further from a centre."""
_MOST_ROUNDS = 100
_SEARCH_EVERY = 12
"""Refits between two that start from another penalty's centres too: a year of months."""


def walk_forward_states(
    x: Array, refits: Sequence[int], penalties: Sequence[float], *, window: int = 3000, starts: int = 10
) -> States:
    """The online state of each row under each penalty, shape (n, k); `UNKNOWN` before the first refit.

    After a window that is all in one state it is 0.

    Parameters
    ----------
    x
        Features without NaN, shape (n, m), the one that is high in state 1 first; each window standardises them anew.
    refits
        Rows in rising order; a refit at row r sees rows up to and with r and names the states from r on.
    window
        The most rows that a model is fitted to.
    penalties
        In rising order.
    starts
        Descents of the first fit.

    Raises
    ------
    InputError
        A refit has fewer than two rows, or a value is not finite.

    References
    ----------
    Shu, Yu and Mulvey (2024), Journal of Asset Management 25, doi:10.1057/s41260-024-00376-x

    Example
    -------
    >>> x = np.array([[0.0], [0.1], [0.0], [5.0], [5.1], [5.0], [5.2], [0.1]])
    >>> walk_forward_states(x, [5], [1.0], starts=2)[:, 0].tolist()
    [-1, -1, -1, -1, -1, 1, 1, 0]
    """
    if not np.isfinite(x).all():
        raise InputError("x", Found("a value that is not finite"), "finite numbers", "leave out its row")
    if len(refits) and refits[0] < 1:
        raise InputError("refits", refits[0], "rows from 1 on", "fit to two rows or more")
    cost = np.sort(np.asarray(penalties, dtype=np.float64))
    if not np.array_equal(cost, penalties):
        raise InputError("penalties", list(penalties), "penalties in rising order", "sort them")
    found = np.full((len(x), len(cost)), UNKNOWN, dtype=np.int64)
    centres: Array | None = None
    for number, row in enumerate(refits):
        first, stop = max(0, row + 1 - window), refits[number + 1] if number + 1 < len(refits) else len(x)
        fitted = x[first : row + 1]
        centre, spread = fitted.mean(axis=0), fitted.std(axis=0)
        # The spread of a feature that never moves is rounding at most.
        scaled = np.clip((x[first:stop] - centre) / np.where(spread > 1e-12, spread, np.inf), -_CLIP, _CLIP)
        n = row + 1 - first
        if centres is None:
            fits = [fit_jump_model(scaled[:n], penalty, starts=starts) for penalty in cost.tolist()]
            centres = np.array([fit.model.centres for fit in fits])
        centres, alone = _refitted(scaled[:n], centres, cost, search=number % _SEARCH_EVERY == 0)
        turbulent = (_leads(_own(scaled, centres), cost) < 0.0)[:, n - 1 :]
        # Nothing is known of a state that was never seen.
        found[row:stop] = np.where(alone[:, None], 0, turbulent).T
    return found


def _refitted(x: Array, before: Array, penalties: Array, *, search: bool) -> tuple[Array, NDArray[np.bool_]]:
    """Centres (k, 2, m) of the best descent of each penalty, and whether all rows are in one state.

    State 0 is the one that is lower in the first feature, or the only one.
    """
    k = len(penalties)
    others = np.arange(1, k) if search else np.arange(0)
    starts = np.concatenate([before, before[others - 1]])
    of = np.concatenate([np.arange(k), others])
    centres, states = _descended(x, starts, penalties[of])
    # Of equal objectives the first, which began where the last refit ended.
    value = _objectives(x, centres, states, penalties[of])
    best = np.array([min(np.flatnonzero(of == each), key=lambda place: value[place]) for each in range(k)])
    centres, states = centres[best], states[best]
    alone = states.min(axis=1) == states.max(axis=1)  # what was never left is the usual state
    swap = np.where(alone, states[:, 0] == 1, centres[:, 0, 0] > centres[:, 1, 0])
    return np.where(swap[:, None, None], centres[:, ::-1], centres), alone


def _descended(x: Array, centres: Array, penalties: Array) -> tuple[Array, States]:
    """Centres (k, 2, m) and states (k, n) that no longer change each other."""
    states = _states(_leads(_own(x, centres), penalties), penalties)
    for _ in range(_MOST_ROUNDS):
        in_one, counts = states @ x, states.sum(axis=1)
        sums = np.stack([x.sum(axis=0) - in_one, in_one], axis=1)
        sizes = np.stack([len(x) - counts, counts], axis=1)[:, :, None]
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres)  # an empty state keeps its centre
        moved = _states(_leads(_own(x, centres), penalties), penalties)
        if np.array_equal(moved, states):
            break
        states = moved
    return centres, states


def _objectives(x: Array, centres: Array, states: States, penalties: Array) -> Array:
    """What each model minimises, shape (k,)."""
    fit = [0.5 * np.sum((x - each[row]) ** 2) for each, row in zip(centres, states, strict=True)]
    return np.asarray(np.array(fit) + penalties * np.count_nonzero(np.diff(states, axis=1), axis=1))


def _own(x: Array, centres: Array) -> Array:
    """By how much each row is further from the centre of state 1, in half squared distances; shape (k, n)."""
    low, high = centres[:, 0], centres[:, 1]
    found: Array = np.repeat(0.5 * (np.sum(high * high, axis=1) - np.sum(low * low, axis=1))[:, None], len(x), axis=1)
    # Feature by feature: the rounding of a product of matrices may depend on how many rows follow.
    for feature in range(x.shape[1]):
        found += (low - high)[:, feature, None] * x[:, feature]
    return found


def _leads(own: Array, penalties: Array) -> Array:
    """`JumpModel`'s lead of every row for several models at once; shape (k, n)."""
    cost = penalties[:, None]
    # Row t maps the lead before it to min(max(lead + add, low), high); composed over all rows up to it.
    add, low, high = own.copy(), own - cost, own + cost
    step = 1
    # Rows whose low and high have met no longer depend on the lead before them.
    while step < own.shape[1] and (low[:, step:] < high[:, step:]).any():
        later, bottom, top = add[:, step:], low[:, step:], high[:, step:]
        add_to = add[:, :-step] + later
        low_to = np.minimum(np.maximum(low[:, :-step] + later, bottom), top)
        high_to = np.minimum(np.maximum(high[:, :-step] + later, bottom), top)
        add[:, step:], low[:, step:], high[:, step:] = add_to, low_to, high_to
        step *= 2
    return np.minimum(np.maximum(add, low), high)


def _states(leads: Array, penalties: Array) -> States:
    """The cheapest states, followed back from the last row; shape (k, n)."""
    cost = penalties[:, None]
    known = np.where(leads > cost, 0, np.where(leads < -cost, 1, UNKNOWN))
    known[:, -1] = leads[:, -1] < 0.0
    rows = np.where(known >= 0, np.arange(known.shape[1]), known.shape[1])
    decided = np.minimum.accumulate(rows[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(np.take_along_axis(known, decided, axis=1), dtype=np.int64)
