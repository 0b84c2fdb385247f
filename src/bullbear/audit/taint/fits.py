"""The pipeline around one fit, as short as it can be: a run from examples to all that is known at the fit's close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from bullbear.audit.subject import TRIALS, Effort, Subject
from bullbear.audit.taint.replacement import Taint, Values
from bullbear.audit.taint.stages import Stage, Stages, stages_of, stages_of_model
from bullbear.audit.taint.tracing import Run
from bullbear.dataset import Examples, Fold, Paths, splitter_of
from bullbear.learn import FoldModel, Training
from bullbear.learn.fitting import fit_step, prepared
from bullbear.learn.refit import continue_training
from bullbear.learn.walk_forward import folds_of

_TESTED = 63
"""Sessions after the fit that are forecast, so that a fit which looks at its test finds one."""
_FEW = 42
"""With fewer sessions after the last fit, hardly a label resolves after it: the fit before it is looked at, too."""


@dataclass(frozen=True)
class AtFit:
    """A short walk-forward that ends a few sessions after one fit.

    Attributes
    ----------
    subject, examples
        The same model over that span, and the examples of each question.
    fitted
        The close of the fit.
    first, end
        The first session that is forecast by it, and the last.
    """

    subject: Subject
    examples: tuple[Examples, ...]
    fitted: pd.Timestamp
    first: pd.Timestamp
    end: pd.Timestamp

    @property
    def questions(self) -> list[str]:
        """The names of the questions."""
        return [each.name for each in self.subject.definition.questions]

    def train(self, examples: Sequence[Examples]) -> list[Training]:
        """The training on these examples."""
        return self.subject.train(examples, end=f"{self.end:%Y-%m-%d}")

    def run(self, examples: Sequence[Examples]) -> Stages:
        """All that was fitted and forecast by the close."""
        return stages_of(self.train(examples), self.questions, self.fitted)

    @cached_property
    def clean(self) -> list[Training]:
        """The training on the examples as they are."""
        return self.train(self.examples)

    @property
    def clean_stages(self) -> Stages:
        """What `run` gives on them."""
        return stages_of(self.clean, self.questions, self.fitted)

    def taint(self, examples: Sequence[Examples], values: Values) -> Taint:
        """What the fit may not know."""
        signals = [
            pd.Series(training.signals["signal"]).reindex(each.decided_at).to_numpy()
            for training, each in zip(self.clean, examples, strict=True)
        ]
        return Taint.after(examples, self.fitted, values, signals)

    def inside(self) -> AtFit | None:
        """The same walk-forward seen from the middle of what the fit forecasts; None if it forecasts one session.

        What is forecast by then may not depend on the rows that are forecast with it and decided later.
        """
        decided = self.examples[0].decided_at
        closes = decided[(decided > self.fitted) & (self.examples[0].session <= self.end)].unique()
        if len(closes) < 2:
            return None
        within = replace(self, fitted=closes[(len(closes) - 1) // 2])
        within.__dict__["clean"] = self.clean  # the same training: it need not be made twice
        return within

    def refit(self, questions: int) -> tuple[Run, list[Examples]] | None:
        """The same fit as the evening of its first forecast makes it, and the examples of that evening.

        Of the first `questions`; each is refitted by itself. None where there is no earlier model to continue from.
        """
        trainings, examples = self.clean, self.examples
        if any(len(each.models) < 2 for each in trainings):
            return None
        evening = [known_on(each, self.first) for each in examples]
        return partial(self._continued, trainings[:questions]), evening

    def _continued(self, trainings: Sequence[Training], examples: Sequence[Examples]) -> Stages:
        found: dict[Stage, Any] = {}
        definition = self.subject.definition
        for question, training, each in zip(definition.questions, trainings, examples, strict=False):
            before = training.signals[training.signals.index <= self.fitted]
            made = continue_training(
                definition.only(question.name),
                self.subject.feature_sets,
                each,
                signals=before,
                fitted_through=training.models[-2].trained_through,
                model_for=partial(_in_force, training.models),
                start=self.subject.start,
            )
            for model in made.models:
                for stage, content in stages_of_model(model, question.name).items():
                    found[replace(stage, done="refitted through")] = content
        return found


def _in_force(models: Sequence[FoldModel], session: pd.Timestamp) -> FoldModel:
    return [each for each in models if f"{each.trained_through:%Y-%m-%d}" < f"{session:%Y-%m-%d}"][-1]


def fits_of(subject: Subject, effort: Effort) -> list[AtFit]:
    """Fits of a walk-forward all over the reported history, the last among them; of a quick look that one alone.

    A fit counts if it serves a reported session, although it may have been made well before.
    """
    brief = subject.abridged(effort)
    splitter = dict(brief.definition.splitter)
    if splitter.get("kind", "expanding") in ("expanding", "rolling"):
        months = 12 if effort.is_quick else 24
        splitter["burn_in_months"] = min(max(int(splitter.get("burn_in_months", 24)), 12), months)
    update: dict[str, Any] = {"splitter": splitter}
    count = max(effort.cuts // 2, 1)
    if (search := brief.definition.search) is not None:
        update["search"] = search.model_copy(update={"trials": min(search.trials, TRIALS), "every": "year"})
        count = max(count // 2, 1)
    brief = replace(brief, definition=brief.definition.model_copy(update=update))
    examples = subject.examples[0]
    folds = folds_of(
        brief.definition.only(brief.definition.questions[0].name), examples, start=brief.start, end=brief.end
    )
    begin = pd.Timestamp(brief.start or splitter_of(brief.definition).first)
    reported = [fold for fold in folds if examples.session[fold.test[-1]] >= begin] or folds[-1:]
    last = len(reported) - 1
    chosen = {int(place) for place in np.linspace(last, 0, count).round()}
    if len(np.unique(examples.session[reported[last].test])) < _FEW:
        chosen.add(max(last - 1, 0))
    return [_at(brief, reported[place], subject.examples) for place in sorted(chosen)]


def _at(brief: Subject, fold: Fold, examples: Sequence[Examples]) -> AtFit:
    days = np.unique(examples[0].session[fold.test])[:_TESTED]
    first, end = pd.Timestamp(days[0]), pd.Timestamp(days[-1])
    begun = replace(brief, start=f"{first:%Y-%m-%d}")
    return AtFit(begun, tuple(examples), fold.trained_through, first, end)


def known_on(examples: Examples, session: pd.Timestamp) -> Examples:
    """The examples of the sessions up to one, with the labels and paths that had resolved at its close."""
    rows = np.asarray(examples.session <= session)
    now = examples.decided_at[np.flatnonzero(rows)[-1]]
    late = np.asarray(examples.resolved_at > now)
    names = ("decidable", "weights", "decided_at", "resolved_at", "climatology", "n_resolved", "asset")
    changed: dict[str, Any] = {name: getattr(examples, name)[rows] for name in names}
    if examples.paths is not None:
        changed["paths"] = Paths(examples.paths.known_by(now)[rows], examples.paths.known_at[rows])
    return replace(
        examples,
        X=examples.X[rows],
        y=np.where(late, np.nan, examples.y)[rows],
        y_final=np.where(late, np.nan, examples.y_final)[rows],
        **changed,
    )


@dataclass(frozen=True)
class AtFold:
    """One fold of a splitter that trains on the future too: what overlaps its test may not reach its members."""

    subject: Subject
    folds: tuple[Fold, ...]

    def run(self, examples: Sequence[Examples]) -> Stages:
        """The state of each member for each question."""
        subject, found = self.subject, dict[Stage, Any]()
        task = prepared(subject.definition, subject.feature_sets, examples)
        for number, (question, fitted) in enumerate(
            zip(subject.definition.questions, fit_step(task, self.folds), strict=True)
        ):
            begins = examples[number].decided_at[self.folds[number].test[0]]
            done = "of the fold whose test begins on"
            for member, fit in zip(task.members, fitted or (), strict=True):
                found[Stage(begins, 1, f"the member {member.name}", question.name, done)] = fit.state
        return found

    def taint(self, examples: Sequence[Examples], values: Values) -> Taint:
        """Labels whose lives touch those of the test's, and the factors of the tested rows."""
        labels = tuple(overlapping(each, fold) for each, fold in zip(examples, self.folds, strict=True))
        tested = np.zeros(len(examples[0]), dtype=bool)
        tested[self.folds[0].test] = True
        signals = tuple(np.full(len(each), np.nan) for each in examples)
        return Taint(labels, tested, values, signals)


def overlapping(examples: Examples, fold: Fold) -> np.ndarray:
    """Which labels live while one of the test's does, the tested themselves among them; shape (n,)."""
    decided, resolved = (each.as_unit("us").asi8 for each in (examples.decided_at, examples.resolved_at))
    begin = np.sort(decided[fold.test])
    end = resolved[fold.test][np.argsort(decided[fold.test], kind="stable")]
    latest = np.maximum.accumulate(end)
    # Of the tested labels that begin before this one ends, the last to end.
    place = np.searchsorted(begin, resolved, side="right") - 1
    return np.asarray((place >= 0) & (latest[np.maximum(place, 0)] >= decided))


def folds_at(subject: Subject, effort: Effort) -> Iterator[AtFold]:
    """Some folds of a combinatorial training."""
    definition = subject.definition
    every = [
        folds_of(definition.only(question.name), each, start=subject.start, end=subject.end)
        for question, each in zip(definition.questions, subject.examples, strict=True)
    ]
    steps = list(zip(*every, strict=True))
    count = max(effort.cuts // 2, 1)
    for place in np.unique(np.linspace(0, len(steps) - 1, count).round().astype(int)):
        yield AtFold(subject, steps[place])
