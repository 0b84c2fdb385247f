"""Commands on training runs: train, evaluate, compare, predictions, backtest, ui."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import (
    DEFAULT_JOBS,
    AgainOption,
    By,
    FirstOption,
    HomeOption,
    JobsOption,
    JsonOption,
    LastOption,
    PairOption,
    pair_note,
    print_document,
)
from bullbear.errors import Found, InputError
from bullbear.extras import require

if TYPE_CHECKING:
    from bullbear.decide import Rule
    from bullbear.home import Home
    from bullbear.tracking import Run, Runs

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run id, a unique prefix, a model's name, `latest` or `champion`.")
]
QuestionOption = Annotated[
    str | None,
    typer.Option("--question", metavar="NAME", help="One of the run's questions; default `up`, or its only one."),
]
EachQuestionOption = Annotated[
    str | None, typer.Option("--question", metavar="NAME", help="One of the run's questions; default all.")
]


def train(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The name of a file in models/.")],
    home: HomeOption = None,
    pair: PairOption = None,
    start: FirstOption = None,
    end: LastOption = None,
    jobs: JobsOption = DEFAULT_JOBS,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Fit on this Dask cluster, such as tcp://127.0.0.1:8786.")
    ] = None,
    question: Annotated[
        str | None, typer.Option("--question", metavar="NAME", help="Train one of the model's questions; default all.")
    ] = None,
    again: AgainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train models/MODEL.toml and log it as one MLflow run.

    Each of several questions has a nested run. An interrupted training continues where it stopped.

    Example: bullbear train lightgbm --start 2010-01-01
    """
    require("bullbear train", "train", "tracking", "report")
    from bullbear.cli import show
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.belief import beliefs_of_training
    from bullbear.workflows.training import train_model

    console = ProgressConsole(quiet=as_json)
    place = locate(home, pair).following(model)
    with console.progress(f"training {model}") as progress:
        trained = train_model(
            place,
            model,
            question=question,
            start=start,
            end=end,
            jobs=jobs,
            cluster=cluster,
            progress=progress,
            reuse=not again,
        )
    beliefs = beliefs_of_training(place, trained)
    if as_json:
        print_document({**show.trained_document(trained), "belief": show.belief_documents(beliefs)})
    else:
        show.trained(trained, beliefs)
    for note in (*trained.notes, *pair_note(place, pair)):
        typer.echo(at_the_same_place(f"note: {note}"), err=True)


def evaluate(
    run: RunArgument,
    home: HomeOption = None,
    pair: PairOption = None,
    question: EachQuestionOption = None,
    by: Annotated[By | None, typer.Option("--by", help="Break the skill down by this; JSON has all of them.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a run against the base rate.

    Question by question, with 90% intervals; a combinatorial run path by path.

    Example: bullbear evaluate latest --by regime
    """
    require("bullbear evaluate", "train", "tracking")
    from bullbear.cli import evaluation_tables, show
    from bullbear.evaluate import Evaluation
    from bullbear.forecasting.holdout import looks_note
    from bullbear.tracking import Runs
    from bullbear.workflows.belief import belief_of_run
    from bullbear.workflows.comparison import evaluate_run, oracle_share
    from bullbear.workflows.run_details import run_details

    place = locate(home, pair)
    runs = Runs(place)
    found = runs.find_each(run) if question is None else [runs.find(run, question)]
    detailed = as_json or by is not None or len(found) == 1
    results = []
    for each in found:
        scored = evaluate_run(each, place.evaluations)
        of_run = run_details(place, runs, each, scored) if detailed and isinstance(scored, Evaluation) else None
        results.append((each, scored, oracle_share(place, each), of_run))
    uncounted = {of_run.uncounted: None for *_, of_run in results if of_run is not None and of_run.uncounted}
    distribution = runs.distribution(run) if question is None and by is None else None
    beliefs = [] if by is not None and not as_json else [belief_of_run(place, each) for each in found]
    if as_json:
        models = [evaluation_tables.evaluation_document(*result) for result in results]
        for document, belief in zip(models, beliefs, strict=True):
            document["belief"] = None if belief is None else belief.as_dict()
        if distribution is not None:
            models[0]["distribution"] = distribution
        print_document(models)
    elif by is not None:
        evaluation_tables.evaluations_by(results, by)
    else:
        evaluation_tables.evaluations(results, [])
        if len(results) > 1 and (looks := looks_note(place, (each.model for each in found))) is not None:
            typer.echo(f"note: {looks}", err=True)
        show.beliefs(zip((evaluation_tables.named(each, found) for each in found), beliefs, strict=True))
        if distribution is not None:
            show.distribution(distribution, simulated=results[0][0].simulated)
    for note in uncounted:
        typer.echo(at_the_same_place(f"note: {note}"), err=True)


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN ...", help="Two or more runs.")],
    home: HomeOption = None,
    pair: PairOption = None,
    question: EachQuestionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score runs against the base rate and each other.

    On the days and questions that they share.

    Example: bullbear compare latest champion
    """
    require("bullbear compare", "train", "tracking")
    if len(runs) == 1:
        evaluate(runs[0], home, pair, question, None, as_json)
        return
    from bullbear.cli import evaluation_tables
    from bullbear.forecasting.holdout import looks_note
    from bullbear.tracking import Runs
    from bullbear.workflows.comparison import compare_runs, evaluate_run, field_of, oracle_share, shared_questions

    place = locate(home, pair)
    store = Runs(place)
    named = [store.find_each(name) if question is None else [store.find(name, question)] for name in runs]
    groups = shared_questions(named)
    for asked, group in groups.items():
        if len(group) < len(named):
            typer.echo(f"note: {asked}: two of the names are the same run, which is compared once", err=True)
    several = {asked: group for asked, group in groups.items() if len(group) > 1}
    pairs = [(asked, pair) for asked, group in several.items() for pair in compare_runs(group)]
    fields = [(asked, field_of(group)) for asked, group in several.items()]
    results = [
        (run, evaluate_run(run, place.evaluations), oracle_share(place, run), None)
        for group in groups.values()
        for run in group
    ]
    if as_json:
        models = [evaluation_tables.evaluation_document(*result) for result in results]
        found = [{"question": asked, **pair.as_dict()} for asked, pair in pairs]
        together = [{"question": asked, **field.as_dict()} for asked, field in fields]
        print_document({"models": models, "pairs": found, "together": together} if pairs else models)
    else:
        evaluation_tables.evaluations(results, pairs, fields)
    if (looks := looks_note(place, (run.model for run, *_ in results))) is not None:
        typer.echo(f"note: {looks}", err=True)


def predictions(
    run: RunArgument,
    home: HomeOption = None,
    pair: PairOption = None,
    question: QuestionOption = None,
    path: Annotated[int | None, typer.Option(metavar="N", help="A path of a combinatorial splitter, from 0.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the out-of-sample forecasts of a run as CSV.

    Example: bullbear predictions latest > forecasts.csv
    """
    require("bullbear predictions", "tracking")
    from bullbear.dataset.predictions import INTERFACE
    from bullbear.tracking import Runs

    run_of_question = Runs(locate(home, pair)).find(run, question)
    found = run_of_question.predictions_of(question or run_of_question.bundle.question, path=path)
    if as_json:
        print_document(found.table[list(INTERFACE)].to_dict(orient="records"))
    else:
        typer.echo(found.interface_csv(), nl=False)


def backtest(
    run: RunArgument,
    home: HomeOption = None,
    pair: PairOption = None,
    question: QuestionOption = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="NAME", help="A file in models/policies/ instead of the run's own policy."),
    ] = None,
    equity: Annotated[
        Path | None,
        typer.Option("--equity", metavar="FILE", help="Write equity curves and weights by day to this CSV file."),
    ] = None,
    parts: Annotated[
        bool, typer.Option("--attribution", help="Switch each part of the policy off in turn: what is it worth?")
    ] = False,
    sweep: Annotated[
        Path | None,
        typer.Option("--sweep", metavar="FILE", help="Try every combination of the values in this TOML file's [grid]."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the policy over a run's forecasts, beside baselines.

    The forecasts are those made out of sample; a decision at a close trades at the next open, with costs.

    Example: bullbear backtest champion --policy band --equity curves.csv
    """
    require("bullbear backtest", "train", "tracking")
    from bullbear.cli import show
    from bullbear.cli.outputs import check_output, write_output
    from bullbear.decide.grid import digest
    from bullbear.tracking import Runs
    from bullbear.trials import POLICY
    from bullbear.workflows.backtesting import backtest_run, parts_of, rule_for, sharpe_beside_tried
    from bullbear.workflows.notes import fund_notes
    from bullbear.workflows.trial_records import record_variants

    if equity is not None:
        check_output(equity, "--equity")
    place = locate(home, pair)
    runs = Runs(place)
    found = runs.find(run, question)
    beside: list[str] = []
    rule = None if policy is None else rule_for(place, found, policy)
    if sweep is not None:
        if equity is not None or parts:
            option = "--equity" if equity is not None else "--attribution"
            raise InputError(option, Found("given with --sweep"), "one of the two", "run the command twice")
        _sweep(place, runs, found, sweep, rule, as_json=as_json)
        return
    tested = backtest_run(place, found, rule, beside.append, parts=parts)
    if equity is not None:
        write_output(equity, tested.curves.to_csv(date_format="%Y-%m-%d"), "--equity")
    evidence = sharpe_beside_tried(runs, found, tested, beside.append)
    if policy is not None:
        ratios = {digest(tested.policy): evidence.sharpe}
        record_variants(place, runs, found, POLICY, policy, ratios, beside.append)
    if parts and policy is None:
        runs.attach(found, "attribution.csv", parts_of(tested).to_csv())
    notes = tuple(beside) + fund_notes(place.filled_store().as_of(), tested.policy, tested.states[0].decided_at)
    if as_json:
        print_document(show.backtest_document(found, tested, notes, evidence))
    else:
        show.backtest(found, tested, evidence)
    for note in notes:
        typer.echo(at_the_same_place(f"note: {note}"), err=True)


def _sweep(place: Home, runs: Runs, run: Run, grid: Path, rule: Rule | None, *, as_json: bool) -> None:
    from bullbear.cli import show
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.sweeping import sweep_document, sweep_run

    notes: list[str] = []
    with ProgressConsole(quiet=as_json).progress("sweeping") as bar:
        swept = sweep_run(
            place,
            runs,
            run,
            grid,
            rule,
            say=notes.append,
            progress=lambda done, total: bar("variants", done, total),
        )
    if as_json:
        print_document({"model": run.model, "run_id": run.run_id, **sweep_document(swept), "notes": notes})
    else:
        show.sweep(run, swept)
    for note in notes:
        typer.echo(at_the_same_place(f"note: {note}"), err=True)


def ui(
    home: HomeOption = None,
    pair: PairOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the addresses only.")] = False,
) -> None:
    """Open the MLflow UI on this home's store.

    A browser opens the list of trainings, sorted by verdict; for each question the address of its runs, sorted by
    skill, is printed, too.

    Example: bullbear ui --port 5001 --no-open
    """
    require("bullbear ui", "tracking")
    from bullbear.tracking.ui import serve

    place = locate(home, pair)
    serve(place.runs, port, list(place.questions()), open_browser=not no_open)
