"""The command that tunes parameters: tune."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import (
    DEFAULT_JOBS,
    AgainOption,
    FirstOption,
    HomeOption,
    JobsOption,
    JsonOption,
    LastOption,
    PairOption,
    pair_note,
    print_document,
)
from bullbear.extras import require

if TYPE_CHECKING:
    from bullbear.learn.search.trial import Search
    from bullbear.workflows.training import TrainedModel

_STATES = ("complete", "pruned", "failed")


def tune(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The name of a file in models/ with a [search].")],
    home: HomeOption = None,
    pair: PairOption = None,
    trials: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Trials of each search; default that of the model's file.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Where trials are kept: a journal file or the URL of a database, which several machines may share; "
            "default tuning/MODEL.journal of the home.",
        ),
    ] = None,
    start: FirstOption = None,
    end: LastOption = None,
    jobs: JobsOption = DEFAULT_JOBS,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Search and fit on this Dask cluster, such as tcp://HOST:8786."),
    ] = None,
    question: Annotated[
        str | None, typer.Option("--question", metavar="NAME", help="Tune one of the model's questions; default all.")
    ] = None,
    again: AgainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train models/MODEL.toml with tuned parameters.

    They are chosen anew at the first refit of a year, on the past of that refit alone. The result is a training like
    that of `train`, with a nested run for each search. An interrupted search continues where it stopped.

    Example: bullbear tune logistic --trials 20
    """
    require("bullbear tune", "train", "tracking", "report")
    from bullbear.cli import show
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.belief import beliefs_of_training
    from bullbear.workflows.tuning import tune_model

    console = ProgressConsole(quiet=as_json)
    place = locate(home, pair).following(model)
    with console.progress(f"tuning {model}") as progress:
        tuned = tune_model(
            place,
            model,
            trials=trials,
            storage=storage,
            question=question,
            start=start,
            end=end,
            jobs=jobs,
            cluster=cluster,
            progress=progress,
            reuse=not again,
        )
    beliefs = beliefs_of_training(place, tuned)
    if as_json:
        print_document({**show.trained_document(tuned), "belief": show.belief_documents(beliefs), **_document(tuned)})
    else:
        show.trained(tuned, beliefs)
        if _searches(tuned):
            _show(tuned)
    for note in (*tuned.notes, *pair_note(place, pair)):
        typer.echo(at_the_same_place(f"note: {note}"), err=True)


def _searches(tuned: TrainedModel) -> list[Search]:
    return [search for each in tuned.questions.values() for search in each.searches]


def _document(tuned: TrainedModel) -> dict[str, Any]:
    """The keys of `tune --json` beyond those of `train --json`."""
    searches = _searches(tuned)
    return {
        "trials": sum(each.trials or 0 for each in tuned.questions.values()),
        "searches": [
            {
                "question": each.question,
                "fitted_through": each.fitted_through.isoformat(),
                "inner_folds": each.n_folds,
                "trials": len(each.trials),
                **{state: each.count(state) for state in _STATES},
                "inner_skill": each.score,
                "inner_skill_of_file": each.trials[0].score if each.trials else None,
                "values": dict(each.values),
            }
            for each in searches
        ],
    }


def _show(tuned: TrainedModel) -> None:
    """A line for each search."""
    from rich.table import Table

    from bullbear.cli.console import ResultConsole

    searches = _searches(tuned)
    paths = sorted({path for each in searches for path in each.values})
    table = Table(title="Searches: log-loss skill of the signal on inner folds of the past")
    for name in ("question", "at the fit of", "trials", "pruned", "failed", "of the file", "chosen", *paths):
        table.add_column(name, justify="left" if name in ("question", "at the fit of") else "right", no_wrap=True)
    for each in searches:
        of_file = each.trials[0].score if each.trials else None
        skills = ["" if score is None else f"{score:+.2%}" for score in (of_file, each.score)]
        counts = [str(len(each.trials)), str(each.count("pruned")), str(each.count("failed"))]
        values = [_plain(each.values.get(path)) for path in paths]
        table.add_row(each.question, str(each.fitted_through.date()), *counts, *skills, *values)
    ResultConsole().print(table)


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
