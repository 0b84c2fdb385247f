"""`models/picker.toml`: how companies and sectors are ranked, traded and judged.

A picker is a declared blend of characteristics and ratings, or a ranker that learns from them. The rotation among
sector funds has rules of the same two kinds. Whether a characteristic exists is checked where it is computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from bullbear.definitions.reading import Definition, Name, Sentence, Source, read, validate
from bullbear.errors import DefinitionError

_Ticker = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,11}$")]
Rebalance = Literal["week", "month"]
Refit = Literal["quarter", "year"]


class Boosted(Definition):
    """`learner` of a ranker; the names are LightGBM's own where it has one.

    `min_data_in_leaf` counts pairs of a company and a decision. `truncation` is how deep into the ranking a pair must
    reach to count (`lambdarank_truncation_level`).
    """

    num_iterations: int = Field(default=100, ge=1, le=5000)
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    num_leaves: int = Field(default=8, ge=2, le=256)
    min_data_in_leaf: int = Field(default=200, ge=1)
    feature_fraction: float = Field(default=0.7, gt=0, le=1)
    bagging_fraction: float = Field(default=0.7, gt=0, le=1)
    lambda_l2: float = Field(default=1.0, ge=0)
    max_bin: int = Field(default=63, ge=2, le=255)
    truncation: int = Field(default=1000, ge=1, le=10_000)
    seed: int = Field(default=7, ge=0, le=1_000_000)


class Rule(Definition):
    """What blends and rankers share: `name` and one sentence of `why`."""

    name: Name
    why: Sentence


class Blend(Rule):
    """A weighted mean of percentiles within the group.

    A negative weight prefers low values. A score needs parts with at least half of the total weight; where some are
    missing, the rest share theirs.
    """

    kind: Literal["blend"]
    weights: dict[Name, float] = Field(min_length=1)

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if any(weight == 0.0 for weight in self.weights.values()):
            raise ValueError("weights other than 0")
        return self

    @property
    def characteristics(self) -> tuple[str, ...]:
        """What it reads, in the order of the file."""
        return tuple(self.weights)


class Ranker(Rule):
    """LightGBM's lambdarank, trained on all past decisions whose labels had resolved; see `learn.ranker`."""

    kind: Literal["ranker"]
    features: tuple[Name, ...] = Field(min_length=1, strict=False)
    learner: Boosted = Boosted()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.features)) < len(self.features):
            raise ValueError("features, each once")
        return self

    @property
    def characteristics(self) -> tuple[str, ...]:
        """What it reads, in the order of the file."""
        return self.features


class Schedule(Definition):
    """When is decided, what is foreseen, and what a model may learn from.

    `horizon` and `embargo` are sessions: a decision may learn from an earlier one whose label resolved at least
    `embargo` sessions before. `least_decisions` of them are needed for a first fit.
    """

    horizon: int = Field(default=21, ge=1, le=252)
    rebalance: Rebalance = "month"
    refit: Refit = "year"
    embargo: int = Field(default=5, ge=0, le=252)
    least_decisions: int = Field(default=24, ge=2, le=1000)


class Trading(Definition):
    """What trading costs, in basis points of the value traded on each side; `borrow_bp` a year for what is sold short.

    An order above `participation` of the median dollar volume of 21 sessions is too large. The capacity is the account
    at which the `names`-th order becomes so.
    """

    cost_bp: float = Field(ge=0, le=1000)
    borrow_bp: float = Field(default=50.0, ge=0, le=10_000)
    participation: float = Field(default=0.05, gt=0, le=1)
    names: int = Field(default=5, ge=1, le=1000)


class Picker(Definition):
    """A rule for companies with its schedule, its quantiles and its costs."""

    rule: Annotated[Blend | Ranker, Field(discriminator="kind")]
    schedule: Schedule = Schedule()
    trading: Trading
    quantiles: int = Field(default=5, ge=2, le=20)

    @property
    def name(self) -> str:
        """That of its rule."""
        return self.rule.name


class Rotation(Definition):
    """The sector funds by ticker with the names of their sectors, how many are held, and the rules."""

    funds: dict[_Ticker, str] = Field(min_length=3)
    benchmark: _Ticker
    hold: int = Field(ge=1)
    schedule: Schedule = Schedule()
    trading: Trading
    rules: tuple[Annotated[Blend | Ranker, Field(discriminator="kind")], ...] = Field(
        alias="rule", min_length=1, strict=False
    )

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.hold >= len(self.funds):
            raise ValueError(f"hold below the number of funds, {len(self.funds)}")
        if len({rule.name for rule in self.rules}) < len(self.rules):
            raise ValueError("rules of different names")
        return self


class _File(Definition):
    picker: tuple[dict[str, Any], ...] = Field(default=(), strict=False)
    rotation: dict[str, Any] | None = None


@dataclass(frozen=True)
class PickerFile:
    """The pickers of a file by name, the rotation if it has one, and where both stand."""

    pickers: Mapping[str, Picker]
    rotation: Rotation | None
    source: Source


def read_pickers(path: Path) -> PickerFile:
    """The pickers and the rotation of a `picker.toml`.

    Raises
    ------
    DefinitionError
        Something makes no sense, or two pickers share a name; the message names file and line.
    """
    tables, source = read(path, _File)
    found: dict[str, Picker] = {}
    for place, table in enumerate(tables.picker):
        picker = validate(table, Picker, source, below=("picker", place))
        if picker.name in found:
            where = f"{source.where('picker', place)} (picker.{place}.rule.name)"
            raise DefinitionError(where, picker.name, "a name that no other picker has", "rename one")
        found[picker.name] = picker
    rotation = None
    if tables.rotation is not None:
        rotation = validate(tables.rotation, Rotation, source, below=("rotation",))
    return PickerFile(found, rotation, source)


def normalised(weights: Sequence[float]) -> tuple[float, ...]:
    """Weights divided by the sum of their sizes.

    Example
    -------
    >>> normalised([3.0, -1.0])
    (0.75, -0.25)
    """
    total = math.fsum(abs(weight) for weight in weights)
    return tuple(weight / total for weight in weights)
