"""The command that lists trainings: runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bullbear.cli.located import locate
from bullbear.cli.options import HomeOption, JsonOption, PairOption, print_document

if TYPE_CHECKING:
    from bullbear.tracking.run_list import ListedRun


def runs(
    home: HomeOption = None,
    pair: PairOption = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Those of this model alone.")] = None,
    question: Annotated[str | None, typer.Option(metavar="NAME", help="Those that answer this question alone.")] = None,
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The newest trainings alone; default all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the trainings with their skill and the verdict of the gate, the newest first; a line for each question.

    Example: bullbear runs --question up --last 10
    """
    from dataclasses import asdict

    from bullbear.documents import json_ready
    from bullbear.tracking.run_list import listed_runs

    found = listed_runs(locate(home, pair), model=model, question=question, last=last)
    if as_json:
        print_document([json_ready(asdict(each)) for each in found])
    elif not found:
        typer.echo("no training is listed; `bullbear train MODEL` makes one, `bullbear runs` lists all")
    else:
        _show(found)


def _show(found: list[ListedRun]) -> None:
    from rich.table import Table

    from bullbear.cli.console import ResultConsole

    simulated = {each.simulated for each in found}
    title = "Trainings: Brier skill against the base rate in %, 90% intervals"
    table = Table(title=title + (" (SIMULATED)" if simulated == {True} else ""), box=None, pad_edge=False)
    for name in ("run", "model", "finished", "n", "skill", "verdict"):
        table.add_column(name, justify="right" if name in ("n", "skill") else "left", no_wrap=name != "model")
    for each in found:
        asked = each.model if each.question == "up" else f"{each.model} {each.question}"
        mark = " (SIMULATED)" if each.simulated and len(simulated) > 1 else ""
        table.add_row(
            each.run_id[:8],
            asked + mark,
            f"{each.finished:%Y-%m-%d}",
            "" if each.n is None else f"{each.n:,}",
            _skill(each),
            each.state,
            style="bold" if each.is_champion else None,
        )
    ResultConsole().print(table)


def _skill(run: ListedRun) -> str:
    if run.bss is None:
        return ""
    if run.bss_low is None or run.bss_high is None:
        return f"{100 * run.bss:+.1f}"
    return f"{100 * run.bss:+.1f} [{100 * run.bss_low:+.1f}, {100 * run.bss_high:+.1f}]"
