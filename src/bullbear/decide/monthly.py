"""Weights set at the end of a month and left to drift until the next, however often the policy is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

import pandas as pd

from bullbear.decide.policy import State
from bullbear.sessions import day, offset


@dataclass(frozen=True)
class MonthlyMemory:
    """The months that had ended when weights were last set (None: never), and those weights by ticker."""

    months: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    tickers: tuple[str, ...] = ()

    def rescaled(self, scales: Mapping[str, float]) -> Self:
        """The same: it holds no price."""
        return self

    def to_json(self) -> dict[str, Any]:
        """A document that `from_json` reads."""
        return {"months": self.months, "weights": dict(self.weights)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """What `to_json` wrote; a fresh one from an empty document."""
        if not document:
            return cls()
        months = document["months"]
        weights = {str(t): float(weight) for t, weight in document["weights"].items()}
        return cls(None if months is None else int(months), weights)

    def is_due(self, state: State) -> bool:
        """Whether a month has ended since weights were set, or they never were."""
        return self.months != months_ended(state.decided_at)

    def set(self, state: State, weights: Mapping[str, float]) -> Self:
        """With weights set at this close."""
        return type(self)(months_ended(state.decided_at), dict(weights))

    def kept(self, state: State, ticker: str) -> float:
        """The drifted weight of a fund; of one that is not held yet, such as for want of an open, the weight set."""
        return state.weight(ticker) or self.weights.get(ticker, 0.0)


def months_ended(decided_at: pd.Timestamp) -> int:
    """Months since the year 0 whose last session has closed at a close.

    Example
    -------
    >>> months_ended(pd.Timestamp("2019-11-29T18:00Z")) - months_ended(pd.Timestamp("2019-11-27T21:00Z"))
    1
    """
    return _months_ended(day(decided_at))


@lru_cache(maxsize=8192)  # every policy of a backtest asks on the same days
def _months_ended(session: pd.Timestamp) -> int:
    # The calendar knows in advance which session ends a month.
    return session.year * 12 + session.month - (offset(session, 1).month == session.month)
