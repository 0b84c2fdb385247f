"""`models/promotion.toml`: what a run must show to become the champion of its question.

A key that a file leaves out has the value below, which is the packaged file's too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from bullbear.definitions.questions import Question
from bullbear.definitions.reading import Definition, read


class SkillTest(Definition):
    """`error` is the chance that a skill-less model passes the skill test, shared among all models tried."""

    error: float = Field(default=0.10, gt=0, lt=0.5)


class EvidenceTest(Definition):
    """`least` is the number of effective independent forecasts."""

    least: float = Field(default=36.0, ge=1)


class CalibrationTest(Definition):
    """A run whose test of overconfidence has a p-value below `least_p_value` is refused; 0 refuses none."""

    least_p_value: float = Field(default=0.01, ge=0, lt=1)


class SuperiorAbilityTest(Definition):
    """The largest p-value of Hansen's SPA over all models tried, from `least_models` on; 1 refuses none."""

    most_p_value: float = Field(default=0.10, gt=0, le=1)
    least_models: int = Field(default=2, ge=2)


class OverfittingTest(Definition):
    """Refused from `least_models` on where PBO and the share of losses both exceed theirs; 1 refuses none.

    A high PBO alone says that the choice was arbitrary, which among equally good models does no harm.
    """

    most_pbo: float = Field(default=0.5, ge=0, le=1)
    most_losses: float = Field(default=0.25, ge=0, le=1)
    least_models: int = Field(default=8, ge=2)


class TriesTest(Definition):
    """`most` is the largest number of models tried on the question; no limit without."""

    most: int | None = Field(default=None, ge=1)


class PlausibilityTest(Definition):
    """The largest Brier skill that is believed, by what is asked; more means that something looks ahead."""

    direction: float = Field(default=0.05, gt=0, le=1)
    tail: float = Field(default=0.25, gt=0, le=1)
    dip: float = Field(default=0.40, gt=0, le=1)
    rally: float = Field(default=0.40, gt=0, le=1)
    move: float = Field(default=0.40, gt=0, le=1)
    volatility: float = Field(default=0.80, gt=0, le=1)
    other: float = Field(default=0.40, gt=0, le=1)

    def most(self, question: Question) -> float:
        """The bound of a question."""
        kind = question.kind
        if kind in ("return_above", "return_below"):
            kind = "direction" if abs(question.threshold) < 0.01 else "tail"
        found: float = getattr(self, kind) if kind in type(self).model_fields else self.other
        return found


class AuditTest(Definition):
    """Which audit must have passed on the present code and data: a quick one (or a full one), a full one, or none."""

    required: Literal["quick", "full", "none"] = "quick"


class Promotion(Definition):
    """The thresholds of the gate."""

    skill: SkillTest = SkillTest()
    evidence: EvidenceTest = EvidenceTest()
    calibration: CalibrationTest = CalibrationTest()
    superior_ability: SuperiorAbilityTest = SuperiorAbilityTest()
    overfitting: OverfittingTest = OverfittingTest()
    tries: TriesTest = TriesTest()
    plausibility: PlausibilityTest = PlausibilityTest()
    audit: AuditTest = AuditTest()


def read_promotion(path: Path) -> Promotion:
    """The thresholds of a `promotion.toml`.

    Raises
    ------
    DefinitionError
        An unknown key or an impossible threshold; the message names file and line.
    """
    found, _ = read(path, Promotion)
    return found
