"""No fit sees a label that had not resolved, or a row of a later day.

First by arithmetic: labels, base rates, folds and weights are made anew from the bars by plain expressions, for every
fold of every splitter. Then by taint: whatever a fit may not know is replaced, and nothing fitted by its close may
change (`audit.taint.replacement`). Nor may the first forecasts of a fit change if the rows after them do. The first
finds a rule that is broken, the second what goes around the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from bullbear.audit.catalogue import Progress
from bullbear.audit.result import NOT_APPLICABLE, CheckResult, Leak
from bullbear.audit.splits.folds import fold_leaks, weight_leaks
from bullbear.audit.splits.labels import label_leaks
from bullbear.audit.subject import Effort, Subject
from bullbear.audit.taint.fits import fits_of, folds_at
from bullbear.audit.taint.replacement import VALUES, Taint, Values
from bullbear.audit.taint.stages import Stages
from bullbear.audit.taint.tracing import Run, Trial, interference
from bullbear.data.store import Store
from bullbear.dataset import Examples, Fold, Splitter, build_all, splitter_of
from bullbear.dataset.splits import SPLITTERS
from bullbear.errors import BullbearError, HistoryError
from bullbear.factors import universe
from bullbear.learn.fitting import prepared
from bullbear.learn.walk_forward import folds_of

NAME = "splits"
_Of = Literal["fit", "forecast", "refit"]
_EMBARGO = 5
"""With which every kind of splitter is looked at besides, in sessions."""
_OF_FACTORS: tuple[Values, ...] = ("extreme", "contrary")
"""The values that replace factors, too."""


@dataclass
class _Counted:
    """What was looked at; `judged` of each kind of attempt those of which the model did not refuse all."""

    folds: int = 0
    splitters: set[str] = field(default_factory=set)
    judged: Counter[_Of] = field(default_factory=Counter)
    replacements: int = 0
    refused: int = 0

    def add(self, of: _Of, trial: Trial) -> None:
        """Count an attempt."""
        self.judged[of] += trial.refused < trial.tried
        self.replacements += trial.tried
        self.refused += trial.refused

    @property
    def clean(self) -> str:
        """What was looked at, in words."""
        refits = f" and {self.judged['refit']} refits" if self.judged["refit"] else ""
        refused = f"; the model refused {self.refused} of {self.replacements} replacements" if self.refused else ""
        return (
            f"no training label resolves after the fit in {self.folds:,} folds of {len(self.splitters)} kinds of "
            f"splitter; at {self.judged['fit']} fits{refits} nothing changed when later labels and factors were "
            f"replaced{refused}"
        )


def check(subject: Subject, effort: Effort, progress: Progress) -> CheckResult:
    """Look at labels, folds and weights, then at what each of some fits depends on."""
    counted, leaks = _Counted(), [*_labels(subject, effort)]
    leaks += _folds(subject, counted)
    leaks += _weights(subject, effort)
    expected = effort.cuts // 2 + 1
    for number, each in enumerate(_attempts(subject, effort)):
        progress(min(number, expected - 1), expected)
        found = interference(each.run, each.examples, each.taint_of, each.values, each.clean)
        counted.add(each.of, found)
        leaks += found.leaks
        if found.leaks:
            break  # a later fit would say the same
    figures = {
        "folds": counted.folds,
        "splitters": sorted(counted.splitters),
        "fits": counted.judged["fit"],
        "refits": counted.judged["refit"],
        "inside": counted.judged["forecast"],
        "replacements": counted.replacements,
        "refused": counted.refused,
    }
    if not leaks and not counted.judged["fit"]:
        refused = f": the model refused all {counted.refused} replacements" if counted.refused else ""
        why = f"what a fit depends on cannot be judged{refused}; folds, labels and weights are as they should be"
        return CheckResult(NAME, NOT_APPLICABLE, why, (), figures)
    return CheckResult.of(NAME, leaks, counted.clean, "a fit uses data from its future, or a label is wrong", **figures)


def _labels(subject: Subject, effort: Effort) -> Iterator[Leak]:
    for target, examples in zip(subject.targets, subject.examples, strict=True):
        yield from label_leaks(subject.view, target.question, examples)
    yield from _early(subject, effort)


def _early(subject: Subject, effort: Effort) -> Iterator[Leak]:
    """Labels that are known before they resolve, from the store as it was known at some closes."""
    decided = subject.examples[0].decided_at
    assets = universe(subject.feature_sets, subject.ticker)
    for place in np.unique(np.linspace(0, len(decided) - 1, effort.cuts + 1).astype(int))[1:]:
        instant = decided[place]
        for question, then in zip(subject.targets, _known(subject.store, subject, assets, instant), strict=True):
            known = ~np.isnan(then.y) | ~np.isnan(then.y_final)
            early = known & np.asarray(then.resolved_at > instant)
            if early.any():
                row = int(np.argmax(early))
                said = (
                    f"the label {question.question.name} of {then.session[row]:%Y-%m-%d}, which resolves on "
                    f"{then.resolved_at[row]:%Y-%m-%d}, is known on {instant:%Y-%m-%d}"
                )
                yield Leak("labels", f"{then.session[row]:%Y-%m-%d}", float("nan"), said)
                return


def _known(store: Store, subject: Subject, assets: tuple[str, ...], instant: pd.Timestamp) -> list[Examples]:
    return build_all(store.as_of(instant), (), subject.targets, assets)


def _folds(subject: Subject, counted: _Counted) -> Iterator[Leak]:
    own = splitter_of(subject.definition)
    # Folds depend on instants alone, and most questions share theirs.
    different = {each.resolved_at.asi8.tobytes() + each.decidable.tobytes(): each for each in subject.examples}
    for splitter, is_own in _splitters(own):
        for examples in different.values():
            try:
                folds = splitter.folds(examples, start=subject.start or own.first, end=subject.end)
            except HistoryError:
                if is_own:
                    raise
                continue
            counted.folds += len(folds)
            counted.splitters.add(splitter.kind)
            yield from fold_leaks(splitter, folds, examples)


def _splitters(own: Splitter) -> Iterator[tuple[Splitter, bool]]:
    """The model's own, and every kind with its defaults, also with an embargo."""
    yield own, True
    for kind in SPLITTERS.names():
        for embargo in ({}, {"embargo": _EMBARGO}):
            try:
                yield SPLITTERS.read({"kind": kind, **embargo}), False
            except BullbearError:
                continue  # a user's kind without defaults


def _weights(subject: Subject, effort: Effort) -> Iterator[Leak]:
    definition = subject.definition
    task = prepared(definition, subject.feature_sets, subject.examples)
    for number, (question, examples) in enumerate(zip(definition.questions, subject.examples, strict=True)):
        folds = folds_of(definition.only(question.name), examples, start=subject.start, end=subject.end)
        for fold in _some(folds, max(effort.cuts // 2, 2)):
            found = next(weight_leaks(task, number, fold), None)
            if found is not None:
                yield found
                return


def _some(folds: list[Fold], count: int) -> list[Fold]:
    return [folds[place] for place in np.unique(np.linspace(0, len(folds) - 1, count).round().astype(int))]


@dataclass(frozen=True)
class _Attempt:
    """A run of the pipeline, with what it gives as things are, and the values that are put in the place of others."""

    of: _Of
    run: Run
    examples: list[Examples]
    taint_of: Callable[[Values], Taint]
    values: Sequence[Values] = VALUES
    clean: Stages | None = None


def _attempts(subject: Subject, effort: Effort) -> Iterator[_Attempt]:
    examples = list(subject.examples)
    if not splitter_of(subject.definition).is_walk_forward:
        for each in folds_at(subject, effort):
            yield _Attempt("fit", each.run, examples, partial(each.taint, examples))
        return
    for place, fit in enumerate(fits := fits_of(subject, effort)):
        yield _Attempt("fit", fit.run, examples, partial(fit.taint, examples), clean=fit.clean_stages)
        if (within := fit.inside()) is not None:
            taint_of = partial(within.taint, examples)
            yield _Attempt("forecast", within.run, examples, taint_of, _OF_FACTORS, within.clean_stages)
        questions = 1 if effort.is_quick else len(examples)
        if place == len(fits) - 1 and (made := fit.refit(questions)) is not None:
            run, evening = made
            # One evening is as far as a refit could look ahead.
            yield _Attempt("refit", run, evening, partial(fit.taint, evening), VALUES[:1])
