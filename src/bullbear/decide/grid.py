"""The variants of a policy that a sweep tries: every combination of the values that a grid lists for its fields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import Field

from bullbear.decide.policy import POLICIES, Policy
from bullbear.definitions import Definition, Source, read
from bullbear.errors import DefinitionError, Found

MOST = 10_000
"""Variants of one sweep; beyond it no deflated Sharpe ratio could be above chance."""


@dataclass(frozen=True)
class Variant:
    """A policy with some fields changed, by their dotted names."""

    changes: Mapping[str, Any]
    policy: Policy

    @property
    def name(self) -> str:
        """The changes in one line."""
        return ", ".join(f"{field} = {value}" for field, value in self.changes.items())

    @property
    def digest(self) -> str:
        """The same for equal policies, whatever sweep they came from."""
        return digest(self.policy)


def digest(policy: Policy) -> str:
    """A hash of a policy's fields."""
    text = json.dumps(policy.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Grid(Definition):
    grid: dict[str, Any] = Field(min_length=1)


def read_grid(path: Path, policy: Policy) -> tuple[Variant, ...]:
    """The variants of `policy` that a TOML file asks for.

    The table `[grid]` has a list of values for each field, `[grid.TABLE]` for those of a table of the policy.

    Raises
    ------
    DefinitionError
        A field that the policy does not have, a value that it refuses, an empty list, or more than 10,000 variants;
        with file and line.
    """
    table, source = read(path, _Grid)
    return variants(policy, table.grid, source)


def variants(policy: Policy, grid: Mapping[str, Any], source: Source | None = None) -> tuple[Variant, ...]:
    """`read_grid` of a grid in Python; equal variants appear once."""
    place = source or Source.nowhere("grid")
    whole = policy.model_dump(mode="json")
    fields = list(_fields(grid, whole, place, ()))
    count = 1
    for _, values in fields:
        count *= len(values)
    if count > MOST:
        raise DefinitionError(
            place.where("grid"), Found(f"{count:,} variants"), f"at most {MOST:,}", "list fewer values"
        )
    found: dict[str, Variant] = {}
    for chosen in product(*(values for _, values in fields)):
        document = json.loads(json.dumps(whole))
        for (path, _), value in zip(fields, chosen, strict=True):
            inner = document
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
        changed = POLICIES.read(document, place, below=("grid",))
        changes = {".".join(path): value for (path, _), value in zip(fields, chosen, strict=True)}
        variant = Variant(changes, changed)
        found.setdefault(variant.digest, variant)
    return tuple(found.values())


def _fields(
    grid: Mapping[str, Any], document: Mapping[str, Any], source: Source, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Sequence[Any]]]:
    for key, values in grid.items():
        here = (*path, key)
        where = f"{source.where('grid', *here)} (grid.{'.'.join(here)})"
        if key not in document or key == "kind":
            allowed = ", ".join(name for name in document if name != "kind")
            raise DefinitionError(where, Found("no field of the policy"), allowed, "name one of its fields")
        if isinstance(values, Mapping):
            if not isinstance(document[key], Mapping):
                raise DefinitionError(where, Found("a table"), "a list of values", "the field is no table")
            yield from _fields(values, document[key], source, here)
        elif not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise DefinitionError(where, values, "a list of values, at least one", "put the values into brackets")
        else:
            yield here, values
