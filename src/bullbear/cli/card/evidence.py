"""What the past says: the event odds that are beyond luck today, and the past closes that were most like this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bullbear.wording import percent, short_date


def odds(shown: Mapping[str, Any]) -> Text | None:
    """The active odds, or the sentence that there are none; None for an entry alone."""
    if "active_odds" not in shown:
        return None
    text = Text("Odds beyond luck", style="bold")
    for each in shown["active_odds"]:
        text.append(f"\n- {each['statement']}", style="not bold")
    if note := shown.get("odds_note"):
        text.append(f"\n{note}" if shown["active_odds"] else f": {note}", style="not bold")
    return text


def situations(shown: Mapping[str, Any]) -> RenderableType | None:
    """The nearest past closes and what followed each; None for an entry alone."""
    if not (found := shown.get("situations")):
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("Past closes like this one", "return", "lowest close", "volatility"):
        table.add_column(name, justify="left" if name.startswith("Past") else "right")
    for each in found["nearest"]:
        then = each["then"]
        moves = [percent(then[name], signed=True) for name in ("return", "low")]
        table.add_row(short_date(str(each["date"])), *moves, percent(then["volatility"], 0))
    note = Text(found["note"]) if found.get("note") else None
    parts = [part for part in (table if found["nearest"] else None, note) if part is not None]
    return Group(*parts) if parts else None
