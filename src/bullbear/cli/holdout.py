"""The commands on the hold-out: what is sealed and who opened it, and `open`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, PairOption, print_document
from bullbear.errors import Found, InputError

if TYPE_CHECKING:
    from bullbear.definitions.holdout import HoldOut
    from bullbear.forecasting.holdout import Opening

holdout = typer.Typer(
    help="""Show the sealed period, and which models opened it.

    models/holdout.toml seals it: nothing is trained, tuned or chosen on its days before a model opens it, once.

    Example: bullbear holdout
    """,
    no_args_is_help=False,
    rich_markup_mode=None,
)


@holdout.callback(invoke_without_command=True)
def sealed(
    context: typer.Context, home: HomeOption = None, pair: PairOption = None, as_json: JsonOption = False
) -> None:
    """What is sealed, where no sub-command is given."""
    if context.invoked_subcommand is not None:
        context.obj = home  # for `one_home` of the sub-command
        return
    from bullbear.forecasting.holdout import openings

    place = locate(home, pair)
    period, found = place.holdout(), openings(place)
    if as_json:
        print_document(_document(period, found))
        return
    for line in _lines(period, found):
        typer.echo(at_the_same_place(line))


@holdout.command("open")
def open_(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The name of a file in models/.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why now; it stays on record.")] = "",
    tuned: Annotated[bool, typer.Option("--tuned", help="Open it for `bullbear tune`, not for `train`.")] = False,
    home: HomeOption = None,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a model read the sealed period, once and on record.

    The same definition may then be trained over it any number of times; another one under this name never.

    Example: bullbear holdout open logistic --reason "The last model of the year."
    """
    if not reason.strip():
        raise InputError("holdout open", Found("no --reason"), "--reason TEXT", "say why, for the record")
    from bullbear.forecasting.holdout import open_holdout, openings

    before: dict[str, Any] = context.parent.params if context.parent else {}
    place = locate(home, pair or before.get("pair")).following(model)
    found, is_new = open_holdout(place, place.model(model, searched=tuned), reason.strip(), tuned=tuned)
    period = place.holdout()
    if as_json or before.get("as_json"):
        print_document({**_row(found), "is_new": is_new, "openings": len(_of(period, openings(place)))})
        return
    said = "opened" if is_new else f"was opened already on {found.opened_at[:10]}"
    span = found.first + (" on" if found.last is None else f" to {found.last}")
    typer.echo(f"hold-out {span}: {said} for {found.model}; {_count(_of(period, openings(place)))} so far")


def _of(period: HoldOut | None, found: list[Opening]) -> list[Opening]:
    """The openings of the period that is sealed now."""
    return [each for each in found if period is not None and period.overlaps(each.first, each.last)]


def _count(found: list[Opening]) -> str:
    return "1 opening" if len(found) == 1 else f"{len(found)} openings"


def _row(opening: Opening) -> dict[str, Any]:
    return {
        "model": opening.model,
        "opened_at": opening.opened_at,
        "reason": opening.reason,
        "first": opening.first,
        "last": opening.last,
        "tuned": opening.tuned,
        "definition_hash": opening.definitions["model"],
    }


def _document(period: HoldOut | None, found: list[Opening]) -> dict[str, Any]:
    shown = None if period is None else period.model_dump(mode="json")
    return {
        "sealed": shown,
        "openings": [_row(each) for each in _of(period, found)],
        "earlier_openings": [_row(each) for each in found if each not in _of(period, found)],
    }


def _lines(period: HoldOut | None, found: list[Opening]) -> list[str]:
    if period is None:
        lines = ["nothing is sealed: there is no models/holdout.toml"]
    else:
        lines = [f"sealed: {period.span} (models/holdout.toml): {period.why}"]
        lines.append(f"{_count(_of(period, found))}, each one more look at the same days")
    for each in found:
        span = "" if each in _of(period, found) else f" (of {each.first} to {each.last or 'the end'})"
        how = ", tuned" if each.tuned else ""
        lines.append(f"{each.opened_at[:10]}  {each.model}{how} {each.definitions['model'][:8]}{span}: {each.reason}")
    return lines
