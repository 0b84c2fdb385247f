"""Commands on champions: promote, demote, rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import DEFAULT_JOBS, HomeOption, JsonOption, PairOption, print_document
from bullbear.cli.runs import EachQuestionOption, RunArgument
from bullbear.errors import Found, InputError
from bullbear.extras import require

if TYPE_CHECKING:
    from bullbear.home import Home
    from bullbear.workflows.succession import Succession

OneQuestionOption = Annotated[
    str, typer.Option("--question", metavar="NAME", help="The question whose champion is meant.")
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the history of champions.")]


def promote(
    run: RunArgument,
    home: HomeOption = None,
    pair: PairOption = None,
    question: EachQuestionOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Promote even if a test fails; needs --reason, which stays on record.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why a promotion is forced.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a run the champion of its question, if it passes.

    Otherwise say which test it failed (exit code 3). Of a run that answers several questions each is promoted by
    itself; the exit code is 3 if none passes.

    Example: bullbear promote latest
    """
    require("bullbear promote", "train", "tracking")
    if force != bool(reason.strip()):
        given = "--force without --reason" if force else "--reason without --force"
        raise InputError("promote", Found(given), "--force --reason TEXT, or neither", "give both")
    from bullbear.cli.console import ProgressConsole
    from bullbear.errors import GateError
    from bullbear.forecasting.bundle import champion_of
    from bullbear.tracking import Runs
    from bullbear.workflows.promotion import promote_each, verdicts_of

    place = locate(home, pair)
    runs = Runs(place)
    found = runs.find_each(run) if question is None else [runs.find(run, question)]
    try:
        verdicts, refused = promote_each(
            place,
            runs,
            found,
            force=reason.strip() or None,
            jobs=DEFAULT_JOBS,
            console=ProgressConsole(quiet=as_json),
        )
    except GateError as bad:
        if as_json and bad.verdict is not None:
            one = {"run_id": found[0].run_id, "model": found[0].model, "question": found[0].question, **bad.verdict}
            print_document(one if len(found) == 1 else {"promoted": [], "refused": str(bad), "verdicts": bad.verdict})
        raise
    for name, verdict in verdicts.items():
        for note in verdict.notes:
            said = f"note: {name}: {note}" if len(found) > 1 else f"note: {note}"
            typer.echo(at_the_same_place(said), err=True)
    for name, refusal in refused.items():
        typer.echo(f"note: {name}: {refusal}", err=True)
    if not place.has_champion("up"):
        note = (
            "note: up has no champion yet, without which there is no forecast; `bullbear train climatology && bullbear "
            "promote latest` makes the base rate its champion"
        )
        typer.echo(at_the_same_place(note), err=True)
    promoted = [each for each in found if each.question in verdicts]
    if as_json:
        documents = [
            {
                "champion": each.run_id,
                "model": each.model,
                "question": each.question,
                **verdicts[each.question].as_dict(),
            }
            for each in promoted
        ]
        reasons = {name: str(refusal) for name, refusal in refused.items()}
        several = {"promoted": documents, "refused": reasons, "verdicts": verdicts_of(refused)}
        print_document(documents[0] if len(found) == 1 else several)
    else:
        for each in promoted:
            for line in verdicts[each.question].lines():
                typer.echo(at_the_same_place(line))
            against = "" if verdicts[each.question].passed else ", forced against the gate"
            typer.echo(f"{champion_of(each.question)}: {each.model} {each.run_id}{against}")


def demote(
    home: HomeOption = None,
    pair: PairOption = None,
    question: OneQuestionOption = "up",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a champion down, so that the base rate answers.

    It is kept, and `bullbear rollback` puts it back.

    Example: bullbear demote --question dip8
    """
    from bullbear.workflows.succession import demote as take_down

    _show(take_down(_known(locate(home, pair), question), question, reason.strip()), as_json=as_json)


def rollback(
    home: HomeOption = None,
    pair: PairOption = None,
    question: OneQuestionOption = "up",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put the champion before the present one back.

    A demotion is undone in the same way.

    Example: bullbear rollback --question dip8
    """
    from bullbear.workflows.succession import rollback as put_back

    _show(put_back(_known(locate(home, pair), question), question, reason.strip()), as_json=as_json)


def _known(place: Home, question: str) -> Home:
    if question not in (known := place.questions()) and not place.has_champion(question):
        raise InputError("--question", question, ", ".join(known), "name a question of models/questions.toml")
    return place


def _show(done: Succession, *, as_json: bool) -> None:
    from dataclasses import asdict

    for note in done.notes:
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    change = done.change
    if as_json:
        print_document({**asdict(change), "went": done.went, "came": done.came})
        return
    typer.echo(f"{change.question}: {done.went or 'the base rate'} -> {done.came or 'the base rate'} ({change.action})")
