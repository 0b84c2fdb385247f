"""`bullbear tune`: a training whose parameters are chosen on the past of every period's first refit."""

from __future__ import annotations

from functools import partial

from bullbear.errors import DefinitionError, Found
from bullbear.home import Home
from bullbear.learn.search.tuning import require_walk_forward, tune_all
from bullbear.model import Model
from bullbear.workflows.console import Progress
from bullbear.workflows.training import TrainedModel, train_with


def tune_model(
    home: Home,
    name: str,
    *,
    trials: int | None = None,
    storage: str | None = None,
    question: str | None = None,
    start: str | None = None,
    end: str | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
    reuse: bool = False,
) -> TrainedModel:
    """Search, train, evaluate, backtest and log `models/NAME.toml`; see `train_model`, whose parameters it shares.

    Finished trials stay in the storage: the same call continues an interrupted search, and after new data arrived it
    searches only where a new search is due.

    Parameters
    ----------
    trials
        Of each search, instead of the definition's.
    storage
        A journal file, or the URL of a database that several machines may share; by default `Home.journal`.

    Raises
    ------
    DefinitionError
        Also: the model has no `[search]`, its splitter is no walk-forward, or every trial of a search failed.
    ExecutionError
        The storage cannot be used.
    """
    from bullbear.learn.search.study import require_usable

    model = _searched(home.model(name, searched=True), trials)
    place = storage or str(home.journal(model.definition.name))
    home.filled_store()  # nothing is written for a home without data
    require_usable(place)
    fit = partial(
        tune_all,
        storage=place,
        search_progress=None if progress is None else lambda done, total: progress("searches", done, total),
    )
    return train_with(fit, home, model, question, start, end, jobs, cluster, progress, reuse)


def _searched(model: Model, trials: int | None) -> Model:
    definition, search = model.definition, model.definition.search
    if search is None:
        where, missing = f"models/{definition.name}.toml (search)", Found("no [search] table")
        raise DefinitionError(where, missing, "a table with the space to search", "add it; see docs/tuning.md")
    require_walk_forward(definition, model.source)
    if trials is None or trials == search.trials:
        return model
    changed = definition.model_copy(update={"search": search.model_copy(update={"trials": trials})})
    return Model.of(changed, model.source, model.feature_sets, model.feature_paths, model.parts)
