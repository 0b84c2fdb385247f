"""Events of a path: which of its four marginals decides a question, and beyond which bounds the answer is yes.

A path is the log total return after each of the coming sessions. Its marginals are its end, its lowest and its highest
value, and its realised volatility, `sqrt(252 * mean(r ** 2))` over its daily log returns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bullbear.definitions import Question
from bullbear.errors import DefinitionError

SESSIONS_A_YEAR = 252
MARGINALS = ("end", "lowest", "highest", "volatility")


@dataclass(frozen=True)
class Event:
    """Yes where the marginal lies below `below` or above `above`; an infinite bound is none.

    `reached` says whether a value at the bound itself is a yes, as it is of a dip or a rally.
    """

    marginal: str
    below: float = -math.inf
    above: float = math.inf
    reached: bool = False

    def share(self, values: np.ndarray) -> float:
        """The share of yes among values of the marginal, shape (n,)."""
        if self.reached:
            return float(np.count_nonzero((values <= self.below) | (values >= self.above)) / len(values))
        return float(np.count_nonzero((values < self.below) | (values > self.above)) / len(values))


def event_of(question: Question) -> Event:
    """The event that a question asks about.

    Raises
    ------
    DefinitionError
        The question is of a kind that these marginals do not decide.

    Example
    -------
    >>> from bullbear.definitions import UP
    >>> event_of(UP)
    Event(marginal='end', below=-inf, above=0.0, reached=False)
    """
    threshold = question.threshold
    match question.kind:
        case "return_above":
            return Event("end", above=math.log1p(threshold))
        case "return_below":
            return Event("end", below=math.log1p(threshold))
        case "dip":
            return Event("lowest", below=math.log1p(threshold), reached=True)
        case "rally":
            return Event("highest", above=math.log1p(threshold), reached=True)
        case "move":
            return Event("end", below=math.log1p(-threshold), above=math.log1p(threshold))
        case "volatility":
            return Event("volatility", above=threshold)
    raise DefinitionError(
        f"question {question.name} (kind)",
        question.kind,
        "return_above, return_below, dip, rally, move or volatility for a distribution learner",
        "choose another learner for it",
    )


def marginals_of(returns: np.ndarray) -> dict[str, np.ndarray]:
    """The marginals of paths of daily log returns, shape (n, horizon); (n,) each.

    Example
    -------
    >>> found = marginals_of(np.array([[0.01, -0.03]]))
    >>> {name: float(values[0].round(4)) for name, values in found.items()}
    {'end': -0.02, 'lowest': -0.02, 'highest': 0.01, 'volatility': 0.355}
    """
    path = np.cumsum(returns, axis=1)
    return {
        "end": path[:, -1],
        "lowest": path.min(axis=1),
        "highest": path.max(axis=1),
        "volatility": np.sqrt(SESSIONS_A_YEAR * np.mean(returns**2, axis=1)),
    }
