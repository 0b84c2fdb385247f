"""Walk-forward training whose parameters are chosen anew, at the first refit of every period, on the past alone.

First all searches are made, in parallel, each sequential in itself, then all folds are fitted with what was chosen at
the last search before them. The forecasts are out-of-sample for the whole procedure: nothing after a fold's fit has
chosen its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bullbear.dataset import Examples, Fold, splitter_of
from bullbear.definitions import FeatureSet, ModelDefinition, Source
from bullbear.errors import DefinitionError
from bullbear.execution import Cluster, Kept, Local, map_items
from bullbear.learn.coherent import coherent
from bullbear.learn.fitting import Fit, Task, fit_step, prepared, with_tables
from bullbear.learn.pooling import kinds_of
from bullbear.learn.search.searching import Searches, Tables, openings, search_fold
from bullbear.learn.search.trial import Search
from bullbear.learn.walk_forward import Training, folds_of, libraries_of, walked

_Chosen = tuple[int, Fold, Tables]
"""The number of a question, one of its folds, and the learners' tables that were chosen for it."""


def tune_all(
    definition: ModelDefinition,
    feature_sets: Sequence[FeatureSet],
    examples: Sequence[Examples],
    *,
    storage: str | None = None,
    source: Source | None = None,
    start: str | None = None,
    end: str | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    search_progress: Callable[[int, int], None] | None = None,
    kept: Kept | None = None,
) -> list[Training]:
    """Train every question of a model with searched parameters; see `train_all`, whose parameters it shares.

    Parameters
    ----------
    definition
        With a `[search]`.
    storage
        Where finished trials are kept, from which an interrupted search continues: a journal file or the URL of a
        database; None to keep none. The workers of a cluster must reach it.
    search_progress
        Called with searches done and searches in all.

    Raises
    ------
    DefinitionError
        Also: the splitter is no walk-forward, or every trial of a search failed.
    ExecutionError
        The storage cannot be used.
    """
    kinds_of(definition, source)
    require_walk_forward(definition, source)
    assert definition.search is not None
    task = prepared(definition, feature_sets, examples, source)
    single = [definition.only(question.name) for question in definition.questions]
    folds = [folds_of(one, each, start=start, end=end) for one, each in zip(single, examples, strict=True)]
    workers = Cluster(cluster) if cluster else Local(jobs, preload=libraries_of(task))
    opened = [openings(own, each.session, definition.search.every) for own, each in zip(folds, examples, strict=True)]
    places = [(number, place) for number, own in enumerate(opened) for place in dict.fromkeys(own)]
    searches = Searches.of(definition, task, examples, storage=storage, source=source)
    found = map_items(
        search_fold,
        searches,
        [(number, folds[number][place]) for number, place in places],
        executor=workers,
        progress=search_progress,
        weight=lambda item: len(item[1].train),
        name=lambda item: f"the search at the fit of {item[1].trained_through.date()}",
    )
    chosen = dict(zip(places, found, strict=True))
    items = [
        (number, fold, searches.tables(chosen[number, opened[number][place]].values))
        for number, own in enumerate(folds)
        for place, fold in enumerate(own)
    ]
    fits = map_items(
        fit_chosen,
        task,
        items,
        executor=workers,
        progress=progress,
        kept=kept,
        weight=lambda item: len(item[1].train),
        name=lambda item: f"the fold fitted through {item[1].trained_through.date()}",
    )
    trainings = []
    for number, (one, each) in enumerate(zip(single, examples, strict=True)):
        own_fits = [fitted for (question, *_), fitted in zip(items, fits, strict=True) if question == number]
        trained = walked(one, task, number, each, folds[number], own_fits, start)
        own_searches = tuple(search for (question, _), search in chosen.items() if question == number)
        trainings.append(replace(trained, searches=own_searches))
    moved = coherent(definition.questions, [training.predictions for training in trainings])
    return [replace(training, predictions=each) for training, each in zip(trainings, moved, strict=True)]


def fit_chosen(task: Task, item: _Chosen) -> tuple[Fit, ...]:
    """The fitted members of a question's fold with the tables that were chosen for it."""
    number, fold, tables = item
    step = tuple(fold if place == number else None for place in range(len(task.questions)))
    fitted = fit_step(with_tables(task, tables), step)[number]
    assert fitted is not None
    return fitted


def require_walk_forward(definition: ModelDefinition, source: Source | None = None) -> None:
    """Refuse a splitter that trains on the future.

    Raises
    ------
    DefinitionError
        Its folds have no past of their own to search on.
    """
    splitter = splitter_of(definition, source)
    if not splitter.is_walk_forward:
        file = source or Source.nowhere("model")
        where = f"{file.where('splitter', 'kind')} (splitter.kind)"
        allowed = "a walk-forward splitter, such as expanding: a search needs a past of its own"
        raise DefinitionError(where, splitter.kind, allowed, "choose another splitter, or use `bullbear train`")


class DueSearches:
    """The tables of the folds that a refit adds: those of the model before, until the next search is due.

    Parameters
    ----------
    searches
        Of the one question that is refitted.
    folds
        All of the walk-forward, in order.
    opened
        From `openings`.
    """

    def __init__(self, searches: Searches, folds: Sequence[Fold], opened: Sequence[int]) -> None:
        self._searches, self._folds, self._opened = searches, folds, opened
        self._found: dict[int, Search] = {}

    def tables(self, number: int, before: Callable[[], Tables]) -> Tables:
        """Those of fold `number`, given a call for the tables of the fold before it."""
        opening = self._opened[number]
        if opening < number and opening not in self._found:
            return before()
        if opening not in self._found:
            self._found[opening] = search_fold(self._searches, (0, self._folds[opening]))
        return self._searches.tables(self._found[opening].values)
