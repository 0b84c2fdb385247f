"""`bullbear fetch`: the live providers, and what came of asking them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bullbear.cli.options import HomeOption, JsonOption
from bullbear.extras import require
from bullbear.home import locate

if TYPE_CHECKING:
    from bullbear.data.fetching import FetchReport


def fetch(
    home: HomeOption = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A provider or a series; may be given several times.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the store up to date from the live providers; what arrives is kept, whatever else fails (exit code 1).

    Example: bullbear fetch --only IWM --only fred
    """
    require("bullbear fetch", "live")
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.filling import fill_live

    console = ProgressConsole(quiet=as_json)
    report = fill_live(locate(home), tuple(only or ()), console.say)
    if as_json:
        typer.echo(json.dumps(document(report), indent=1, allow_nan=False))
    else:
        show(report)
    if report.failures:
        if as_json:
            sys.stderr.write(f"bullbear: {len(report.failures)} series did not arrive\n")
        raise typer.Exit(1)


def document(report: FetchReport) -> dict[str, Any]:
    """What a fetch did, for programs."""
    return {
        "arrived": report.arrived,
        "rows_added": report.rows_added,
        "added": report.added,
        "quarantined": report.quarantined,
        "revised": report.revised,
        "failed": [
            {"provider": each.provider, "series": each.series, "problem": each.problem, "remedy": each.remedy}
            for each in report.failures
        ],
        "notes": report.notes,
    }


def show(report: FetchReport) -> None:
    """What a fetch did: the outcome on stdout, notes and failures on stderr."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in report.added.items() if count) or "nothing new"
    typer.echo(f"{len(report.arrived)} series arrived, {len(report.failures)} did not; added {kinds}")
    if report.quarantined:
        typer.echo(f"{report.quarantined} doubtful rows set aside; `bullbear status` gives the reasons")
    if report.revised:
        typer.echo(f"{report.revised} stored values revised; older views keep the old ones")
    for note in report.notes:
        sys.stderr.write(f"note: {note}\n")
    for failure in report.failures:
        sys.stderr.write(f"bullbear: {failure}\n")
