"""Commands of the daily routine: run, forecast, account, score, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bullbear.cli.loading import loading
from bullbear.cli.located import locate
from bullbear.cli.options import (
    DEFAULT_JOBS,
    AgainOption,
    CreateOption,
    HomeOption,
    JobsOption,
    JsonOption,
    PairOption,
    iso_day,
    print_document,
)
from bullbear.extras import require


def run(
    home: HomeOption = None,
    pair: PairOption = None,
    data: Annotated[
        str | None, typer.Option(help="`sim`, `live` or a snapshot directory; default: what is stored, else `sim`.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the simulated market; default 7.")] = None,
    signal: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="How predictable it is; default 0.5.")] = None,
    years: Annotated[int | None, typer.Option(min=6, max=25, help="Years of simulated history; default 20.")] = None,
    jobs: JobsOption = DEFAULT_JOBS,
    again: AgainOption = False,
    create: CreateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Do the whole job in one go.

    Fills the store if it is empty, trains, evaluates, backtests, promotes, forecasts and writes the report.

    Example: bullbear run --data ../snapshot
    """
    require("bullbear run", "train", "tracking", "report")
    from bullbear.cli import show
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.filling import DataSource
    from bullbear.workflows.full_run import run_all

    console = ProgressConsole(quiet=as_json)
    outcome = run_all(
        locate(home, pair, create=create),
        DataSource(data, seed, signal, years),
        jobs=jobs,
        console=console,
        again=again,
    )
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
    positions: Annotated[
        Path | None, typer.Option("--positions", help="What you hold, a CSV: ticker,shares[,cost]; needs --equity.")
    ] = None,
    equity: Annotated[
        float | None, typer.Option("--equity", help="Dollars in all, cash included: orders in whole shares for them.")
    ] = None,
    least_trade: Annotated[
        float | None,
        typer.Option("--least-trade", help="Dollars under which nothing is traded; default: 0.5 % of all."),
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the outlook into reports/outlook/.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forecast the coming month and record it in the ledger.

    Champions whose refit is due are refitted first; every question is answered by its champion.

    Example: bullbear forecast --positions positions.csv --equity 25000
    """
    with loading():
        from bullbear.learn.learners.lightgbm import import_without_sklearn

        import_without_sklearn()

        from bullbear.decide.orders import check_amounts
        from bullbear.decide.positions_file import read_positions
        from bullbear.errors import Found, InputError
        from bullbear.forecasting.card.card import card_of
        from bullbear.forecasting.card.summary import summary_of
        from bullbear.forecasting.forecast import issue
        from bullbear.forecasting.order_list import orders_for

    if plot:
        require("--plot", "report")

    def refitting(done: int, total: int) -> None:
        if not as_json:
            typer.echo(f"refitted a champion, {done} of {total}", err=True)

    place = locate(home, pair)
    if equity is None and (positions is not None or least_trade is not None):
        allowed = "--equity USD beside --positions and --least-trade"
        raise InputError("--equity", Found("not given"), allowed, "give what positions and cash are worth together")
    if equity is not None:
        check_amounts(equity, least_trade)
    held = {} if positions is None else read_positions(positions, place.instruments())
    store = place.filled_store()
    entry = issue(place, as_of, refit=refit, progress=refitting, store=store)
    shown = entry | card_of(place, entry, store, asked=as_of)
    if equity is not None:
        shown |= orders_for(place, entry, held, equity=equity, least_trade=least_trade).to_json()
        shown["summary"] = summary_of(shown, shown["changes"], shown["ages"]["notice"])
    if as_json:
        typer.echo(json.dumps(shown, indent=1, allow_nan=False))
    else:
        from bullbear.cli.card import panel

        panel.forecast(shown)
    if plot:
        from bullbear.workflows.outlook_pictures import draw_outlook

        for path in draw_outlook(place, entry):
            typer.echo(path, err=as_json)


def account(
    home: HomeOption = None,
    pair: PairOption = None,
    last: Annotated[int, typer.Option(min=1, help="Evenings shown; --json has all.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the paper account of live advice.

    Evening by evening: what was advised against what was filled.

    Example: bullbear account --last 5
    """
    from bullbear.forecasting.ledger import Ledger, of_question
    from bullbear.forecasting.paper_account import paper_account

    place = locate(home, pair)
    entries = of_question(Ledger(place.forecasts / "ledger.jsonl").entries())
    told = paper_account(entries, simulated=place.filled_store().is_simulated)
    if as_json:
        print_document(told)
    else:
        from bullbear.cli import account_table

        account_table.paper_account(told, last)


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
    """Write the HTML report to reports/index.html.

    Example: bullbear report
    """
    require("bullbear report", "train", "tracking", "report")
    from bullbear.workflows.reporting import report_champion

    path = report_champion(locate(home, pair))
    if as_json:
        print_document({"report": str(path)})
    else:
        typer.echo(str(path))
