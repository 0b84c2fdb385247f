"""The checks of the audit, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from bullbear.audit.result import CheckResult
from bullbear.audit.subject import Effort, Subject

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all."""


@dataclass(frozen=True)
class AuditCheck:
    """One check: `asks` is what it makes sure of; `weight` its share of the time."""

    name: str
    title: str
    asks: str
    weight: float = 1.0

    def run(self, subject: Subject, effort: Effort, progress: Progress) -> CheckResult:
        """Make the check."""
        found: CheckResult = import_module(f"bullbear.audit.checks.{self.name.replace('-', '_')}").check(
            subject, effort, progress
        )
        return found


CHECKS = (
    AuditCheck(
        "truncation", "Truncation", "rows and forecasts from a store cut at a day equal those from the full store", 30.0
    ),
    AuditCheck("perturbation", "Perturbation", "noise in later data changes nothing up to a close", 50.0),
    AuditCheck("publication", "Publication", "no factor uses a value before it is published", 30.0),
    AuditCheck("splits", "Labels and splits", "no fit uses an unresolved label or a later row", 50.0),
    AuditCheck(
        "noise", "Noise target", "random labels and shuffled factors give no skill, a perfect factor is found", 90.0
    ),
    AuditCheck(
        "execution",
        "Execution",
        "no order is filled before its decision, no stop better than its bar allows",
        30.0,
    ),
    AuditCheck(
        "reproducibility", "Reproducibility", "the same training gives the same bits, with one worker and with two", 6.0
    ),
    AuditCheck("warm-up", "Warm-up", "a factor needs no more rows than it declares", 12.0),
    AuditCheck("as-stored", "As stored", "the data stored on an evening reproduce that evening's forecast", 5.0),
)

FAILS = {
    "truncation": "rows or forecasts differ from those of a store cut at their day",
    "perturbation": "noise in later data changes something up to a close",
    "publication": "a value is used or stored before it is published",
    "splits": "a fit, a label or a weight rests on a later row or a label unresolved by then",
    "noise": "random data give skill, or a perfect factor is not found",
    "execution": "a fill, a stop or a decision is not what was possible at its time",
    "reproducibility": "the same training gives other bits",
    "warm-up": "a factor needs more rows than it declares",
    "as-stored": "the ledger is not what was issued, or an evening's stored data do not reproduce it",
}
"""What a failure of each check means."""

BY_NAME = {each.name: each for each in CHECKS}
