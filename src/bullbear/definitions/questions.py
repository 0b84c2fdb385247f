"""Questions: the binary outcomes of the coming sessions that a model may forecast.

Questions are data (`models/questions.toml`); their kinds are the classes below. All are asked of total-return closes.
A path is the closes of one decision and its horizon, the decision's first: shape (horizon + 1,). An outcome is a number
measured on the path, and the answer is yes if it lies beyond the threshold. Thresholds and returns are fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny

from bullbear.definitions.kinds import Kinds
from bullbear.definitions.reading import Definition, Name, Sentence, read
from bullbear.errors import DefinitionError

Array = np.ndarray[Any, np.dtype[Any]]
SESSIONS_A_YEAR = 252


def _between(low: float, high: float, example: str) -> Callable[[float], float]:
    def checked(threshold: float) -> float:
        if not low < threshold < high:
            raise ValueError(f"a fraction between {low:g} and {high:g}: {example}")
        return threshold

    return checked


Return = Annotated[float, AfterValidator(_between(-1, 1, "0.05 is 5 %"))]
Fall = Annotated[float, AfterValidator(_between(-1, 0, "-0.05 is a fall of 5 %"))]
Gain = Annotated[float, AfterValidator(_between(0, 1, "0.05 is 5 %"))]
YearlyVolatility = Annotated[float, AfterValidator(_between(0, 3, "0.20 is 20 % a year"))]


class Question(Definition):
    """What every kind has in common.

    `direction` is what a rise of the price does to the probability: +1, -1, or 0 where theory does not say. A factor's
    `sign`, which speaks of P(up), is multiplied by it. `reads_path` says whether the closes between decision and
    resolution matter.
    """

    name: Name
    kind: str
    threshold: float
    horizon: int = Field(default=21, ge=1, le=252)
    sentence: Sentence

    direction: ClassVar[int] = 0
    reads_path: ClassVar[bool] = True

    def over(self, horizon: int) -> Self:
        """The same question over another horizon, in sessions; its sentence says so."""
        if horizon == self.horizon:
            return self
        sentence = f"{self.sentence.rstrip('.')} (over {horizon} sessions, not {self.horizon})."
        return self.model_copy(update={"horizon": horizon, "sentence": sentence})

    def outcome(self, paths: Array) -> Array:
        """The number that decides, for each path; shape (n, horizon + 1) to (n,), NaN where a close is missing."""
        raise NotImplementedError

    def answer(self, outcomes: Array) -> Array:
        """1 for yes, 0 for no, NaN for an unknown outcome; shape (n,)."""
        return np.where(np.isnan(outcomes), np.nan, self.holds(outcomes).astype(float))

    def holds(self, outcomes: Array) -> Array:
        """Whether each outcome lies beyond the threshold; shape (n,)."""
        return np.asarray(outcomes > self.threshold)


QUESTION_KINDS = Kinds[Question]("question")


def _total_return(paths: Array) -> Array:
    return np.asarray(paths[:, -1] / paths[:, 0] - 1.0)


@QUESTION_KINDS.register
class ReturnAbove(Question):
    """The return over the horizon exceeds the threshold."""

    kind: Literal["return_above"]
    threshold: Return
    direction: ClassVar[int] = 1
    reads_path: ClassVar[bool] = False

    def outcome(self, paths: Array) -> Array:
        """The return over the horizon."""
        return _total_return(paths)


@QUESTION_KINDS.register
class ReturnBelow(Question):
    """The return over the horizon is under the threshold."""

    kind: Literal["return_below"]
    threshold: Return
    direction: ClassVar[int] = -1
    reads_path: ClassVar[bool] = False

    def outcome(self, paths: Array) -> Array:
        """The return over the horizon."""
        return _total_return(paths)

    def holds(self, outcomes: Array) -> Array:
        """Whether each return is under the threshold."""
        return np.asarray(outcomes < self.threshold)


@QUESTION_KINDS.register
class Dip(Question):
    """Some close within the horizon is at or below the decision's by the threshold, a negative fraction."""

    kind: Literal["dip"]
    threshold: Fall
    direction: ClassVar[int] = -1

    def outcome(self, paths: Array) -> Array:
        """The lowest close within the horizon relative to the decision's, less 1."""
        # A missing close makes the minimum NaN.
        return np.asarray(np.min(paths[:, 1:], axis=1) / paths[:, 0] - 1.0)

    def holds(self, outcomes: Array) -> Array:
        """Whether each lowest close reaches the threshold."""
        return np.asarray(outcomes <= self.threshold)


@QUESTION_KINDS.register
class Rally(Question):
    """Some close within the horizon is at or above the decision's by the threshold."""

    kind: Literal["rally"]
    threshold: Gain
    direction: ClassVar[int] = 1

    def outcome(self, paths: Array) -> Array:
        """The highest close within the horizon relative to the decision's, less 1."""
        return np.asarray(np.max(paths[:, 1:], axis=1) / paths[:, 0] - 1.0)

    def holds(self, outcomes: Array) -> Array:
        """Whether each highest close reaches the threshold."""
        return np.asarray(outcomes >= self.threshold)


@QUESTION_KINDS.register
class Move(Question):
    """The return over the horizon exceeds the threshold in either direction."""

    kind: Literal["move"]
    threshold: Gain
    reads_path: ClassVar[bool] = False

    def outcome(self, paths: Array) -> Array:
        """The absolute return over the horizon."""
        return np.abs(_total_return(paths))


@QUESTION_KINDS.register
class Volatility(Question):
    """The realised volatility within the horizon, annualised, exceeds the threshold.

    `sqrt(252 * mean(r_s ** 2))` over the daily log returns `r_s` of the horizon; their mean is not subtracted.
    """

    kind: Literal["volatility"]
    threshold: YearlyVolatility

    def outcome(self, paths: Array) -> Array:
        """The annualised realised volatility."""
        returns = np.diff(np.log(paths), axis=1)
        return np.asarray(np.sqrt(np.mean(returns**2, axis=1)) * math.sqrt(SESSIONS_A_YEAR))


def _question(value: Any) -> Any:
    return QUESTION_KINDS.read(value) if isinstance(value, Mapping) else value


AnyQuestion = Annotated[SerializeAsAny[Question], BeforeValidator(_question)]
"""A field that holds a question of any kind and survives JSON."""


class _Tables(Definition):
    """`models/questions.toml`; each table is checked by its kind."""

    question: tuple[dict[str, Any], ...] = Field(min_length=1, strict=False)


def read_questions(path: Path) -> dict[str, Question]:
    """The questions of a `questions.toml`, by name in the order of the file.

    Raises
    ------
    DefinitionError
        A question makes no sense or a name is used twice; the message names file and line.
    """
    tables, source = read(path, _Tables)
    found: dict[str, Question] = {}
    for place, table in enumerate(tables.question):
        question = QUESTION_KINDS.read(table, source, below=("question", place))
        if question.name == "up" and (question.kind, question.threshold) != (UP.kind, UP.threshold):
            where = f"{source.where('question', place)} (question.{place})"
            given = f'kind = "{question.kind}", threshold = {question.threshold}'
            raise DefinitionError(
                where, given, 'kind = "return_above", threshold = 0.0 for "up"', "choose another name"
            )
        if question.name in found:
            where = f"{source.where('question', place, 'name')} (question.{place}.name)"
            raise DefinitionError(where, question.name, "a name that no other question has", "rename one")
        found[question.name] = question
    return found


UP = ReturnAbove(
    name="up", kind="return_above", threshold=0.0, horizon=21, sentence="The total return over the month is positive."
)
"""The first question, and the default."""
