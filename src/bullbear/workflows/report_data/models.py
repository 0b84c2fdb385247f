"""Every model of every question by its skill, on the forecasts whose outcome was known at a close.

Scores of the whole record are those that were logged. A report on an earlier close scores the record up to it, and
leaves out the verdicts, which rest on what came later.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import pandas as pd

from bullbear.dataset.predictions import COMBINED, Predictions
from bullbear.definitions import Question
from bullbear.errors import BullbearError
from bullbear.evaluate.bootstrap import skill_interval
from bullbear.evaluate.cumulative import cumulative_skill
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scored_model import NOT_JUDGED, ScoredModel
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.home import Home
from bullbear.report.sections.models import ComparedModels, ComparedQuestion
from bullbear.statistics.bootstrap import resample
from bullbear.tracking import Runs
from bullbear.tracking.known_trials import KnownTrials
from bullbear.tracking.usable import store_errors
from bullbear.trials import tries_on
from bullbear.workflows.belief import belief_of_run
from bullbear.workflows.outlook_pictures import known_at

UNTRACKED = "champion: its run is gone"
_FORECASTS = "bundle/predictions.csv"
SHOWN, DRAWN = 40, 12
"""Models shown of a question, and those whose cumulative skill and belief are, too: the best, and the champion."""


def compared_models(
    home: Home, runs: Runs, ticker: str, decided_at: pd.Timestamp, *, simulated: bool
) -> ComparedModels:
    """The models that were trained about `ticker`, by question in the order of questions.toml."""
    questions = home.questions()
    scored = runs.scored(list(questions), simulated=simulated)
    champions = {name: bundle for name in questions if (bundle := _champion(home, name, simulated=simulated))}
    holders = {name: str(bundle.meta["run_id"]) for name, bundle in champions.items()}
    best = {name: _best(models, SHOWN, holders.get(name)) for name, models in scored.items()}
    made = _records(runs, best, ticker)
    whole = all(_ends_by(record, decided_at) for record in made.values())
    if not whole:  # who was best by then is not known before all are scored
        best = scored
        made = _records(runs, best, ticker)
    for name, bundle in champions.items():
        if holders[name] not in {model.run_id for model in best.get(name, ())} and bundle.definition.ticker == ticker:
            best[name] = [*best.get(name, ()), _untracked(holders[name], bundle)]
            made[holders[name]] = bundle.predictions.select(member=COMBINED)
    found = [
        _question(question, best[name], made, holders.get(name), decided_at, whole=whole)
        for name, question in questions.items()
        if name in best
    ]
    if whole:  # like verdicts, beliefs rest on the whole record
        found = [replace(each, beliefs=_beliefs(home, runs, each)) for each in found]
    unread = None if scored else runs.unreadable()
    shown = tuple(each for each in found if each.models)
    tried = _tried(home, [each.question for each in shown], simulated=simulated) if whole else {}
    return ComparedModels(shown, whole, unread, tried)


def _tried(home: Home, questions: Sequence[str], *, simulated: bool) -> dict[str, int]:
    """How many models were tried on each question; nothing where the registry or the store cannot be read."""
    try:
        trials = KnownTrials(home).trials
    except store_errors():
        return {}
    data = "SIMULATED" if simulated else "real"
    counts = {question: len(tries_on(trials, question, data).models) for question in questions}
    return {question: count for question, count in counts.items() if count}


def _beliefs(home: Home, runs: Runs, question: ComparedQuestion) -> dict[str, str]:
    found: dict[str, str] = {}
    for model in _best(question.models, DRAWN, question.champion):
        with suppress(BullbearError):  # a champion whose run is gone
            belief = belief_of_run(home, runs.find(model.run_id))
            if belief is not None and (said := belief.sentence()):
                found[model.run_id] = said
    return found


def _untracked(run_id: str, bundle: Bundle) -> ScoredModel:
    """A champion outlives its run; its scores are those of the forecasts in its bundle."""
    return ScoredModel(bundle.definition.name, run_id, math.nan, None, None, None, verdict=UNTRACKED)


def _best(models: Sequence[ScoredModel], count: int, champion: str | None) -> list[ScoredModel]:
    """The best models by Brier skill, and the champion wherever it stands."""
    ordered = sorted(models, key=lambda model: model.bss if math.isfinite(model.bss) else -math.inf, reverse=True)
    return [model for place, model in enumerate(ordered) if place < count or model.run_id == champion]


def _champion(home: Home, question: str, *, simulated: bool) -> Bundle | None:
    try:
        found = read_bundle(home.champion_of(question))
    except BullbearError:
        return None
    return found if bool(found.meta["simulated"]) == simulated else None


def _records(runs: Runs, scored: Mapping[str, Sequence[ScoredModel]], ticker: str) -> dict[str, Predictions]:
    """By run, the forecasts of models about `ticker`, of all their assets as they were scored."""
    found: dict[str, Predictions] = {}
    for name, text in runs.texts([model.run_id for each in scored.values() for model in each], _FORECASTS).items():
        record = Predictions.from_csv(text).select(member=COMBINED)
        if (record.table["asset"] == ticker).any():
            found[name] = record
    return found


def _question(
    question: Question,
    scored: Sequence[ScoredModel],
    made: Mapping[str, Predictions],
    champion: str | None,
    decided_at: pd.Timestamp,
    *,
    whole: bool,
) -> ComparedQuestion:
    known = {model.run_id: known_at(decided_at, made[model.run_id]) for model in scored if model.run_id in made}
    models = [model for model in scored if model.run_id in known]
    again = [
        model if whole and model.verdict != UNTRACKED else _scored_again(model, known[model.run_id]) for model in models
    ]
    models = _best([model for model in again if model is not None], SHOWN, champion)
    cumulative: dict[str, pd.Series] = {}
    for model in _best(models, DRAWN, champion):
        with suppress(BullbearError):  # a record of a few days, or of several paths
            cumulative[model.run_id] = cumulative_skill(known[model.run_id])
    return ComparedQuestion(question.name, question.sentence, champion, tuple(models), cumulative)


def _ends_by(record: Predictions, decided_at: pd.Timestamp) -> bool:
    resolved = record.resolved().table["resolved_at"]
    return resolved.empty or bool(resolved.max() <= decided_at)


def _scored_again(model: ScoredModel, record: Predictions) -> ScoredModel | None:
    try:
        rows = Sample.of(record)
    except BullbearError:  # too little had resolved
        return None
    draws = resample(rows.n_sessions, rows.horizon, session=rows.session)
    skill, log_skill = (
        skill_interval(rows.y, rows.p, rows.climatology, draws, score=score) for score in ("brier", "log_loss")
    )
    return replace(
        model,
        bss=skill.estimate,
        low=skill.low,
        high=skill.high,
        log_loss_skill=log_skill.estimate,
        verdict=UNTRACKED if model.verdict == UNTRACKED else NOT_JUDGED,
    )
