"""What changed since the last forecast, a line a change; the reasons under the first of those that share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bullbear.wording import capital


def changes(shown: Mapping[str, Any]) -> RenderableType | None:
    """The key `changes`; None for an entry alone."""
    if "changes" not in shown:
        return None
    found = shown["changes"]
    if found is None:
        return Text("The ledger has no earlier forecast to compare with.")
    if not found["lines"]:
        return Text(f"Nothing has changed {found['since']['sentence']}.")
    table, told = Table.grid(padding=(0, 1)), set[tuple[str, ...]]()
    for line in found["lines"]:
        table.add_row("-", Text(f"{capital(line['sentence'])}."))
        # Most answers move together, and for the same reasons: those of the first one are enough to read.
        families = tuple(sorted({cause["family"] for cause in line["why"] if cause["factor"]}))
        if families and families in told:
            continue
        told.add(families)
        for sentence in _why(line["why"]):
            table.add_row("", Text(f"{capital(sentence)}.", style="dim"))
    return Group(Text(f"Changed {found['since']['sentence']}", style="bold"), table)


def _why(causes: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each family, with the factors that did most of it."""
    found = []
    for cause in causes:
        if cause["factor"] is None:
            own = [each["sentence"] for each in causes if each["factor"] and each["family"] == cause["family"]]
            found.append(": ".join(filter(None, [cause["sentence"], "; ".join(own)])))
    return found
