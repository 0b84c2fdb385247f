"""`bullbear train`: from stored rows to one tracked run, evaluated and backtested."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pandas as pd

from bullbear.dataset import Examples, build, splitter_of
from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest, backtest, baselines_of, comparison
from bullbear.definitions import UP
from bullbear.errors import DefinitionError, FitError, InputError
from bullbear.evaluate import Evaluation, PathScores, evaluate, path_scores
from bullbear.execution import Kept
from bullbear.factors.engine.lookahead import require_causal
from bullbear.home import Home
from bullbear.learn import Training, train
from bullbear.model import Model
from bullbear.sessions import day
from bullbear.workflows.backtesting import backtest_metrics, backtest_summary
from bullbear.workflows.console import Progress
from bullbear.workflows.notes import factor_notes, fund_notes, outcome_notes


@dataclass(frozen=True)
class TrainedModel:
    """A finished training and its run."""

    run_id: str
    model: Model
    examples: Examples
    training: Training
    evaluation: Evaluation | PathScores
    """By path of a combinatorial splitter."""
    backtest: Backtest | None
    """None where no policy decides: of questions other than `up`, and without a walk-forward."""
    seconds: float
    simulated: bool
    notes: tuple[str, ...] = ()


def train_model(
    home: Home,
    name: str,
    *,
    start: str | None = None,
    end: str | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> TrainedModel:
    """Train `models/NAME.toml` on everything stored, evaluate, backtest (`up`, walk-forward), log it as one run.

    Fitted folds are kept until the run is logged: the next training of the same on the same data, with the same
    libraries, continues an interrupted one.

    Raises
    ------
    DefinitionError, NoDataError, HistoryError
        See `Home.model`, `dataset.build` and `learn.train`.
    RunError, SpooledError
        The tracking store cannot be used, or took the finished training no more; see `tracking.training_run`.
    """
    model = home.model(name)
    with Kept(home.unfinished(model.definition.name)) as kept:
        return _train(home, model, kept, start, end, jobs, cluster, progress or _silent)


def _train(
    home: Home,
    model: Model,
    kept: Kept,
    start: str | None,
    end: str | None,
    jobs: int,
    cluster: str | None,
    progress: Progress,
) -> TrainedModel:
    from bullbear.tracking.ledger_anchor import record_ledger_head
    from bullbear.tracking.training_run import TrainingRecord, log_training, require_ready

    began = time.perf_counter()
    walks_forward = splitter_of(model.definition).is_walk_forward
    store = home.filled_store()
    view = store.as_of()
    check_span(model, pd.DatetimeIndex(view.bars(model.definition.target.ticker).index), start, end)
    require_ready(home.runs)  # a tracking store that cannot take the result is found before the work
    progress("factors", 0, 1)
    examples = build(view, model.feature_sets, model.definition.target)
    specs = [spec for each in model.feature_sets for spec in each.factor]
    require_causal(store, specs, pd.DatetimeIndex(examples.X.index).unique(), model.definition.target.ticker)
    notes = factor_notes(model, examples) + outcome_notes(model, examples, start=start, end=end)
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
            cluster=cluster,
            progress=lambda done, total: progress("folds", done, total),
            kept=kept,
        )
    except FitError as bad:
        key = "member" if model.definition.member else "learner"
        tables = [dict(member.learner) for member in model.definition.members]
        allowed = f"parameters that the learner takes ({bad})"
        raise DefinitionError(
            f"{model.source.where(key)} ({key})",
            tables if len(tables) > 1 else tables[0],
            allowed,
            "correct the file",
        ) from bad
    progress("evaluation", 0, 1)
    target = model.definition.target
    predictions = training.predictions
    evaluation = evaluate(predictions) if walks_forward else path_scores(predictions)
    tested = None
    if walks_forward and target.question.name == UP.name:  # what a policy decides on
        tested = backtest(
            predictions.select(asset=target.ticker).table,
            view,
            model.policy,
            ticker=target.ticker,
            horizon=target.horizon,
            factors=examples.factors_of(target.ticker),
            baselines=baselines_of(target.ticker, home.instruments()),
        )
        notes += fund_notes(view, model.policy, tested.states[0].decided_at)
    figures = comparison(tested) if tested else None
    progress("evaluation", 1, 1)
    progress("tracking", 0, 1)
    seconds = time.perf_counter() - began
    run_id = log_training(
        home.runs,
        TrainingRecord(
            model=model,
            examples=examples,
            training=training,
            books=tested.books if tested else (),
            evaluation=evaluation,
            plots=_plots(evaluation, predictions.select(asset=target.ticker), tested, simulated=store.is_simulated),
            backtest=backtest_summary(tested, figures) if tested else {},
            backtest_metrics={} if figures is None else backtest_metrics(figures),
            seconds=seconds,
            simulated=store.is_simulated,
            options={"start": start, "end": end},
        ),
    )
    record_ledger_head(home)
    kept.remove()
    progress("tracking", 1, 1)
    seconds = time.perf_counter() - began
    return TrainedModel(run_id, model, examples, training, evaluation, tested, seconds, store.is_simulated, notes)


def _plots(
    evaluation: Evaluation | PathScores, predictions: Predictions, tested: Backtest | None, *, simulated: bool
) -> dict[str, bytes]:
    """The pictures of a walk-forward training; none of one that has several forecasts of each session."""
    from bullbear.report import plots

    if isinstance(evaluation, PathScores):
        return {}
    return {
        "calibration": plots.calibration_plot(evaluation, predictions.table, simulated=simulated),
        **({"equity": plots.equity_plot(tested, simulated=simulated)} if tested else {}),
        "skill": plots.skill_plot(evaluation, simulated=simulated),
        "probability": plots.probability_plot(predictions.table, simulated=simulated),
    }


def check_span(model: Model, traded: pd.DatetimeIndex, start: str | None, end: str | None) -> None:
    """Refuse, before any work, a reported span that holds no session, or none whose label is known.

    Raises
    ------
    InputError
        `start` lies after `end`, or one of them outside what the model and the bars allow.
    """
    target, first = model.definition.target, start or splitter_of(model.definition).first
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
