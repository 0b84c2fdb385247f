"""Results as tables for people and as plain records for programs."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.table import Table

from bullbear.cli.card.panel import forecast_panel
from bullbear.cli.console import ResultConsole
from bullbear.cli.evaluation_tables import ScoredRow, oracle_table, scores
from bullbear.decide.account import abridged
from bullbear.forecasting.bundle import champion_of

if TYPE_CHECKING:
    from bullbear.data.fetching import FetchReport
    from bullbear.data.snapshot import IngestReport
    from bullbear.data.store import Store
    from bullbear.decide import Backtest
    from bullbear.decide.sweep import Sweep
    from bullbear.tracking import Run
    from bullbear.workflows.belief import BeliefBeside
    from bullbear.workflows.full_run import FullRun
    from bullbear.workflows.sharpe_evidence import SharpeEvidence
    from bullbear.workflows.training import TrainedModel


def now_of(store: Store) -> pd.Timestamp:
    """The instant at which staleness is judged: now, or the last instant of a simulated market."""
    return store.as_of().last_known_at if store.is_simulated else pd.Timestamp.now("UTC")


def ingest_document(report: IngestReport) -> dict[str, Any]:
    """The keys of `ingest --json` and `simulate --json`."""
    refused = [str(refusal) for refusal in report.refusals]
    return {"files": report.files, "rows_read": report.rows_read, **_stored(report), "refused": refused,
            "notes": report.notes}  # fmt: skip


def fetch_document(report: FetchReport) -> dict[str, Any]:
    """The keys of `fetch --json`."""
    failed = [
        {"provider": each.provider, "series": each.series, "problem": each.problem, "remedy": each.remedy}
        for each in report.failures
    ]
    return {"arrived": report.arrived, **_stored(report), "failed": failed, "notes": report.notes}


def _stored(report: IngestReport | FetchReport) -> dict[str, Any]:
    return {name: getattr(report, name) for name in ("rows_added", "added", "quarantined", "revised")}


def ingest(report: IngestReport, source: str) -> None:
    """What an ingest stored."""
    read = f"{source}: {report.files} files, {report.rows_read:,} rows read"
    _print_stored(report, read, (f"refused {refusal}" for refusal in report.refusals))


def fetch(report: FetchReport, *, list_failures: bool = False) -> None:
    """What a fetch stored; its failures were said when they happened, but for the series that were not asked for.

    Those of thousands of companies are listed once more, where they can be seen.
    """
    arrived = f"{len(report.arrived):,} series arrived, {len(report.failures)} did not"
    failed = _failed(report) if list_failures else []
    _print_stored(report, arrived, [*failed, *(_not_asked(*each) for each in report.not_asked.items())])


def _failed(report: FetchReport) -> list[str]:
    """The series that were asked for and did not arrive, those of one reason in one line."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for each in report.failures:
        if each.series not in report.not_asked.get(each.provider, ()):
            by_reason.setdefault((each.provider, each.problem), []).append(each.series)
    return [f"{provider}: {', '.join(series)} did not arrive ({problem})"
            for (provider, problem), series in by_reason.items()]  # fmt: skip


def _not_asked(provider: str, series: Sequence[str]) -> str:
    if provider in ("regsho", "putcall"):
        return f"{provider}: the other days were not asked for"
    named = ", ".join(abridged(series))
    return f"{provider}: {len(series)} more series not asked for ({named})"


def _print_stored(report: IngestReport | FetchReport, summary: str, problems: Iterable[str]) -> None:
    """The outcome on stdout, notes and problems on stderr."""
    kinds = (
        ", ".join(f"{count:,} {kind.replace('company_', 'company ')}" for kind, count in report.added.items() if count)
        or "nothing new"
    )
    lines = [f"{summary}; added {kinds}"]
    if report.quarantined:
        lines.append(f"{report.quarantined} doubtful rows set aside; `bullbear status` gives the reasons")
    if report.revised:
        lines.append(f"{report.revised} stored values revised; older views keep the old ones")
    print("\n".join(lines))  # noqa: T201
    sys.stderr.writelines([f"note: {note}\n" for note in report.notes])
    sys.stderr.writelines([f"bullbear: {problem}\n" for problem in problems])


def trained_document(trained: TrainedModel) -> dict[str, Any]:
    """The keys of `train --json`; fingerprint, span and number are those of the first question."""
    table = trained.first.predictions.table
    return {
        "run_id": trained.run_id,
        "model": trained.model.definition.name,
        "definition_hash": trained.model.definition_hash,
        "data_fingerprint": trained.first.fingerprint,
        "first": table["decided_at"].iloc[0].isoformat(),
        "last": table["decided_at"].iloc[-1].isoformat(),
        "n": len(table),
        "seconds": round(trained.seconds, 3),
        "reused": trained.reused,
        **_runs_by_question(trained),
    }


def _runs_by_question(trained: TrainedModel) -> dict[str, Any]:
    """The run of each question; nothing of a single one, whose run is the training's."""
    if len(trained.questions) == 1:
        return {}
    return {"questions": [{"question": name, "run_id": each.run_id} for name, each in trained.questions.items()]}


def trained(found: TrainedModel, believed: Mapping[str, BeliefBeside | None] | None = None) -> None:
    """A finished training, and how far each question's signal is believed."""
    document = trained_document(found)
    ResultConsole().print(
        f"run {document['run_id']}: {document['model']}, {document['n']:,} out-of-sample forecasts from "
        f"{document['first'][:10]} to {document['last'][:10]} in {document['seconds']:.1f} s; n "
        "counts those whose outcome is known",
        soft_wrap=True,
    )
    if found.reused:
        ResultConsole().print(
            "the same definition was trained on the same data by the same code: its run is reused (--again trains anew)"
        )
    if own := found.model.user_code:
        ResultConsole().print(f"with the home's own {', '.join(own)}")
    rows = _trained_rows(found)
    scores(rows, simulated=found.simulated)
    if believed:
        beliefs(zip((row.name for row in rows), believed.values(), strict=True))
    if found.distribution is not None:
        distribution(found.distribution.as_dict(), simulated=found.simulated)


def beliefs(found: Iterable[tuple[str, BeliefBeside | None]]) -> None:
    """How far each model is believed, a line each; none for one without a signal."""
    for name, belief in found:
        if belief is not None:
            ResultConsole().print(f"{name}: {belief.sentence()}", soft_wrap=True)


def belief_documents(found: Mapping[str, BeliefBeside | None]) -> dict[str, Any]:
    """By question, ready for JSON; None without a signal."""
    return {question: None if belief is None else belief.as_dict() for question, belief in found.items()}


def distribution(document: Mapping[str, Any], *, simulated: bool) -> None:
    """The scores of a forecast distribution, as they were logged."""
    from bullbear.cli.distribution_tables import distribution_tables
    from bullbear.evaluate.distribution import DistributionEvaluation

    for table in distribution_tables(DistributionEvaluation.restore(document), simulated=simulated):
        ResultConsole().print(table)


def _trained_rows(found: TrainedModel) -> list[ScoredRow]:
    """A row of scores for each question."""
    name = found.model.definition.name
    return [
        ScoredRow(
            name if len(found.questions) == 1 else f"{name} {question}", each.run_id, each.evaluation, each.trials
        )
        for question, each in found.questions.items()
    ]


def backtest_document(
    run: Run, tested: Backtest, notes: Sequence[str] = (), evidence: SharpeEvidence | None = None
) -> dict[str, Any]:
    """The keys of `backtest --json`."""
    from bullbear.workflows.backtesting import backtest_summary

    return {
        "model": run.model,
        "run_id": run.run_id,
        "simulated": run.simulated,
        **backtest_summary(tested),
        "equity": tested.equity.set_axis(pd.DatetimeIndex(tested.equity.index).strftime("%Y-%m-%d")).to_dict(),
        "positions": tested.positions.reset_index().to_dict(orient="records"),
        "trade_list": tested.trades.drop(columns="sleeve", errors="ignore").to_dict(orient="records"),
        "notes": list(notes),
        "sharpe_evidence": None if evidence is None else asdict(evidence),
    }


def backtest(run: Run, tested: Backtest, evidence: SharpeEvidence | None = None) -> None:
    """The policy and its baselines."""
    from bullbear.decide.account import abridged
    from bullbear.decide.performance import POLICY
    from bullbear.decide.performance.attribution import WHOLE
    from bullbear.workflows.backtesting import backtest_summary

    summary = backtest_summary(tested)
    table = Table(
        title=f"{run.model} {run.run_id[:8]}, {summary['first']} to {summary['last']}"
        + (" SIMULATED" if run.simulated else "")
    )
    heads = ("account", "CAGR", "volatility", "Sharpe", "max drawdown", "longest\nfall", "under\nwater",
             "worst\nmonths", "turnover", "trades", "Sharpe, policy\nminus this")  # fmt: skip
    _accounts(table, heads, summary["accounts"], "account", POLICY)
    ResultConsole().print(table)
    parts = tested.attribution
    sleeves = "".join(f"{name.capitalize()} {parts[name]:+.3f}, " for name in tested.account.sleeves)
    ResultConsole().print(
        f"Profit per unit of starting equity: {sleeves}cash {parts['interest']:+.3f}, costs {parts['costs']:+.3f}, "
        f"total {parts['total']:+.3f}"
    )
    if summary["modelled"]:
        until = ", ".join(abridged(f"{ticker} until {last}" for ticker, last in summary["modelled"].items()))
        ResultConsole().print(f"Modelled prices: {until}", soft_wrap=True)
    if "parts" in summary:
        table = Table(title="What each part is worth: the same policy without it")
        heads = ("without", *heads[1:-1], "Sharpe, whole\nminus this")
        _accounts(table, heads, summary["parts"], "part", WHOLE)
        ResultConsole().print(table)
    if evidence is not None and math.isfinite(evidence.sharpe):
        tries = "1 model" if evidence.trials == 1 else f"{evidence.trials} models"
        luck = f"above the best of {tries} without skill with {evidence.deflated:.0%}"
        if evidence.trials is None:
            luck = "how many models were tried is unknown"
        ResultConsole().print(
            f"Sharpe {evidence.sharpe:.2f}: the true one is above 0 with probability {evidence.probabilistic:.0%}, "
            f"{luck}; {evidence.track_record_years:.1f} years would show one above 0 with 95% "
            f"({evidence.years:.1f} here)",
            soft_wrap=True,
        )


def sweep(run: Run, swept: Sweep) -> None:
    """The best variants, what choosing one in time would have given, and what the best one is worth."""
    console = ResultConsole()
    table = Table(title=f"{run.model} {run.run_id[:8]}: the best of {len(swept.variants):,} variants, with hindsight")
    changed = list(swept.variants[0].changes)
    for name in (*changed, "CAGR", "volatility", "Sharpe", "max drawdown", "turnover", "trades"):
        table.add_column(name, justify="left" if name in changed else "right")
    best = swept.table.sort_values("sharpe", ascending=False, kind="stable").head(10)
    for row in best.to_dict("records"):  # a row as a series would turn whole numbers into fractions
        table.add_row(
            *(str(row[name]) for name in changed),
            f"{row['cagr']:.2%}", f"{row['volatility']:.1%}", f"{row['sharpe']:.2f}", f"{row['max_drawdown']:.1%}",
            f"{row['turnover']:.1f}", f"{int(row['trades']):,}",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"{swept.trials:,} tried on this question; the best one's true Sharpe ratio is above the best of as many "
        f"without skill with probability {swept.deflated:.0%}",
        soft_wrap=True,
    )
    walked = swept.walk_forward
    if walked is None:
        console.print("too few years for a walk-forward choice")
        return
    first, last = min(walked.chosen), max(walked.chosen)
    console.print(
        f"Choosing each year from {first} to {last} what was best before it: Sharpe {walked.sharpe:.2f}; the policy "
        f"itself in those years: {walked.static_sharpe:.2f}",
        soft_wrap=True,
    )


def _accounts(table: Table, heads: Sequence[str], rows: Sequence[Mapping[str, Any]], name: str, first: str) -> None:
    """Accounts side by side with 90 % intervals; the first has no difference.

    The longest fall counts sessions, turnover is that of a year, the worst months are 5 % of all.
    """
    for head in heads:
        table.add_column(head, justify="left" if head == heads[0] else "right")
    for row in rows:
        table.add_row(
            str(row[name]), _figure(row["cagr"], ".2%"), _figure(row["volatility"], ".1%"),
            _with_ends(row, "sharpe", ".2f"), _with_ends(row, "max_drawdown", ".0%"),
            _figure(row["drawdown_sessions"], ".0f"), _figure(row["under_water"], ".0%"),
            _figure(row["tail_month"], ".1%"), _figure(row["turnover"], ".1f"), str(row["trades"]),
            "" if row[name] == first else _with_ends(row, "sharpe_difference", "+.2f"),
        )  # fmt: skip


def _with_ends(row: Mapping[str, Any], figure: str, form: str) -> str:
    value, low, high = (_figure(row[name], form) for name in (figure, f"{figure}_low", f"{figure}_high"))
    known = all(row[name] is not None for name in (figure, f"{figure}_low", f"{figure}_high"))
    return f"{value} [{low}, {high}]" if known else value


def scored(outcome: dict[str, Any]) -> None:
    """The ledger's scores."""
    console = ResultConsole()
    if outcome["simulated"]:
        console.print("SIMULATED market")
    said = None
    for found in outcome["questions"]:
        _scored_question(console, found, statement="" if found["statement"] == said else found["statement"])
        said = found["statement"]


def _scored_question(console: ResultConsole, outcome: dict[str, Any], statement: str) -> None:
    console.print(
        f"{outcome['question']}: {outcome['entries']} forecast{'' if outcome['entries'] == 1 else 's'}, "
        f"{outcome['resolved']} resolved, "
        f"{outcome['pending']} pending"
    )
    if statement:
        console.print(statement, soft_wrap=True)
    titles = {
        "live": "Live",
        "replays": "Replays (hindsight, not part of the record)",
        "unknown": "From an older version (no time of issue, not part of the record)",
    }
    for kind, title in titles.items():
        found = outcome[kind]
        if found["resolved"]:
            skill = "undetermined" if found["bss"] is None else f"{found['bss']:+.2%}"
            if found["bss_low"] is not None:
                skill += f" [{found['bss_low']:+.2%}, {found['bss_high']:+.2%}]"
            elif found["bss"] is not None:
                skill += " (too few for an interval)"
            console.print(
                f"{title}: {found['resolved']} resolved on final prices, Brier {found['brier']:.4f}, "
                f"base rate's {found['brier_climatology']:.4f}, skill {skill}",
                soft_wrap=True,
            )


def full_run(outcome: FullRun) -> None:
    """What `bullbear run` found."""
    console = ResultConsole()
    rows = [row for each in outcome.trained for row in _trained_rows(each)]
    scores(rows, simulated=outcome.simulated)
    if known := {name: share for name, share in outcome.shares.items() if math.isfinite(share.share)}:
        console.print(oracle_table(known))
    for name, reason in outcome.refused.items():
        console.print(f"{name}: {reason}")
    for question, run in outcome.champions.items():
        console.print(f"{champion_of(question)}: {run.model} {run.run_id[:8]}")
    console.print(forecast_panel(outcome.forecast))
    console.print(f"report: {outcome.report}", no_wrap=True, overflow="ignore", crop=False)


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
