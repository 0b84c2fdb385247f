"""`models/holdout.toml`: the period that nothing may be fitted on, or chosen by, before it is opened on record."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationInfo, field_validator

from bullbear.definitions.models import Day
from bullbear.definitions.reading import Definition, Sentence, read


class HoldOut(Definition):
    """The sealed days, from `first` on; without `last` all that come after it."""

    first: Day
    last: Day | None = None
    why: Sentence

    @field_validator("last")
    @classmethod
    def _is_not_before_the_first(cls, last: str | None, info: ValidationInfo) -> str | None:
        first = info.data.get("first")
        if last is not None and first is not None and last < first:
            raise ValueError(f"a day from first, {first}, on")
        return last

    @property
    def span(self) -> str:
        """The days in words.

        Example
        -------
        >>> HoldOut(first="2017-01-01", why="The last word on every model.").span
        '2017-01-01 on'
        """
        return f"{self.first} on" if self.last is None else f"{self.first} to {self.last}"

    def overlaps(self, first: str, last: str | None) -> bool:
        """Whether it shares a day with another period."""
        return (self.last is None or first <= self.last) and (last is None or self.first <= last)

    def is_within(self, first: str, last: str | None) -> bool:
        """Whether another period holds all its days."""
        return first <= self.first and (last is None or (self.last is not None and self.last <= last))


def read_holdout(path: Path) -> HoldOut:
    """The period of a `holdout.toml`.

    Raises
    ------
    DefinitionError
        An unknown key, no day, or an end before the beginning; the message names file and line.
    """
    found, _ = read(path, HoldOut)
    return found
