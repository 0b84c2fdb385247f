"""`bullbear pick`: sectors and companies ranked today, and what such rankings were worth."""

from __future__ import annotations

from typing import Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, iso_day, print_document


def pick(
    home: HomeOption = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", callback=iso_day, help="Rank at the close of this day, YYYY-MM-DD.")
    ] = None,
    rotation: Annotated[
        bool, typer.Option("--rotation", help="Rank the sector funds by the rules of [rotation] in models/picker.toml.")
    ] = False,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="What past rankings were worth, each made with what was known then.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rank sectors today, or evaluate past rankings.

    The rules are declared in models/picker.toml.

    Example: bullbear pick --rotation --evaluate
    """
    from bullbear.cli import pick_tables
    from bullbear.cli.console import ProgressConsole
    from bullbear.data.as_of_session import closed_day
    from bullbear.workflows.picking import rotate_today, rotation_record

    place = locate(home)
    console = ProgressConsole(quiet=as_json)
    if evaluate:
        with console.progress("rotation") as progress:
            record = rotation_record(place, as_of, progress=lambda done, total: progress("rules", done, total))
        if as_json:
            print_document(record.as_dict())
        else:
            pick_tables.show_rotation_record(record)
        return
    today = rotate_today(place, as_of)
    if as_of and (note := closed_day(as_of, today.as_of)):
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    if as_json:
        print_document(today.as_dict())
    else:
        pick_tables.show_rotation(today, simulated=place.store().is_simulated)
