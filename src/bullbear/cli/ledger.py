"""The commands on the ledger: its history, `verify` and `export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, PairOption, print_document

if TYPE_CHECKING:
    from bullbear.home import Home

ledger = typer.Typer(
    help="""Show every forecast issued, with its outcome.

    Live forecasts, the record, stand apart from replays, which were made in hindsight.

    Example: bullbear ledger --question vol20 --last 10
    """,
    no_args_is_help=False,
    rich_markup_mode=None,
)
QuestionOption = Annotated[
    str | None, typer.Option("--question", metavar="NAME", help="One question of the ledger; default all.")
]


@ledger.callback(invoke_without_command=True)
def history(
    context: typer.Context,
    home: HomeOption = None,
    pair: PairOption = None,
    question: QuestionOption = None,
    last: Annotated[int, typer.Option(min=1, help="Evenings shown; --json has all.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """The history, where no sub-command is given."""
    if context.invoked_subcommand is not None:
        context.obj = home  # for `one_home` of the sub-command
        return
    from bullbear.forecasting.ledger_history import history_of

    found = history_of(locate(home, pair), question)
    if as_json:
        print_document(found)
    else:
        from bullbear.cli import ledger_tables

        ledger_tables.history(found, last)


@ledger.command()
def verify(
    context: typer.Context, home: HomeOption = None, pair: PairOption = None, as_json: JsonOption = False
) -> None:
    """Check the whole chain, its head and MLflow's record.

    Every fault is named with its line; the exit code is 2 if there is one.

    Example: bullbear ledger verify
    """
    from bullbear.forecasting.verification import verify as verify_ledger

    found = verify_ledger(_place(context, home, pair))
    if as_json or (context.parent and context.parent.params["as_json"]):
        print_document(found.as_dict())
    else:
        from bullbear.cli import ledger_tables

        ledger_tables.verification(found)
    for note in found.notes:
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    if not found.is_sound:
        raise typer.Exit(2)


@ledger.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.csv, FILE.parquet or FILE.json.")],
    home: HomeOption = None,
    pair: PairOption = None,
    question: QuestionOption = None,
) -> None:
    """Write every forecast with its outcome to a file.

    Example: bullbear ledger export forecasts.csv
    """
    from bullbear.cli.outputs import check_output, write_output
    from bullbear.errors import InputError
    from bullbear.forecasting.ledger_history import FORMATS, exported

    write = FORMATS.get(file.suffix.lower())
    if write is None:
        raise InputError("FILE", str(file), f"a name that ends in {', '.join(FORMATS)}", "choose one of these")
    check_output(file, "FILE")
    asked = question or (context.parent.params["question"] if context.parent else None)
    rows = exported(_place(context, home, pair), asked)
    write_output(file, write(rows), "FILE")
    typer.echo(f"{len(rows):,} forecasts in {file}")


def _place(context: typer.Context, home: Path | None, pair: str | None) -> Home:
    """The home about a pair, which may stand before the sub-command, too."""
    before: dict[str, Any] = context.parent.params if context.parent else {}
    return locate(home, pair or before.get("pair"))
