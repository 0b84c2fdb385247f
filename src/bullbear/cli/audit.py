"""The command `audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import DEFAULT_JOBS, HomeOption, JobsOption, JsonOption, PairOption, print_document
from bullbear.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFUSED = 3


def audit(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A run id, a unique prefix, a model's name, `latest` or `champion`."),
    ] = "champion",
    home: HomeOption = None,
    pair: PairOption = None,
    question: Annotated[
        str | None,
        typer.Option("--question", metavar="NAME", help="Only the training that answers this question."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer cuts, seeds and years; under a minute.")] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK", help="Make only this check; may be repeated.")
    ] = None,
    jobs: JobsOption = DEFAULT_JOBS,
    as_json: JsonOption = False,
) -> None:
    """Check a training for look-ahead.

    Nine checks, from the factors to the orders; docs/audit.md explains each. A model that was never trained is audited
    from its file. The exit code is 3 if a check failed.

    Example: bullbear audit champion --quick
    """
    require("bullbear audit", "train", "tracking", "report")
    from bullbear.cli.console import ProgressConsole
    from bullbear.tracking import Runs
    from bullbear.workflows.audit_log import document_of, keep
    from bullbear.workflows.auditing import audit_model

    console = ProgressConsole(quiet=as_json)
    place = locate(home, pair)
    runs = Runs(place)
    notes: list[str] = []
    with console.progress("audit") as progress:
        made = audit_model(
            place,
            runs,
            run,
            question=question,
            quick=quick,
            only=only or (),
            jobs=jobs,
            progress=progress,
            say=notes.append,
        )
    documents = [(audited, document_of(audited, found)) for audited, found in made]
    page = keep(made[0][0].subject.home, runs, documents, say=notes.append)
    shown = [document for _, document in documents]
    if as_json:
        print_document(_document(shown, page, notes))
    else:
        for document in shown:
            _show(document, page)
    for note in notes:
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    if not all(document["passed"] for document in shown):
        raise typer.Exit(REFUSED)


def _document(found: Sequence[Mapping[str, Any]], page: Path | None, notes: Sequence[str]) -> dict[str, Any]:
    audits = [
        {**each, "checks": [{**check, "report": _link(page, check["name"])} for check in each["checks"]]}
        for each in found
    ]
    return {
        "passed": all(each["passed"] for each in found),
        "report": None if page is None else str(page),
        "audits": audits,
        "notes": list(notes),
    }


def _link(page: Path | None, check: str) -> str | None:
    return None if page is None else f"{page}#{check}"


def _show(document: Mapping[str, Any], page: Path | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from bullbear.audit.catalogue import FAILS
    from bullbear.cli.console import ResultConsole

    asked = ", ".join(document["runs"]) or "from its file"
    effort = "Quick audit" if document["quick"] else "Audit"
    title = f"{effort} of {document['model']} {document['training'][:8]}".rstrip() + f" ({asked})"
    table = Table(title=title + (" (SIMULATED)" if document["simulated"] else ""), box=None, pad_edge=False)
    for name in ("check", "verdict", "what was found", "seconds"):
        table.add_column(name, justify="right" if name == "seconds" else "left", no_wrap=name != "what was found")
    for check in document["checks"]:
        verdict = Text(check["verdict"], style=_STYLES[check["verdict"]])
        table.add_row(check["name"], verdict, check["sentence"], f"{check['seconds']:.1f}")
    console = ResultConsole()
    console.print(table)
    for check in document["checks"]:
        if check["verdict"] == "failed":
            console.print(f"{check['name']} failed: {FAILS[check['name']]}", style="bold", soft_wrap=True)
            for leak in check["leaks"]:
                size = "" if leak["size"] is None else f", by {leak['size']:.6g}"
                console.print(
                    f"  {leak['what']}, {leak['when']}{size}: {leak['sentence'].removeprefix(leak['what'] + ': ')}",
                    soft_wrap=True,
                )
    failed = [check["name"] for check in document["checks"] if check["verdict"] == "failed"]
    outcome = f"failed: {', '.join(failed)}" if failed else "passed: no look-ahead was found"
    console.print(outcome if page is None else f"{outcome}; {page}", style="bold", soft_wrap=True)


_STYLES = {"passed": "green", "failed": "bold red", "not applicable": "dim"}
