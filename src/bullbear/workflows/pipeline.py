"""The line from stored rows to a tracked model: each command's work, without its printing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.data.oracle import read_truth
from bullbear.dataset import Examples, build
from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest, BandPolicy, backtest, comparison
from bullbear.definitions import Target
from bullbear.documents import json_ready
from bullbear.errors import DefinitionError, FitError, GateError, InputError
from bullbear.evaluate import Comparison, Evaluation, OracleShare, compare, evaluate, share_of_oracle
from bullbear.forecasting import gate
from bullbear.forecasting.gate import Verdict
from bullbear.home import Home, Model
from bullbear.learn import Training, train
from bullbear.sessions import day, days

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Trained:
    """A finished training and its run."""

    run_id: str
    model: Model
    examples: Examples
    training: Training
    evaluation: Evaluation
    backtest: Backtest
    seconds: float
    simulated: bool


def train_model(
    home: Home,
    name: str,
    *,
    start: str | None = None,
    end: str | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Trained:
    """Train `models/NAME.toml` walk-forward on everything stored, evaluate it, backtest it, log it as one run.

    Raises
    ------
    DefinitionError, NoDataError, HistoryError
        See `Home.model`, `dataset.build` and `learn.train`.
    RunError, SpooledError
        The tracking store cannot be used, or took the finished training no more; see `tracking.training_run`.
    """
    from bullbear.report import plots
    from bullbear.tracking.ledger_anchor import record_ledger_head
    from bullbear.tracking.training_run import TrainingRecord, log_training, require_ready

    began = time.perf_counter()
    progress = progress or _silent
    model = home.model(name)
    store = home.filled_store()
    view = store.as_of()
    check_span(model, pd.DatetimeIndex(view.bars(model.definition.target.ticker).index), start, end)
    require_ready(home.runs)  # a tracking store that cannot take the result is found before the work
    progress("factors", 0, 1)
    examples = build(view, model.feature_sets, model.definition.target)
    progress("factors", 1, 1)
    try:
        training = train(
            model.definition,
            model.feature_sets,
            examples,
            source=model.source,
            start=start,
            end=end,
            jobs=jobs,
            progress=lambda done, total: progress("folds", done, total),
        )
    except FitError as bad:
        where = f"{model.source.where('learner')} (learner)"
        allowed = f"parameters that the learner takes ({bad})"
        raise DefinitionError(where, dict(model.definition.learner), allowed, "correct the file") from bad
    progress("evaluation", 0, 1)
    evaluation = evaluate(_scored(training.predictions, model.definition.target))
    target = model.definition.target
    tested = backtest(training.predictions, view, model.policy, ticker=target.ticker, horizon=target.horizon)
    figures = comparison(tested)
    progress("evaluation", 1, 1)
    progress("tracking", 0, 1)
    seconds = time.perf_counter() - began
    run_id = log_training(
        home.runs,
        TrainingRecord(
            model=model,
            examples=examples,
            training=training,
            books=tested.books,
            evaluation=evaluation,
            plots={
                "calibration": plots.calibration_plot(evaluation, training.predictions, simulated=store.is_simulated),
                "equity": plots.equity_plot(tested, simulated=store.is_simulated),
                "skill": plots.skill_plot(evaluation, simulated=store.is_simulated),
                "probability": plots.probability_plot(training.predictions, simulated=store.is_simulated),
            },
            backtest=backtest_summary(tested, figures),
            backtest_metrics=backtest_metrics(figures),
            seconds=seconds,
            simulated=store.is_simulated,
            options={"start": start, "end": end},
        ),
    )
    record_ledger_head(home)
    progress("tracking", 1, 1)
    seconds = time.perf_counter() - began
    return Trained(run_id, model, examples, training, evaluation, tested, seconds, store.is_simulated)


def check_span(model: Model, traded: pd.DatetimeIndex, start: str | None, end: str | None) -> None:
    """Refuse, before any work, a reported span that holds no session, or none whose label is known.

    Raises
    ------
    InputError
        `start` lies after `end`, or one of them outside what the model and the bars allow.
    """
    target, first = model.definition.target, start or model.definition.splitter.first
    opening = "--start" if start else f"splitter.first of models/{model.definition.name}.toml"
    if end and day(first) > day(end):
        if start:
            raise InputError("--start", start, f"a day up to --end, {end}", "exchange the two")
        raise InputError("--end", end, f"days from {first}, {opening}", "give an earlier --start or a later --end")
    if end and day(end) < traded[0]:
        raise InputError(
            "--end", end, f"days from {traded[0].date()}, the first bar of {target.ticker}", "set it later"
        )
    resolved = traded[: -target.horizon]
    if len(resolved) and day(first) > resolved[-1]:
        allowed = f"days up to {resolved[-1].date()}: labels of {target.ticker} are known to there"
        raise InputError(opening, first, allowed, "set it earlier")
    if not ((traded >= day(first)) & (traded <= day(end or str(traded[-1].date())))).any():
        raise InputError(
            opening, first, f"a day up to --end with a session of {target.ticker} between", "widen the span"
        )


def _silent(stage: str, done: int, total: int) -> None:  # the shape of `Progress`
    return


def _scored(table: pd.DataFrame, target: Target) -> Predictions:
    return Predictions.of(**table, asset=target.ticker, horizon=target.horizon)


def evaluate_run(run: Run) -> Evaluation:
    """Score a run's out-of-sample forecasts."""
    return evaluate(_scored(run.predictions, run.bundle.definition.target))


def compare_runs(runs: Sequence[Run]) -> list[Comparison]:
    """Every pair of runs on the days that all of them forecast, scored on the outcomes that the newest data know.

    Runs that were trained at different times may hold different outcomes of one day: a price was corrected in between.

    Raises
    ------
    InputError
        The runs forecast different tickers or over different horizons.
    """
    targets = {(run.bundle.definition.target.ticker, run.horizon): run for run in runs}
    if len(targets) > 1:
        shown = ", ".join(f"{run.model} {run.run_id[:8]}: {t} over {h} sessions" for (t, h), run in targets.items())
        raise InputError("RUN RUN ...", shown, "runs of one ticker and horizon", "compare like with like")
    frames = {f"{run.model} {run.run_id[:8]}": run.predictions for run in runs}
    by_age = sorted(frames.values(), key=lambda frame: frame.loc[frame["y"].notna(), "resolved_at"].max())
    known = pd.concat(by_age).dropna(subset=["y"]).drop_duplicates("decided_at", keep="last")
    outcomes = known.set_index("decided_at")["y"]
    final = {name: frame.assign(y=frame["decided_at"].map(outcomes)) for name, frame in frames.items()}
    target = runs[0].bundle.definition.target
    return compare({name: _scored(frame, target) for name, frame in final.items()})


def oracle_share(home: Home, run: Run) -> OracleShare | None:
    """On a simulated market, the run's skill as a share of what knowing the hidden state was worth; else None."""
    if not run.simulated:
        return None
    predictions = run.predictions
    sessions = days(pd.DatetimeIndex(predictions["decided_at"]))
    truth = read_truth(home.root).set_index("decided")["p_up"]
    resolved = predictions["y"].notna().to_numpy()
    return share_of_oracle(
        predictions["y"].to_numpy()[resolved],
        predictions["p"].to_numpy()[resolved],
        truth.reindex(sessions).to_numpy()[resolved],
        predictions["climatology"].to_numpy()[resolved],
        horizon=run.horizon,
    )


def backtest_run(home: Home, run: Run, policy: BandPolicy | None = None) -> Backtest:
    """The policy of a run (or another) over its out-of-sample forecasts, on the prices stored now."""
    target = run.bundle.definition.target
    view = home.filled_store().as_of()
    return backtest(
        run.predictions, view, policy or run.bundle.policy, ticker=target.ticker, horizon=target.horizon
    )  # fmt: skip


def backtest_summary(tested: Backtest, figures: pd.DataFrame | None = None) -> dict[str, Any]:
    """Figures of the policy and the baselines (`decide.comparison`), attribution and costs, JSON-ready."""
    figures = comparison(tested) if figures is None else figures
    return {
        "accounts": json_ready(figures.reset_index().to_dict(orient="records")),
        "attribution": tested.attribution,
        "trades": len(tested.trades),
        "costs": float(tested.trades["cost"].sum()) if len(tested.trades) else 0.0,
        "first": str(tested.equity.index[0].date()),
        "last": str(tested.equity.index[-1].date()),
    }


def backtest_metrics(figures: pd.DataFrame) -> dict[str, float]:
    """The figures of `decide.comparison` as MLflow metrics, without those that are undetermined."""
    return {
        f"backtest/{account}_{figure}": float(value)
        for account, row in figures.iterrows()
        for figure, value in row.items()
        if figure in ("cagr", "volatility", "sharpe", "max_drawdown", "turnover") and math.isfinite(value)
    }


def promote_run(home: Home, runs: Runs, run: Run) -> Verdict:
    """Make a run the champion if it passes the gate against the present one; see `gate.check`.

    Raises
    ------
    GateError
        Which test failed, and by how much; nothing has changed.
    RunError
        Another version of the library trained the run, and this one cannot forecast with it; or another run, with
        which this one was not compared, became champion meanwhile.
    """
    run.bundle.require_usable()
    store = home.store()
    if not store.is_empty and store.is_simulated != run.simulated:
        kinds = {True: "a SIMULATED market", False: "real data"}
        raise GateError(
            "the data test",
            f"the run was trained on {kinds[run.simulated]}, the store holds {kinds[store.is_simulated]}",
            "train on this store",
        )
    record = gate.Record.of(run.bundle, run.run_id)
    compared = home.champion.resolve()
    champion, note = gate.present_champion(home, simulated=run.simulated)
    verdict = gate.check(record, champion, tried=runs.tried(run))
    runs.promote(run, instead_of=compared)
    return replace(verdict, notes=(*([note] if note else []), *verdict.notes))
