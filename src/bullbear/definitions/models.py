"""What the TOML files of `features/` and `models/` hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bullbear.definitions.questions import UP, AnyQuestion, Question
from bullbear.definitions.reading import Definition, Name, Sentence


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


class Target(Definition):
    """What is forecast: the answer to a question about a ticker.

    A file names the question; reading needs the questions as context: `read(path, ModelDefinition, context=...)`. Once
    read, and in JSON, the target holds the whole question, so that a later edit of `questions.toml` changes no bundle.
    A `horizon` replaces that of the question.
    """

    ticker: str = "IWM"
    question: Annotated[AnyQuestion, BeforeValidator(_named)] = UP
    horizon: int = Field(default=0, ge=1, le=252)
    """In sessions; always that of the question once read."""

    @model_validator(mode="after")
    def _one_horizon(self) -> Self:
        if self.horizon:
            object.__setattr__(self, "question", self.question.model_copy(update={"horizon": self.horizon}))
        object.__setattr__(self, "horizon", self.question.horizon)
        return self

    def on(self, ticker: str) -> Target:
        """The same question about another ticker."""
        return self.model_copy(update={"ticker": ticker})


class ModelDefinition(Definition):
    """`models/NAME.toml`. The tables of kinds are checked by the parts that own them."""

    name: Name
    intent: Sentence
    seed: int = Field(default=0, ge=0)
    target: Target = Target()
    features: tuple[Name, ...] = Field(default=(), strict=False)
    splitter: dict[str, Any] = Field(default_factory=dict)
    learner: dict[str, Any]
    calibration: dict[str, Any] = Field(default_factory=dict)
    policy: dict[str, Any] = Field(default_factory=dict)
