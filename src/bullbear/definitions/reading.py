"""Reading TOML strictly: frozen records, refusals with file and line, and a hash of the meaning.

The hash does not depend on the layout: comments and the order of keys change nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from bullbear.errors import DefinitionError, Found

_NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
Sentence = Annotated[str, StringConstraints(min_length=10)]
T = TypeVar("T", bound="Definition")


def is_name(text: str) -> bool:
    """Whether a definition may have this name, which is then the plain name of a file, too."""
    return re.fullmatch(_NAME, text) is not None


class Definition(BaseModel):
    """A frozen record that refuses unknown keys and converts no types: "1" and `true` are not the number 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Source:
    """A TOML text and where it came from, able to say on which line a key stands."""

    path: Path
    text: str

    @classmethod
    def nowhere(cls, name: str) -> Source:
        """A source for tables that were written in Python; lines mean nothing there."""
        return cls(Path("python") / name, "")

    def line_of(self, location: tuple[str | int, ...]) -> int:
        """The line (from 1) of a key path such as `("factor", 3, "params")`; of its nearest parent if absent."""
        lines = _key_lines(self.text)
        for length in range(len(location), 0, -1):
            if location[:length] in lines:
                return lines[location[:length]]
        return 1

    def where(self, *location: str | int) -> str:
        """`file:line` of a key path, as error messages cite it."""
        return f"{_shown(self.path)}:{self.line_of(location)}"


def _shown(path: Path) -> str:
    """A file with its folder; `policies/` of a home holds Python, so that of `models/` is named in full."""
    parts = path.parts
    return "/".join(parts[-3:] if parts[-3:-1] == ("models", "policies") else parts[-2:])


def read(path: Path, kind: type[T], *, context: Mapping[str, Any] | None = None) -> tuple[T, Source]:
    """Read one TOML file as `kind`; `context` is what its validators may ask for.

    Raises
    ------
    DefinitionError
        The file is missing, is not TOML, or does not fit; the message names file, line and key.
    """
    shown = _shown(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors save a byte-order mark
    except OSError as bad:
        raise DefinitionError(shown, bad.strerror, "a readable TOML file", "check the name") from bad
    except UnicodeDecodeError as bad:
        raise DefinitionError(shown, "bytes that are not UTF-8", "a UTF-8 text", "save the file as UTF-8") from bad
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as bad:
        place = re.search(r"at line (\d+)", str(bad))
        line = int(place.group(1)) if place else text.count("\n") + 1
        raise DefinitionError(f"{shown}:{line}", str(bad), "valid TOML", "mend the syntax") from bad
    source = Source(path, text)
    return validate(table, kind, source, context=context), source


def validate(
    table: Mapping[str, Any],
    kind: type[T],
    source: Source,
    *,
    below: tuple[str | int, ...] = (),
    context: Mapping[str, Any] | None = None,
) -> T:
    """`table`, found under the key path `below` of `source`, as a frozen `kind`.

    Raises
    ------
    DefinitionError
        The table does not fit; the message names file, line and key.
    """
    try:
        return kind.model_validate(dict(table), context=context)
    except ValidationError as bad:
        first = bad.errors()[0]
        if first["type"] == "missing":  # more likely misspelt, where a key beside it is unknown
            beside = [error for error in bad.errors() if error["loc"][:-1] == first["loc"][:-1]]
            first = next((error for error in beside if error["type"] == "extra_forbidden"), first)
        inside = _inside(table, first["loc"], first["type"] == "missing")
        location = (*below, *inside)
        key = ".".join(str(part) for part in location)
        if first["type"] == "extra_forbidden":
            owner = _owner(kind, first["loc"])
            raise DefinitionError(
                f"{source.where(*location)} ({key})", location[-1], f"one of {owner}", "remove or rename the key"
            ) from bad
        if first["type"] == "missing" and inside == first["loc"]:
            raise DefinitionError(
                f"{source.where(*location)} ({key})", Found("missing"), "a value", "add the key"
            ) from bad
        value = first["input"]
        if _is_secret(kind, first["loc"]):
            value = "a value that is not shown"
        wishes = [_allowed(error) for error in bad.errors() if error["loc"][: len(inside)] == inside]
        allowed = " or ".join(dict.fromkeys(wishes))
        raise DefinitionError(f"{source.where(*location)} ({key})", value, allowed, "correct the file") from bad


def digest(*parts: BaseModel | Mapping[str, Any] | list[Any] | str) -> str:
    """A sha256 over the canonical JSON of the parts; the same for the same meaning.

    Example
    -------
    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _inside(table: Mapping[str, Any], location: tuple[str | int, ...], missing: bool) -> tuple[str | int, ...]:
    """The part of pydantic's location that stands in the file: it adds the name of each type that a union tried."""
    value: Any = table
    for depth, part in enumerate(location):
        if isinstance(value, list | tuple):
            present = isinstance(part, int) and part < len(value)
            if not present:  # an element that is missing has no key: the list is wrong
                return location[:depth]
        else:
            present = isinstance(value, Mapping) and part in value
        if not present:
            return location if missing else location[:depth]
        value = value[part]
    return location


_WANTED = {
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number from {ge:g} on",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number up to {le:g}",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "string_too_short": "a text of at least {min_length} characters",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "missing": "a longer list",  # a key that is missing is said where it is found
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "literal_error": "{expected}",
}
_PATTERNS = {
    _NAME: "lower-case letters, digits and _, beginning with a letter",
    r"^\d{4}-\d{2}-\d{2}$": "a day as YYYY-MM-DD",
    r"^\^?[A-Z0-9][A-Z0-9.\-]*$": "a ticker in capitals",
}


def _allowed(error: Mapping[str, Any]) -> str:
    """What would be allowed in place of a value that pydantic refused, in plain words."""
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"a text that matches {context['pattern']}")
    if error["type"] in _WANTED:
        return _WANTED[error["type"]].format(**context)
    return str(error["msg"]).removeprefix("Value error, ")


def _is_secret(kind: type[BaseModel], location: tuple[str | int, ...]) -> bool:
    """Whether a secret is meant to stand at the place, or within it."""
    for depth, part in enumerate(location):
        field = kind.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return annotation is not None and SecretStr in (annotation, *get_args(annotation))
        if depth == len(location) - 1:
            return any(_is_secret(annotation, (name,)) for name in annotation.model_fields)
        kind = annotation
    return False


def _owner(kind: type[BaseModel], location: tuple[str | int, ...]) -> str:
    """The keys allowed at the place where an unknown one stood."""
    fields = _by_key(kind)
    for part in location[:-1]:
        if isinstance(part, int) or part not in fields:
            continue
        annotation = fields[part].annotation
        inner = [annotation, *getattr(annotation, "__args__", ())]
        models = [a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)]
        if models:
            fields = _by_key(models[0])
    return ", ".join(fields)


def _by_key(kind: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in kind.model_fields.items()}


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-]+)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\-\"]+)\s*=")
_PART = re.compile(r'"[^"]*"|[^."]+')


@lru_cache(maxsize=64)  # asked once for each key that is checked
def _key_lines(text: str) -> Mapping[tuple[str | int, ...], int]:
    # tomllib keeps no positions; headers and keys at the start of a line are all that our definitions use.
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str | int, ...], int] = {}
    here: tuple[str | int, ...] = ()
    quoted = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if quoted:
            quoted = "" if quoted in line else quoted
            continue
        if header := _HEADER.match(line):
            *parents, last = header.group(2).split(".")
            here = (*_latest(parents, counts), last)
            if header.group(1) == "[[":
                counts[here] = counts.get(here, -1) + 1
                lines.setdefault(here, number)
                here = (*here, counts[here])
        elif key := _KEY.match(line):
            path = (*here, *(part.strip('"') for part in _PART.findall(key.group(1))))
            for length in range(len(here) + 1, len(path) + 1):
                lines.setdefault(path[:length], number)
        for length in range(1, len(here) + 1):
            lines.setdefault(here[:length], number)
        quoted = next((quote for quote in ('"""', "'''") if line.count(quote) % 2), "")
    return lines


def _latest(parents: list[str], counts: Mapping[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    """The key path of a header's parents: below an array of tables, its latest element is meant."""
    path: tuple[str | int, ...] = ()
    for part in parents:
        path = (*path, part)
        path = (*path, counts[path]) if path in counts else path
    return path
