"""The files of a user's home that a model runs: a bundle serves only with those that it was trained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bullbear.dataset.splits import SPLITTERS
from bullbear.decide.instruments import INSTRUMENT_KINDS, Instrument
from bullbear.decide.policy import POLICIES
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.factors.engine.feature_sets import functions_of
from bullbear.learn import CALIBRATORS, LEARNERS, POOLS
from bullbear.user_code import digests


def user_code_of(
    definition: ModelDefinition, feature_sets: Sequence[FeatureSet], policy: Mapping[str, Any]
) -> dict[str, str]:
    """The users' files that a model runs, with their digests; a part that is not to be found has none."""
    functions = functions_of([spec for each in feature_sets for spec in each.factor])
    learners = [LEARNERS.find(member.learner) for member in definition.members]
    pool = POOLS.find(definition.pool) if len(learners) > 1 else None
    calibrations = [definition.calibration, *(member.calibration or {} for member in definition.members)]
    among = [table for each in calibrations if each.get("kind") == "chosen" for table in each.get("among", ())]
    splitter = SPLITTERS.find(definition.splitter)  # it says when a refit is due
    kinds = [*learners, pool, *map(CALIBRATORS.find, [*calibrations, *among]), POLICIES.find(policy), splitter]
    return digests([*functions, *filter(None, [*kinds, *_instrument_kinds(policy)])])


def _instrument_kinds(value: Any) -> list[type[Instrument] | None]:
    """Those of the instruments in a policy's dump, which is read although one of them may be gone."""
    if isinstance(value, Mapping):
        own = [INSTRUMENT_KINDS.find(value)] if "ticker" in value and "kind" in value else []
        return own + _instrument_kinds(list(value.values()))
    return [kind for each in value for kind in _instrument_kinds(each)] if isinstance(value, list) else []
