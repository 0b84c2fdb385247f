"""Commands of the daily routine: run, forecast, score, report."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bullbear.cli.options import (
    DEFAULT_JOBS,
    HomeOption,
    JobsOption,
    JsonOption,
    PairOption,
    iso_day,
    print_document,
)
from bullbear.extras import require
from bullbear.home import locate


def run(
    home: HomeOption = None,
    pair: PairOption = None,
    data: Annotated[
        str | None, typer.Option(help="`sim`, `live` or a snapshot directory; default: what is stored, else `sim`.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the simulated market; default 7.")] = None,
    signal: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="How predictable it is; default 0.5.")] = None,
    years: Annotated[int | None, typer.Option(min=3, max=25, help="Years of simulated history; default 20.")] = None,
    jobs: JobsOption = DEFAULT_JOBS,
    as_json: JsonOption = False,
) -> None:
    """Run every step: fill the store if it is empty, train, evaluate, backtest, promote, forecast, report.

    Example: bullbear run --data ../snapshot
    """
    require("bullbear run", "train", "tracking", "report")
    from bullbear.cli import show
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.filling import DataSource
    from bullbear.workflows.full_run import run_all

    console = ProgressConsole(quiet=as_json)
    outcome = run_all(locate(home, pair), DataSource(data, seed, signal, years), jobs=jobs, console=console)
    if as_json:
        print_document(outcome.as_dict())
    else:
        show.full_run(outcome)


def forecast(
    home: HomeOption = None,
    pair: PairOption = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", callback=iso_day, help="Decide at the close of this day, YYYY-MM-DD.")
    ] = None,
    refit: Annotated[bool, typer.Option("--refit/--no-refit", help="Refit champions whose refit is due.")] = True,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the outlook into reports/outlook/.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Refit the champions whose refit is due, issue a forecast for every question and append them to the ledger.

    Example: bullbear forecast --as-of 2019-12-31 --json
    """
    from bullbear.learn.learners.lightgbm import import_without_sklearn

    import_without_sklearn()
    import pandas as pd

    from bullbear.forecasting.forecast import issue
    from bullbear.forecasting.staleness import closed_day_note, lag_note

    if plot:
        require("--plot", "report")

    def refitting(done: int, total: int) -> None:
        if not as_json:
            typer.echo(f"refitted a champion, {done} of {total}", err=True)

    place = locate(home, pair)
    entry = issue(place, as_of, refit=refit, progress=refitting)
    if note := lag_note(entry, pd.Timestamp.now("UTC")) if as_of is None else closed_day_note(entry, as_of):
        typer.echo(f"note: {note}", err=True)
    if as_json:
        typer.echo(json.dumps(entry, indent=1, allow_nan=False))
    else:
        from bullbear.cli import panel

        panel.forecast(entry)
    if plot:
        from bullbear.workflows.outlook_pictures import draw_outlook

        for path in draw_outlook(place, entry):
            typer.echo(path, err=as_json)


def score(home: HomeOption = None, pair: PairOption = None, as_json: JsonOption = False) -> None:
    """Resolve the ledger's due forecasts and score them.

    Example: bullbear score
    """
    from bullbear.cli import show
    from bullbear.forecasting.scoring import score_ledger

    outcome = score_ledger(locate(home, pair))
    if as_json:
        print_document(outcome)
    else:
        show.scored(outcome)


def report(home: HomeOption = None, pair: PairOption = None, as_json: JsonOption = False) -> None:
    """Write the HTML report on the champion to reports/index.html.

    Example: bullbear report
    """
    require("bullbear report", "train", "tracking", "report")
    from bullbear.workflows.reporting import report_champion

    path = report_champion(locate(home, pair))
    if as_json:
        print_document({"report": str(path)})
    else:
        typer.echo(str(path))
