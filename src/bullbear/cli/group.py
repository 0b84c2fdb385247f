"""`bullbear group`: market values, growth, breadth and movers of the companies of a group."""

from __future__ import annotations

from typing import Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, Within, iso_day, print_document
from bullbear.errors import InputError


def group(
    home: HomeOption = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", callback=iso_day, help="At the close of this day, YYYY-MM-DD.")
    ] = None,
    name: Annotated[
        str, typer.Option("--group", metavar="NAME", help="A group of models/groups.toml: a fund, or a list.")
    ] = "IWM",
    sector: Annotated[str | None, typer.Option(help="Only the members of this sector.")] = None,
    movers: Annotated[int, typer.Option(min=0, max=100, help="Largest movers of the last week, each way.")] = 5,
    ratings: Annotated[bool, typer.Option("--ratings", help="Rate the members from 1 (best) to 100 (worst).")] = False,
    within: Annotated[
        Within | None,
        typer.Option(
            help="With --ratings: rate among all members, or among those of each sector.", show_default="group"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a fund looks like inside.

    Market value, growth of price and volume, breadth, movers, and prices that cannot be right, of the members as known
    at the close.

    Example: bullbear group --as-of 2019-12-31 --sector Financials --movers 10
    """
    if within is not None and not ratings:
        raise InputError("--within", within.value, "only together with --ratings", "add --ratings or remove it")
    from bullbear.data.as_of_session import closed_day
    from bullbear.workflows.group import group_report

    among = within or Within.GROUP
    report = group_report(
        locate(home), name, as_of=as_of, sector=sector, movers=movers, ratings=among.value if ratings else None
    )
    if as_of and (note := closed_day(as_of, report.session)):
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    if as_json:
        print_document(report.as_dict())
    else:
        from bullbear.cli import group_tables

        group_tables.show(report)
