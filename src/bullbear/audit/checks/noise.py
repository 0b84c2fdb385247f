"""The noise target: where there is nothing to learn the model finds nothing, where there is all it finds all.

Trainings that each have a known answer. On random labels (outcomes of a resampled price path, with the real
overlap and persistence) there is no skill; what shows some has seen the labels that it is scored on. With the factors
moved to other days there is none either. And a planted factor that knows the outcome must be found; a training that
misses it has lost the factors on the way, and could not have found anything else.

A shrunk model believes even a perfect factor in part only: its skill stays well below 1, but it ranks the days
perfectly. So the planted factor is judged by the area under the ROC curve, which no shrinkage changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bullbear.audit.altered_examples import dealt, planted, resampled, shuffled
from bullbear.audit.catalogue import Progress
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.retraining import Trained, area, pooled_bound
from bullbear.audit.subject import Effort, Subject
from bullbear.dataset import Examples
from bullbear.errors import HistoryError
from bullbear.evaluate.sample import Sample
from bullbear.learn.fitting import fit_step, prepared
from bullbear.learn.members import members_of
from bullbear.learn.walk_forward import folds_of

NAME = "noise"
ERROR = 0.01
"""The chance that a sound model fails a part of the check, over all its questions."""
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
    n_random, n_shuffled = (1, 1) if effort.is_quick else (effort.seeds, max(effort.seeds // 2, 1))
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
        sentence = f"random labels give no skill ({random.told})"
        figures: dict[str, Any] = {"questions": training.questions, "random_labels": random.figures}
        if not reads_factors:
            return CheckResult.of(NAME, leaks, f"{sentence}; no member reads factors", _LEAKY, **figures)
        moved = _Part.of(training.questions, [trained(shuffled(training.examples, seed)) for seed in range(n_shuffled)])
        figures["shuffled_factors"] = moved.figures
        if others:
            sentence += f"; shuffled factors are not tested, since {others[0]} learns from outcomes alone"
        else:
            leaks += moved.leaks("shuffled factors")
            sentence += f", shuffled factors none ({moved.told})"
        found = _plant(training)
        progress(total, total)
        figures["planted_factor"] = found.figures
        leaks += found.leaks
    except HistoryError as short:
        return CheckResult.not_applicable(NAME, f"there is too little history: {short}")
    return CheckResult.of(NAME, leaks, f"{sentence}, {found.sentence}", _LEAKY, **figures)


_LEAKY = "the training fails where the answer is known"


@dataclass(frozen=True)
class _Part:
    """The skill of each question where there can be none."""

    questions: list[str]
    seeds: list[list[float]]
    skills: list[float]
    lows: list[float]
    spans: list[str]

    @classmethod
    def of(cls, questions: list[str], by_seed: Sequence[Sequence[Sample]]) -> _Part:
        """From the samples of each seed and question."""
        by_question = list(zip(*by_seed, strict=True))
        bounds = [pooled_bound(samples, ERROR / len(questions)) for samples in by_question]
        return cls(
            questions,
            [[pooled_bound([sample], ERROR).skill for sample in samples] for samples in by_question],
            [each.skill for each in bounds],
            [each.skill_low for each in bounds],
            [f"{each[0].decided_at[0]:%Y-%m-%d} to {each[0].decided_at[-1]:%Y-%m-%d}" for each in by_question],
        )

    @property
    def told(self) -> str:
        """The highest skill."""
        place = int(np.argmax(self.skills))
        return f"at most {self.skills[place]:+.4f}, {self.questions[place]}"

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
            if self.lows[place] > 0:
                said = (
                    f"{what} of {self.questions[place]} are forecast with a skill of {self.skills[place]:.4f}, "
                    f"at least {self.lows[place]:.4f}"
                )
                found.append(Leak(what, self.spans[place], self.skills[place], said))
        return found


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
    readers = _readers(model, made.columns)
    if not readers:
        return _Planted("and no member accepts a planted factor", {}, [])
    samples = model.on(made.examples)
    areas = [area(sample, ERROR / len(samples)) for sample in samples]
    skills = [pooled_bound([sample], ERROR).skill for sample in samples]
    figures = {
        question: {"auc": each.estimate, "auc_low": each.low, "skill": skill}
        for question, each, skill in zip(model.questions, areas, skills, strict=True)
    }
    if all(np.isnan(each.estimate) for each in areas):
        return _Planted("and a planted factor cannot be judged, since every day had one outcome", figures, [])
    best = int(np.nanargmax([each.estimate for each in areas]))
    told, found = f"AUC {areas[best].estimate:.3f}, {model.questions[best]}", areas[best]
    if found.estimate >= FOUND:
        return _Planted(f"a planted perfect factor is found ({told})", figures, [])
    plans = [each.learner for each in members_of(made.definition) if each.name in readers]
    judges = any(each.uses_factors and not each.reads_paths for each in plans)
    if not judges and found.low > 0.5:
        return _Planted(f"a planted perfect factor is found ({told})", figures, [])
    if not judges and not made.alone & set(readers):
        return _Planted(f"a planted perfect factor is lost among the others ({told})", figures, [])
    said = f"a planted factor that knows the outcome is not found ({told})"
    when = f"{samples[best].decided_at[0]:%Y-%m-%d} to {samples[best].decided_at[-1]:%Y-%m-%d}"
    return _Planted("", figures, [Leak("planted factor", when, found.estimate, said)])


def _readers(model: Trained, columns: Sequence[str]) -> list[str]:
    """The members whose signals change when the planted factors are replaced by others, in the last fold."""
    subject, examples = model.subject, model.examples
    folds = [
        folds_of(subject.definition.only(question), each, start=subject.start, end=subject.end)[-1]
        for question, each in zip(model.questions, examples, strict=True)
    ]
    other = examples[0].X.assign(**{name: examples[0].X[name].to_numpy()[::-1] for name in columns})
    given = [examples, [replace(each, X=other) for each in examples]]
    first, second = (fit_step(prepared(subject.definition, subject.feature_sets, each), tuple(folds)) for each in given)
    names = [each.name for each in members_of(subject.definition)]
    return [
        name
        for place, name in enumerate(names)
        if any(
            one is not None
            and another is not None
            and not np.array_equal(one[place].signals, another[place].signals, equal_nan=True)
            for one, another in zip(first, second, strict=True)
        )
    ]
