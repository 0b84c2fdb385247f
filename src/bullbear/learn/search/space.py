"""The space of a search: which keys of which learner's table vary, checked with file and line before any fit.

A parameter is named by its path in the file: `learner.penalty`, or `member.trees.learner.num_leaves` for the
`[[member]]` named trees. The values of the file itself must lie in the space: they are the first trial, and the search
leaves them only for what did better on the past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.dataset import splitter_of
from bullbear.definitions import ModelDefinition, Source
from bullbear.definitions.search import SearchDefinition, Values
from bullbear.errors import DefinitionError
from bullbear.learn.learner import LEARNERS, Learner
from bullbear.learn.members import MemberPlan

_PLAIN = (bool, int, float, str)


@dataclass(frozen=True)
class Parameter:
    """One parameter: the member and key that it is of, its values, the file's own among them."""

    path: str
    member: str
    key: str
    values: Values
    own: bool | int | float | str
    is_whole: bool


@dataclass(frozen=True)
class Space:
    """The parameters of a search, sorted by path: the order of the file must not change what is drawn."""

    parameters: tuple[Parameter, ...]

    @property
    def own(self) -> dict[str, Any]:
        """The values that the file gives."""
        return {each.path: each.own for each in self.parameters}

    def tables(self, of_file: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The learners' tables by member, those of the file with `values` in them."""
        found = {name: dict(table) for name, table in of_file.items()}
        for each in self.parameters:
            found[each.member][each.key] = values[each.path]
        return found


def alternatives(definition: ModelDefinition, members: Sequence[MemberPlan]) -> list[Learner]:
    """The learners that a search may turn to: those of the members with each choice of each parameter in their place.

    Ranges of numbers are left out.
    """
    if definition.search is None:
        return []
    space = space_of(definition, members, splitter_of(definition).min_train)
    tables = {member.name: member.table for member in members}
    return [
        LEARNERS.read(space.tables(tables, {**space.own, each.path: choice})[each.member])
        for each in space.parameters
        for choice in each.values.choices
    ]


def space_of(
    definition: ModelDefinition, members: Sequence[MemberPlan], least_rows: int, source: Source | None = None
) -> Space:
    """The space of a model's `[search]`.

    Parameters
    ----------
    members
        Those of the model.
    least_rows
        The examples without which no model is fitted.

    Raises
    ------
    DefinitionError
        A path leads to no parameter of a learner, the learner refuses a value, or the file's own value is not in the
        space.
    """
    assert definition.search is not None
    file = source or Source.nowhere("model")
    return Space(
        tuple(_parameter(definition, definition.search, members, path, least_rows, file)
              for path in sorted(definition.search.space))
    )  # fmt: skip


def _parameter(
    definition: ModelDefinition,
    search: SearchDefinition,
    members: Sequence[MemberPlan],
    path: str,
    least_rows: int,
    file: Source,
) -> Parameter:
    where = f"{file.where('search', 'space', path)} (search.space.{path})"
    prefix = {
        member.name: "learner." if definition.learner is not None else f"member.{member.name}.learner."
        for member in members
    }
    known = {
        f"{prefix[member.name]}{key}": (member, key)
        for member in members
        for key in type(member.learner).model_fields
        if key != "kind" and isinstance(getattr(member.learner, key), _PLAIN)
    }
    if path not in known:
        allowed = ", ".join(known) or "none: its learner has no parameters"
        raise DefinitionError(where, path, allowed, "name a parameter of the learner")
    member, key = known[path]
    values, own = search.space[path], getattr(member.learner, key)
    is_whole = isinstance(own, int) and not isinstance(own, bool)  # a whole number for a float was read as a float
    for value in values.ends:
        _refuse(where, member, key, value, least_rows)
    if not values.holds(own):
        remedy = "widen the space, or change the value of the file: it is the first trial"
        raise DefinitionError(where, _shown(values), f"a space that holds the model's own value, {own!r}", remedy)
    if not values.choices and isinstance(own, bool | str):
        raise DefinitionError(where, _shown(values), "choices = [...] for a parameter that is no number", "list them")
    return Parameter(path, member.name, key, values, own, is_whole)


def _refuse(where: str, member: MemberPlan, key: str, value: object, least_rows: int) -> None:
    """Refuse a value that the learner refuses, the other parameters being those of the file."""
    try:
        learner: Learner = LEARNERS.read({**member.table, key: value})
    except DefinitionError as bad:
        raise DefinitionError(where, value, bad.allowed, "correct the file") from bad
    refused = learner.refuses(least_rows)
    if refused and refused[0] == key:
        raise DefinitionError(where, value, refused[1], "correct the file")


def _shown(values: Values) -> str:
    return ", ".join(map(str, values.choices)) or f"{values.low} to {values.high}"
