"""`[search]` of a model: which parameters of its learners are searched, over what, how often and how long.

Whether a parameter exists and takes the values is checked by `learn.search.space`, which knows the learners.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bullbear.definitions.reading import Definition


class Values(Definition):
    """The values of one parameter: numbers from `low` to `high`, both included, or one of `choices`.

    With `log` the logarithms of the numbers are spread evenly.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[bool | int | float | str, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.choices:
            if (self.low, self.high, self.log) != (None, None, False):
                raise ValueError("low and high, or choices")
            if len(set(self.choices)) < max(2, len(self.choices)):
                raise ValueError("two choices or more, each once")
        elif self.low is None or self.high is None or not self.low < self.high:
            raise ValueError("low below high, or choices")
        elif self.log and self.low <= 0:
            raise ValueError("low above 0 where log = true")
        return self

    @property
    def ends(self) -> tuple[bool | int | float | str, ...]:
        """The lowest and the highest number, or all choices."""
        return self.choices or tuple(each for each in (self.low, self.high) if each is not None)

    def holds(self, value: object) -> bool:
        """Whether `value` is one of them."""
        if self.choices:
            return value in self.choices
        low, high = self.ends
        return isinstance(value, int | float) and float(low) <= value <= float(high)


class SearchDefinition(Definition):
    """`[search]`: how `bullbear tune` chooses parameters; `bullbear train` takes those of the file.

    `space` maps the path of a parameter in the file, such as `learner.penalty`, to its values.
    """

    trials: int = Field(default=30, ge=1, le=10_000)
    every: Literal["month", "quarter", "year"] = "year"
    """The search is repeated at the first refit of each."""
    inner_folds: int = Field(default=4, ge=2, le=20)
    """Stretches of the past on which the parameters of a trial are scored, one after the other."""
    pruning: bool = True
    """Whether a trial ends early whose score on the first stretches lies below the median of the earlier trials."""
    space: dict[str, Values] = Field(min_length=1)
