"""Options that several commands share, and the printing of JSON documents."""

from __future__ import annotations

import json
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bullbear.errors import InputError

if TYPE_CHECKING:
    from bullbear.home import Home


class Within(StrEnum):
    """Among whom a company is rated."""

    GROUP = "group"
    SECTOR = "sector"


class By(StrEnum):
    """What `evaluate --by` breaks the skill down by."""

    YEAR = "year"
    HALF = "half"
    REGIME = "regime"
    VOLATILITY = "volatility"


def one_home(context: typer.Context, value: Path | None) -> Path | None:
    """The home given before or after the command; an InputError if two different ones are given."""
    before: Path | None = context.parent.obj if context.parent else None
    if value is None or before is None:
        return value or before
    if value.resolve() != before.resolve():
        raise InputError(
            "--home", str(value), f"one home, and {before} was given before the command", "give --home once"
        )
    return value


_HOME_HELP = "The folder to work in; default: BULLBEAR_HOME, else the current one."
HomeBeforeOption = Annotated[Path | None, typer.Option("--home", help=f"{_HOME_HELP} Also after the command.")]
HomeOption = Annotated[Path | None, typer.Option("--home", callback=one_home, help=_HOME_HELP)]
CreateOption = Annotated[bool, typer.Option("--create", help="Make the home's folder if it does not exist.")]
PairOption = Annotated[
    str | None, typer.Option("--pair", metavar="NAME", help="Another pair than IWM's, of models/pairs.toml.")
]


def pair_note(home: Home, given: str | None) -> tuple[str, ...]:
    """What to say after a command that followed its model to a pair."""
    if home.pair is None or given is not None:
        return ()
    pair = home.pair.pair
    return (f"the model is about {pair.bull}: add --pair {pair.name} to the commands on its run",)


JobsOption = Annotated[
    int, typer.Option(min=1, max=64, help="Worker processes.", show_default="one for each core, at most 8")
]
DEFAULT_JOBS = max(1, min(os.cpu_count() or 1, 8))
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]


AgainOption = Annotated[
    bool, typer.Option("--again", help="Train anew, even if the same was trained on the same data before.")
]


def iso_day(param: typer.CallbackParam, value: str | None) -> str | None:
    """The day as typed, YYYY-MM-DD; all else is refused, since pandas would guess at 01/02/2019 and accept `now`."""
    if value is None or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return value
    raise InputError(param.opts[0], value, "a day as YYYY-MM-DD", "write the date in ISO form")


FirstOption = Annotated[
    str | None, typer.Option(callback=iso_day, help="First day of the reported forecasts, YYYY-MM-DD.")
]
LastOption = Annotated[
    str | None, typer.Option(callback=iso_day, help="Last day of the reported forecasts, YYYY-MM-DD.")
]


def print_document(document: Any) -> None:
    """Print a result as JSON; see `documents.json_ready`."""
    from bullbear.documents import json_ready

    typer.echo(json.dumps(json_ready(document), indent=1, allow_nan=False))
