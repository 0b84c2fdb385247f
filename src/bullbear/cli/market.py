"""Commands that fill the store and show what it holds: fetch, ingest, simulate, status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import CreateOption, HomeOption, JsonOption, print_document
from bullbear.extras import require

SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the simulated market.")]
SignalOption = Annotated[float, typer.Option(min=0.0, max=1.0, help="How predictable: 0 not at all, 1 strongly.")]
CompaniesOption = Annotated[int, typer.Option(min=0, max=2500, help="Companies in the simulated index.")]
YearsOption = Annotated[int, typer.Option(min=3, max=25, help="Years of simulated history; training takes 6.")]


def fetch(
    home: HomeOption = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Only this provider or series; may be repeated.")
    ] = None,
    holdings: Annotated[
        bool, typer.Option("--holdings", help="Instead: bars and filings of all companies that the funds hold.")
    ] = False,
    create: CreateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the store up to date from the live providers.

    What arrives is stored; if a series does not arrive, the exit code is 1. --holdings asks for thousands of companies,
    which takes half an hour or more the first time; if it is killed, the next one continues where it stopped.

    Example: bullbear fetch --only IWM --only fred
    """
    require("bullbear fetch", "live")
    from bullbear.cli import show
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.filling import fill_companies, fill_live

    brought = fill_companies if holdings else fill_live
    report = brought(locate(home, create=create), tuple(only or ()), ProgressConsole(quiet=as_json).say)
    if as_json:
        print_document(show.fetch_document(report))
        if report.failures:
            sys.stderr.write(f"bullbear: {len(report.failures)} series did not arrive\n")
    else:
        show.fetch(report, list_failures=holdings)
    if report.failures:
        raise typer.Exit(1)


def simulate(
    home: HomeOption = None,
    seed: SeedOption = 7,
    signal: SignalOption = 0.5,
    years: YearsOption = 20,
    companies: CompaniesOption = 0,
    create: CreateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Load the simulated market into the store.

    --companies adds the constituents of IWM, with births, deaths, splits, misprints and filings; what can be known of
    their coming returns grows with --signal.

    Example: bullbear simulate --signal 0.5 --years 10 --companies 500
    """
    from bullbear.cli import show
    from bullbear.workflows.filling import fill_simulated

    report = fill_simulated(locate(home, create=create), seed, signal, years, companies)
    if as_json:
        print_document(show.ingest_document(report))
    else:
        show.ingest(report, "SIMULATED market")


def ingest(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A snapshot directory, or one of companies.")],
    home: HomeOption = None,
    create: CreateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Load a snapshot, or a directory of companies.

    A directory with filed_facts.csv or members_DATE.csv is one of companies, and so is a snapshot's folder companies/.
    Running it twice changes nothing.

    Example: bullbear ingest ../snapshot
    """
    from bullbear.cli import show
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.filling import fill_from

    report = fill_from(locate(home, create=create), directory, ProgressConsole(quiet=as_json).say)
    if as_json:
        print_document(show.ingest_document(report))
    else:
        show.ingest(report, str(directory))
    if report.refusals:
        raise typer.Exit(2)


def status(
    home: HomeOption = None,
    series: Annotated[bool, typer.Option("--series", help="List every series instead of the summary.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the state of data, champions and ledger.

    --series lists every series: first and last day, gaps, age, rows set aside and why, rewritten values. --json has
    the list of series.

    Example: bullbear status --series
    """
    from bullbear.cli import show, status_tables
    from bullbear.data.companies.status import company_status
    from bullbear.data.status import status as table_of
    from bullbear.forecasting.staleness import mark_needed
    from bullbear.tracking.aliases import alias_notes
    from bullbear.workflows.home_summary import summarise

    place = locate(home)
    for note in alias_notes(place):
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    store = place.filled_store()
    view = store.as_of(show.now_of(store))
    table, companies = mark_needed(table_of(view), place), company_status(view.companies)
    if as_json:
        print_document([*table.to_dict(orient="records"), *([companies.document] if companies else [])])
    elif series:
        status_tables.series(table, store.is_simulated)
        if companies:
            typer.echo(f"{companies.line}.")
    else:
        status_tables.summary(summarise(place, table, companies), store.is_simulated)
