"""The command that shows what was tried: trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, PairOption, print_document

if TYPE_CHECKING:
    from bullbear.workflows.trials import ListedTrials, TrialRow, TrialSummary


def trials(
    home: HomeOption = None,
    pair: PairOption = None,
    question: Annotated[str | None, typer.Option(metavar="NAME", help="Only trials on this question.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show everything that was tried, deleted runs included.

    The gate, the tests of all models and the deflated Sharpe ratio use this count. A model or policy tried again
    counts once.

    Example: bullbear trials --question up
    """
    from bullbear.workflows.trials import listed_trials

    found = listed_trials(locate(home, pair), question)
    if as_json:
        print_document(found.as_dict())
    elif not found.trials:
        on = "" if question is None else f" on {question}"
        typer.echo(at_the_same_place(f"nothing has been tried{on} yet; `bullbear train MODEL` makes the first trial"))
    else:
        _show(found)


def _show(found: ListedTrials) -> None:
    from rich.table import Table

    from bullbear.cli.console import ResultConsole

    kinds = {row.data for row in found.trials}
    title = "Trials, the oldest first: Brier skill in %, annual Sharpe"
    table = Table(title=title + (" (SIMULATED)" if kinds == {"SIMULATED"} else ""), box=None, pad_edge=False)
    for name in ("first seen", "what", "question", "model", "span", "skill", "Sharpe", "run"):
        right = name in ("skill", "Sharpe")
        table.add_column(name, justify="right" if right else "left", no_wrap=name not in ("model", "what"))
    for row in found.trials:
        table.add_row(
            row.first_seen[:16].replace("T", " "),
            _what(row),
            row.question,
            row.model + (" (SIMULATED)" if row.data == "SIMULATED" and len(kinds) > 1 else ""),
            _span(row),
            "" if row.brier_skill is None else f"{100 * row.brier_skill:+.1f}",
            "" if row.sharpe is None else f"{row.sharpe:.2f}",
            _run(row),
            style=None if row.counts else "dim",
        )
    console = ResultConsole()
    console.print(table)
    for each in found.questions:
        console.print(_sentence(each), soft_wrap=True)
    if not all(row.counts for row in found.trials):
        console.print("the base rate is the benchmark and does not count as a try", style="dim")


def _what(row: TrialRow) -> str:
    if row.variants is None:
        again = "" if row.times == 1 else f", {row.times} times"
        return ("base rate" if not row.counts else row.what) + again
    of = f"{row.what} {row.named or ''}".strip()
    return of if row.variants == 1 else f"{of}: best of {row.variants:,}"


def _span(row: TrialRow) -> str:
    return "all" if row.start is None and row.end is None else f"{row.start or ''}..{row.end or ''}"


def _run(row: TrialRow) -> str:
    if row.run is None:
        return "not logged"
    return "run deleted" if row.run_deleted else row.run[:8]


def _sentence(of: TrialSummary) -> str:
    models = _counted(of.tries, "model", "models")
    policies = f" and {_counted(of.variants, 'policy', 'policies')}" if of.variants else ""
    simulated = " (SIMULATED)" if of.data == "SIMULATED" else ""
    shared = max(1, of.tries)
    error = f"an error of {of.skill_error:.2%} ({100 * shared * of.skill_error:.4g}% / {shared:,})"
    each = "each model" if of.variants else "each" if of.tries > 1 else "it" if of.tries == 1 else "the first"
    found = f"{models}{policies} tried on {of.question}{simulated}: {each} must show skill at {error}"
    every = of.tries + of.variants
    if of.best_by_luck is not None and every > 1:
        found += f"; the best of {every:,} without skill would show a Sharpe ratio of about {of.best_by_luck:.2f}"
    return f"{found}."


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"
