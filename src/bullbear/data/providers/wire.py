"""Parsing of JSON responses: each provider describes its response as pydantic models made of these cell types.

An unknown cell (null, an empty text, ".", "N/A") is NaN, or None for an instant; a cell of another type refuses the
response, since the provider has then changed its format. A number written as text is a number, a boolean is not.
Impossible values, such as an infinite price, pass here; `delivery.tidy` makes them unknown, with a note.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, PlainValidator, TypeAdapter, ValidationError

from bullbear.data.providers.http import Request, Response
from bullbear.data.providers.messages import message_in

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
UNKNOWN = frozenset({"", ".", "-", "--", "N/A", "n/a", "NA", "NaN", "nan", "null", "None"})
FORMAT_CHANGED = "the provider has changed its format: update bullbear, or report it; stored rows are untouched"

_EARLIEST, _LATEST = (pd.Timestamp(day).timestamp() for day in ("1900-01-01", "2100-01-01"))


def number_of(value: object) -> float:
    """A cell as a number; NaN if unknown, infinite if too large, else a ValueError.

    Example
    -------
    >>> [number_of(cell) for cell in (3, "4.5", None, ".")]
    [3.0, 4.5, nan, nan]
    """
    if value is None:
        return math.nan
    if isinstance(value, str):
        text = value.strip()
        if text in UNKNOWN:
            return math.nan
        if NUMBER.fullmatch(text):
            return float(text)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    raise ValueError("not a number")


def _stamp_of(value: object) -> float | None:
    """Seconds since 1970; None if unknown or outside 1900 to 2100."""
    seconds = number_of(value)
    return seconds if _EARLIEST <= seconds < _LATEST else None


def _text_of(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.strip()
        return "" if text in UNKNOWN else text
    raise ValueError("not a text")


Number = Annotated[float, PlainValidator(number_of)]
Stamp = Annotated[float | None, PlainValidator(_stamp_of)]
Text = Annotated[str, PlainValidator(_text_of)]


class Wire(BaseModel):
    """A part of a response; fields that it does not name are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def parsed(response: Response, shape: Any, part: Any = None) -> Any:
    """The response, or a `part` of its JSON, as `shape`: a model, or a type made of models.

    A FetchError, if it is not JSON or has another shape, names the first place where it differs.
    """
    document = response.json if part is None else part
    try:
        return _adapter(shape).validate_python(document)
    except ValidationError as bad:
        first = bad.errors(include_url=False, include_context=False)[0]
    except RecursionError:
        raise response.request.error("JSON that is nested too deeply", FORMAT_CHANGED) from None
    place = ".".join(str(part) for part in first["loc"]) or "the response"
    if first["type"] == "missing":
        problem = f"no {place} in the response"
    else:
        why = first["msg"].removeprefix("Value error, ")
        problem = f"{place}: {repr(first['input'])[:40]} is refused ({why[:80]})"
    said = message_in(document)
    raise response.request.error(f"{problem}; the provider says: {said}" if said else problem, FORMAT_CHANGED)


def columns_of(request: Request, rows: Sequence[Wire], names: Iterable[str]) -> pd.DataFrame:
    """The fields `names` of `rows` as columns; FetchError if one is in no row."""
    seen = set().union(*(row.model_fields_set for row in rows)) if rows else set(names)
    missing = [name for name in names if name not in seen]
    if missing:
        raise request.error(f"no {', '.join(missing)} in the rows", FORMAT_CHANGED)
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})


@lru_cache(maxsize=16)
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
