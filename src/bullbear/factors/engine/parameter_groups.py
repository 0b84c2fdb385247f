"""Parameters that several factors share: a frozen dataclass, declared, limited and documented once.

A factor takes such a group as one keyword-only argument whose default is an instance. Where factors are used - in TOML,
in the catalogue - the fields of the group are ordinary parameters beside the factor's own; the registry takes them
apart when the factor is registered and puts them together when it is called. A default instance may differ from the
group's own defaults, so that a family shares the rule and not the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T", int, float)

_LIMITS = "limits"


def within(default: T, low: float, high: float) -> T:
    """A number in a group, with the closed range in which it may be set.

    Example
    -------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Speed:
    ...     fast: int = within(12, 2, 100)
    ...     slow: int = within(26, 2, 400)
    >>> Speed(fast=5)
    Speed(fast=5, slow=26)
    """
    return field(default=default, metadata={_LIMITS: (float(low), float(high))})


def flattened(
    where: str, keywords: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, tuple[float, float]], dict[str, tuple[str, ...]]]:
    """The keywords of a function with the parameters of each group in its place.

    Gives parameter to default, parameter to limits as far as groups declare them, and group to the names of its
    parameters. TypeError, a mistake of the author, if two parameters have one name or a group could change.
    """
    parameters: dict[str, Any] = {}
    limits: dict[str, tuple[float, float]] = {}
    groups: dict[str, tuple[str, ...]] = {}
    for keyword, default in keywords.items():
        own = {keyword: default}
        taken = set(parameters)
        if is_dataclass(default) and not isinstance(default, type):
            if not type(default).__dataclass_params__.frozen:  # type: ignore[attr-defined]
                raise TypeError(f"{where}: the group {type(default).__name__} is not frozen")
            own = {each.name: getattr(default, each.name) for each in fields(default)}
            limits |= {each.name: each.metadata[_LIMITS] for each in fields(default) if _LIMITS in each.metadata}
            groups[keyword] = tuple(own)
            taken |= set(keywords)
        if twice := sorted(taken & set(own)):
            raise TypeError(f"{where}: two parameters of one name {twice}")
        parameters |= own
    return parameters, limits, groups


def packed(group: Any, changed: Mapping[str, Any]) -> Any:
    """The group with some of its parameters changed; equal requests get the same instance, which is frozen."""
    return _packed(group, tuple(changed), *changed.values()) if changed else group


# The types are part of the key: 14.0 and True must not be answered with what was made for 14 and 1.
@lru_cache(maxsize=1024, typed=True)
def _packed(group: Any, names: tuple[str, ...], *values: Any) -> Any:
    return replace(group, **dict(zip(names, values, strict=True)))
