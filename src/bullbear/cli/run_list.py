"""The command that lists trainings: runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, PairOption, print_document

if TYPE_CHECKING:
    from bullbear.home import Home
    from bullbear.tracking.run_list import ListedRun


def runs(
    home: HomeOption = None,
    pair: PairOption = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Those of this model alone.")] = None,
    question: Annotated[str | None, typer.Option(metavar="NAME", help="Those that answer this question alone.")] = None,
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The newest trainings alone; default all.")
    ] = None,
    champions: Annotated[
        bool, typer.Option("--champions", help="The history of champions instead: who, since when, why.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the trainings with their skill and verdict.

    The newest stand first, with a line for each question that they answer. `a` says how far the signal is believed; at
    0 the forecast is the base rate. The champions are bold.

    Example: bullbear runs --question up --last 10
    """
    from dataclasses import asdict

    from bullbear.documents import json_ready
    from bullbear.forecasting.holdout import looks_note
    from bullbear.tracking.aliases import alias_notes
    from bullbear.tracking.run_list import listed_runs

    if champions:
        _history(locate(home, pair), model, question, last, as_json=as_json)
        return
    place = locate(home, pair)
    for note in alias_notes(place):
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    found = listed_runs(place, model=model, question=question, last=last)
    if as_json:
        print_document([json_ready(asdict(each)) for each in found])
    elif not found:
        typer.echo("no training is listed; `bullbear train MODEL` makes one, `bullbear runs` lists all")
    else:
        _show(found, looks_note(place, (each.model for each in found)))


def _history(place: Home, model: str | None, question: str | None, last: int | None, *, as_json: bool) -> None:
    from rich.table import Table

    from bullbear.cli.console import ResultConsole
    from bullbear.forecasting.champion_history import as_documents, changes_of

    made = [each for each in changes_of(place, question)[::-1] if model in (None, each.model)][:last]
    if as_json:
        print_document(as_documents(made))
        return
    if not made:
        typer.echo("no change of a champion is on record")
        return
    table = Table(title="Changes of champions, the newest first (UTC)", box=None, pad_edge=False)
    for name in ("when", "question", "what", "champion", "before", "why"):
        table.add_column(name, no_wrap=name not in ("champion", "why"))
    for each in made:
        after = f"{each.model} {each.run_id[:8]}" if each.run_id else "the base rate"
        before = each.before[:8] if each.before else ""
        table.add_row(each.at[:16].replace("T", " "), each.question, each.action, after, before, each.reason)
    ResultConsole().print(table)


def _show(found: list[ListedRun], looks: str | None) -> None:
    from rich.table import Table

    from bullbear.cli.console import ResultConsole
    from bullbear.evaluate.scored_model import NOT_JUDGED

    simulated = {each.simulated for each in found}
    title = "Trainings: Brier skill against the base rate in %, 90% intervals"
    table = Table(title=title + (" (SIMULATED)" if simulated == {True} else ""), box=None, pad_edge=False)
    audited = any(each.audit for each in found)
    for name in ("run", "model", "finished", "n", "skill", "a", "verdict", *(["audit"] if audited else [])):
        table.add_column(name, justify="right" if name in ("n", "skill", "a") else "left", no_wrap=name != "model")
    for each in found:
        asked = each.model if each.question == "up" else f"{each.model} {each.question}"
        mark = " (SIMULATED)" if each.simulated and len(simulated) > 1 else ""
        table.add_row(
            each.run_id[:8],
            asked + mark,
            f"{each.finished:%Y-%m-%d}",
            "" if each.n is None else f"{each.n:,}",
            _skill(each),
            "" if each.believed is None else f"{each.believed:.2f}",
            f"forced {each.state}" if each.forced and each.is_champion else each.state,
            *([each.audit or ""] if audited else []),
            style="bold" if each.is_champion else None,
        )
    console = ResultConsole()
    console.print(table)
    notes = ["a: the share of its signal that a model believes, 0 none, 1 all"]
    if any(each.state == NOT_JUDGED for each in found):
        notes.append(f"{NOT_JUDGED}: `bullbear promote RUN` has not been asked")
    notes.append("the gate reads a one-sided 90% bound, stricter the more models were tried")
    if looks is not None:
        notes.append(looks)
    console.print("\n".join(notes), style="dim")
    for each in found:
        if each.forced and each.is_champion:
            console.print(f"{each.run_id[:8]} was promoted against the gate: {each.forced}", soft_wrap=True)


def _skill(run: ListedRun) -> str:
    if run.bss is None:
        return ""
    if run.bss_low is None or run.bss_high is None:
        return f"{100 * run.bss:+.1f}"
    return f"{100 * run.bss:+.1f} [{100 * run.bss_low:+.1f}, {100 * run.bss_high:+.1f}]"
