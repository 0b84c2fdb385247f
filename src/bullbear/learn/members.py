"""The members of a model: which learners read which feature sets, checked with file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bullbear.definitions import ModelDefinition, Source
from bullbear.errors import DefinitionError, Found
from bullbear.learn.calibrator import CALIBRATORS, Calibrator
from bullbear.learn.learner import LEARNERS, Learner
from bullbear.learn.pool import POOLS, Pool


@dataclass(frozen=True)
class MemberPlan:
    """A member before any fit: `table` is that of its learner, found under the key path `place` of the file.

    `calibration` is None where the model's serves.
    """

    name: str
    table: Mapping[str, Any]
    learner: Learner
    features: tuple[str, ...]
    place: tuple[str | int, ...]
    calibration: Calibrator | None = None


def members_of(definition: ModelDefinition, source: Source | None = None) -> tuple[MemberPlan, ...]:
    """The members of a model in the order of its file.

    Raises
    ------
    DefinitionError
        It has both `[learner]` and `[[member]]` or neither, a name twice, a member reads a set that the model does not
        name, a learner that needs factors has none, it has a calibration that its pool does not ask for, or a table
        does not fit.
    """
    file = source or Source.nowhere("model")
    if definition.learner is not None and definition.member:
        allowed = "either [learner], for one member, or [[member]] tables"
        raise DefinitionError(f"{file.where('member')} (member)", "both", allowed, "remove one")
    if not definition.members:
        raise DefinitionError(f"{file.where('learner')} (learner)", Found("nothing"), "a value", "add the key")
    found: dict[str, MemberPlan] = {}
    for number, member in enumerate(definition.members):
        above: tuple[str | int, ...] = () if definition.learner is not None else ("member", number)
        if member.name in found:
            raise DefinitionError(
                _shown(file, *above, "name"), member.name, "a name that no other member has", "rename one"
            )
        features = definition.features if member.features is None else member.features
        for number_of_set, name in enumerate(features):
            if name not in definition.features:
                allowed = f"one of the model's features, {', '.join(definition.features) or 'none'}"
                raise DefinitionError(
                    _shown(file, *above, "features", number_of_set), name, allowed, "add it to the model's features"
                )
        learner = LEARNERS.read(member.learner, source, below=(*above, "learner"))
        if learner.uses_factors and not features:
            raise DefinitionError(
                _shown(file, *above, "features"), Found("no feature set"), "at least one", "name feature sets"
            )
        calibration = None
        if member.calibration is not None:
            if not pool_of(definition, source).mixes:
                allowed = "a pool that mixes probabilities; any other has one calibration"
                raise DefinitionError(
                    _shown(file, *above, "calibration"), "a calibration of one member", allowed, "move it to the model"
                )
            calibration = CALIBRATORS.read(member.calibration, source, below=(*above, "calibration"))
        place = (*above, "learner")
        found[member.name] = MemberPlan(member.name, member.learner, learner, features, place, calibration)
    return tuple(found.values())


def pool_of(definition: ModelDefinition, source: Source | None = None) -> Pool:
    """How the members of a model are pooled.

    Raises
    ------
    DefinitionError
        The table does not fit, or there is one member only.
    """
    file = source or Source.nowhere("model")
    if definition.pool and len(definition.members) == 1:
        raise DefinitionError(_shown(file, "pool"), "one member", "two members or more in a pool", "remove [pool]")
    return POOLS.read(definition.pool, source, below=("pool",))


def calibrations_of(definition: ModelDefinition, source: Source | None = None) -> tuple[Calibrator, ...]:
    """The calibrator of the pooled signal; of a pool that mixes that of each member.

    Raises
    ------
    DefinitionError
        A table does not fit.
    """
    shared = CALIBRATORS.read(definition.calibration, source, below=("calibration",))
    if not pool_of(definition, source).mixes:
        return (shared,)
    return tuple(plan.calibration or shared for plan in members_of(definition, source))


def _shown(file: Source, *location: str | int) -> str:
    return f"{file.where(*location)} ({'.'.join(map(str, location))})"
