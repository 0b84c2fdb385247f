"""Analogues: what followed the past states of the market that are most like today's.

    signal = logit((u + k b) / (m + k)) - logit(b)

with `m` neighbours, `u` of them answered yes, `b` the base rate of the training rows, and `k` imaginary labels at the
base rate (`prior`). States are compared by the sum of squared differences of standardised factors. Mean and deviation
come from the training rows alone; a missing factor counts as its training mean, and values beyond three deviations as
three.

Days next to each other are one state. Neighbours are taken from the nearest on, each at least a horizon away from those
taken before, so that their labels do not overlap and each counts as one. That makes many days redundant: one session
of `every` is kept, and its factors in steps of 1/32 of a deviation, so that a fitted learner stays small. Distances are
then whole numbers: the same on every machine, for one row as for many.

References
----------
Lorenz (1969), Atmospheric predictability as revealed by naturally occurring analogues,
doi:10.1175/1520-0469(1969)26<636:APARBN>2.0.CO;2.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bullbear.learn.learner import LEARNERS, Learner, TrainingSet
from bullbear.learn.learners.logistic import standardisation, standardise
from bullbear.learn.log_odds import logit

CLIP = 3.0
STEPS = 32
"""Steps of a standardised factor to a standard deviation."""
_CHUNK = 256
"""Rows compared at once: bounds the memory, changes no result."""
_TAKEN = np.iinfo(np.int64).max


@LEARNERS.register
class Analogue(Learner):
    """`[learner] kind = "analogue"`: the `neighbours` nearest past states among one session of `every`.

    Where history has fewer that lie a horizon apart, these are taken. Rows of several assets are compared together.
    """

    kind: Literal["analogue"]
    neighbours: int = Field(default=20, ge=1, le=500)
    prior: float = Field(default=20.0, gt=0)
    every: int = Field(default=5, ge=1, le=252)

    def fit(self, training: TrainingSet) -> FittedAnalogue:
        """Keep the states; nothing else is fitted."""
        decided = training.decided_at.as_unit("us").asi8
        session = np.searchsorted(np.unique(decided), decided)
        kept = np.flatnonzero((session.max() - session) % self.every == 0)
        # The newest first, which settles ties; within a session by asset, whatever the order of the rows.
        kept = kept[np.lexsort((training.asset[kept], -session[kept]))]
        center, scale = standardisation(training.X)
        return FittedAnalogue(
            center,
            scale,
            codes(training.X[kept], center, scale),
            session[kept].astype(np.int32),
            training.y[kept].astype(np.int8),
            float(training.y.mean()),
            self.neighbours,
            self.prior,
            training.horizon,
        )

    def restore(self, state: Mapping[str, Any]) -> FittedAnalogue:
        """From `state()`."""
        scale = np.array([np.inf if s is None else s for s in state["scale"]], dtype=np.float64)
        session = np.frombuffer(b64decode(state["session"]), dtype="<i4").astype(np.int32)
        states = np.frombuffer(b64decode(state["states"]), dtype=np.int8).reshape(len(session), len(scale))
        return FittedAnalogue(
            np.array(state["center"], dtype=np.float64),
            scale,
            states,
            session,
            np.array([int(answer) for answer in state["answers"]], dtype=np.int8),
            float(state["base"]),
            int(state["neighbours"]),
            float(state["prior"]),
            int(state["horizon"]),
        )


@dataclass(frozen=True)
class FittedAnalogue:
    """Past states and what followed them, the newest first.

    Attributes
    ----------
    center, scale
        Of each factor, shape (k,); an infinite `scale` leaves a factor out.
    states, session, answers
        The states as `codes`, shape (m, k), the number of the session of each, and its answer, 0 or 1, shape (m,).
    base
        The share of yes among all training rows.
    """

    center: np.ndarray
    scale: np.ndarray
    states: np.ndarray
    session: np.ndarray
    answers: np.ndarray
    base: float
    neighbours: int
    prior: float
    horizon: int

    def nearest(self, X: np.ndarray) -> np.ndarray:
        """Which states are the neighbours of each row, the nearest first; shape (n, neighbours), -1 for none."""
        asked = codes(X, self.center, self.scale)
        found = np.full((len(X), self.neighbours), -1)
        for start in range(0, len(X), _CHUNK):
            rows = slice(start, start + _CHUNK)
            found[rows] = self._nearest(asked[rows])
        return found

    def _nearest(self, asked: np.ndarray) -> np.ndarray:
        apart = np.zeros((len(asked), len(self.states)), dtype=np.int64)
        for column in range(asked.shape[1]):
            apart += (asked[:, column, None].astype(np.int64) - self.states[:, column]) ** 2
        found = np.full((len(asked), self.neighbours), -1)
        rows = np.arange(len(asked))
        for place in range(self.neighbours):
            best = np.argmin(apart, axis=1)
            free = apart[rows, best] < _TAKEN
            found[free, place] = best[free]
            apart[np.abs(self.session - self.session[best, None]) < self.horizon] = _TAKEN
        return found

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The log-odds of the neighbours' share of yes, shrunk, beyond the base rate; shape (n, 1)."""
        if not (0.0 < self.base < 1.0 and np.isfinite(self.scale).any()):  # nothing to tell, or nothing to compare
            return np.zeros((len(X), 1))
        neighbours = self.nearest(X)
        is_one = neighbours >= 0
        number, yes = is_one.sum(axis=1), (is_one & (self.answers[neighbours] == 1)).sum(axis=1)
        # From a table of counts, so that a row alone has the bits that it has among many.
        counts = np.arange(self.neighbours + 1)
        shares = (counts[None, :] + self.prior * self.base) / (counts[:, None] + self.prior)
        with np.errstate(invalid="ignore", divide="ignore"):  # more answers of yes than neighbours: never asked for
            table = logit(shares) - logit(np.array(self.base))
        return np.asarray(np.where(number == 0, 0.0, table[number, yes]))[:, None]

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Zeros, shape (n, k): a distance in all factors is not the sum of parts."""
        return np.zeros((len(X), len(self.center)))

    def state(self) -> dict[str, Any]:
        """JSON-ready; whole numbers as base64, `null` for an infinite scale."""
        return {
            "center": self.center.tolist(),
            "scale": [float(s) if np.isfinite(s) else None for s in self.scale],
            "states": b64encode(np.ascontiguousarray(self.states).tobytes()).decode(),
            "session": b64encode(self.session.astype("<i4").tobytes()).decode(),
            "answers": "".join(str(answer) for answer in self.answers.tolist()),
            "base": self.base,
            "neighbours": self.neighbours,
            "prior": self.prior,
            "horizon": self.horizon,
        }


def codes(X: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standardised factors in whole steps, shape (n, k); 0 where one is missing.

    Example
    -------
    >>> codes(np.array([[3.0, np.nan], [99.0, 1.0]]), np.array([1.0, 1.0]), np.array([2.0, 1.0])).tolist()
    [[32, 0], [96, 0]]
    """
    return np.asarray(np.rint(standardise(X, center, scale, CLIP) * STEPS).astype(np.int8))
