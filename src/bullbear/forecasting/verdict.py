"""What the gate says of a run: every test with its numbers, passed, failed or not applicable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bullbear.documents import json_ready
from bullbear.errors import GateError


@dataclass(frozen=True)
class Evidence:
    """One comparison: of a run with `rival` (climatology or the champion) on `n` days, by one score."""

    rival: str
    score: str
    n: int
    gain: float
    low: float
    p_value: float
    confidence: float
    skill: float
    skill_low: float


@dataclass(frozen=True)
class Check:
    """One test of the gate; `passed` is None where it does not apply, and `reason` says why or what was found.

    `value` is compared with `threshold`, where the test is of one number.
    """

    test: str
    passed: bool | None
    reason: str
    remedy: str = ""
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What the gate has compared; `tried` models share the chance of error, None where the registry cannot be read."""

    tried: int | None
    n_effective: float
    tests: tuple[Evidence, ...]
    notes: tuple[str, ...]
    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no test failed."""
        return self.failed is None

    @property
    def failed(self) -> Check | None:
        """The first test that failed."""
        return next((check for check in self.checks if check.passed is False), None)

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        if (failed := self.failed) is not None:
            return f"refused: the {failed.test} test: {failed.reason}"
        if self.tests:
            first = self.tests[0]
            bound = f"at least {first.skill_low:+.2%} with {first.confidence:.1%} confidence"
            return f"passed: {first.score} skill {first.skill:+.2%} against {first.rival}, {bound}"
        return f"passed: {self.notes[-1]}" if self.notes else "passed"

    def refusal(self) -> GateError | None:
        """The error that says which test failed first, and by how much; None if none did."""
        failed = self.failed
        if failed is None:
            return None
        return GateError(f"the {failed.test} test", failed.reason, failed.remedy, self.as_dict())

    def noting(self, note: str | None) -> Verdict:
        """The verdict with a note before its own."""
        return self if note is None else replace(self, notes=(note, *self.notes))

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON, what is not a finite number as None."""
        result: dict[str, Any] = json_ready(self)
        return {**result, "passed": self.passed, "verdict": self.sentence}

    def lines(self) -> list[str]:
        """What was compared, one line a comparison."""
        return [
            f"{test.score} against {test.rival} on {test.n:,} days: skill {test.skill:+.2%}, at least "
            f"{test.skill_low:+.2%} with {test.confidence:.1%} confidence"
            for test in self.tests
        ]
