"""The statistical jump model with two states: clustering of a series that pays for every change of cluster.

It minimises, over the centres and the states,

    sum_t 0.5 * |x_t - centre[s_t]|^2 + penalty * #{t : s_t != s_{t-1}}

by coordinate descent: centres are the means of their states, states the cheapest path through the series (dynamic
programming). Each descent ends in a local minimum, so several begin from k-means++ centres drawn with a fixed seed, and
the best is kept.

With two states the dynamic programme needs one number a row, the cost of the best path that ends in state 1 less that
of the best path that ends in state 0. Where it exceeds `penalty` either way, the best path is in the cheaper state,
whatever follows; in between it is in the state of the next row.

References
----------
Bemporad, Breschi, Piga and Boyd (2018), Automatica 96, doi:10.1016/j.automatica.2018.07.016
Nystrup, Lindstroem and Madsen (2020), Expert Systems with Applications 150, doi:10.1016/j.eswa.2020.113307
Shu, Yu and Mulvey (2024), Journal of Asset Management 25, doi:10.1057/s41260-024-00376-x
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bullbear.errors import Found, InputError
from bullbear.statistics.overlap import Array

States = NDArray[np.int64]
_MOST_ROUNDS = 1000
_LEAST_GAIN = 1e-8


@dataclass(frozen=True)
class JumpModel:
    """Centres of the two states, shape (2, k), and the price of a change of state."""

    centres: Array
    penalty: float

    def states(self, x: Array) -> States:
        """The cheapest sequence of states of a whole series (n, k); later rows count too; shape (n,)."""
        return _path(self._lead(x), self.penalty)

    def online_states(self, x: Array) -> States:
        """The last state of the cheapest sequence up to each row, which no later row can change; shape (n,).

        Example
        -------
        The first 1 could be an outlier as long as it is the last that is known.

        >>> model = JumpModel(np.array([[0.0], [1.0]]), penalty=0.6)
        >>> x = np.array([[0.0], [0.0], [1.0], [1.0], [1.0]])
        >>> model.online_states(x).tolist(), model.states(x).tolist()
        ([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])
        """
        return (self._lead(x) < 0.0).astype(np.int64)

    def objective(self, x: Array, states: States) -> float:
        """What the model minimises, of a series (n, k) in these states (n,)."""
        fit = 0.5 * float(np.sum((x - self.centres[states]) ** 2))
        return fit + self.penalty * int(np.count_nonzero(np.diff(states)))

    def _lead(self, x: Array) -> Array:
        """The cost of the best path to each row that ends in state 1, less that of the one that ends in state 0."""
        cost = 0.5 * np.sum((x[:, None, :] - self.centres) ** 2, axis=2)
        penalty, lead, found = self.penalty, 0.0, []
        for own in (cost[:, 1] - cost[:, 0]).tolist():
            lead = own + min(max(lead, -penalty), penalty)  # a path may change its state for the penalty
            found.append(lead)
        return np.array(found)


@dataclass(frozen=True)
class JumpFit:
    """A fitted jump model with the states of the series that it was fitted to, shape (n,), and its objective there."""

    model: JumpModel
    states: States
    objective: float


def fit_jump_model(x: Array, penalty: float, *, starts: int = 10, seed: int = 0) -> JumpFit:
    """The best of several descents; the same input gives the same bits.

    Parameters
    ----------
    x
        A standardised series without NaN, shape (n, k), n >= 2.
    penalty
        Price of a change of state, in units of half a squared distance; 0 gives k-means.
    starts
        Descents, each from k-means++ centres of its own.

    Returns
    -------
    JumpFit
        State 0 is the one whose centre is lower in the first column, or the only one; the centre of an empty state is
        that with which it lost its last row.

    Raises
    ------
    InputError
        The series is too short or has a value that is not finite, or the penalty is negative.

    Example
    -------
    >>> x = np.array([[0.1], [-0.1], [3.0], [0.0], [2.9], [3.1], [3.0]])
    >>> fit_jump_model(x, penalty=1.0).states.tolist(), fit_jump_model(x, penalty=5.0).states.tolist()
    ([0, 0, 1, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1])
    """
    if x.ndim != 2 or len(x) < 2:
        raise InputError("x", Found(f"shape {x.shape}"), "two rows or more of features", "give a longer series")
    if not np.isfinite(x).all():
        raise InputError("x", Found("a value that is not finite"), "finite numbers", "leave out its row")
    if not penalty >= 0.0:
        raise InputError("penalty", penalty, "a number of at least 0", "correct it")
    draws = np.random.default_rng(seed)
    fits = [_descend(x, _two_centres(x, draws), penalty) for _ in range(starts)]
    return _ordered(min(fits, key=lambda fit: fit.objective))


def _descend(x: Array, centres: Array, penalty: float) -> JumpFit:
    model = JumpModel(centres, penalty)
    states = model.states(x)
    value = model.objective(x, states)
    for _ in range(_MOST_ROUNDS):
        means = [x[states == k].mean(axis=0) if (states == k).any() else model.centres[k] for k in (0, 1)]
        model = JumpModel(np.array(means), penalty)
        moved = model.states(x)
        lower = model.objective(x, moved)
        if (same := np.array_equal(moved, states)) or value - lower <= _LEAST_GAIN:
            return JumpFit(model, states if same else moved, lower)
        states, value = moved, lower
    return JumpFit(model, states, value)


def _two_centres(x: Array, draws: np.random.Generator) -> Array:
    """Two rows by k-means++: one at random, another with a probability in proportion to its squared distance.

    References
    ----------
    Arthur and Vassilvitskii (2007), Proceedings of the 18th ACM-SIAM Symposium on Discrete Algorithms, 1027-1035
    """
    first = x[draws.integers(len(x))]
    reached = np.cumsum(np.sum((x - first) ** 2, axis=1))
    # One draw in any case, so that a series that never moves does not shift those of the next start.
    second = x[min(int(np.searchsorted(reached, draws.random() * reached[-1], side="right")), len(x) - 1)]
    return np.array([first, second])


def _path(lead: Array, penalty: float) -> States:
    """The cheapest states, followed back from the last row."""
    known = np.where(lead > penalty, 0, np.where(lead < -penalty, 1, -1))
    known[-1] = int(lead[-1] < 0.0)
    rows = np.arange(len(known))
    # The next row whose state is known decides those before it that are not.
    decided = np.minimum.accumulate(np.where(known >= 0, rows, len(known))[::-1])[::-1]
    return np.asarray(known[decided], dtype=np.int64)


def _ordered(fit: JumpFit) -> JumpFit:
    is_alone = fit.states.min() == fit.states.max()
    if fit.states[0] == 0 if is_alone else fit.model.centres[0, 0] <= fit.model.centres[1, 0]:
        return fit
    return JumpFit(JumpModel(fit.model.centres[::-1].copy(), fit.model.penalty), 1 - fit.states, fit.objective)
