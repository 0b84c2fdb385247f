"""`bullbear report`: the page on the champion and its latest forecast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.errors import HistoryError
from bullbear.evaluate import Evaluation, evaluate
from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.card.card import card_of
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.champions import others_of
from bullbear.forecasting.forecast import replay
from bullbear.forecasting.ledger import Ledger, of_question, warn
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.stored_runs import has_store
from bullbear.workflows.backtesting import backtest_run
from bullbear.workflows.outlook_pictures import known_at
from bullbear.workflows.report_data.contents import contents_of
from bullbear.workflows.training import TrainedModel

if TYPE_CHECKING:
    from bullbear.report import ModelResult
    from bullbear.report.section import Section

PAGE = "report.html"
"""The artifact of the champion's run."""


def report_champion(home: Home, *, say: Callable[[str], None] = warn) -> Path:
    """The report on the champion and its latest forecast; nothing is appended to the ledger.

    Latest is the latest decision among the champion's entries; without one, a forecast is made for this page only.
    MLflow keeps the page, too, as an artifact of the champion's run.

    Parameters
    ----------
    say
        Called with a note if MLflow does not take the page.
    """
    run = Runs(home).find("champion")
    entry = _latest_forecast(home, run)
    models = []
    with suppress(HistoryError):  # of the first months of a record there is nothing to score
        models.append(result_of_run(home, run, until=pd.Timestamp(entry["decided_at"])))
    page = write_page(home, models, entry)
    keep_page(home, run, page, say)
    return page


def keep_page(home: Home, run: Run, page: Path, say: Callable[[str], None]) -> None:
    """Attach the report to the champion's run, in place of the one before; what MLflow does not take becomes a note.

    In a home without a store of runs nothing is kept: one is not made for that.
    """
    if has_store(home.runs):
        Runs(home).attach(run, PAGE, page.read_text(encoding="utf-8"), say=say)


def result_of_run(home: Home, run: Run, until: pd.Timestamp | None = None) -> ModelResult:
    """What the report shows of a run, scored and backtested on what is stored now.

    Parameters
    ----------
    until
        The close up to which forecasts and outcomes are shown; None for all.

    Raises
    ------
    HistoryError
        Too few forecasts had resolved by then.
    """
    from bullbear.report import ModelResult

    predictions, weights = run.predictions, run.bundle.weights()
    if until is not None:
        predictions = known_at(until, predictions)
        weights = weights[[pd.Timestamp(fitted_at) <= until for fitted_at in weights.index]]
    return ModelResult(
        name=run.model,
        run_id=run.run_id,
        intent=run.bundle.definition.intent,
        evaluation=evaluate(predictions),
        backtest=backtest_run(home, run, until=until),
        predictions=predictions.select(asset=run.bundle.definition.target.ticker),
        weights=weights,
    )


def _latest_forecast(home: Home, run: Run) -> dict[str, Any]:
    made = [
        entry
        for entry in of_question(Ledger(home.forecasts / "ledger.jsonl").entries())
        if entry["model"]["run_id"] == run.run_id and bool(entry["data"].get("simulated")) == run.simulated
    ]
    if not made:
        champion = read_bundle(home.champion)
        return replay(home.filled_store(), champion, others=others_of(home, champion))
    latest = max(entry["decided_at"] for entry in made)
    return next(entry for entry in reversed(made) if entry["decided_at"] == latest)


def result_of_training(trained: TrainedModel) -> ModelResult:
    """What the report shows of a training just made: its answers to the first question."""
    from bullbear.report import ModelResult

    first = trained.first
    assert isinstance(first.evaluation, Evaluation)
    assert first.backtest is not None
    return ModelResult(
        name=trained.model.definition.name,
        run_id=first.run_id,
        intent=trained.model.definition.intent,
        evaluation=first.evaluation,
        backtest=first.backtest,
        predictions=first.predictions.select(asset=first.model.definition.target.ticker),
        weights=first.weights,
    )


def write_page(home: Home, models: list[ModelResult], entry: dict[str, Any]) -> Path:
    """Write the report on `models` and one forecast into the home."""
    from bullbear.report.page import write_page as write
    from bullbear.report.words import day as written

    sources = Sources(home, entry, home.filled_store())
    document = entry | card_of(home, entry, sources.store)
    simulated = sources.store.is_simulated
    return write(
        home.reports / "index.html",
        sections_of(sources, document, models),
        title=f"{entry['ticker']} on {written(entry['decided_at'], weekday=True)}",
        ticker=str(entry["ticker"]),
        simulated=simulated,
        generated_at=pd.Timestamp.now("UTC"),
        notices=document["ages"]["notice"],
    )


def sections_of(sources: Sources, document: Mapping[str, Any], models: list[ModelResult]) -> list[Section]:
    """The sections of the page, in the order to show; one that has nothing to show is left out."""
    from bullbear.report.sections.account import account_section
    from bullbear.report.sections.audit import audit_section
    from bullbear.report.sections.dashboards import dashboards_section
    from bullbear.report.sections.freshness import freshness_section
    from bullbear.report.sections.group import group_section
    from bullbear.report.sections.ledger import ledger_section
    from bullbear.report.sections.models import models_section
    from bullbear.report.sections.odds import odds_section
    from bullbear.report.sections.outlook import outlook_section
    from bullbear.report.sections.price import price_section
    from bullbear.report.sections.record import record_section
    from bullbear.report.sections.short_selling import short_selling_section
    from bullbear.report.sections.skill import limits_section, skill_section
    from bullbear.report.sections.today import today_section

    champion = str(document["model"]["run_id"])
    tested = next((each.backtest for each in models if each.run_id == champion), None)
    contents = contents_of(sources, document, tested)
    sections = [today_section(document), price_section(contents.price)]
    sections += [outlook_section(contents.outlook), odds_section(contents.odds)]
    if contents.records:
        sections.append(record_section(contents.records))
    if contents.tested is not None:
        sections.append(account_section(contents.tested))
    sections.append(short_selling_section(contents.short_selling))
    if contents.inside is not None:
        sections.append(group_section(contents.inside))
    sections.append(dashboards_section(contents.dashboards))
    if models:
        sections.append(skill_section(models, champion))
    sections += [models_section(contents.models), ledger_section(contents.ledger), audit_section(contents.audits)]
    return [*sections, freshness_section(contents.freshness), limits_section()]
