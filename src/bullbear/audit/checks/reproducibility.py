"""The same definition, data and seed give the same bits: again, by other processes, in the run.

A short walk-forward is made three times: here, here again with the questions in reverse order, and by two worker
processes. Then some of the run's own fits are made again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from bullbear.audit.catalogue import Progress
from bullbear.audit.replays.kept_fits import made_again
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.subject import Effort, Subject
from bullbear.audit.taint.fits import fits_of
from bullbear.audit.taint.stages import Stage, Stages, moved, stages_of
from bullbear.dataset import Examples, splitter_of
from bullbear.learn import Training

NAME = "reproducibility"
Train = Callable[[Subject, Sequence[Examples], int], list[Training]]
"""A subject on some examples by a number of workers."""


def check(subject: Subject, effort: Effort, progress: Progress) -> CheckResult:
    """Train a short span again and again, then the run's own fits."""
    short, train = _short(subject, effort)
    examples = list(subject.examples)
    once = _stages(short, train(short, examples, 1))
    progress(1, 4)
    leaks = _in_another_order(short, train, examples, once)
    progress(2, 4)
    if not leaks:
        leaks = _different(once, _stages(short, train(short, examples, 2)), "with two workers instead of one")
    progress(3, 4)
    kept = made_again(subject, max(effort.cuts // 4, 1))
    leaks += kept.leaks
    compared = f"{kept.fits} fits of the run give its models again" if kept.fits else ""
    order = ", with the questions in another order" if len(examples) > 1 else ""
    left_out = f"the run's own fits were not made again: {kept.not_compared}" if kept.not_compared else ""
    return CheckResult.of(
        NAME,
        leaks,
        f"the same bits again{order} and by two workers; {compared or left_out}",
        "the same training gives different results",
        stages=len(once),
        refitted=kept.fits,
        not_compared=kept.not_compared,
    )


def _short(subject: Subject, effort: Effort) -> tuple[Subject, Train]:
    """A span with the last fits of a walk-forward; the last years of a combinatorial training."""
    if splitter_of(subject.definition).is_walk_forward:
        last = fits_of(subject, effort)[-1]
        return last.subject, partial(_trained, f"{last.end:%Y-%m-%d}")
    return subject.abridged(replace(effort, years=effort.years or 5)), partial(_trained, None)


def _trained(end: str | None, subject: Subject, examples: Sequence[Examples], jobs: int) -> list[Training]:
    return subject.train(examples, end=end, jobs=jobs)


def _stages(subject: Subject, trainings: Sequence[Training]) -> Stages:
    names = [each.name for each in subject.definition.questions]
    return stages_of(trainings, names, pd.Timestamp.max.tz_localize("UTC"))


def _in_another_order(subject: Subject, train: Train, examples: Sequence[Examples], once: Stages) -> list[Leak]:
    """What is different when the questions come in reverse; as it was and again, if that alone differs."""
    questions = subject.definition.questions[::-1]
    turned = replace(subject, definition=subject.definition.model_copy(update={"questions": questions}))
    found = moved(once, _stages(turned, train(turned, examples[::-1], 1)))
    if not found:
        return []
    again = _different(once, _stages(subject, train(subject, examples, 1)), "when the training is repeated")
    order = "when the questions are in another order"
    return again or [_leak(*found[0], order)]


def _different(one: Stages, other: Stages, when: str) -> list[Leak]:
    return [_leak(*each, when) for each in moved(one, other)[:1]]


def _leak(stage: Stage, part: str, size: float, when: str) -> Leak:
    of = f" ({part})" if part else ""
    question = f" for {stage.question}" if stage.question else ""
    return Leak(stage.name, f"{stage.at:%Y-%m-%d}", size, f"{stage.place}{of}{question} differs {when}")
