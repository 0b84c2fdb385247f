"""What a pool is: how the members of a model become one forecast, each with the say that its past has earned.

There are two ways. A pool of signals weighs the members' signals, and one calibrator turns the weighted sum into a
probability. A pool of probabilities (`mixes`) has each member calibrated on its own past and weighs the probabilities.
In both the base rate is a member too, with the signal zero: what the weights lack of 1 is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bullbear import user_code
from bullbear.definitions import Definition, Kinds
from bullbear.errors import DefinitionError


@dataclass(frozen=True)
class PastSignals:
    """The members' past out-of-sample signals whose labels had resolved at the fit.

    Attributes
    ----------
    y, climatology
        Label and base rate at the decision of each; shape (n,).
    signals
        A column per member; shape (n, n_members).
    horizon
        Sessions that a label spans: all rows together count as `independent_number(n, horizon)` labels.
    """

    y: np.ndarray
    climatology: np.ndarray
    signals: np.ndarray
    horizon: int


@dataclass(frozen=True)
class PastProbabilities:
    """The members' past out-of-sample probabilities whose labels had resolved at the fit, in order.

    Attributes
    ----------
    y, climatology
        Label and base rate at the decision of each; shape (n,).
    p
        P(yes) by each member as it was calibrated on the day; shape (n, n_members).
    horizon
        Sessions that a label spans.
    seen
        How many of these rows had resolved when the fold of each row was fitted, shape (n,).
    same_turn
        Whether a row's fold has the turn of the fold that is now fitted, shape (n,): of these folds every label was
        due before the next began. See `turns`.
    longest
        Sessions that one fit serves at most.
    """

    y: np.ndarray
    climatology: np.ndarray
    p: np.ndarray
    horizon: int
    seen: np.ndarray
    same_turn: np.ndarray
    longest: int


class Pool(Definition):
    """A kind of pool with its parameters; subclasses have `kind: Literal["..."]` and are registered."""

    mixes: ClassVar[bool] = False
    """Whether it weighs calibrated probabilities (`mixture_weights`) rather than signals (`weights`)."""

    def weights(self, past: PastSignals) -> np.ndarray:
        """A weight for each member's signal, not negative and with a sum of at most 1; shape (n_members,)."""
        raise NotImplementedError(f"{type(self).__name__}.weights")

    def mixture_weights(self, past: PastProbabilities) -> np.ndarray:
        """A weight for each member's probability, as `weights`."""
        raise NotImplementedError(f"{type(self).__name__}.mixture_weights")


POOLS = Kinds[Pool]("pool", package="bullbear.learn.pools", folder="pools", default="log")


def pool_weights(pool: Pool, past: PastSignals | PastProbabilities) -> tuple[float, ...]:
    """The weights of the pool; a single member is not weighed. An error in a user's file is named with its line."""
    mixed = isinstance(past, PastProbabilities)
    n_members = (past.p if isinstance(past, PastProbabilities) else past.signals).shape[1]
    if n_members == 1 and not mixed:
        return (1.0,)
    kind = str(pool.model_dump()["kind"])
    method: Callable[[Any], np.ndarray] = pool.mixture_weights if mixed else pool.weights
    found = np.asarray(user_code.call(f"pool {kind}", method, past), dtype=np.float64)
    if found.shape != (n_members,) or not (np.all(found >= 0) and np.sum(found) <= 1 + 1e-9):
        where = f"{user_code.place_of(method)} (pool {kind})"
        allowed = f"{n_members} weights of 0 or more with a sum of at most 1"
        raise DefinitionError(where, str(found.tolist()), allowed, f"correct what `{method.__name__}` returns")
    return tuple(found.tolist())


def pooled(weights: tuple[float, ...], signals: np.ndarray) -> np.ndarray:
    """The weighted sum of the columns, added in their order so that one row and many give the same bits; shape (n,)."""
    total: np.ndarray = weights[0] * signals[:, 0]
    for weight, column in zip(weights[1:], signals.T[1:], strict=True):
        total = total + weight * column
    return total


def turns(fitted: np.ndarray, resolved: np.ndarray) -> np.ndarray:
    """Number the folds so that, of the folds with one number, all labels of each were due when the next was fitted.

    Each fold has the lowest number that is free: with a refit every month and labels over 21 sessions, two or three
    numbers alternate. A fold's number depends on the calendar alone.

    Parameters
    ----------
    fitted, resolved
        Instants at which each fold was fitted and at which its last label is due, in order; shape (n_folds,).

    Example
    -------
    >>> turns(np.array([0, 20, 40, 60]), np.array([39, 61, 80, 99])).tolist()
    [0, 1, 0, 2]
    """
    last: list[int] = []
    found = []
    for opens, ends in zip(fitted.tolist(), resolved.tolist(), strict=True):
        turn = next((number for number, busy in enumerate(last) if busy <= opens), len(last))
        last[turn:] = [ends, *last[turn + 1 :]]
        found.append(turn)
    return np.array(found, dtype=np.int64)
