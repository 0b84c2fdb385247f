"""A model definition with all that it names, checked to the last parameter, and the hash of what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bullbear.dataset import Splitter
from bullbear.decide.instruments import instruments_in
from bullbear.decide.policy import Policy, load_policy
from bullbear.decide.rule import Rule
from bullbear.definitions import FactorSpec, FeatureSet, ModelDefinition, Question, Source, digest
from bullbear.definitions.coherence import related
from bullbear.factors import registered, universe
from bullbear.factors.engine.feature_sets import functions_of
from bullbear.learn.calibrator import Calibrator
from bullbear.learn.members import MemberPlan
from bullbear.learn.pool import Pool
from bullbear.user_code import digests

HOLD_CASH = {"kind": "hold_cash"}
"""The `[policy]` of a question that no rule for positions reads."""


@dataclass(frozen=True)
class Parts:
    """A definition's tables as the parts that own them have validated them."""

    members: tuple[MemberPlan, ...]
    pool: Pool
    calibration: Calibrator
    splitter: Splitter
    rule: Rule

    @property
    def policy(self) -> Policy:
        """The rule for positions, without its factors."""
        return self.rule.policy

    def meaning(self, feature_sets: Sequence[FeatureSet]) -> dict[str, Any]:
        """All that can change a forecast or a position; a pool of one member can change neither."""
        return {
            "members": [
                {
                    "learner": _plain(member.learner),
                    "factors": _factors(member, feature_sets),
                    **({"calibration": _plain(member.calibration)} if member.calibration is not None else {}),
                }
                for member in self.members
            ],
            **({"pool": _plain(self.pool)} if len(self.members) > 1 else {}),
            "calibration": _plain(self.calibration),
            "splitter": _plain(self.splitter),
            "policy": _plain(self.policy),
            **({"policy_factors": _spelt(own)} if (own := self.rule.own) else {}),
        }

    @property
    def kinds(self) -> list[type]:
        """The classes behind them."""
        pool = [self.pool] if len(self.members) > 1 else []
        learners = [member.learner for member in self.members]
        own = [member.calibration for member in self.members if member.calibration is not None]
        calibrations = [kind for each in (self.calibration, *own) for kind in each.kinds]
        return [*map(type, [*learners, *pool]), *calibrations, type(self.splitter), type(self.policy)]


@dataclass(frozen=True)
class Model:
    """A model definition with all that it names, checked to the last parameter."""

    definition: ModelDefinition
    source: Source
    feature_sets: tuple[FeatureSet, ...]
    feature_paths: tuple[Path, ...]
    parts: Parts
    definition_hash: str

    @classmethod
    def of(
        cls,
        definition: ModelDefinition,
        source: Source,
        feature_sets: tuple[FeatureSet, ...],
        feature_paths: tuple[Path, ...],
        parts: Parts,
        companions: Sequence[Question] = (),
        read: Mapping[str, Sequence[Question]] | None = None,
    ) -> Model:
        """A model with the hash of its meaning; see `meaning`."""
        seal = digest(meaning(definition, feature_sets, parts, companions, read))
        return cls(definition, source, feature_sets, feature_paths, parts, seal)

    @property
    def rule(self) -> Rule:
        """The rule for positions."""
        return self.parts.rule

    @property
    def policy(self) -> Policy:
        """The policy of its rule."""
        return self.parts.policy

    @property
    def user_code(self) -> dict[str, str]:
        """The home's Python files that it runs, such as `learners/mine.py`, each with its digest."""
        return _user_code(self.feature_sets, self.parts)

    def only(self, question: str, *, together: bool = False) -> Model:
        """The model of one of its questions, with a definition, a hash and a policy of its own.

        The policy goes with `up`; of several questions the others hold cash.

        Parameters
        ----------
        together
            Trained together with the other questions, so that the forecasts depend on those that they must be coherent
            with.

        Raises
        ------
        InputError
            It does not have that question.
        """
        definition = self.definition.only(question)
        if len(self.definition.questions) == 1:
            return self
        rule = self.rule if question == "up" else Rule(load_policy(HOLD_CASH, questions=[question]))
        every = self.definition.questions
        read = rule.policy.needs.read(each.name for each in every) - {question} if together else set()
        return Model.of(
            definition,
            self.source,
            self.feature_sets,
            self.feature_paths,
            replace(self.parts, rule=rule),
            related(every, question) if together else (),
            {each.name: (each, *related(every, each.name)) for each in every if each.name in read},
        )


def meaning(
    definition: ModelDefinition,
    feature_sets: Sequence[FeatureSet],
    parts: Parts,
    companions: Sequence[Question] = (),
    read: Mapping[str, Sequence[Question]] | None = None,
) -> dict[str, Any]:
    """All of a model that can change a forecast or a position, every default filled in; its `definition_hash` is of it.

    Names of the model, its members, its feature sets and its questions and every sentence are left out. A default that
    is written out changes nothing, one that changes in the code does. `companions` are the questions trained together
    with that of the definition that its forecasts are made coherent with, `read` those that its policy decides on
    besides, by name, each followed by its own companions.
    """
    specs = [spec for feature_set in feature_sets for spec in feature_set.factor]
    return {
        "seed": definition.seed,
        "ticker": definition.ticker,
        "questions": [_asked(each) for each in definition.questions],
        **({"coherent_with": sorted(map(_asked, companions), key=json.dumps)} if companions else {}),
        **({"decided_with": {name: _asked_together(each) for name, each in read.items()}} if read else {}),
        **parts.meaning(feature_sets),
        **({"search": definition.search.model_dump(mode="json")} if definition.search is not None else {}),
        "factors": _spelt(specs),
        "assets": sorted(universe(feature_sets, definition.ticker)),  # rows are in this order
        "code": _user_code(feature_sets, parts),
    }


def _user_code(feature_sets: Sequence[FeatureSet], parts: Parts) -> dict[str, str]:
    specs = [spec for feature_set in feature_sets for spec in feature_set.factor]
    functions = functions_of([*specs, *parts.rule.own])
    return digests([*functions, *parts.kinds, *map(type, instruments_in(parts.policy))])


def _spelt(specs: Sequence[FactorSpec]) -> list[dict[str, Any]]:
    """Factors with every default filled in."""
    return [
        {
            "name": spec.name,
            "function": spec.function,
            "inputs": spec.inputs,
            "params": registered()[spec.function].settled(spec.params),
            "sign": spec.sign,
        }
        for spec in specs
    ]


def _asked(question: Question) -> dict[str, Any]:
    return question.model_dump(mode="json", exclude={"name", "sentence"})


def _asked_together(questions: Sequence[Question]) -> list[dict[str, Any]]:
    return [_asked(questions[0]), *sorted(map(_asked, questions[1:]), key=json.dumps)]


def _factors(member: MemberPlan, feature_sets: Sequence[FeatureSet]) -> list[str]:
    return [spec.name for each in feature_sets if each.name in member.features for spec in each.factor]


def _plain(part: object) -> dict[str, Any]:
    if not isinstance(part, BaseModel):  # its parameters would be left out of the hash
        raise TypeError(f"{type(part).__name__} is not a Definition")
    return part.model_dump(mode="json")
