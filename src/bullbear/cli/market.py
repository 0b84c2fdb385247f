"""Commands that fill the store and show what it holds: simulate, ingest, status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bullbear.cli.options import HomeOption, JsonOption, print_document
from bullbear.home import locate

SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the simulated market.")]
SignalOption = Annotated[float, typer.Option(min=0.0, max=1.0, help="0: nothing is predictable; 1: much is.")]
YearsOption = Annotated[int, typer.Option(min=3, max=25, help="Length of the simulated market.")]


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
