"""`bullbear train`: from stored rows to one tracked run, evaluated and backtested."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.audit import require_causal
from bullbear.data.view import View
from bullbear.dataset import Examples, build_all, splitter_of
from bullbear.dataset.predictions import Predictions
from bullbear.decide import backtest, baselines_of, comparison
from bullbear.definitions import UP
from bullbear.errors import DefinitionError, FitError, InputError
from bullbear.evaluate import Evaluation, PathScores, path_scores
from bullbear.evaluate.distribution import DistributionEvaluation
from bullbear.execution import Kept
from bullbear.forecasting.account_factors import account_factors
from bullbear.forecasting.holdout import Lock, lock_of
from bullbear.forecasting.policy_forecasts import decided_on
from bullbear.home import Home
from bullbear.learn import Training, train_all
from bullbear.model import Model
from bullbear.sessions import day
from bullbear.workflows.backtesting import backtest_metrics, backtest_params, backtest_summary
from bullbear.workflows.comparing import PAGE, page_of_training
from bullbear.workflows.console import Progress
from bullbear.workflows.distributions import evaluate_distributions, past_distributions, usual_fan
from bullbear.workflows.holdout_skill import holdout_skill
from bullbear.workflows.joint_metrics import metrics_by_question, metrics_of_distribution
from bullbear.workflows.kept_evaluations import evaluation_of
from bullbear.workflows.notes import factor_notes, fund_notes, outcome_notes
from bullbear.workflows.reuse import Reused, provenance, specs_of, trained_before
from bullbear.workflows.sealed_training import holdout_notes, require_unsealed
from bullbear.workflows.trained import TrainedModel, TrainedQuestion
from bullbear.workflows.trial_records import TrialsSeen

if TYPE_CHECKING:
    from bullbear.tracking.spool import LoggedTraining

__all__ = ["TrainedModel", "TrainedQuestion", "check_span", "train_model", "train_with"]


def train_model(
    home: Home,
    name: str,
    *,
    question: str | None = None,
    start: str | None = None,
    end: str | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
    reuse: bool = False,
) -> TrainedModel:
    """Train `models/NAME.toml` on everything stored, evaluate, backtest (`up`, walk-forward), log it.

    Factors are computed once for all questions, and the questions of a fold are fitted together. Fitted folds are kept
    until the run is logged: the next training of the same on the same data, with the same libraries, continues an
    interrupted one.

    Parameters
    ----------
    question
        Train this one of the model's questions alone.
    reuse
        Take the run of a training of the same definition over the same span, on the same data and by the same code, if
        there is one.

    Raises
    ------
    InputError
        The model does not answer `question`, or the span is empty.
    DefinitionError, NoDataError, HistoryError
        See `Home.model`, `dataset.build` and `learn.train`.
    HoldOutError
        Sealed days are asked for that the model has not opened; see `forecasting.holdout`.
    RunError, SpooledError
        The tracking store cannot be used, or took the finished training no more; see `tracking.training_run`.
    """
    return train_with(train_all, home, home.model(name), question, start, end, jobs, cluster, progress, reuse)


def train_with(
    fit: Callable[..., list[Training]],
    home: Home,
    model: Model,
    question: str | None,
    start: str | None,
    end: str | None,
    jobs: int,
    cluster: str | None,
    progress: Progress | None,
    reuse: bool = False,
) -> TrainedModel:
    """As `train_model`, with `fit` in the place of `learn.train_all`."""
    if question is not None:
        model = _only(model, question)
    began = time.perf_counter()
    lock = lock_of(home, model.definition.name, model.definition_hash)
    require_unsealed(home, model, lock, start, end)
    if reuse and (found := trained_before(home, model, start, end, lock)) is not None:
        trained = _reused(home, model, found, began)
    else:
        with Kept(home.unfinished(model.definition.name)) as kept:
            trained = _train(fit, home, model, lock, kept, start, end, jobs, cluster, progress or _silent)
    return replace(trained, notes=(*trained.notes, *holdout_notes(home, lock, trained)))


def _reused(home: Home, model: Model, found: Reused, began: float) -> TrainedModel:
    seconds, simulated = time.perf_counter() - began, home.store().is_simulated
    questions, distribution = found.questions, found.distribution
    return TrainedModel(found.run_id, model, questions, seconds, simulated, distribution=distribution, reused=True)


def _train(
    fit: Callable[..., list[Training]],
    home: Home,
    model: Model,
    lock: Lock,
    kept: Kept,
    start: str | None,
    end: str | None,
    jobs: int,
    cluster: str | None,
    progress: Progress,
) -> TrainedModel:
    from bullbear.tracking.known_trials import KnownTrials
    from bullbear.tracking.ledger_anchor import record_ledger_head
    from bullbear.tracking.spool import SpooledError
    from bullbear.tracking.training_run import require_ready

    began, started = time.perf_counter(), time.time()
    targets = model.definition.targets
    ticker = targets[0].ticker
    store = lock.store(home.filled_store())
    made_from = (
        provenance(home, specs_of(model)) | lock.tags
    )  # before the view: what arrives meanwhile makes another training
    view = store.as_of()
    check_span(model, pd.DatetimeIndex(view.bars(ticker).index), start, end)
    require_ready(home.runs)  # a tracking store that cannot take the result is found before the work
    KnownTrials(home)  # and so is a registry that cannot count it
    progress("factors", 0, 1)
    examples = build_all(view, model.feature_sets, targets)
    specs = [*(spec for each in model.feature_sets for spec in each.factor), *model.rule.own]
    require_causal(store, specs, pd.DatetimeIndex(examples[0].X.index).unique(), ticker)
    notes = factor_notes(model, examples[0])
    for target, of_target in zip(targets, examples, strict=True):
        notes += outcome_notes(model.only(target.question.name), of_target, start=start, end=end)
    progress("factors", 1, 1)
    try:
        trainings = fit(
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
    judged = {
        target.question.name: _judge(
            home, view, model.only(target.question.name, together=True), of_target, training, trainings
        )
        for target, of_target, training in zip(targets, examples, trainings, strict=True)
    }
    for each in judged.values():
        if each.backtest is not None:
            notes += fund_notes(view, model.policy, each.backtest.states[0].decided_at)
    past = past_distributions(trainings[0], examples[0], ticker)
    distribution = evaluate_distributions(view, past) if past is not None else None
    progress("evaluation", 1, 1)
    progress("tracking", 0, 1)
    seen = TrialsSeen(home, judged, start=start, end=end, simulated=store.is_simulated)
    try:
        logged = _log(
            home,
            view,
            model,
            judged,
            distribution,
            started=started,
            seconds=time.perf_counter() - began,
            simulated=store.is_simulated,
            start=start,
            end=end,
            made_from=made_from,
        )
    except SpooledError:
        notes += seen.record({})
        raise
    notes += seen.record(logged.questions or dict.fromkeys(judged, logged.run_id))
    record_ledger_head(home)
    kept.remove()
    progress("tracking", 1, 1)
    questions = {name: replace(each, run_id=logged.questions.get(name, logged.run_id)) for name, each in judged.items()}
    seconds = time.perf_counter() - began
    return TrainedModel(logged.run_id, model, questions, seconds, store.is_simulated, notes, distribution)


def _only(model: Model, question: str) -> Model:
    names = [each.question.name for each in model.definition.targets]
    if question not in names:
        allowed = f"{', '.join(names)}, the questions of models/{model.definition.name}.toml"
        raise InputError("--question", question, allowed, "choose one, or add it to the model's `questions`")
    unread = sorted(set(model.policy.needs.questions) - {question})
    if question == UP.name and unread:
        raise InputError(
            "--question",
            question,
            f"{question} with {', '.join(unread)}, which the policy {model.policy.kind} reads",
            f"train all questions of {model.definition.name}",
        )
    return model.only(question)


def _judge(
    home: Home, view: View, model: Model, examples: Examples, training: Training, together: Sequence[Training]
) -> TrainedQuestion:
    """The scores of one question, and the account of the policy that decides on it."""
    target = model.definition.target
    walks_forward = splitter_of(model.definition).is_walk_forward
    predictions = training.predictions
    tested = None
    if walks_forward and target.question.name == UP.name:  # what a policy decides on
        others = [each.predictions.select(asset=target.ticker) for each in together]
        tested = backtest(
            decided_on(predictions.select(asset=target.ticker), others, model.policy),
            view,
            model.policy,
            ticker=target.ticker,
            horizon=target.horizon,
            factors=account_factors(view, model.rule, model.feature_sets, target.ticker),
            baselines=baselines_of(target.ticker, home.instruments(), model.policy),
        )
    evaluation = evaluation_of(predictions, home.evaluations) if walks_forward else path_scores(predictions)
    inside = holdout_skill(home, predictions) if walks_forward else None
    return TrainedQuestion("", model, examples, training, evaluation, tested, inside)


def _log(
    home: Home,
    view: View,
    model: Model,
    judged: Mapping[str, TrainedQuestion],
    distribution: DistributionEvaluation | None,
    *,
    started: float,
    seconds: float,
    simulated: bool,
    start: str | None,
    end: str | None,
    made_from: Mapping[str, str],
) -> LoggedTraining:
    """Log one run, or a parent with a run for each of several questions."""
    from bullbear.tracking.training_run import JointRecord, TrainingRecord, log_joint_training, log_training

    def record(each: TrainedQuestion) -> TrainingRecord:
        predictions = each.training.predictions.select(asset=each.model.definition.target.ticker)
        figures = comparison(each.backtest) if each.backtest else None
        return TrainingRecord(
            model=each.model,
            examples=each.examples,
            training=each.training,
            evaluation=each.evaluation,
            plots=_plots(each, predictions, alone=len(judged) == 1, simulated=simulated),
            backtest=backtest_summary(each.backtest, figures) if each.backtest else {},
            backtest_metrics={} if figures is None else backtest_metrics(figures),
            baselines={} if figures is None else backtest_params(figures),
            started=started,
            seconds=seconds,
            simulated=simulated,
            options={"start": start, "end": end},
            questions=model.definition.questions,
            provenance=made_from,
            documents={} if each.hold_out is None else {"hold_out.json": each.hold_out.as_dict()},
        )

    documents: dict[str, Any] = {} if distribution is None else {"distribution.json": distribution.as_dict()}
    evaluations = {question: each.evaluation for question, each in judged.items()}
    trials = {question: each.trials for question, each in judged.items()}
    pages = {PAGE: page_of_training(home, model.definition.name, evaluations, trials, simulated=simulated)}
    if len(judged) == 1:
        one = record(next(iter(judged.values())))
        return log_training(home.runs, replace(one, documents={**documents, **one.documents}, pages=pages))
    documents["evaluation.json"] = {name: each.evaluation.as_dict() for name, each in judged.items()}
    return log_joint_training(
        home.runs,
        JointRecord(
            model=model,
            questions={name: record(each) for name, each in judged.items()},
            metrics=metrics_by_question(evaluations) | metrics_of_distribution(distribution),
            plots=_plots_of_all(view, judged, simulated=simulated),
            documents=documents,
            started=started,
            seconds=seconds,
            pages=pages,
        ),
    )


def _plots_of_all(view: View, judged: Mapping[str, TrainedQuestion], *, simulated: bool) -> dict[str, bytes]:
    """The questions side by side: past forecasts against the outcomes, reliability, the last outlook and its fan."""
    from bullbear.report.outlook_plots import against_usual_plot, fan_plot, past_outlooks_plot, reliability_plot

    evaluations = {name: each.evaluation for name, each in judged.items() if isinstance(each.evaluation, Evaluation)}
    if len(evaluations) < len(judged):
        return {}
    made = {
        name: each.training.predictions.select(asset=each.model.definition.target.ticker)
        for name, each in judged.items()
    }
    columns = ("p", "p_low", "p_high", "climatology")
    last = [
        {
            "question": name,
            "statement": judged[name].model.definition.target.question.sentence,
            **{column: float(each.table[column].iloc[-1]) for column in columns},
        }
        for name, each in made.items()
    ]
    found = {
        "past": past_outlooks_plot(made, simulated=simulated),
        "reliability": reliability_plot(evaluations, simulated=simulated),
        "against_usual": against_usual_plot(last, simulated=simulated),
    }
    first = next(iter(judged.values()))
    target = first.model.definition.target
    known = first.training.models[-1].distribution(first.examples.factors_of(target.ticker).iloc[[-1]])
    if known is not None:
        usual, past = usual_fan(view, target.ticker, target.horizon), view.bars(target.ticker)["adj_close"].iloc[-63:]
        found["fan"] = fan_plot(known.fan[0], usual=usual, past=past, simulated=simulated)
    return found


def _plots(each: TrainedQuestion, predictions: Predictions, *, alone: bool, simulated: bool) -> dict[str, bytes]:
    """The pictures of a walk-forward training; none of one that has several forecasts of each session.

    Of several questions the parent run shows reliability and past forecasts side by side, instead of each by itself.
    """
    from bullbear.report import plots

    if isinstance(each.evaluation, PathScores):
        return {}
    found = {"skill": plots.skill_plot(each.evaluation, simulated=simulated)}
    if each.backtest:
        found["equity"] = plots.equity_plot(each.backtest, simulated=simulated)
    if len(weights := each.training.weights):
        found["weights"] = plots.weights_plot(weights, simulated=simulated)
    if alone:
        found["calibration"] = plots.calibration_plot(each.evaluation, predictions, simulated=simulated)
        found["probability"] = plots.probability_plot(predictions, simulated=simulated)
    return found


def check_span(model: Model, traded: pd.DatetimeIndex, start: str | None, end: str | None) -> None:
    """Refuse, before any work, a reported span that holds no session, or none whose label is known.

    Raises
    ------
    InputError
        `start` lies after `end`, or one of them outside what the model and the bars allow.
    """
    target, first = model.definition.targets[0], start or splitter_of(model.definition).first
    horizon = max(each.horizon for each in model.definition.targets)
    opening = "--start" if start else f"splitter.first of models/{model.definition.name}.toml"
    if end and day(first) > day(end):
        if start:
            raise InputError("--start", start, f"a day up to --end, {end}", "exchange the two")
        raise InputError("--end", end, f"days from {first}, {opening}", "give an earlier --start or a later --end")
    if end and day(end) < traded[0]:
        raise InputError(
            "--end", end, f"days from {traded[0].date()}, the first bar of {target.ticker}", "set it later"
        )
    resolved = traded[:-horizon]
    if len(resolved) and day(first) > resolved[-1]:
        allowed = f"days up to {resolved[-1].date()}: labels of {target.ticker} are known to there"
        raise InputError(opening, first, allowed, "set it earlier")
    if not ((traded >= day(first)) & (traded <= day(end or str(traded[-1].date())))).any():
        raise InputError(
            opening, first, f"a day up to --end with a session of {target.ticker} between", "widen the span"
        )


def _silent(stage: str, done: int, total: int) -> None:  # the shape of `Progress`
    return
