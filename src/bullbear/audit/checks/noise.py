"""The noise target: where there is nothing to learn the model finds nothing, where there is all it finds all.

Trainings that each have a known answer. On random labels (outcomes of a resampled price path, with the real
overlap and persistence) there is no skill; what shows some has seen the labels that it is scored on. With the factors
moved to other days there is none either; three years are too few to judge that, so a quick check leaves it out. And a
planted factor that knows the outcome must be found; a training that misses it has lost the factors on the way, and
could not have found anything else.

A shrunk model believes even a perfect factor in part only: its skill stays well below 1, but it ranks the days
perfectly. So the planted factor is judged by the area under the ROC curve, which no shrinkage changes. Not every
learner can read it: one of events takes yes and no alike for an event that stands, one of regimes forecasts the regime.
Such a learner misses the factor even on rows where it stands beside its outcome, and is not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bullbear.audit.altered_examples import PLANTED, dealt, planted, resampled, shuffled
from bullbear.audit.catalogue import Progress
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.retraining import Trained, area, pooled_bound
from bullbear.audit.subject import Effort, Subject
from bullbear.dataset import Examples, Fold
from bullbear.errors import HistoryError
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import weighted_auc
from bullbear.learn.fitting import prepared, training_sets
from bullbear.learn.learner import FittedLearner, TrainingSet, fit_learners, signals_of
from bullbear.learn.members import members_of
from bullbear.learn.walk_forward import folds_of
from bullbear.wording import percent

NAME = "noise"
ERROR = 0.01
"""The chance that a sound model fails a part of the check, over all its questions."""
NEGLIGIBLE = 0.01
"""A Brier skill below which nothing is called a leak: sound models were rejected for 0.2 % and 0.3 %, perhaps since the
base rates of a fit and of the day differ a little for years. Set by hand, not derived."""
FOUND = 0.90
"""The AUC that a planted factor must give a learner of the outcome; one seeded row in ten may be ranked at random.

The classifiers among the shipped models reach 0.994 to 1.000, over three years as over seventeen.
"""


def check(subject: Subject, effort: Effort, progress: Progress) -> CheckResult:
    """Train on random labels, on moved factors and with a planted one; see the module."""
    training = Trained.of(subject, effort)
    plans = [each for each in members_of(training.subject.definition) if not each.learner.is_silent]
    if not plans:
        return CheckResult.not_applicable(NAME, "the model always forecasts the base rate and learns nothing")
    reads_factors = any(each.learner.uses_factors for each in plans)
    others = [each.name for each in plans if not each.learner.uses_factors]
    n_random, n_shuffled = effort.seeds, 0 if effort.is_quick or others else max(effort.seeds // 2, 1)
    total = n_random + (n_shuffled + 1 if reads_factors else 0)
    done = 0

    def trained(examples: Sequence[Examples]) -> list[Sample]:
        nonlocal done
        found = training.on(examples)
        progress(done := done + 1, total)
        return found

    view, targets = subject.view, training.subject.targets
    leaks: list[Leak] = []
    try:
        random = _Part.of(
            training.questions,
            [trained(resampled(view, training.examples, targets, seed)) for seed in range(n_random)],
        )
        leaks += random.leaks("random labels")
        sentence = random.told("random labels give no skill", "random labels")
        figures: dict[str, Any] = {"questions": training.questions, "random_labels": random.figures}
        if not reads_factors:
            return CheckResult.of(NAME, leaks, f"{sentence}; no member reads factors", _LEAKY, **figures)
        if others:
            sentence += f"; shuffled factors are not tested, since {others[0]} learns from outcomes alone"
        elif n_shuffled:
            moved = _Part.of(
                training.questions, [trained(shuffled(training.examples, seed)) for seed in range(n_shuffled)]
            )
            figures["shuffled_factors"] = moved.figures
            leaks += moved.leaks("shuffled factors")
            sentence += "; " + moved.told("shuffled factors give none", "shuffled factors")
        found = _plant(training)
        progress(total, total)
        figures["planted_factor"] = found.figures
        leaks += found.leaks
    except HistoryError as short:
        return CheckResult.not_applicable(NAME, f"there is too little history: {short}")
    return CheckResult.of(NAME, leaks, f"{sentence}; {found.sentence}", _LEAKY, **figures)


_LEAKY = "the training fails where the answer is known"


@dataclass(frozen=True)
class _Part:
    """The skill of each question where there can be none; NaN where one outcome all along lets nothing be judged."""

    questions: list[str]
    seeds: list[list[float]]
    skills: list[float]
    lows: list[float]
    spans: list[str]

    @classmethod
    def of(cls, questions: list[str], by_seed: Sequence[Sequence[Sample]]) -> _Part:
        """From the samples of each seed and question."""
        by_question = list(zip(*by_seed, strict=True))
        bounds = [_bound(samples, ERROR / len(questions)) for samples in by_question]
        return cls(
            questions,
            [[_bound([sample], ERROR)[0] for sample in samples] for samples in by_question],
            [skill for skill, _ in bounds],
            [low for _, low in bounds],
            [f"{each[0].decided_at[0]:%Y-%m-%d} to {each[0].decided_at[-1]:%Y-%m-%d}" for each in by_question],
        )

    def told(self, clean: str, what: str) -> str:
        """The highest skill, and what cannot be judged."""
        unknown = [name for name, low in zip(self.questions, self.lows, strict=True) if np.isnan(low)]
        why = "since every day had one outcome"
        if len(unknown) == len(self.questions):
            return f"{what} cannot be judged, {why}"
        place = int(np.nanargmax(np.where(np.isnan(self.lows), np.nan, self.skills)))
        said = f"{clean} (at most {percent(self.skills[place], 2, signed=True)}, {self.questions[place]})"
        return f"{said}, but cannot be judged for {', '.join(unknown)}, {why}" if unknown else said

    @property
    def figures(self) -> dict[str, Any]:
        """By question, JSON-ready."""
        columns = (self.questions, self.seeds, self.skills, self.lows)
        return {
            question: {"skill": skill, "skill_low": low, "by_seed": seeds}
            for question, seeds, skill, low in zip(*columns, strict=True)
        }

    def leaks(self, what: str) -> list[Leak]:
        """The questions whose skill lies above zero beyond doubt, the surest first."""
        found = []
        for place in np.argsort(self.lows)[::-1]:
            if self.lows[place] > 0 and self.skills[place] >= NEGLIGIBLE:
                said = (
                    f"{what} of {self.questions[place]} are forecast with a skill of {percent(self.skills[place], 2)}, "
                    f"at least {percent(self.lows[place], 2)}"
                )
                found.append(Leak(what, self.spans[place], self.skills[place], said))
        return found


def _bound(samples: Sequence[Sample], error: float) -> tuple[float, float]:
    """The skill and its lower bound; NaN where only one outcome occurred, which any constant forecast gets right."""
    if len(np.unique(np.concatenate([each.y for each in samples]))) < 2:
        return float("nan"), float("nan")
    bound = pooled_bound(samples, error)
    return bound.skill, bound.skill_low


@dataclass(frozen=True)
class _Planted:
    """What became of a planted factor."""

    sentence: str
    figures: dict[str, Any]
    leaks: list[Leak]


def _plant(training: Trained) -> _Planted:
    """Train with a factor that knows the outcome of each question, on outcomes dealt to random days."""
    subject = training.subject
    made = planted(subject.definition, subject.feature_sets, dealt(training.examples, 0))
    changed = replace(subject, definition=made.definition, feature_sets=made.feature_sets)
    model = Trained(changed, made.examples)
    able = _able(model)
    asked = [place for place, names in enumerate(able) if names]
    if not asked:
        why = "no member can learn from one that is 1 for yes and -1 for no"
        return _Planted(f"a planted perfect factor cannot be judged, since {why}", {}, [])
    samples = model.on(made.examples)
    areas = [area(sample, ERROR / len(samples)) for sample in samples]
    skills = [_bound([sample], ERROR)[0] for sample in samples]
    figures = {
        question: {"auc": each.estimate, "auc_low": each.low, "skill": skill, "learnt_by": names}
        for question, each, skill, names in zip(model.questions, areas, skills, able, strict=True)
    }
    asked = [place for place in asked if not np.isnan(areas[place].estimate)]
    if not asked:
        return _Planted("a planted factor cannot be judged, since every day had one outcome", figures, [])
    best = max(asked, key=lambda place: areas[place].estimate)
    told, found = f"AUC {areas[best].estimate:.3f}, {model.questions[best]}", areas[best]
    learning = [each.name for each in members_of(made.definition) if not each.learner.is_silent]
    # In a pool the members that cannot learn from the factor blur the ranking of the others.
    if found.estimate >= FOUND or (len(able[best]) < len(learning) and found.low > 0.5):
        return _Planted(f"a planted perfect factor is found ({told})", figures, [])
    said = f"a planted factor that knows the outcome is not found ({told})"
    when = f"{samples[best].decided_at[0]:%Y-%m-%d} to {samples[best].decided_at[-1]:%Y-%m-%d}"
    return _Planted("", figures, [Leak("planted factor", when, found.estimate, said)])


def _able(model: Trained) -> list[list[str]]:
    """Of each question the members that learn from its planted factor, where it surely stands beside the outcomes.

    A member is fitted on the training set of the last fold, then ranks the same rows with their planted factors dealt
    anew. Nothing that may have lost the factor on its way into the training has a part in this.
    """
    subject, examples, questions = model.subject, model.examples, model.subject.definition.questions
    task = prepared(subject.definition, subject.feature_sets, examples)
    alike: dict[int, dict[int, Fold]] = {}
    for number, (name, each) in enumerate(zip(model.questions, examples, strict=True)):
        folds = folds_of(subject.definition.only(name), each, start=subject.start, end=subject.end)
        alike.setdefault(each.horizon, {})[number] = folds[-1]
    able: list[list[str]] = [[] for _ in questions]
    for member in task.members:
        if not member.learner.uses_factors or not any(name.startswith(PLANTED) for name in member.factors):
            continue
        whole = replace(member, X=examples[0].X[list(member.factors)].to_numpy(np.float64))
        for folds_alike in alike.values():
            sets = [_beside_outcomes(each) for each in training_sets(task, whole, folds_alike)]
            for number, given, fitted in zip(folds_alike, sets, fit_learners(member.learner, sets), strict=True):
                if _ranks(member.kind, fitted, given):
                    able[number].append(member.name)
    return able


def _beside_outcomes(given: TrainingSet) -> TrainingSet:
    X, own = given.X.copy(), given.names.index(f"{PLANTED}_{given.question.name}")
    X[:, own] = (given.question.direction or 1) * (2.0 * given.y - 1.0)
    return replace(given, X=X)


def _ranks(kind: str, fitted: FittedLearner, given: TrainingSet) -> bool:
    order = np.random.default_rng(0).permutation(len(given.y))
    columns = [place for place, name in enumerate(given.names) if name.startswith(PLANTED)]
    X = given.X.copy()
    X[:, columns] = given.X[order][:, columns]
    signal = signals_of(kind, fitted, X, given.asset).mean(axis=1)
    if np.isnan(signal).any():
        return False
    with np.errstate(invalid="ignore"):
        return bool(weighted_auc(given.y[order], signal, np.ones((1, len(order))))[0] >= FOUND)
