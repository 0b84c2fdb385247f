"""`bullbear pick`: sectors and companies ranked today, and what such rankings were worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import DEFAULT_JOBS, HomeOption, JobsOption, JsonOption, iso_day, print_document
from bullbear.extras import require

if TYPE_CHECKING:
    import pandas as pd

    from bullbear.cli.console import ProgressConsole
    from bullbear.home import Home

_WITHOUT_EFFECT = {
    "rotation": ("picker", "group", "sectors", "top", "jobs", "cluster"),
    "evaluate": ("top",),
    "sectors": ("top",),
}
"""Options that the key leaves without effect."""


def pick(
    context: typer.Context,
    home: HomeOption = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", callback=iso_day, help="Rank at the close of this day, YYYY-MM-DD.")
    ] = None,
    picker: Annotated[
        str | None, typer.Option("--picker", metavar="NAME", help="A picker of models/picker.toml; default the first.")
    ] = None,
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="A group of models/groups.toml.")] = "IWM",
    sectors: Annotated[bool, typer.Option("--sectors", help="Sectors alone; with --evaluate within each.")] = False,
    top: Annotated[int | None, typer.Option("--top", min=1, help="Companies shown; default 20, and all in --json.")] = (
        None
    ),
    rotation: Annotated[
        bool, typer.Option("--rotation", help="Rank the sector funds by the rules of [rotation] in models/picker.toml.")
    ] = False,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate", help="What past rankings were worth, by what was known then; logged to MLflow."),
    ] = False,
    jobs: JobsOption = DEFAULT_JOBS,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Compute and fit on this Dask cluster, such as tcp://HOST:8786."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Rank the sectors and companies of a group.

    By a picker of models/picker.toml: a declared blend, or a ranker that learned from the past. --evaluate shows how
    well its past rankings predicted, and what they earned.

    Example: bullbear pick --picker ranker --top 10
    """
    from bullbear.cli import pick_tables
    from bullbear.cli.console import ProgressConsole

    _refuse_without_effect(context)
    if evaluate:
        require("--evaluate", "train", "tracking")
    place, console = locate(home), ProgressConsole(quiet=as_json)
    if rotation:
        _rotation(place, as_of, evaluate, console, as_json)
        return
    from bullbear.workflows.company_picks import Asked, companies_record, rank_companies

    asked = Asked(picker, group, as_of, jobs, cluster)
    with console.progress("pick") as progress:
        if evaluate:
            record = companies_record(place, asked, progress)
        else:
            today = rank_companies(place, asked, progress)
    if evaluate:
        if as_json:
            print_document(record.as_dict())
        else:
            pick_tables.show_record(record, sectors=sectors)
        return
    _note_closed_day(as_of, today.as_of)
    if as_json:
        print_document(today.as_dict(top, sectors_alone=sectors))
    else:
        pick_tables.show(today, top or 20, sectors_alone=sectors)


def _rotation(place: Home, as_of: str | None, evaluate: bool, console: ProgressConsole, as_json: bool) -> None:
    from bullbear.cli import pick_tables
    from bullbear.workflows.picking import rotate_today, rotation_record

    if evaluate:
        with console.progress("rotation") as progress:
            record = rotation_record(place, as_of, progress=lambda done, total: progress("rules", done, total))
        if as_json:
            print_document(record.as_dict())
        else:
            pick_tables.show_rotation_record(record)
        return
    today = rotate_today(place, as_of)
    _note_closed_day(as_of, today.as_of)
    if as_json:
        print_document(today.as_dict())
    else:
        pick_tables.show_rotation(today, simulated=place.store().is_simulated)


def _note_closed_day(as_of: str | None, session: pd.Timestamp) -> None:
    from bullbear.data.as_of_session import closed_day

    if as_of and (note := closed_day(as_of, session)):
        typer.echo(at_the_same_place(f"note: {note}"), err=True)


def _refuse_without_effect(context: typer.Context) -> None:
    """Refuse typed options that another typed option would leave without effect."""
    from bullbear.errors import Found, InputError

    def typed(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    for chosen, idle in _WITHOUT_EFFECT.items():
        for name in idle:
            if typed(chosen) and typed(name):
                found = Found(f"it has no effect with --{chosen}")
                raise InputError(f"--{name}", found, f"--{name} or --{chosen}", "remove one of the two")
