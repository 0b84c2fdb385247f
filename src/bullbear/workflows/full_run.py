"""`bullbear run`: fill, train every model, promote the best that passes the gate, forecast, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bullbear.definitions import UP
from bullbear.errors import GateError
from bullbear.evaluate import OracleShare, PathScores
from bullbear.forecasting.card.card import card_of
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.holdout import FILE, Lock, lock_of
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.ledger_anchor import record_ledger_head
from bullbear.workflows.audit_gate import AuditGate
from bullbear.workflows.comparison import oracle_share
from bullbear.workflows.console import Console
from bullbear.workflows.filling import DataSource, fill
from bullbear.workflows.plausibility import skill_of
from bullbear.workflows.promotion import promote_run
from bullbear.workflows.reporting import keep_page, result_of_run, result_of_training, write_page
from bullbear.workflows.reuse import ReusedQuestion
from bullbear.workflows.sealed_training import end_before_seal
from bullbear.workflows.training import TrainedModel, TrainedQuestion, train_model

MODELS = ("climatology", "logistic", "lightgbm", "outlook")


@dataclass(frozen=True)
class FullRun:
    """What `run_all` did; `shares` and `refused` by model, and question where that is not `up`."""

    trained: tuple[TrainedModel, ...]
    shares: dict[str, OracleShare]
    refused: dict[str, str]
    champions: dict[str, Run]
    """By question; a question without one is answered by its base rate."""
    forecast: dict[str, Any]
    report: Path
    simulated: bool

    @property
    def champion(self) -> Run:
        """That of `up`."""
        return self.champions[UP.name]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "simulated": self.simulated,
            "models": [
                {
                    "model": each.model.definition.name,
                    "question": name,
                    "run_id": one.run_id,
                    **one.evaluation.as_dict(),
                }
                for each in self.trained
                for name, one in each.questions.items()
            ],
            "champion": {"model": self.champion.model, "run_id": self.champion.run_id},
            "champions": {name: {"model": run.model, "run_id": run.run_id} for name, run in self.champions.items()},
            "refused": self.refused,
            "forecast": self.forecast,
            "report": str(self.report),
        }


def run_all(home: Home, source: DataSource, *, jobs: int, console: Console, again: bool = False) -> FullRun:
    """Go through every step in `home`; trainings that were made before are reused, unless `again`.

    Raises
    ------
    InputError
        See `filling.fill`.
    """
    fill(home, source, console)
    trained = []
    for name in MODELS:
        end = end_before_seal(home, name)
        if end is not None:
            console.say(f"note: {name} is trained up to {end}: {FILE} seals what follows, and it has not opened that")
        with console.progress(f"training {name}") as progress:
            trained.append(train_model(home, name, end=end, jobs=jobs, progress=progress, reuse=not again))
    console.say("promoting, forecasting, reporting")
    runs = Runs(home)
    candidates = [_Candidate(name, one) for each in trained for name, one in each.questions.items()]
    refused: dict[str, str] = {}
    audits = AuditGate(home, runs, jobs=jobs, console=console)
    for question in dict.fromkeys(each.question for each in candidates):
        of_question = [each for each in candidates if each.question == question]
        refused |= _promote_best(home, audits, of_question, console)
    champions = {run.question: run for run in runs.find_each("champion", console.say)}
    entry = issue(home)
    record_ledger_head(home)
    shares = {}
    for each in candidates:
        share = oracle_share(home, runs.find(each.trained.run_id))
        if share is not None:
            shares[each.label] = share
    results = [result_of_training(each) for each in trained if each.first.backtest is not None]
    if champions[UP.name].run_id not in {each.run_id for each in results}:
        results.append(result_of_run(home, champions[UP.name]))  # it stayed: none of these has beaten it
    report = write_page(home, results, entry)
    keep_page(home, champions[UP.name], report, console.say)
    return FullRun(
        trained=tuple(trained),
        shares=shares,
        refused=refused,
        champions=champions,
        forecast=entry | card_of(home, entry),
        report=report,
        simulated=home.store().is_simulated,
    )


@dataclass(frozen=True)
class _Candidate:
    """A trained model for one question."""

    question: str
    trained: TrainedQuestion | ReusedQuestion

    @property
    def label(self) -> str:
        name = self.trained.model.definition.name
        return name if self.question == UP.name else f"{name} {self.question}"

    def lock(self, home: Home) -> Lock:
        """What its model may read of a hold-out."""
        return lock_of(home, self.trained.model.definition.name, self.trained.model.definition_hash)

    def skill(self, through: pd.Timestamp | None) -> float:
        """The Brier skill of the forecasts whose outcomes were known at an instant; None is no limit."""
        found = self.trained.evaluation
        if isinstance(found, PathScores):
            return found.bss_mean
        if through is None:
            return found.bss
        ticker = self.trained.model.definition.ticker
        known = skill_of(self.trained.predictions.select(asset=ticker).known_at(through))
        return float("-inf") if known is None else known


def _promote_best(home: Home, audits: AuditGate, candidates: Sequence[_Candidate], console: Console) -> dict[str, str]:
    """The run of highest Brier skill that passes the gate becomes champion; who failed, and why.

    While a hold-out is sealed for one of them, all are ranked by what was known before it. The gate compares with the
    present champion. Where none passes, a champion that can be used stays; of `up` the base rate passes always, having
    nothing to prove.
    """
    refused: dict[str, str] = {}
    sealed = [through for each in candidates if (through := each.lock(audits.home).through) is not None]
    through = min(sealed, default=None)
    for each in sorted(candidates, key=lambda candidate: candidate.skill(through), reverse=True):
        try:
            verdict = promote_run(home, audits.runs, audits.runs.find(each.trained.run_id), audits=audits)
        except GateError as gate:
            refused[each.label] = str(gate)
            continue
        for note in verdict.notes:
            console.say(f"note: {note}")
        break
    return refused
