"""The cells of a JSON answer, and the parsing of a whole answer through a schema.

Each provider describes its answer as pydantic models made of these cells. An unknown cell (null, an empty text, ".",
"N/A") is NaN, or None for an instant; a cell of another type refuses the answer, because the provider has then changed
its format. A number written as text counts as a number, a boolean never does. Values that are impossible, such as an
infinite price, pass here and become unknown in `delivery.tidy`, which says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, PlainValidator, TypeAdapter, ValidationError

from bullbear.data.providers.http import Answer, Ask
from bullbear.data.providers.messages import message_in

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
UNKNOWN = frozenset({"", ".", "-", "--", "N/A", "n/a", "NA", "NaN", "nan", "null", "None"})
FORMAT_CHANGED = "the provider has changed its format: update bullbear, or report it; stored rows are untouched"

_EARLIEST, _LATEST = (pd.Timestamp(day).timestamp() for day in ("1900-01-01", "2100-01-01"))


def number_of(value: object) -> float:
    """A cell as a number; NaN if unknown, infinite if it is too large.

    Raises
    ------
    ValueError
        It is neither.

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
    raise ValueError("no number")


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
    raise ValueError("no text")


Number = Annotated[float, PlainValidator(number_of)]
Stamp = Annotated[float | None, PlainValidator(_stamp_of)]
Text = Annotated[str, PlainValidator(_text_of)]


class Wire(BaseModel):
    """A part of an answer; what it does not name is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def parsed(answer: Answer, shape: Any) -> Any:
    """The answer as `shape`: a model, or a type made of models.

    Raises
    ------
    FetchError
        It is no JSON or has another shape; the message names the first place where it differs.
    """
    document = answer.json
    try:
        return _adapter(shape).validate_python(document)
    except ValidationError as bad:
        first = bad.errors(include_url=False, include_context=False)[0]
    except RecursionError:
        raise answer.ask.fault("JSON that is nested too deeply", FORMAT_CHANGED) from None
    place = ".".join(str(part) for part in first["loc"]) or "the answer"
    if first["type"] == "missing":
        problem = f"no {place} in the answer"
    else:
        why = first["msg"].removeprefix("Value error, ")
        problem = f"{place}: {repr(first['input'])[:40]} is refused ({why[:80]})"
    said = message_in(document)
    raise answer.ask.fault(f"{problem}; the provider says: {said}" if said else problem, FORMAT_CHANGED)


def columns_of(ask: Ask, rows: Sequence[Wire], names: Iterable[str]) -> pd.DataFrame:
    """The cells `names` of `rows` as columns; a row that leaves one out does not know it.

    Raises
    ------
    FetchError
        No row has one of them.
    """
    seen = set().union(*(row.model_fields_set for row in rows)) if rows else set(names)
    missing = [name for name in names if name not in seen]
    if missing:
        raise ask.fault(f"no {', '.join(missing)} in the rows", FORMAT_CHANGED)
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})


@lru_cache(maxsize=16)
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
