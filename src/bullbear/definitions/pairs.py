"""`models/pairs.toml`: a fund and the inverse funds that hedge it, in the place of those the definitions name.

Models and policies are written for one fund. A pair puts another in its place, so that one definition serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from bullbear.definitions.models import Subject
from bullbear.definitions.reading import Definition, read, validate
from bullbear.errors import DefinitionError

_Ticker = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,11}$")]
"""Also the name of a folder."""


class Pair(Definition):
    """`bull` is the fund whose months are forecast and that the Bull holds, `bear` what the Bear chooses from.

    Without an inverse fund there is no Bear.
    """

    name: _Ticker
    bull: _Ticker
    bear: tuple[_Ticker, ...] = Field(default=(), max_length=3, strict=False)


@dataclass(frozen=True)
class PlacedPair:
    """A pair and the `file:line` of its table."""

    pair: Pair
    where: str


class _Tables(Definition):
    pair: tuple[dict[str, Any], ...] = Field(min_length=1, strict=False)


def read_pairs(path: Path) -> Mapping[str, PlacedPair]:
    """The pairs of a `pairs.toml`, by name in the order of the file.

    Raises
    ------
    DefinitionError
        A pair makes no sense, or its name is used twice or is that of the fund that definitions are about; the message
        names file and line.
    """
    tables, source = read(path, _Tables)
    found: dict[str, PlacedPair] = {}
    for place, table in enumerate(tables.pair):
        pair = validate(table, Pair, source, below=("pair", place))
        where = f"{source.where('pair', place)} (pair.{place})"
        if pair.name == Subject().ticker:
            allowed = f"another name: {pair.name} is what every command is about without --pair"
            raise DefinitionError(
                f"{source.where('pair', place, 'name')} (pair.{place}.name)", pair.name, allowed, "rename it"
            )
        if pair.name in found:
            raise DefinitionError(where, pair.name, "a name that no other pair has", "rename one")
        found[pair.name] = PlacedPair(pair, where)
    return found
