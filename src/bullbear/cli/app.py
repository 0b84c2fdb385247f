"""The commands. Each one parses, calls the work, and shows the result; nothing is computed here.

Imports stand inside the commands: a forecast must not wait for MLflow.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from bullbear.cli.factors import factors
from bullbear.cli.fetch import fetch
from bullbear.cli.options import HomeBeforeOption, HomeOption, JsonOption, iso_day, print_document
from bullbear.cli.talk import Talk
from bullbear.extras import require
from bullbear.home import Home, locate

app = typer.Typer(
    help="Honest one-month direction forecasts for IWM, point in time, with the positions that follow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

JobsOption = Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run id, a unique prefix, `latest` or `champion`.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the simulated market.")]
SignalOption = Annotated[float, typer.Option(min=0.0, max=1.0, help="0: nothing is predictable; 1: much is.")]
YearsOption = Annotated[int, typer.Option(min=3, max=25, help="Length of the simulated market.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from bullbear.code_version import code_version

        typer.echo(f"bullbear {code_version()}")
        raise typer.Exit


DEFAULT_JOBS = max(1, min(os.cpu_count() or 1, 8))


@app.callback()
def before_the_command(
    context: typer.Context,
    home: HomeBeforeOption = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Keep what stands before the command for the command."""
    context.obj = home


@app.command()
def run(
    home: HomeOption = None,
    data: Annotated[
        str | None, typer.Option(help="`sim`, or a snapshot directory; default: what is stored, else `sim`.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the simulated market; default 7.")] = None,
    signal: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="What is predictable; default 0.5.")] = None,
    years: Annotated[int | None, typer.Option(min=3, max=25, help="Length of the market; default 20.")] = None,
    jobs: JobsOption = DEFAULT_JOBS,
    as_json: JsonOption = False,
) -> None:
    """Do the whole job: fill the store if it is empty, train, evaluate, backtest, forecast, report.

    Example: bullbear run --data ../snapshot
    """
    require("bullbear run", "train", "tracking", "report")
    from bullbear.cli import show
    from bullbear.workflows.filling import DataSource
    from bullbear.workflows.full_run import run_all

    talk = Talk(quiet=as_json)
    outcome = run_all(locate(home), DataSource(data, seed, signal, years), jobs=jobs, console=talk)
    if as_json:
        print_document(outcome.as_dict())
    else:
        show.full_run(outcome)


@app.command()
def simulate(
    home: HomeOption = None,
    seed: SeedOption = 7,
    signal: SignalOption = 0.5,
    years: YearsOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Load the simulated market into the store.

    Example: bullbear simulate --signal 0 --years 20
    """
    from bullbear.cli import show
    from bullbear.workflows.filling import fill_simulated

    report = fill_simulated(locate(home), seed, signal, years)
    if as_json:
        print_document(show.ingest_document(report))
    else:
        show.ingest(report, "SIMULATED market")


@app.command()
def ingest(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A snapshot directory.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load a snapshot directory into the store; running it twice changes nothing.

    Example: bullbear ingest ../snapshot
    """
    from bullbear.cli import show
    from bullbear.workflows.filling import fill_from

    report = fill_from(locate(home), directory)
    if as_json:
        print_document(show.ingest_document(report))
    else:
        show.ingest(report, str(directory))
    if report.refusals:
        raise typer.Exit(2)


app.command()(fetch)


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show every series: reach, gaps, staleness, rows set aside, rewritten history, what the forecast will lack.

    Example: bullbear status
    """
    from bullbear.cli import show
    from bullbear.data.status import status as table_of
    from bullbear.forecasting.staleness import mark_needed

    place = locate(home)
    store = place.filled_store()
    table = mark_needed(table_of(store.as_of(show.now_of(store))), place)
    if as_json:
        print_document(show.records(table))
    else:
        show.status(table, store.is_simulated)


app.command()(factors)


@app.command()
def train(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The name of a file in models/.")],
    home: HomeOption = None,
    start: Annotated[str | None, typer.Option(callback=iso_day, help="First reported day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option(callback=iso_day, help="Last day, YYYY-MM-DD.")] = None,
    jobs: JobsOption = DEFAULT_JOBS,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Fit on a Dask cluster, such as tcp://127.0.0.1:8786.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train models/MODEL.toml walk-forward and log it as one MLflow run.

    An interrupted training continues where it stopped.

    Example: bullbear train lightgbm --start 2010-01-01
    """
    require("bullbear train", "train", "tracking", "report")
    from bullbear.cli import show
    from bullbear.workflows.training import train_model

    talk = Talk(quiet=as_json)
    with talk.progress(f"training {model}") as progress:
        trained = train_model(locate(home), model, start=start, end=end, jobs=jobs, cluster=cluster, progress=progress)
    if as_json:
        print_document(show.trained_document(trained))
    else:
        show.trained(trained)


@app.command()
def evaluate(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Score a run against climatology, with 90% intervals.

    Example: bullbear evaluate latest --json
    """
    require("bullbear evaluate", "train", "tracking")
    _evaluate(locate(home), [run], as_json)


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN ...", help="Runs to set side by side.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score several runs against climatology and against each other, on the days that they share.

    Example: bullbear compare latest champion
    """
    require("bullbear compare", "train", "tracking")
    _evaluate(locate(home), runs, as_json)


def _evaluate(home: Home, names: list[str], as_json: bool) -> None:
    from bullbear.cli import show
    from bullbear.tracking import Runs
    from bullbear.workflows.comparison import compare_runs, evaluate_run, oracle_share

    runs = Runs(home)
    found = list({run.run_id: run for run in (runs.find(name) for name in names)}.values())
    results = [(run, evaluate_run(run), oracle_share(home, run)) for run in found]
    pairs = compare_runs(found) if len(found) > 1 else []
    if as_json:
        models = [show.evaluation_document(*result) for result in results]
        print_document(models if not pairs else {"models": models, "pairs": [pair.as_dict() for pair in pairs]})
    else:
        show.evaluations(results, pairs)


@app.command()
def predictions(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print the out-of-sample forecasts of a run as CSV.

    Example: bullbear predictions latest > forecasts.csv
    """
    require("bullbear predictions", "tracking")
    from bullbear.forecasting.bundle import predictions_csv
    from bullbear.tracking import Runs

    found = Runs(locate(home)).find(run)
    if as_json:
        print_document(found.predictions.to_dict(orient="records"))
    else:
        typer.echo(predictions_csv(found.predictions), nl=False)


@app.command()
def promote(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Make a run the champion, or say which test it failed (exit code 3).

    Example: bullbear promote latest
    """
    require("bullbear promote", "train", "tracking")
    from bullbear.tracking import Runs
    from bullbear.workflows.promotion import promote_run

    place = locate(home)
    runs = Runs(place)
    found = runs.find(run)
    verdict = promote_run(place, runs, found)
    for note in verdict.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        print_document({"champion": found.run_id, "model": found.model, **verdict.as_dict()})
    else:
        for line in verdict.lines():
            typer.echo(line)
        typer.echo(f"champion: {found.model} {found.run_id}")


@app.command()
def backtest(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Run the policy over a run's out-of-sample forecasts, next to its baselines.

    Example: bullbear backtest champion
    """
    require("bullbear backtest", "train", "tracking")
    from bullbear.cli import show
    from bullbear.tracking import Runs
    from bullbear.workflows.backtesting import backtest_run

    place = locate(home)
    found = Runs(place).find(run)
    tested = backtest_run(place, found)
    if as_json:
        print_document(show.backtest_document(found, tested))
    else:
        show.backtest(found, tested)


@app.command()
def forecast(
    home: HomeOption = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", callback=iso_day, help="Decide at the close of this day, YYYY-MM-DD.")
    ] = None,
    refit: Annotated[
        bool, typer.Option("--refit/--no-refit", help="Refit the champion if its definition says that it is due.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Refit the champion if that is due, make its forecast and append it to the ledger.

    Example: bullbear forecast --as-of 2019-12-31 --json
    """
    from bullbear.learn.learners.lightgbm import import_without_sklearn

    import_without_sklearn()
    import pandas as pd

    from bullbear.forecasting.forecast import issue
    from bullbear.forecasting.staleness import lag_note

    def refitting(done: int, total: int) -> None:
        if not as_json:
            typer.echo(f"refitted the champion, {done} of {total}", err=True)

    entry = issue(locate(home), as_of, refit=refit, progress=refitting)
    if as_of is None and (note := lag_note(entry, pd.Timestamp.now("UTC"))):
        typer.echo(f"note: {note}", err=True)
    if as_json:
        typer.echo(json.dumps(entry, indent=1, allow_nan=False))
    else:
        from bullbear.cli import panel

        panel.forecast(entry)


@app.command()
def score(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Resolve the ledger's due forecasts and score them.

    Example: bullbear score
    """
    from bullbear.cli import show
    from bullbear.forecasting.scoring import score_ledger

    outcome = score_ledger(locate(home))
    if as_json:
        print_document(outcome)
    else:
        show.scored(outcome)


@app.command()
def odds(
    home: HomeOption = None,
    ticker: Annotated[str, typer.Option(help="Any ticker with bars in the store.")] = "IWM",
    horizon: Annotated[int, typer.Option(min=1, max=126, help="Sessions ahead: 5, 21 and 63 are usual.")] = 21,
    as_of: Annotated[
        str | None, typer.Option("--as-of", callback=iso_day, help="Answer at the close of this day, YYYY-MM-DD.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(callback=iso_day, help="First day of the look-back; default: five years before.")
    ] = None,
    event: Annotated[list[str] | None, typer.Option(help="Show this event of odds.toml only; may be repeated.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also show events that are not active now.")] = False,
    chart: Annotated[bool, typer.Option("--chart", help="Draw each event shown into reports/odds/.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Score all past odds; log them to MLflow.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what followed the events of odds.toml: odds with intervals, base rates, and whether chance explains them.

    Example: bullbear odds --ticker IWM --horizon 21 --since 2010-01-01
    """
    from bullbear.cli import odds as shown

    place = locate(home)
    if chart:
        require("--chart", "report")
    if history:
        require("--history", "train", "tracking")
        shown.refuse_with_history({"--as-of": as_of, "--since": since, "--event": event, "--chart": chart or None})
        Talk(quiet=as_json).say(f"scoring all past odds of {ticker}, {horizon} sessions ahead")
        record = shown.record_history(place, ticker, horizon)
        if as_json:
            print_document(record.as_dict())
        else:
            shown.show_record(record)
        return
    request = shown.OddsRequest(ticker, horizon, as_of, since, tuple(event or ()), everything)
    odds_now = shown.find(place, request)
    if chart:
        for path in shown.draw(place, request, odds_now):
            typer.echo(path, err=True)
    if as_json:
        print_document([each.as_dict() for each in odds_now])
    else:
        shown.show(odds_now, request, simulated=place.store().is_simulated)


@app.command()
def report(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Write the HTML report of the champion into reports/.

    Example: bullbear report
    """
    require("bullbear report", "train", "tracking", "report")
    from bullbear.workflows.reporting import report_champion

    path = report_champion(locate(home))
    if as_json:
        print_document({"report": str(path)})
    else:
        typer.echo(str(path))


@app.command()
def ui(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Open the MLflow UI on this home's store.

    Example: bullbear ui --port 5001
    """
    require("bullbear ui", "tracking")
    from bullbear.tracking.ui import serve

    serve(locate(home).runs, port)
