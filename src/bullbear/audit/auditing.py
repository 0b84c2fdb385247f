"""All checks of the audit over one model, in worker processes, each with its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bullbear.audit.catalogue import BY_NAME, CHECKS
from bullbear.audit.result import CheckResult
from bullbear.audit.subject import FULL, QUICK, Effort, Subject
from bullbear.errors import InputError
from bullbear.execution import Local, map_items


@dataclass(frozen=True)
class Audit:
    """What the audit of a model found.

    `of` names the model, `runs` are the ids of the runs that it is about, by question.
    """

    of: str
    runs: Mapping[str, str]
    quick: bool
    checks: tuple[CheckResult, ...]
    seconds: float

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(each for each in self.checks if each.has_failed)

    @property
    def passed(self) -> bool:
        """Whether none failed."""
        return not self.failed

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "model": self.of,
            "runs": dict(self.runs),
            "quick": self.quick,
            "passed": self.passed,
            "seconds": self.seconds,
            "checks": [each.as_dict() for each in self.checks],
        }


def audit(
    subject: Subject,
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Make every check, or those named in `only`.

    Parameters
    ----------
    jobs
        Worker processes; each makes one check at a time.
    progress
        Called with checks done and checks in all.

    Raises
    ------
    InputError
        `only` names something else than a check.
    """
    unknown = [name for name in only if name not in BY_NAME]
    if unknown:
        raise InputError("--only", unknown[0], ", ".join(BY_NAME), "name checks of the audit")
    began = time.perf_counter()
    names = [each.name for each in CHECKS if not only or each.name in only]
    effort = QUICK if quick else FULL
    _ = subject.examples, subject.index  # once, before the workers share them
    found = map_items(
        _checked,
        (subject, effort),
        names,
        executor=Local(min(jobs, len(names))),
        progress=progress,
        weight=lambda name: BY_NAME[name].weight,
        name=lambda name: f"the check {name}",
    )
    runs = {question: str(bundle.meta.get("run_id", "")) for question, bundle in subject.bundles.items()}
    return Audit(subject.definition.name, runs, quick, tuple(found), time.perf_counter() - began)


def _checked(shared: tuple[Subject, Effort], name: str) -> CheckResult:
    began = time.perf_counter()
    made = BY_NAME[name].run(*shared, _silent)
    return replace(made, seconds=time.perf_counter() - began)


def _silent(done: int, total: int) -> None:
    return
