"""`bullbear new`: starting points for what a home brings of its own."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bullbear.cli.located import locate
from bullbear.cli.options import CreateOption, HomeOption, JsonOption, print_document

if TYPE_CHECKING:
    from bullbear.workflows.new_files import Written

KINDS = "factor, features, model, learner, question, event, policy, pair or instrument"


def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {KINDS}.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name, such as my_factor; of a pair or an instrument the ticker.")
    ],
    home: HomeOption = None,
    create: CreateOption = False,
    python: Annotated[
        bool, typer.Option("--python", help="Of a policy or an instrument: with a class of your own in Python.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a working starting point for something of your own.

    It is commented, and the commands to type next are named. Nothing is overwritten: a question, an event, a pair or an
    instrument is added at the end of the home's file.

    Example: bullbear new factor my_factor
    """
    from bullbear.errors import InputError
    from bullbear.workflows.new_files import New, write_new

    if kind not in list(New):
        raise InputError("KIND", kind, KINDS, "choose one of them")
    place = locate(home, create=create)
    written = write_new(place, New(kind), name, python=python)
    at = "" if home is None else f" --home {shlex.quote(str(home))}"
    commands = [f"{each}{at}" for each in written.commands]
    if as_json:
        print_document(asdict(written) | {"commands": commands})
        return
    _show(written, commands)


def _show(written: Written, commands: list[str]) -> None:
    for name in written.files:
        typer.echo(f"{'added to' if name in written.added_to else 'wrote'} {name}")
    typer.echo("next:")
    for each in commands:
        typer.echo(f"  {each}")
    typer.echo(written.hint)
