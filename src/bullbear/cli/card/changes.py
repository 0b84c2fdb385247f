"""What changed since the last forecast, a line a change; the reasons under the first of those that share them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bullbear.forecasting.card.change_lines import change_lines, change_note


def changes(shown: Mapping[str, Any]) -> RenderableType | None:
    """The key `changes`; None for an entry alone."""
    if "changes" not in shown:
        return None
    found = shown["changes"]
    if note := change_note(found):
        return Text(note)
    table = Table.grid(padding=(0, 1))
    for sentence, why in change_lines(found):
        table.add_row("-", Text(sentence))
        for cause in why:
            table.add_row("", Text(cause, style="dim"))
    return Group(Text(f"Changed {found['since']['sentence']}", style="bold"), table)
