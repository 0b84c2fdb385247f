"""The command for every evening: day."""

from __future__ import annotations

from typing import Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, PairOption, print_document


def day(
    home: HomeOption = None,
    pair: PairOption = None,
    fetch: Annotated[
        bool | None,
        typer.Option("--fetch/--no-fetch", help="Ask the providers; default: if they have brought the fund before."),
    ] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the HTML report.")] = True,
    notify: Annotated[
        str | None,
        typer.Option(
            "--notify",
            metavar="COMMAND",
            help="Start it when position, stop, regime or an unusual outlook changes; the message is on its input.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Do the whole evening and print one line on it.

    Fetch, refit what is due, forecast, score, compare with the evening before, write the report. A step that fails is
    named, and the others are taken all the same.

    Example: bullbear day --notify ./tell-me.sh
    """
    from bullbear.learn.learners.lightgbm import import_without_sklearn

    import_without_sklearn()
    from bullbear.workflows.evening import run_evening

    def say(line: str) -> None:
        typer.echo(at_the_same_place(line), err=True)

    evening = run_evening(locate(home, pair), fetch=fetch, report=report, command=notify, say=say)
    if as_json:
        print_document(evening.as_dict())
    else:
        typer.echo(evening.line)
    if evening.exit_code:
        raise typer.Exit(evening.exit_code)
