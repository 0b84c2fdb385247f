"""Options that several commands share, and the one way in which a document is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from bullbear.errors import InputError

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="The folder to work in; default: BULLBEAR_HOME, else the current one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def iso_day(param: typer.CallbackParam, value: str | None) -> str | None:
    """A day as typed, refused in any other form: pandas would read 01/02/2019 as it likes, and `now` too.

    Raises
    ------
    InputError
        Anything but YYYY-MM-DD.
    """
    if value is None or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return value
    raise InputError(param.opts[0], value, "a day as YYYY-MM-DD", "write the date in ISO form")


def print_document(document: Any) -> None:
    """Print JSON: days and instants in ISO form, null for what is missing."""
    from bullbear.pipeline import plain

    typer.echo(json.dumps(plain(document), indent=1, allow_nan=False))
