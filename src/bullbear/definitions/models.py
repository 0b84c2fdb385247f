"""What the TOML files of `features/` and `models/` hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bullbear.definitions.questions import UP, AnyQuestion, Question
from bullbear.definitions.reading import Definition, Name, Sentence
from bullbear.definitions.search import SearchDefinition
from bullbear.errors import InputError


def _iso_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as bad:
        raise ValueError("a day of the calendar as YYYY-MM-DD") from bad
    return text


Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_iso_day)]
Scalar = bool | int | float | str


ASSET = "$asset"
"""As an input of a factor: the asset that a row is for."""


def _named(value: Any, info: ValidationInfo) -> Any:
    """The question of a name, out of those that the context holds."""
    if not isinstance(value, str):
        return value
    questions: Mapping[str, Question] = (info.context or {}).get("questions", {UP.name: UP})
    if value not in questions:
        raise ValueError(f"one of {', '.join(questions)}, as models/questions.toml defines them")
    return questions[value]


class FactorSpec(Definition):
    """One factor of a feature set: a registered function, its inputs, its parameters."""

    name: Name
    function: Name
    inputs: dict[str, str]
    params: dict[str, Scalar] = Field(default_factory=dict)
    sign: Literal[-1, 0, 1] = 0
    """The direction in which theory says the factor moves P(up); 0 where it says nothing. Monotone learners obey it."""
    why: str = ""

    def inputs_for(self, asset: str) -> dict[str, str]:
        """Input to series, `"$asset"` replaced by `asset`."""
        return {name: asset if series == ASSET else series for name, series in self.inputs.items()}


class FactorEntry(FactorSpec):
    """One `[[factor]]` table of a file: a factor, or with `each` one for every whole number from a first to a last.

    `name = "daily_return", each = { lag = [0, 2] }` gives daily_return_0, daily_return_1 and daily_return_2, with that
    `lag` among their parameters.
    """

    each: dict[str, tuple[int, int]] = Field(default_factory=dict, max_length=1, strict=False)

    @field_validator("each", mode="before")
    @classmethod
    def _ranges(cls, each: Any) -> Any:
        lists = isinstance(each, dict) and all(isinstance(ends, list) for ends in each.values())
        return {name: tuple(ends) for name, ends in each.items()} if lists else each

    @field_validator("each")
    @classmethod
    def _not_twice(cls, each: dict[str, tuple[int, int]], info: ValidationInfo) -> dict[str, tuple[int, int]]:
        if twice := each.keys() & info.data.get("params", {}).keys():
            raise ValueError(f"a parameter that params does not set; it sets {', '.join(twice)}")
        return each

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name, (first, last) in self.each.items():
            if not 0 <= first <= last < first + 1000:
                raise ValueError(f"each.{name} = [first, last], from 0 on, in order, at most 1000 numbers")
        return self

    def specs(self) -> tuple[FactorSpec, ...]:
        """The factors that the table stands for."""
        plain = {name: getattr(self, name) for name in FactorSpec.model_fields}
        if not self.each:
            return (FactorSpec(**plain),)
        ((parameter, (first, last)),) = self.each.items()
        return tuple(
            FactorSpec(**{**plain, "name": f"{self.name}_{number}", "params": {**self.params, parameter: number}})
            for number in range(first, last + 1)
        )


class Universe(Definition):
    """`[universe]` of a feature set: the assets that rows are computed for; none means the model's target alone."""

    assets: tuple[Annotated[str, StringConstraints(pattern=r"^\^?[A-Z0-9][A-Z0-9.\-]*$")], ...] = Field(
        default=(), strict=False
    )

    @field_validator("assets")
    @classmethod
    def _each_once(cls, assets: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(assets)) < len(assets):
            raise ValueError("each asset once")
        return assets


class FeatureSet(Definition):
    """`features/NAME.toml`: which factors, with which parameters, and one sentence of why."""

    name: Name
    why: Sentence
    universe: Universe = Universe()
    factor: tuple[FactorSpec, ...] = Field(min_length=1, strict=False)  # TOML has lists, no tuples


class FeatureFile(FeatureSet):
    """A feature set as its file has it, each table of which may stand for several factors."""

    factor: tuple[FactorEntry, ...] = Field(min_length=1, strict=False)


class Target(Definition):
    """What is forecast: the answer to a question about a ticker. A `horizon` replaces that of the question."""

    ticker: str = "IWM"
    question: AnyQuestion = UP
    horizon: int = Field(default=0, ge=1, le=252)
    """In sessions; always that of the question once made."""

    @model_validator(mode="after")
    def _one_horizon(self) -> Self:
        if self.horizon:
            object.__setattr__(self, "question", self.question.over(self.horizon))
        object.__setattr__(self, "horizon", self.question.horizon)
        return self

    def on(self, ticker: str) -> Target:
        """The same question about another ticker."""
        return self.model_copy(update={"ticker": ticker})


class Subject(Definition):
    """`[target]` of a model: which ticker its questions are about, and a horizon that replaces theirs, in sessions."""

    ticker: str = "IWM"
    horizon: int | None = Field(default=None, ge=1, le=252)


class MemberDefinition(Definition):
    """`[[member]]` of a model: a learner with a name, and the feature sets that it reads, by default all.

    Where the pool mixes probabilities, `[member.calibration]` replaces the model's `[calibration]` for this member.
    """

    name: Name
    features: tuple[Name, ...] | None = Field(default=None, strict=False)
    learner: dict[str, Any]
    calibration: dict[str, Any] | None = None


class PolicyTable(Definition):
    """`[policy]` of a model: a kind of policy with its fields, which the kind checks.

    `features` names feature sets whose factors the policy reads; they are computed for positions, not for learners.
    """

    model_config = ConfigDict(extra="allow")

    features: tuple[Name, ...] = Field(default=(), strict=False)

    @property
    def table(self) -> dict[str, Any]:
        """The kind and its fields."""
        return dict(self.model_extra or {})


class PolicyFile(PolicyTable):
    """`models/policies/NAME.toml`: a policy that several models may name."""

    name: Name
    intent: Sentence
    kind: str

    @property
    def table(self) -> dict[str, Any]:
        """The kind and its fields."""
        return {"kind": self.kind, **super().table}


class ModelDefinition(Definition):
    """`models/NAME.toml`. The tables of kinds are checked by the parts that own them.

    A file names its questions; reading needs them as context: `read(path, ModelDefinition, context=...)`. Once read,
    and in JSON, the definition holds whole questions, so that a later edit of `questions.toml` changes no bundle.
    `[learner]` is short for one `[[member]]` that is named like the model; `policy` is the name of a file in
    `models/policies/`, or a `[policy]` table.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    name: Name
    intent: Sentence
    seed: int = Field(default=0, ge=0)
    questions: tuple[Annotated[AnyQuestion, BeforeValidator(_named)], ...] = Field(
        default=(UP,), min_length=1, strict=False
    )
    subject: Subject = Field(default=Subject(), alias="target")
    features: tuple[Name, ...] = Field(default=(), strict=False)
    splitter: dict[str, Any] = Field(default_factory=dict)
    learner: dict[str, Any] | None = None
    member: tuple[MemberDefinition, ...] = Field(default=(), strict=False)
    pool: dict[str, Any] = Field(default_factory=dict)
    calibration: dict[str, Any] = Field(default_factory=dict)
    policy: dict[str, Any] | Name = Field(default_factory=dict)
    search: SearchDefinition | None = None
    """How its parameters are chosen; None for a model that is trained with those of its file."""

    @field_validator("questions")
    @classmethod
    def _each_once(cls, questions: tuple[Question, ...]) -> tuple[Question, ...]:
        if len({question.name for question in questions}) < len(questions):
            raise ValueError("each question once")
        return questions

    @model_validator(mode="after")
    def _one_horizon(self) -> Self:
        if horizon := self.subject.horizon:
            object.__setattr__(self, "questions", tuple(question.over(horizon) for question in self.questions))
        return self

    @property
    def ticker(self) -> str:
        """What its questions are about."""
        return self.subject.ticker

    @property
    def targets(self) -> tuple[Target, ...]:
        """What is forecast, question by question."""
        return tuple(Target(ticker=self.ticker, question=question) for question in self.questions)

    @property
    def target(self) -> Target:
        """What a model of one question forecasts.

        Raises
        ------
        InputError
            It has several; see `only`.
        """
        if len(self.questions) > 1:
            names = ", ".join(question.name for question in self.questions)
            raise InputError(f"model {self.name}", names, "a single question", "name one of them")
        return self.targets[0]

    def only(self, question: str) -> ModelDefinition:
        """The model of one of its questions.

        Raises
        ------
        InputError
            It does not have that question.
        """
        for each in self.questions:
            if each.name == question:
                return self.model_copy(update={"questions": (each,)})
        names = ", ".join(each.name for each in self.questions)
        raise InputError(f"question of model {self.name}", question, f"one of {names}", "choose one of them")

    @property
    def members(self) -> tuple[MemberDefinition, ...]:
        """Its members; the one of `[learner]` is named like the model."""
        if self.learner is None:
            return self.member
        return (MemberDefinition(name=self.name, learner=self.learner), *self.member)
