"""`bullbear trials`: everything that was tried, and how strict the tests have become by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.documents import json_ready
from bullbear.errors import InputError
from bullbear.home import Home
from bullbear.statistics.sharpe import expected_maximum_sharpe
from bullbear.tracking.known_trials import KnownTrials
from bullbear.tracking.stored_runs import stored_runs
from bullbear.tracking.usable import store_errors
from bullbear.trials import Identity, Trial, Tries, tries_on


@dataclass(frozen=True)
class TrialRow:
    """One try: a model, or the policies that a command tried on one; what is unknown is None.

    `variants` counts the policies, None of a model; `times` says how often the same was seen. `run` is None where no
    store took the training, and `run_deleted` says whether it is gone since.
    """

    first_seen: str
    what: str
    model: str
    named: str | None
    question: str
    ticker: str | None
    horizon: int | None
    data: str | None
    definition_hash: str | None
    start: str | None
    end: str | None
    run: str | None
    run_deleted: bool
    counts: bool
    times: int
    variants: int | None
    search_trials: int | None
    brier_skill: float | None
    sharpe: float | None
    taken_over: bool


@dataclass(frozen=True)
class TrialSummary:
    """What the count of one question and kind of data amounts to.

    `tries` are models, of which `definitions` are distinct; `variants` policies tried on them besides their own. A
    skill must be significant at `skill_error`, the chance of error of one try shared among all (Bonferroni).
    `best_by_luck` is the annual Sharpe ratio that the best of all models and variants is expected to show without
    skill, from which the deflated ratio is measured; None where fewer than two ratios are known.
    """

    question: str
    data: str | None
    tries: int
    definitions: int
    variants: int
    skill_error: float
    sharpes_known: int
    best_by_luck: float | None


@dataclass(frozen=True)
class ListedTrials:
    """All trials, the oldest first, and a summary of each question."""

    path: str
    trials: tuple[TrialRow, ...]
    questions: tuple[TrialSummary, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        found: dict[str, Any] = json_ready(self)
        return found


def listed_trials(home: Home, question: str | None = None) -> ListedTrials:
    """The trials of a home, those of the tracking store taken over first.

    Parameters
    ----------
    question
        Those on this one alone.

    Raises
    ------
    TrialsError, RunError
        See `tracking.known_trials`.
    InputError
        There is no such question.
    """
    known = KnownTrials(home)
    names = sorted({*home.questions(), *(each.question for each in known.trials)})
    if question is not None and question not in names:
        raise InputError("--question", question, ", ".join(names), "choose one of them")
    try:
        present = {each.run_id for each in stored_runs(home.runs)}
    except store_errors():
        present = {each.run_id for each in known.stored}
    trials = [each for each in known.trials if question in (None, each.question)]
    asked = list(dict.fromkeys((each.question, each.data) for each in trials))
    error = home.promotion().skill.error
    counted = [(each, data, tries_on(trials, each, data)) for each, data in asked]
    return ListedTrials(
        path=str(known.registry.path),
        trials=tuple(_rows(trials, present)),
        questions=tuple(_summary(each, data, tries, error) for each, data, tries in counted),
    )


def _rows(trials: Sequence[Trial], present: set[str]) -> Iterable[TrialRow]:
    """The oldest first, equal trainings in one."""
    equal: dict[tuple[str, str | None, Identity] | int, list[Trial]] = {}
    for number, trial in enumerate(sorted(trials, key=lambda trial: trial.at)):
        if trial.is_training or trial.variants:
            key = (trial.question, trial.data, trial.identity) if trial.is_training else number
            equal.setdefault(key, []).append(trial)
    for of in equal.values():
        last = of[-1]
        if last.is_training:
            yield _row(of, present, sharpe=last.sharpe)
        else:
            ratios = [ratio for ratio in last.variants.values() if ratio is not None]
            yield _row(of, present, sharpe=max(ratios, default=None), variants=len(last.variants))


def _row(of: Sequence[Trial], present: set[str], *, sharpe: float | None, variants: int | None = None) -> TrialRow:
    """The newest of equal trials, with when the first of them was seen."""
    last = of[-1]
    return TrialRow(
        first_seen=pd.Timestamp(of[0].at).strftime("%Y-%m-%dT%H:%M:%SZ"),
        what=last.what,
        model=last.model,
        named=last.named,
        question=last.question,
        ticker=last.ticker,
        horizon=last.horizon,
        data=last.data,
        definition_hash=last.definition_hash,
        start=last.start,
        end=last.end,
        run=last.run_id,
        run_deleted=last.run_id is not None and last.run_id not in present,
        counts=last.counts,
        times=len(of),
        variants=variants,
        search_trials=last.search_trials,
        brier_skill=last.brier_skill,
        sharpe=sharpe,
        taken_over=last.taken_over,
    )


def _summary(question: str, data: str | None, tries: Tries, error: float) -> TrialSummary:
    models, variants, known = len(tries.models), len(tries.variants), tries.sharpes
    best = None
    if len(known) > 1:
        best = expected_maximum_sharpe(models + variants, float(np.var(known, ddof=1)))
    return TrialSummary(
        question=question,
        data=data,
        tries=models,
        definitions=len({definition for definition, _, _ in tries.models}),
        variants=variants,
        skill_error=error / max(1, models),
        sharpes_known=len(known),
        best_by_luck=best,
    )
