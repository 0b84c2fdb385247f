"""The trainings of a home, one line for each question that a training answers, with the verdict of the gate.

Who is champion is what the champion's folder says, not what the tag of a run says: forecasts read the folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bullbear.definitions import UP, is_name
from bullbear.evaluate.scored_model import NOT_JUDGED
from bullbear.forecasting.champion_history import FORCED, run_at
from bullbear.home import Home
from bullbear.tracking.stored_runs import StoredRun, stored_runs
from bullbear.tracking.tags import AUDIT, CHAMPION, PASSED, QUESTION, QUESTIONS, SEARCH, VERDICT, kind_of
from bullbear.tracking.tries import TRIALS


@dataclass(frozen=True)
class ListedRun:
    """A run that answers one question; figures that were not logged are None.

    `verdict` is what the gate said in full, `state` its kind: `champion`, `passed`, `refused` or `not judged`.
    """

    model: str
    run_id: str
    training: str
    """The run of the training, its own where that has a single question."""
    finished: pd.Timestamp
    question: str
    n: int | None
    bss: float | None
    bss_low: float | None
    bss_high: float | None
    log_loss_skill: float | None
    believed: float | None
    """`a` at the newest fit: how far its signal is believed; None without a signal, or if it was not logged."""
    state: str
    verdict: str
    is_champion: bool
    trials: int | None
    simulated: bool
    user_code: str = ""
    """The home's Python files that it runs, as `user_code.named_files` names them."""
    forced: str | None = None
    """Why it was promoted although a test failed."""
    audit: str | None = None
    """What its newest audit found: `passed (full) DAY`, `failed: CHECK`."""


def listed_runs(
    home: Home, *, model: str | None = None, question: str | None = None, last: int | None = None
) -> list[ListedRun]:
    """The finished runs, the newest training first, its questions in their order.

    Parameters
    ----------
    model, question
        Those of this model, and those that answer this question.
    last
        No more trainings than these; one of several questions counts once.

    Raises
    ------
    RunError
        The tracking store cannot be read.
    """
    stored, champions = stored_runs(home.runs), champion_runs(home)
    asked = {each.run_id: each.tags[QUESTIONS].split(",") for each in stored if QUESTIONS in each.tags}
    found = [_listed(each, champions) for each in stored if QUESTIONS not in each.tags and SEARCH not in each.tags]
    chosen = [each for each in found if model in (None, each.model) and question in (None, each.question)]
    newest = list(dict.fromkeys(each.training for each in chosen))[:last]
    of_training: dict[str, list[ListedRun]] = {}
    for each in chosen:
        of_training.setdefault(each.training, []).append(each)
    return [
        each
        for training in newest
        for each in sorted(of_training[training], key=lambda run: _place(asked.get(training, []), run.question))
    ]


def _place(questions: Sequence[str], question: str) -> int:
    return questions.index(question) if question in questions else len(questions)


def champion_runs(home: Home) -> dict[str, str]:
    """The run id in each champion's folder, by question; one that cannot be read is left out."""
    folder = home.forecasts / "champions"
    places = sorted(folder.iterdir()) if folder.is_dir() else []
    found = {place.name: run_at(place) for place in places if is_name(place.name)}
    return {question: run_id for question, run_id in found.items() if run_id is not None}


def _listed(run: StoredRun, champions: Mapping[str, str]) -> ListedRun:
    tags, question = run.tags, run.tags.get(QUESTION, UP.name)
    verdict, is_champion = tags.get(VERDICT, NOT_JUDGED), champions.get(question) == run.run_id
    state = kind_of(verdict)
    if state == CHAMPION or is_champion:
        state = CHAMPION if is_champion else PASSED
    n, trials = run.metrics.get("size/n"), tags.get(TRIALS)
    return ListedRun(
        model=tags.get("model", "?"),
        run_id=run.run_id,
        training=run.parent or run.run_id,
        finished=pd.Timestamp(run.ended, unit="ms", tz="UTC"),
        question=question,
        n=None if n is None else int(n),
        bss=_skill(run, "bss"),
        bss_low=_skill(run, "bss_low"),
        bss_high=_skill(run, "bss_high"),
        log_loss_skill=_skill(run, "log_loss_skill"),
        believed=run.metrics.get("signal/a"),
        state=state,
        verdict=verdict,
        is_champion=is_champion,
        trials=None if trials is None else int(trials),
        user_code=tags.get("user_code", ""),
        simulated=tags.get("data") == "SIMULATED",
        forced=tags.get(FORCED),
        audit=tags.get(AUDIT),
    )


def _skill(run: StoredRun, name: str) -> float | None:
    # Under its first name in runs of the earliest version.
    return run.metrics.get(name, run.metrics.get(f"skill/{name}"))
