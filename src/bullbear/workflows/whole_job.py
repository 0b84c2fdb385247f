"""The whole job in one go: fill, train every model, promote the best that passes the gate, forecast, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from bullbear.errors import BullbearError, GateError, InputError
from bullbear.evaluate import OracleShare
from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.forecast import issue, replay
from bullbear.forecasting.ledger import Ledger
from bullbear.home import Home
from bullbear.settings import settings_of
from bullbear.tracking import Run, Runs
from bullbear.tracking.ledger_anchor import record_ledger_head
from bullbear.workflows.filling import fill_from, fill_live, fill_simulated, in_place_of_simulated, is_unfinished
from bullbear.workflows.pipeline import (
    Progress,
    Trained,
    backtest_run,
    evaluate_run,
    oracle_share,
    promote_run,
    train_model,
)

if TYPE_CHECKING:
    from bullbear.report import ModelResult


class Talk(Protocol):
    """Where progress is reported."""

    def say(self, line: str) -> None:
        """One line."""

    def progress(self, title: str) -> AbstractContextManager[Progress]:
        """A progress bar for a named piece of work."""


DEFAULT_MARKET = {"seed": 7, "signal": 0.5, "years": 20}
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


@dataclass(frozen=True)
class DataWish:
    """What `bullbear run` was asked to work on; None means: what is there, else the default.

    `data` is `sim`, `live` or a snapshot directory, `seed`, `signal` and `years` make the simulated market.
    """

    data: str | None = None
    seed: int | None = None
    signal: float | None = None
    years: int | None = None

    def market(self, held: Mapping[str, Any]) -> dict[str, Any]:
        """The simulated market that is meant, given the one that the store holds."""
        asked = {"seed": self.seed, "signal": self.signal, "years": self.years}
        return {name: held.get(name, DEFAULT_MARKET[name]) if value is None else value for name, value in asked.items()}


def run_all(home: Home, wish: DataWish, *, jobs: int, talk: Talk) -> Outcome:
    """Do the whole job in `home`.

    Raises
    ------
    InputError
        The snapshot was refused whole, or the store holds real data and the simulated market was asked for.
    """
    _fill(home, wish, talk)
    trained = []
    for name in MODELS:
        with talk.progress(f"training {name}") as progress:
            trained.append(train_model(home, name, jobs=jobs, progress=progress))
    talk.say("promoting, forecasting, reporting")
    runs = Runs(home)
    refused = _promote_best(home, runs, trained, talk)
    champion = runs.find("champion")
    entry = issue(home)
    record_ledger_head(home)
    store = home.store()
    shares = {}
    for each in trained:
        share = oracle_share(home, runs.find(each.run_id))
        if share is not None:
            shares[each.model.definition.name] = share
    results = [_result(each) for each in trained]
    if champion.run_id not in {each.run_id for each in results}:
        results.append(_champion_result(home, champion))  # it stayed: none of these has beaten it
    return Outcome(
        trained=tuple(trained),
        shares=shares,
        refused=refused,
        champion=champion,
        forecast=entry,
        report=_report(home, results, entry),
        simulated=store.is_simulated,
    )


def write_report_of(home: Home) -> Path:
    """The report on the champion and its latest forecast; nothing is appended to the ledger.

    Latest is the latest decision among the champion's entries; without one, a forecast is made for this page only.
    """
    run = Runs(home).find("champion")
    return _report(home, [_champion_result(home, run)], _latest_forecast(home, run))


def _champion_result(home: Home, run: Run) -> ModelResult:
    from bullbear.report import ModelResult

    return ModelResult(
        name=run.model,
        run_id=run.run_id,
        intent=run.bundle.definition.intent,
        evaluation=evaluate_run(run),
        backtest=backtest_run(home, run),
        predictions=run.predictions,
    )


def _latest_forecast(home: Home, run: Run) -> dict[str, Any]:
    made = [
        entry
        for entry in Ledger(home.forecasts / "ledger.jsonl").entries()
        if entry["model"]["run_id"] == run.run_id and bool(entry["data"].get("simulated")) == run.simulated
    ]
    if not made:
        return replay(home.filled_store(), read_bundle(home.champion))
    latest = max(entry["decided_at"] for entry in made)
    return next(entry for entry in reversed(made) if entry["decided_at"] == latest)


def _result(trained: Trained) -> ModelResult:
    from bullbear.report import ModelResult

    return ModelResult(
        name=trained.model.definition.name,
        run_id=trained.run_id,
        intent=trained.model.definition.intent,
        evaluation=trained.evaluation,
        backtest=trained.backtest,
        predictions=trained.training.predictions,
    )


def _report(home: Home, models: list[ModelResult], entry: dict[str, Any]) -> Path:
    from bullbear.report import write_report

    return write_report(
        home.reports / "index.html",
        models=models,
        forecast=entry,
        simulated=home.store().is_simulated,
        generated_at=pd.Timestamp.now("UTC"),
    )


def _fill(home: Home, wish: DataWish, talk: Talk) -> None:
    """Bring the store to what was asked for: as it is if nothing was, else filled, completed or exchanged."""
    empty, held = home.store().is_empty, home.store().simulated_from
    if wish.data not in (None, "sim"):
        if held is None or empty:
            _fill_real(home, str(wish.data), home, talk)
            return
        talk.say("real data will replace the SIMULATED market once they are stored; to keep it, give another --home")
        in_place_of_simulated(home, lambda place: _fill_real(place, str(wish.data), home, talk))
        return
    if not empty and held is None:
        if wish.data == "sim":
            raise InputError("--data", "sim", "the real data that is in the store", "give another --home")
        talk.say(f"store: {home.data} as it is")
        return
    market = wish.market(held or {})
    if held is not None and not empty and market == held and not is_unfinished(home):
        talk.say(f"store: {home.data} as it is, the SIMULATED market of {held}")
        return
    talk.say(
        "filling the store with the SIMULATED market (seed {seed}, signal {signal:g}, {years} years)".format(**market)
    )
    if held is not None and market != held:
        in_place_of_simulated(home, lambda place: fill_simulated(place, **market))
    else:
        fill_simulated(home, **market)


def _fill_real(place: Home, data: str, home: Home, talk: Talk) -> None:
    """Fill the store of `place` by the settings of `home`; a partial refusal is reported, a whole one raised."""
    faults: Sequence[BullbearError]
    if data == "live":
        talk.say("bringing the store up to date from the live providers")
        faults = fill_live(place, say=talk.say, settings=settings_of(home.root)).failures
    else:
        if not Path(data).is_dir():
            raise InputError("--data", data, "`sim`, `live` or a snapshot directory", "check the path")
        talk.say(f"filling the store from {data}")
        faults = fill_from(place, Path(data)).refusals
        for refusal in faults:
            talk.say(f"refused: {refusal}")
    if faults and place.store().is_empty:
        raise faults[0]


def _promote_best(home: Home, runs: Runs, trained: list[Trained], talk: Talk) -> dict[str, str]:
    """The run of highest Brier skill that passes the gate becomes champion; who failed, and why.

    The gate compares with the present champion. Where none passes, a champion that can be used stays; without one, the
    base rate passes always, having nothing to prove.
    """
    refused: dict[str, str] = {}
    for each in sorted(trained, key=lambda each: -each.evaluation.bss):
        try:
            verdict = promote_run(home, runs, runs.find(each.run_id))
        except GateError as gate:
            refused[each.model.definition.name] = str(gate)
            continue
        for note in verdict.notes:
            talk.say(f"note: {note}")
        break
    return refused
