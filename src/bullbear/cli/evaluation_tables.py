"""The scores of runs as tables for people and as plain records for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table

from bullbear.cli.console import ResultConsole
from bullbear.cli.options import By
from bullbear.definitions import UP

if TYPE_CHECKING:
    from bullbear.evaluate import Comparison, Evaluation, OracleShare, PathScores
    from bullbear.evaluate.breakdown import Slice
    from bullbear.tracking import Run
    from bullbear.workflows.comparison import Field
    from bullbear.workflows.run_details import RunDetails


_TITLES = {
    By.YEAR: "By year",
    By.HALF: "By half of the sessions",
    By.REGIME: "By the close against its ten-month average, at the last month end before the decision",
    By.VOLATILITY: "By volatility of the 21 sessions before the decision, terciles of the whole sample",
}


class ScoredRow(NamedTuple):
    """A line of the scores: how a training is called, its run, and how many trials chose its parameters, if any did."""

    name: str
    run_id: str
    evaluation: Evaluation | PathScores
    trials: int | None


def evaluation_document(
    run: Run, found: Evaluation | PathScores, share: OracleShare | None, details: RunDetails | None = None
) -> dict[str, Any]:
    """The keys of `evaluate --json`."""
    named = {"model": run.model, "question": run.bundle.question, "run_id": run.run_id, "simulated": run.simulated}
    document = {**named, "user_code": run.bundle.meta["user_code"], "trials": run.trials, **found.as_dict()}
    if details is not None:
        document |= details.as_dict(document["by_year"])
    if share is not None:
        document["oracle"] = _oracle(share)
    return document


def _oracle(share: OracleShare) -> dict[str, float | None]:
    names = ("share", "low", "high", "realised", "bss", "oracle_bss", "truth_error")
    return {name: value if math.isfinite(value := getattr(share, name)) else None for name in names}


def evaluations(
    results: list[Any], pairs: Sequence[tuple[str, Comparison]], fields: Sequence[tuple[str, Field]] = ()
) -> None:
    """The scores of runs; of a single one also years and calibration, of several every pair, by question."""
    from bullbear.evaluate import Evaluation

    console = ResultConsole()
    several = _scored(results)
    for _, found, _, details in results:
        if len(results) == 1 and isinstance(found, Evaluation):
            console.print(_years_table(found))
            console.print(_calibration_table(found))
            for line in _details_lines(details):
                console.print(line, soft_wrap=True)
    for question, pair in pairs:
        console.print(
            f"{f'{question}: ' if several else ''}{pair.first} against {pair.second} on {pair.n:,} common days: "
            f"Brier gain {pair.gain:+.5f} [{pair.gain_low:+.5f}, {pair.gain_high:+.5f}], "
            f"Diebold-Mariano p {pair.dm_p_value:.2f}"
        )
    for question, field in fields:
        console.print(
            f"{f'{question}: ' if several else ''}any better than the base rate, on {field.n:,} common days: SPA p "
            f"{field.spa.p_value:.2f}; {1 - field.error:.0%} confidence set of the best: {', '.join(field.included)}",
            soft_wrap=True,
        )


def evaluations_by(results: list[Any], by: By) -> None:
    """The scores of runs, and each one's parts by one property of the decision."""
    console = ResultConsole()
    _scored(results)
    for run, _, _, details in results:
        parts = () if details is None else details.parts.get(by.value, ())
        if not parts:
            console.print(f"{run.model} {run.question}: no state of the market at its decisions")
            continue
        console.print(_parts_table(f"{_TITLES[by]}: {run.model}, {run.question}", parts, by))
        if by is By.YEAR and details.parts["without_best_year"]:
            (rest,) = details.parts["without_best_year"]
            console.print(f"without {rest.label}, its best year: Brier skill {_interval(rest, 'bss')}")


def named(run: Run, beside: Sequence[Run]) -> str:
    """What a run is called beside others: by its model, where several questions are asked also by its own."""
    return f"{run.model} {run.bundle.question}" if len({each.bundle.question for each in beside}) > 1 else run.model


def _scored(results: list[Any]) -> bool:
    """Print the scores; whether they are of several questions."""
    console = ResultConsole()
    runs = [run for run, *_ in results]
    several = len({run.bundle.question for run in runs}) > 1
    rows = [ScoredRow(named(run, runs), run.run_id, found, run.trials) for run, found, *_ in results]
    scores(rows, simulated=any(run.simulated for run, *_ in results))
    known = {name: share for (_, _, share, _), (name, *_) in zip(results, rows, strict=True) if share is not None}
    if len(known) > 1:
        console.print(oracle_table(known))
    for name, share in known.items() if len(known) == 1 else ():
        console.print(oracle_line(name, share), soft_wrap=True)
    return several


def _details_lines(details: RunDetails | None) -> list[str]:
    """What could be luck, in two or three lines."""
    if details is None:
        return []
    calibration = f"alibration test p {details.calibration.p_value:.2f}"
    lines = [f"C{calibration}"]
    if details.power is not None:
        seen = ", ".join(f"{skill:.0%} with {chance:.0%}" for skill, chance in details.power.by_skill.items())
        tried = _models(details.power.tried)
        lines = [
            f"A true Brier skill would pass the skill test with this history ({tried} tried): {seen}; c{calibration}"
        ]
    if details.hold_out is not None:
        lines.append(_capital(details.hold_out.sentence))
    models = details.models
    if models is not None and models.spa is None and models.models:
        lines.append(
            f"{models.n:,} resolved days are common to {_models(len(models.models))}: no SPA and no PBO under "
            f"{models.least_days}"
        )
    elif models is not None and models.spa is not None and len(models.models) > 1:
        over = models.overfitting
        pbo = "" if over is None else f"; PBO {over.pbo:.2f}, the best of one half loses in {over.loss_share:.0%}"
        left = f", {len(models.left_out)} not comparable" if models.left_out else ""
        lines.append(
            f"{_models(len(models.models))} on {models.n:,} common days{left}: any better than the base rate, SPA p "
            f"{models.spa.p_value:.2f}{pbo}"
        )
    return lines


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def _parts_table(title: str, parts: Sequence[Slice], by: By) -> Table:
    table = Table(title=f"{title}, 90% intervals")
    for name in (by.value, "n", "Brier skill", "log-loss skill", "share of yes", "mean p"):
        table.add_column(name, justify="left" if name == by.value else "right", no_wrap=True)
    for part in parts:
        table.add_row(
            part.label, f"{part.n:,}", _interval(part, "bss"), _interval(part, "log_loss_skill"),
            f"{part.share_up:.1%}", f"{part.mean_p:.1%}",
        )  # fmt: skip
    return table


def _interval(part: Slice, skill: str) -> str:
    centre, low, high = (_percent(getattr(part, f"{skill}{end}"), 2) for end in ("", "_low", "_high"))
    return f"{centre} [{low}, {high}]"


def oracle_table(shares: Mapping[str, OracleShare]) -> Table:
    """The same of several models, a line each."""
    table = Table(title="The expected gain as a share of the oracle's, which knows the true probabilities (SIMULATED)")
    for name in ("model", "share, 90% interval", "the oracle's Brier skill"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    for model, share in shares.items():
        part = f"{_percent(share.share)} [{_percent(share.low)}, {_percent(share.high)}]"
        table.add_row(model, part, _percent(share.oracle_bss, 2))
    return table


def oracle_line(model: str, share: OracleShare) -> str:
    """The expected gain as a share of the oracle's, whose realised skill stands beside it."""
    error = f" (simulated true probabilities, standard error {share.truth_error:.2%})" if share.truth_error else ""
    return (
        f"{model}: SIMULATED market; {_percent(share.share)} [{_percent(share.low)}, {_percent(share.high)}] of the "
        f"expected gain of an oracle, who knows the true probabilities; the oracle's Brier skill is "
        f"{share.oracle_bss:+.2%}{error}"
    )


def scores(rows: Sequence[ScoredRow], *, simulated: bool) -> None:
    """One table of the walk-forward runs, and one of the paths of each combinatorial run."""
    from bullbear.evaluate import Evaluation, PathScores

    console = ResultConsole()
    if walked := [(row, row.evaluation) for row in rows if isinstance(row.evaluation, Evaluation)]:
        console.print(_skill_table(walked, simulated=simulated))
    for name, run_id, found, _ in rows:
        if isinstance(found, PathScores):
            title = f"{name} {run_id[:8]}{_asked(found)}"
            console.print(_paths_table(title, found, simulated=simulated))
            for label, skill in (("Brier", "bss"), ("Log-loss", "log_loss_skill")):
                mean, low, high = (
                    _percent(getattr(found, f"{skill}_{end}"), 2) for end in ("mean", "lowest", "highest")
                )
                console.print(f"{label} skill over {len(found.paths)} paths: mean {mean}, from {low} to {high}")


def _paths_table(title: str, found: PathScores, *, simulated: bool) -> Table:
    table = Table(title=f"{title}: skill against the base rate by path" + (" (SIMULATED)" if simulated else ""))
    for name in ("path", "n", "Brier skill", "log-loss skill", "share of yes", "mean p"):
        table.add_column(name, justify="right", no_wrap=True)
    for part in found.paths:
        table.add_row(
            part.label, f"{part.n:,}", _percent(part.bss, 2), _percent(part.log_loss_skill, 2), f"{part.share_up:.1%}",
            f"{part.mean_p:.1%}",
        )  # fmt: skip
    return table


def _asked(found: Evaluation | PathScores) -> str:
    """The question and its horizon, unless it is the default."""
    is_default = (found.question, found.horizon) == (UP.name, UP.horizon)
    return "" if is_default else f", {found.question} over {found.horizon} sessions"


def _skill_table(rows: Sequence[tuple[ScoredRow, Evaluation]], *, simulated: bool) -> Table:
    """One line a run; where one was tuned, a column has the trials, blank for those with the parameters of the file."""
    questions = {(found.question, found.horizon) for _, found in rows}
    asked = _asked(rows[0][1]) if len(questions) == 1 else ""  # of several each row names its own
    table = Table(title=f"Skill against the base rate{asked}, 90% intervals" + (" (SIMULATED)" if simulated else ""))
    tuned = any(row.trials is not None for row, _ in rows)
    heads = [
        *("model", "run", *(["trials"] if tuned else ()), "n", "effective", "Brier", "base rate's", "Brier skill"),
        *("log-loss skill", "AUC", "chance", "ECE", "chance"),
    ]
    for name in heads:
        table.add_column(name, justify="left" if name in ("model", "run") else "right", no_wrap=True)
    for row, found in rows:
        counted = [] if not tuned else ["" if row.trials is None else f"{row.trials:,}"]
        table.add_row(
            row.name,
            row.run_id[:8],
            *counted,
            f"{found.n:,}",
            f"{found.n_effective:.0f}",
            f"{found.brier:.4f}",
            f"{found.brier_climatology:.4f}",
            f"{_percent(found.bss, 2)} [{_percent(found.bss_low, 2)}, {_percent(found.bss_high, 2)}]",
            f"{_percent(found.log_loss_skill, 2)} "
            f"[{_percent(found.log_loss_skill_low, 2)}, {_percent(found.log_loss_skill_high, 2)}]",
            _digits(found.auc, 3),
            _digits(found.auc_null, 3),
            _digits(found.ece, 3),
            _digits(found.ece_null, 3),
        )
    return table


def _years_table(found: Evaluation) -> Table:
    table = Table(title="By period and year")
    for name in ("span", "n", "Brier skill", "log-loss skill", "share of yes", "mean p"):
        table.add_column(name, justify="left" if name == "span" else "right")
    for span in (*found.by_period, *found.by_year):
        table.add_row(
            span.label, f"{span.n:,}", _percent(span.bss), _percent(span.log_loss_skill), f"{span.share_up:.1%}",
            f"{span.mean_p:.1%}",
        )  # fmt: skip
    return table


def _calibration_table(found: Evaluation) -> Table:
    table = Table(title="Calibration")
    for name in ("n", "mean p", "share of yes", "90% interval"):
        table.add_column(name, justify="right")
    for each in found.calibration:
        table.add_row(f"{each.n:,}", f"{each.mean_p:.1%}", f"{each.share_up:.1%}", f"{each.low:.1%} to {each.high:.1%}")
    return table


def _digits(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _percent(value: float, digits: int = 1) -> str:
    return f"{value:+.{digits}%}" if math.isfinite(value) else "undetermined"
