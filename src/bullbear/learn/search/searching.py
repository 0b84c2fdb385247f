"""The searches of a training: one at the first refit of every period, each on the past of that refit alone.

The parameters that a search finds are those of every refit until the next one is due. Each question has searches of its
own, since each may be promoted and refitted without the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, Fold, splitter_of
from bullbear.definitions import ModelDefinition, Source
from bullbear.definitions.search import SearchDefinition
from bullbear.errors import DefinitionError
from bullbear.execution.environment import environment
from bullbear.learn.fitting import Task, is_target, with_tables
from bullbear.learn.members import members_of
from bullbear.learn.search.inner_folds import inner_folds
from bullbear.learn.search.scoring import is_scored, running_scores
from bullbear.learn.search.space import Space, space_of
from bullbear.learn.search.trial import Search, best
from bullbear.user_code import digests

_PERIOD = {"month": "M", "quarter": "Q", "year": "Y"}
Tables = Mapping[str, Mapping[str, Any]]
"""The learner's table of each member, by name."""


@dataclass(frozen=True)
class Searches:
    """What all searches of a training share; arrays by question, of shape (n,)."""

    model: str
    task: Task
    space: Space
    search: SearchDefinition
    seed: int
    climatology: tuple[np.ndarray, ...]
    is_own: np.ndarray
    min_train: int
    embargo: int
    storage: str | None
    where: str

    @classmethod
    def of(
        cls,
        definition: ModelDefinition,
        task: Task,
        examples: Sequence[Examples],
        *,
        storage: str | None = None,
        source: Source | None = None,
    ) -> Searches:
        """Those of a definition with a `[search]`.

        Parameters
        ----------
        task, examples
            As every fold of the training shares them.
        storage
            Where trials are kept: a journal file or the URL of a database; None to keep none.
        source
            Where the definition stands, for error messages.
        """
        assert definition.search is not None
        splitter = splitter_of(definition)
        file = source or Source.nowhere("model")
        return cls(
            model=definition.name,
            task=task,
            space=space_of(definition, members_of(definition, source), splitter.min_train, source),
            search=definition.search,
            seed=definition.seed,
            climatology=tuple(each.climatology for each in examples),
            is_own=is_target(definition, examples[0]),
            min_train=splitter.min_train,
            embargo=splitter.embargo,
            storage=storage,
            where=f"{file.where('search')} (search)",
        )

    def tables(self, values: Mapping[str, Any]) -> Tables:
        """The learners' tables with `values` in them."""
        return self.space.tables({member.name: member.table for member in self.task.members}, values)

    def can_score(self, number: int, fold: Fold) -> bool:
        """Whether an inner fold tests any row that counts for a score."""
        y, climatology = self.task.questions[number].y, self.climatology[number]
        return bool(is_scored(y, climatology, self.is_own, fold.test).any())

    def scores(self, number: int, folds: Sequence[Fold], values: Mapping[str, Any]) -> Iterator[float]:
        """The running score of some values."""
        task = with_tables(self.task, self.tables(values))
        return running_scores(task, number, folds, self.climatology[number], self.is_own)

    def study_name(self, number: int, fold: Fold) -> str:
        """The name of the study of a question at a fold: of its model, close and everything that a score depends on.

        Labels and factors of the training rows count, later ones do not: a study outlives the arrival of new data. The
        number of trials does not count either, so that more can be added.
        """
        asked, rows = self.task.questions[number], fold.train
        seal = hashlib.sha256()
        meaning = {
            "question": asked.question.model_dump(mode="json", exclude={"name", "sentence"}),
            "seed": self.seed,
            "members": [[dict(each.table), list(each.factors), list(each.signs)] for each in self.task.members],
            "search": self.search.model_dump(mode="json", exclude={"trials", "every"}),
            "min_train": self.min_train,
            "embargo": self.embargo,
            "code": digests([type(each.learner) for each in self.task.members]),
            "environment": dict(environment()),
        }
        seal.update(json.dumps(meaning, sort_keys=True).encode())
        paths = [] if asked.paths is None else [asked.paths.known_by(fold.trained_through)[rows]]
        instants = [each.as_unit("us").asi8[rows] for each in (self.task.decided_at, asked.resolved_at)]
        factors = [each.X[rows] for each in self.task.members]
        for array in (*factors, *paths, *instants, asked.y[rows], self.climatology[number][rows]):
            # Many bit patterns mean NaN.
            plain = array if array.dtype.kind == "i" else np.where(np.isnan(array), np.nan, array)
            seal.update(np.ascontiguousarray(plain).tobytes())
        seal.update("\x1f".join(map(str, self.task.asset[rows])).encode())
        return f"{self.model} {asked.question.name} {fold.trained_through.date()} {seal.hexdigest()[:16]}"


def search_fold(searches: Searches, item: tuple[int, Fold]) -> Search:
    """The search of a question, by its number, at a fold; the same input gives the same bits.

    Raises
    ------
    DefinitionError
        Every trial failed.
    ExecutionError
        The storage cannot be used.
    """
    from bullbear.learn.search.study import run_study  # a forecast needs no Optuna

    number, fold = item
    asked, search = searches.task.questions[number], searches.search
    folds = inner_folds(
        fold,
        searches.task.decided_at,
        asked.resolved_at,
        search.inner_folds,
        min_train=searches.min_train,
        embargo=searches.embargo,
    )
    folds = [each for each in folds if searches.can_score(number, each)]
    name = asked.question.name
    if not folds:
        return Search(name, fold.trained_through, 0, (), searches.space.own)
    trials = run_study(
        searches.storage,
        searches.study_name(number, fold) if searches.storage is not None else name,
        searches.space,
        search,
        f"{searches.seed} {fold.trained_through.date()}",
        partial(searches.scores, number, folds),
    )
    chosen = best(trials)
    if chosen is None:
        raise DefinitionError(
            searches.where,
            f"{len(trials)} trials, all of which failed at the fit of {fold.trained_through.date()}",
            f"parameters that the learner takes (the first trial: {trials[0].message})",
            "correct the file",
        )
    return Search(name, fold.trained_through, len(folds), trials, chosen.values)


def openings(folds: Sequence[Fold], sessions: pd.DatetimeIndex, every: str) -> list[int]:
    """For each fold the number of the one at which its search is made: the first whose test begins in its period.

    Parameters
    ----------
    sessions
        Of all examples.
    every
        "month", "quarter" or "year".
    """
    periods = [sessions[fold.test[0]].to_period(_PERIOD[every]) for fold in folds]
    return [periods.index(period) for period in periods]
