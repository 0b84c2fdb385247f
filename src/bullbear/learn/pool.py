"""What a pool is: it weighs the signals of a model's members by how they have done.

The pooled signal is the weighted sum of the members' signals. The base rate, whose signal is zero, is a member too:
what the weights lack of 1 is its own.
"""

from __future__ import annotations

from dataclasses import dataclass

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


class Pool(Definition):
    """A kind of pool with its parameters; subclasses have `kind: Literal["..."]` and are registered."""

    def weights(self, past: PastSignals) -> np.ndarray:
        """A weight for each member, not negative and with a sum of at most 1; shape (n_members,)."""
        raise NotImplementedError(f"{type(self).__name__}.weights")


POOLS = Kinds[Pool]("pool", package="bullbear.learn.pools", folder="pools", default="log")


def pool_weights(pool: Pool, past: PastSignals) -> tuple[float, ...]:
    """`pool.weights(past)`; a single member is not weighed. An error in a user's file is named with its line."""
    n_members = past.signals.shape[1]
    if n_members == 1:
        return (1.0,)
    kind = str(pool.model_dump()["kind"])
    found = np.asarray(user_code.call(f"pool {kind}", pool.weights, past), dtype=np.float64)
    if found.shape != (n_members,) or not (np.all(found >= 0) and np.sum(found) <= 1 + 1e-9):
        where = f"{user_code.place_of(pool.weights)} (pool {kind})"
        allowed = f"{n_members} weights of 0 or more with a sum of at most 1"
        raise DefinitionError(where, str(found.tolist()), allowed, "correct what `weights` returns")
    return tuple(found.tolist())


def pooled(weights: tuple[float, ...], signals: np.ndarray) -> np.ndarray:
    """The weighted sum of the columns, added in their order so that one row and many give the same bits; shape (n,)."""
    total: np.ndarray = weights[0] * signals[:, 0]
    for weight, column in zip(weights[1:], signals.T[1:], strict=True):
        total = total + weight * column
    return total
