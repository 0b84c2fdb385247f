"""Publication: no factor speaks before its data are published, and what the model's skill owes to their timing.

Everything is published a release later: a session for daily series, the fund's own bars among them, a month for a
monthly statistic, the next vintage for a vintage. Labels stay those of the real closes, so the model decides as before,
on older data. A factor may show a value only from the later instant on. How much skill the last release is worth, and
how much one would report who reads the latest revisions in the place of the first values, are figures, no failures.

The rows of the store are held against the rules of their series, too: no row may be known before it can have been.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bullbear.audit.catalogue import Progress
from bullbear.audit.examples_compared import first_of_each
from bullbear.audit.publication.early_factors import early_factors, latest_revisions, revised_series, shown_revisions
from bullbear.audit.publication.later import Later
from bullbear.audit.publication.stored_rows import early_rows, never_revised
from bullbear.audit.result import CheckResult
from bullbear.audit.retraining import Trained, skill_and_difference
from bullbear.audit.series import Series, readers_of
from bullbear.audit.subject import Effort, Subject
from bullbear.data.store import Store
from bullbear.dataset import Examples
from bullbear.definitions import FactorSpec
from bullbear.errors import HistoryError
from bullbear.evaluate.sample import Sample
from bullbear.factors import compute
from bullbear.factors.engine.registry import renew
from bullbear.wording import count, percent

NAME = "publication"
_LEAKY = "data are used before they are published"


def check(subject: Subject, effort: Effort, progress: Progress) -> CheckResult:
    """Publish everything later, and read the latest revisions; see the module."""
    steps = 6
    readers = readers_of(subject)
    leaks = early_rows(subject.view, readers)
    progress(1, steps)
    later = subject.changed(Later())
    delayed = compute(later.as_of(), subject.specs, subject.index, subject.ticker)
    revised = revised_series(subject)
    if subject.specs:
        leaks += shown_revisions(subject, revised, effort)
        progress(2, steps)
        leaks += early_factors(subject, later, delayed, effort)
    progress(3, steps)
    unrevised = never_revised(subject.view, (series for series, specs in readers.items() if specs))
    figures: dict[str, Any] = {
        "factors": len(subject.specs),
        "series": len(readers),
        "revised_series": [name for _, name in revised],
        "stored_in_one_version": unrevised,
    }
    parts = [f"{_shown(len(subject.specs))} no value of {len(readers)} series before it is published"]
    if unrevised:
        parts.append(f"revised series stored in one version only, perhaps the latest: {', '.join(unrevised)}")
    try:
        skills = _skills(subject, later, delayed, revised, effort, lambda done: progress(3 + done, steps))
    except HistoryError as short:
        figures["skill"] = None
        parts.append(f"no skill was measured ({short})")
    else:
        figures["skill"] = skills
        parts += _told(skills)
    progress(steps, steps)
    return CheckResult.of(NAME, first_of_each(leaks), "; ".join(parts), _LEAKY, **figures)


def _skills(
    subject: Subject,
    later: Store,
    delayed: pd.DataFrame,
    revised: Mapping[Series, Sequence[FactorSpec]],
    effort: Effort,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """By question the Brier skill as published, a release later and on latest revisions, with the differences."""
    training = Trained.of(subject, effort)
    plain = training.on(training.examples)
    progress(1)
    learnt = {spec.name for each in subject.feature_sets for spec in each.factor}
    moved = training.on(with_factors(training.examples, later, subject.specs, delayed)) if learnt else plain
    progress(2)
    latest = None
    read = list({spec.name: spec for specs in revised.values() for spec in specs if spec.name in learnt}.values())
    if read:
        store = subject.changed(latest_revisions(list(revised)))
        latest = training.on(with_factors(training.examples, store, read))
    found = {}
    for place, question in enumerate(training.questions):
        found[question] = _of_question(plain[place], moved[place], None if latest is None else latest[place])
    return found


def _of_question(plain: Sample, delayed: Sample, latest: Sample | None) -> dict[str, Any]:
    skill, skill_later, lost = skill_and_difference(plain, delayed)
    figures = {
        "from": f"{plain.decided_at[0]:%Y-%m-%d}",
        "to": f"{plain.decided_at[-1]:%Y-%m-%d}",
        "skill": skill,
        "skill_a_release_later": skill_later,
        "lost_a_release_later": lost,
    }
    if latest is not None:
        _, skill_latest, lost = skill_and_difference(plain, latest)
        figures |= {
            "skill_on_latest_revisions": skill_latest,
            "overstated_by_revisions": [-lost[0], -lost[2], -lost[1]],
        }
    return figures


def with_factors(
    examples: Sequence[Examples], store: Store, specs: Sequence[FactorSpec], computed: pd.DataFrame | None = None
) -> list[Examples]:
    """The examples of every question with some factors as another store gives them; labels, rows and the rest stay.

    Parameters
    ----------
    computed
        The factors of the only asset by session, as far as they are known already.
    """
    first, view = examples[0], store.as_of()
    read = [spec for spec in specs if spec.name in first.X]
    names = [spec.name for spec in read]
    X = first.X.copy()
    for asset in sorted(set(first.asset)):
        own = first.asset == asset
        index = pd.DatetimeIndex(first.X.index[own])
        if own.all() and computed is not None and index.isin(computed.index).all():
            X.loc[:, names] = computed.loc[index, names].to_numpy()
        else:
            renew()
            X.loc[own, names] = compute(view, read, index, asset).to_numpy()
    return [replace(each, X=X) for each in examples]


def _told(skills: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a reader should know of the skills: of the best question, and of those that need the last release."""
    best = max(skills, key=lambda question: np.nan_to_num(skills[question]["skill"][0], nan=-np.inf))
    figures = skills[best]
    said = (
        f"Brier skill of {best} {_skill(figures['skill'])}; a release later {_skill(figures['skill_a_release_later'])}"
    )
    if "skill_on_latest_revisions" in figures:
        said += f"; on latest revisions {_skill(figures['skill_on_latest_revisions'])}"
    parts = [said]
    hasty = [question for question, each in skills.items() if _is_hasty(each["skill"], each["lost_a_release_later"])]
    if hasty:
        parts.append(f"the skill of {', '.join(hasty)} rests mostly on the last release")
    return parts


def _is_hasty(skill: Sequence[float], lost: Sequence[float]) -> bool:
    """Whether there is skill, and more than half of it is lost a release later, both beyond doubt."""
    return skill[1] > 0 and lost[1] > 0 and lost[0] > skill[0] / 2


def _skill(ends: Sequence[float]) -> str:
    return percent(ends[0], signed=True)


def _shown(n_factors: int) -> str:
    return f"{count(n_factors, 'factor')} {'shows' if n_factors == 1 else 'show'}"
