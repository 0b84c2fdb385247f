"""The outlook: what is unusual in a table, then the direction, which hardly ever is, and how wide the month will be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bullbear.forecasting.card.outlook import outlook_says, stated, unusual_rows
from bullbear.wording import chance, skill


def outlook(entry: Mapping[str, Any]) -> RenderableType:
    """The outlook of an entry, with the regime."""
    says = outlook_says(entry)
    lines = [says.normal, says.usual, says.base_rates, *says.direction, says.width, says.regime]
    told = Text("\n".join(filter(None, lines)))
    return Group(_unusual(entry), "", told) if says.unusual else told


def _unusual(entry: Mapping[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Unusual within the month" if entry["horizon_sessions"] == 21 else "Unusual")
    rows = unusual_rows(entry)
    skills = [_skill(row) for row in rows]
    for name in ("chance", "usually", *(["skill (90 % interval)"] if any(skills) else [])):
        table.add_column(name, justify="right")
    for row, known in zip(rows, skills, strict=True):
        cells: list[Text | str] = [stated(row), Text(chance(row["p"]), style="bold"), chance(row["climatology"]), known]
        table.add_row(*cells[: len(table.columns)])
    return table


def _skill(row: Mapping[str, Any]) -> str:
    if any(row.get(name) is None for name in ("skill", "skill_low", "skill_high")):
        return ""
    return skill(row["skill"], row["skill_low"], row["skill_high"])
