"""All checks of the audit over one model or several, in worker processes, each with its time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from typing import Any

from bullbear.audit.catalogue import BY_NAME, CHECKS
from bullbear.audit.result import CheckResult
from bullbear.audit.subject import FULL, QUICK, Effort, Subject
from bullbear.errors import InputError
from bullbear.execution import Local, map_items
from bullbear.execution.executors import Function, Outcome
from bullbear.factors.engine.registry import renew

Begun = Callable[[str, int, int], None]
"""Called with what is checked, and 0 of 1 when it begins, 1 of 1 when it has ended."""
_Pair = tuple[int, str]
"""A subject, by its place, and a check."""


@dataclass(frozen=True)
class Audit:
    """What the audit of a model found.

    `of` names the model, `runs` are the ids of the runs that it is about, by question; `seconds` are those of all
    checks together, which may have run side by side.
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

    @property
    def is_whole(self) -> bool:
        """Whether every check was made."""
        return len(self.checks) == len(CHECKS)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "model": self.of,
            "runs": dict(self.runs),
            "quick": self.quick,
            "whole": self.is_whole,
            "passed": self.passed,
            "seconds": self.seconds,
            "checks": [each.as_dict() for each in self.checks],
        }


def audit(
    subject: Subject, *, quick: bool = False, only: Sequence[str] = (), jobs: int = 1, progress: Begun | None = None
) -> Audit:
    """Audit one model; see `audit_all`."""
    return audit_all([subject], quick=quick, only=only, jobs=jobs, progress=progress)[0]


def audit_all(
    subjects: Sequence[Subject],
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    jobs: int = 1,
    progress: Begun | None = None,
) -> list[Audit]:
    """Make every check of each subject, or those named in `only`.

    Parameters
    ----------
    jobs
        Worker processes; each makes one check of one subject at a time.

    Raises
    ------
    InputError
        `only` names something else than a check.
    """
    unknown = [name for name in only if name not in BY_NAME]
    if unknown:
        close = get_close_matches(re.sub(r"[\W_]+", "-", unknown[0].lower()), BY_NAME, n=1)
        remedy = f"did you mean {close[0]}?" if close else "name checks of the audit"
        raise InputError("--only", unknown[0], ", ".join(BY_NAME), remedy)
    names = [each.name for each in CHECKS if not only or each.name in only]
    for subject in subjects:
        _ = subject.examples, subject.index  # once, before the workers share them
    pairs = [(place, name) for place in range(len(subjects)) for name in names]

    def label(pair: _Pair) -> str:
        place, name = pair
        return name if len(subjects) == 1 else f"{subjects[place].definition.name}, {name}"

    workers = min(jobs, len(pairs))
    found = map_items(
        _checked,
        (tuple(subjects), QUICK if quick else FULL),
        pairs,
        executor=_Announced(Local(workers), workers, label, progress or _silent_stage),
        weight=lambda pair: BY_NAME[pair[1]].weight * _size(subjects[pair[0]]),
        name=lambda pair: f"the check {label(pair)}",
    )
    made = dict(zip(pairs, found, strict=True))
    return [_audit(subject, quick, [made[place, name] for name in names]) for place, subject in enumerate(subjects)]


def _audit(subject: Subject, quick: bool, checks: Sequence[CheckResult]) -> Audit:
    seconds = sum(each.seconds for each in checks)
    return Audit(subject.definition.name, dict(subject.run_ids), quick, tuple(checks), seconds)


def _size(subject: Subject) -> int:
    return len(subject.targets) * (1 + len(subject.specs))


@dataclass(frozen=True)
class _Announced:
    """An executor that says which items run: workers take them in the order in which they are given."""

    local: Local
    workers: int
    label: Callable[[_Pair], str]
    say: Begun

    def outcomes(self, function: Function, shared: object, items: Sequence[Any]) -> Generator[Outcome, None, None]:
        """See `Executor`."""
        waiting = iter(items)
        for item in islice(waiting, max(1, self.workers)):
            self.say(self.label(item), 0, 1)
        for number, outcome in self.local.outcomes(function, shared, items):
            yield number, outcome
            self.say(self.label(items[number]), 1, 1)
            if (after := next(waiting, None)) is not None:
                self.say(self.label(after), 0, 1)


def _checked(shared: tuple[tuple[Subject, ...], Effort], pair: _Pair) -> CheckResult:
    (subjects, effort), (place, name) = shared, pair
    began = time.perf_counter()
    renew()  # a check must find the same after another one as in a process of its own
    made = BY_NAME[name].run(subjects[place], effort, _silent)
    return replace(made, seconds=time.perf_counter() - began)


def _silent(done: int, total: int) -> None:
    return


def _silent_stage(stage: str, done: int, total: int) -> None:
    return
