"""`bullbear run`: fill, train every model, promote the best that passes the gate, forecast, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bullbear.errors import GateError
from bullbear.evaluate import OracleShare, PathScores
from bullbear.forecasting.forecast import issue
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.ledger_anchor import record_ledger_head
from bullbear.workflows.comparison import oracle_share
from bullbear.workflows.console import Console
from bullbear.workflows.filling import DataSource, fill
from bullbear.workflows.promotion import promote_run
from bullbear.workflows.reporting import result_of_run, result_of_training, write_page
from bullbear.workflows.training import TrainedModel, train_model

MODELS = ("climatology", "logistic", "lightgbm")


@dataclass(frozen=True)
class FullRun:
    """What `run_all` did."""

    trained: tuple[TrainedModel, ...]
    shares: dict[str, OracleShare]
    refused: dict[str, str]
    champion: Run
    forecast: dict[str, Any]
    report: Path
    simulated: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "simulated": self.simulated,
            "models": [
                {"model": each.model.definition.name, "run_id": each.run_id, **each.evaluation.as_dict()}
                for each in self.trained
            ],
            "champion": {"model": self.champion.model, "run_id": self.champion.run_id},
            "refused": self.refused,
            "forecast": self.forecast,
            "report": str(self.report),
        }


def run_all(home: Home, source: DataSource, *, jobs: int, console: Console) -> FullRun:
    """Go through every step in `home`.

    Raises
    ------
    InputError
        See `filling.fill`.
    """
    fill(home, source, console)
    trained = []
    for name in MODELS:
        with console.progress(f"training {name}") as progress:
            trained.append(train_model(home, name, jobs=jobs, progress=progress))
    console.say("promoting, forecasting, reporting")
    runs = Runs(home)
    refused = _promote_best(home, runs, trained, console)
    champion = runs.find("champion")
    entry = issue(home)
    record_ledger_head(home)
    store = home.store()
    shares = {}
    for each in trained:
        share = oracle_share(home, runs.find(each.run_id))
        if share is not None:
            shares[each.model.definition.name] = share
    results = [result_of_training(each) for each in trained if each.backtest is not None]
    if champion.run_id not in {each.run_id for each in results}:
        results.append(result_of_run(home, champion))  # it stayed: none of these has beaten it
    return FullRun(
        trained=tuple(trained),
        shares=shares,
        refused=refused,
        champion=champion,
        forecast=entry,
        report=write_page(home, results, entry),
        simulated=store.is_simulated,
    )


def _skill(trained: TrainedModel) -> float:
    found = trained.evaluation
    return found.bss_mean if isinstance(found, PathScores) else found.bss


def _promote_best(home: Home, runs: Runs, trained: list[TrainedModel], console: Console) -> dict[str, str]:
    """The run of highest Brier skill that passes the gate becomes champion; who failed, and why.

    The gate compares with the present champion. Where none passes, a champion that can be used stays; without one, the
    base rate passes always, having nothing to prove.
    """
    refused: dict[str, str] = {}
    for each in sorted(trained, key=_skill, reverse=True):
        try:
            verdict = promote_run(home, runs, runs.find(each.run_id))
        except GateError as gate:
            refused[each.model.definition.name] = str(gate)
            continue
        for note in verdict.notes:
            console.say(f"note: {note}")
        break
    return refused
