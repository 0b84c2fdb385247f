"""The whole job in one go: fill, train every model, promote the best that passes the gate, forecast, report."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from bullbear.errors import BullbearError, GateError, InputError
from bullbear.evaluate import OracleShare
from bullbear.filling import fill_from, fill_simulated
from bullbear.forecast import issue
from bullbear.home import Home
from bullbear.pipeline import (
    Progress,
    Trained,
    backtest_run,
    check_gate,
    evaluate_run,
    oracle_share,
    train_model,
)
from bullbear.tracking import Run, Runs

class Talk(Protocol):
    """Where progress is told."""

    def say(self, line: str) -> None:
        """One line."""

    def progress(self, title: str) -> AbstractContextManager[Progress]:
        """A progress bar for a named piece of work."""


MODELS = ("climatology", "logistic", "lightgbm")


@dataclass(frozen=True)
class Outcome:
    """What `run_all` did."""

    trained: tuple[Trained, ...]
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


def run_all(home: Home, data: str, *, seed: int, signal: float, years: int, jobs: int, talk: Talk) -> Outcome:
    """Do the whole job in `home`.

    Parameters
    ----------
    data
        `sim` or a snapshot directory; used only while the store is empty.

    Raises
    ------
    InputError
        The snapshot was refused in part, or the store holds other data than `data` asks for.
    """
    _fill(home, data, seed, signal, years, talk)
    trained = []
    for name in MODELS:
        with talk.progress(f"training {name}") as progress:
            trained.append(train_model(home, name, jobs=jobs, progress=progress))
    talk.say("promoting, forecasting, reporting")
    runs = Runs(home)
    champion, refused = _promote_best(runs, trained)
    entry = issue(home)
    store = home.store()
    shares = {}
    for each in trained:
        share = oracle_share(home, runs.find(each.run_id))
        if share is not None:
            shares[each.model.definition.name] = share
    return Outcome(
        trained=tuple(trained),
        shares=shares,
        refused=refused,
        champion=champion,
        forecast=entry,
        report=write_report(home, [runs.find(each.run_id) for each in trained], entry),
        simulated=store.is_simulated,
    )


def write_report_of(home: Home) -> Path:
    """The report on the champion and its latest forecast."""
    return write_report(home, [Runs(home).find("champion")], issue(home))


def write_report(home: Home, runs: list[Run], entry: dict[str, Any]) -> Path:
    """The report on `runs` and a forecast, at `reports/index.html`."""
    from bullbear.report import ModelResult, write_report

    models = [
        ModelResult(
            name=run.model,
            run_id=run.run_id,
            intent=run.bundle.definition.intent,
            evaluation=evaluate_run(run),
            backtest=backtest_run(home, run),
            predictions=run.predictions,
        )
        for run in runs
    ]
    return write_report(
        home.reports / "index.html",
        models=models,
        forecast=entry,
        simulated=home.store().is_simulated,
        generated_at=pd.Timestamp.now("UTC"),
    )


def _fill(home: Home, data: str, seed: int, signal: float, years: int, talk: Talk) -> None:
    store = home.store()
    if not store.is_empty:
        if (data == "sim") != store.is_simulated:
            kind = "the simulated market" if store.is_simulated else "real data"
            raise InputError("--data", data, f"the data that is in the store ({kind})", "give another --home")
        talk.say(f"store: {store.root} is filled already")
        return
    if data == "live":
        raise InputError("--data", data, "`sim` or a snapshot directory", "there are no live providers in this version")
    if data == "sim":
        talk.say(f"filling the store with the SIMULATED market (seed {seed}, signal {signal:g}, {years} years)")
        fill_simulated(home, seed, signal, years)
        return
    talk.say(f"filling the store from {data}")
    report = fill_from(home, Path(data))
    for refusal in report.refusals:
        talk.say(f"refused: {refusal}")
    if report.refusals and home.store().is_empty:
        raise report.refusals[0]


def _promote_best(runs: Runs, trained: list[Trained]) -> tuple[Run, dict[str, str]]:
    """The run of highest Brier skill that passes the gate becomes champion; climatology, with skill 0, always can."""
    refused: dict[str, str] = {}
    best = sorted(trained, key=lambda each: -each.evaluation.bss)
    for each in best:
        run = runs.find(each.run_id)
        try:
            check_gate(run, None)
        except GateError as gate:
            refused[each.model.definition.name] = str(gate)
            continue
        runs.promote(run)
        return run, refused
    raise BullbearError("no model passed the gate: " + "; ".join(refused.values()))
