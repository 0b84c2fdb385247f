"""Skill in the trainings that the audit makes: which questions are asked, and how sure a skill is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bullbear.audit.subject import TRIALS, Effort, Subject
from bullbear.dataset import Examples, Predictions
from bullbear.errors import InputError
from bullbear.evaluate.bootstrap import auc_interval
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import brier_skill, losses
from bullbear.evaluate.significance import Bound, lower_bound
from bullbear.learn import Training
from bullbear.statistics.bootstrap import Interval, resample


@dataclass(frozen=True)
class Trained:
    """A smaller training of a subject, to be repeated on changed examples; `examples` are the real ones."""

    subject: Subject
    examples: list[Examples]

    @classmethod
    def of(cls, subject: Subject, effort: Effort) -> Trained:
        """The abridged training; a quick one asks the first question and the one with the most skill alone."""
        abridged = subject.abridged(effort)
        definition = abridged.definition
        if definition.search is not None:
            fewer = definition.search.model_copy(update={"trials": min(definition.search.trials, TRIALS)})
            definition = definition.model_copy(update={"search": fewer})
        chosen = list(range(len(definition.questions)))
        if effort.is_quick and len(chosen) > 2:
            chosen = sorted({0, _best(subject)})
        asked = tuple(definition.questions[place] for place in chosen)
        return cls(
            replace(abridged, definition=definition.model_copy(update={"questions": asked})),
            [subject.examples[place] for place in chosen],
        )

    @property
    def questions(self) -> list[str]:
        """The names of the questions that are asked."""
        return [question.name for question in self.subject.definition.questions]

    def on(self, examples: Sequence[Examples]) -> list[Sample]:
        """The scored forecasts of every question, trained on other examples; HistoryError if there are too few."""
        return [sample_of(each) for each in self.subject.train(examples)]


def sample_of(training: Training) -> Sample:
    """The scored forecasts of a training, of a combinatorial one those of the first path."""
    return Sample.of(training.predictions.select(path=0))


def _best(subject: Subject) -> int:
    """The place of the question with the most skill in the run; the last question of a model without one."""
    names = [question.name for question in subject.definition.questions]
    skills = {
        name: _skill(bundle.predictions.select(path=0)) for name, bundle in subject.bundles.items() if name in names[1:]
    }
    return names.index(max(skills, key=lambda name: skills[name])) if skills else len(names) - 1


def _skill(predictions: Predictions) -> float:
    rows = predictions.resolved().table
    try:
        return brier_skill(*(rows[column].to_numpy(np.float64) for column in ("y", "p", "climatology")))
    except InputError:
        return float("-inf")


def pooled_bound(samples: Sequence[Sample], error: float) -> Bound:
    """The lower bound of the skill over several trainings of one question, a session of them all one observation."""
    decided = np.concatenate([each.decided_at.asi8 for each in samples])
    order = np.argsort(decided, kind="stable")
    session = np.unique(decided[order], return_inverse=True)[1].astype(np.int64)
    y, p, climatology = (
        np.concatenate([getattr(each, name) for each in samples])[order] for name in ("y", "p", "climatology")
    )
    is_alone = session[-1] + 1 == len(session)
    return lower_bound(y, p, climatology, samples[0].horizon, error=error, session=None if is_alone else session)


def area(sample: Sample, error: float) -> Interval:
    """The AUC of forecasts whose outcomes do not overlap, with an interval whose lower end errs with chance `error`."""
    draws = resample(sample.n_sessions, 1, session=sample.session)
    return auc_interval(sample.y, sample.p, draws, level=1.0 - 2.0 * error)


def skill_and_difference(one: Sample, other: Sample) -> tuple[list[float], list[float], list[float]]:
    """The Brier skills of two trainings that forecast the same days, and how much the first has more.

    Each an estimate with the ends of its 90 % interval; the days are drawn together. No skill reaches beyond 1.
    """
    draws = resample(one.n_sessions, one.horizon, session=one.session)
    brier = [losses(one.y, p, "brier") for p in (one.p, other.p, one.climatology)]
    columns = np.column_stack(brier)
    intervals = (
        draws.ratio(columns, lambda means: 1.0 - means[:, 0] / means[:, 2]),
        draws.ratio(columns, lambda means: 1.0 - means[:, 1] / means[:, 2]),
        draws.ratio(columns, lambda means: (means[:, 1] - means[:, 0]) / means[:, 2]),
    )
    first, second, difference = ([each.estimate, each.low, each.high] for each in intervals)
    return _capped(first), _capped(second), difference


def _capped(ends: list[float]) -> list[float]:
    return [float(np.minimum(end, 1.0)) for end in ends]
