"""Named tuples as documents of plain values, and back to the last bit; NaN is written as null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_type_hints

T = TypeVar("T", bound=tuple[Any, ...])


def to_document(value: NamedTuple) -> dict[str, Any]:
    """The fields by name, those that are named tuples as documents themselves."""
    return {name: _plain(each) for name, each in value._asdict().items()}


def from_document(kind: type[T], document: Mapping[str, Any]) -> T:
    """What `to_document` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        The document is none of that kind.
    """
    hints = _hints(kind)
    if set(document) != set(hints):
        raise ValueError(f"{kind.__name__} with {', '.join(sorted(document)) or 'nothing'}")
    return kind(**{name: _read(hint, document[name]) for name, hint in hints.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    # A backtest reads some eighty thousand of them, and evaluating the annotations would take most of its time.
    return get_type_hints(kind)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return to_document(value)  # type: ignore[arg-type]
    return None if isinstance(value, float) and math.isnan(value) else value


def _read(kind: Any, value: Any) -> Any:
    if kind is float:
        number = math.nan if value is None else float(value)
        if math.isinf(number):
            raise ValueError(f"{value} is not finite")
        return number
    if kind in (int, bool):
        if type(value) is not kind:
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return value
    return from_document(kind, value)
