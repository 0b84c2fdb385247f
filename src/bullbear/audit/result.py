"""What the audit says: of each check a verdict, and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from bullbear.documents import json_ready

PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_APPLICABLE: Final = "not applicable"
VerdictOfCheck = Literal["passed", "failed", "not applicable"]
SHOWN = 20
"""Leaks of a check that are kept; the sentence counts them all."""


@dataclass(frozen=True)
class Leak:
    """One thing that knew what it could not have known.

    Attributes
    ----------
    what
        The factor, the stage of the training or the trade.
    when
        The session, or the instant, of the number that is wrong.
    size
        By how much it is wrong, in the units of the number; NaN where that has no meaning.
    sentence
        All of it, for a reader.
    """

    what: str
    when: str
    size: float
    sentence: str


@dataclass(frozen=True)
class CheckResult:
    """What became of one check: `figures` are the numbers behind the `sentence`, JSON-ready."""

    name: str
    verdict: VerdictOfCheck
    sentence: str
    leaks: tuple[Leak, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def has_failed(self) -> bool:
        """Whether something looks ahead, or is not what it is said to be."""
        return self.verdict == FAILED

    @classmethod
    def of(cls, name: str, leaks: list[Leak], clean: str, leaky: str, **figures: Any) -> CheckResult:
        """Passed with the sentence `clean` if there are no leaks, else failed with `leaky` and the first of them."""
        if not leaks:
            return cls(name, PASSED, clean, (), figures)
        more = f" (and {len(leaks) - 1:,} more)" if len(leaks) > 1 else ""
        return cls(name, FAILED, f"{leaky}: {leaks[0].sentence}{more}", tuple(leaks[:SHOWN]), figures)

    @classmethod
    def not_applicable(cls, name: str, why: str) -> CheckResult:
        """A check of something that the model does not have."""
        return cls(name, NOT_APPLICABLE, why)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        document: dict[str, Any] = json_ready(asdict(self))
        return document
