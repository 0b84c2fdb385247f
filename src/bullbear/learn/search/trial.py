"""What a search tried and what it chose, without the library that searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd


@dataclass(frozen=True)
class Trial:
    """A finished trial; `score` is over the inner folds that it reached, None if it failed."""

    number: int
    state: Literal["complete", "pruned", "failed"]
    values: Mapping[str, Any]
    score: float | None
    seconds: float
    message: str = ""
    began: float | None = None
    """In seconds since 1970; None of a trial that an earlier version kept."""


@dataclass(frozen=True)
class Search:
    """One finished search: the close at whose fit it was made, its trials, and the values chosen.

    `n_folds` inner folds scored the trials; where the past was too short for one, there is no trial, and the values are
    those of the file.
    """

    question: str
    fitted_through: pd.Timestamp
    n_folds: int
    trials: tuple[Trial, ...]
    values: Mapping[str, Any]

    @property
    def chosen(self) -> Trial | None:
        """The trial whose values were chosen; None without trials."""
        return best(self.trials)

    @property
    def score(self) -> float | None:
        """That of the values chosen; None without trials."""
        return self.chosen.score if self.chosen else None

    @property
    def span(self) -> tuple[float, float] | None:
        """When the first trial began and the last one ended, in seconds since 1970; None where that is not known."""
        known = [(each.began, each.began + each.seconds) for each in self.trials if each.began is not None]
        return (min(known)[0], max(end for _, end in known)) if known else None

    def count(self, state: str) -> int:
        """How many trials ended so."""
        return sum(each.state == state for each in self.trials)


def n_trials(searches: Sequence[Search]) -> int:
    """Trials of all searches."""
    return sum(len(each.trials) for each in searches)


def best(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the best score, of equals the first."""
    complete = [each for each in trials if each.state == "complete" and each.score is not None]
    return max(complete, key=lambda each: (each.score, -each.number)) if complete else None
