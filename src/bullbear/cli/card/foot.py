"""Where it comes from: what moves P(up), the models and data and how old they are, and the place in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from bullbear.forecasting.card.age_lines import age_lines
from bullbear.forecasting.card.movers import movers_in
from bullbear.wording import count, few, short_date


def drivers(entry: Mapping[str, Any]) -> Table | None:
    """The factors that move P(up) most, each by about how many points; None where none does."""
    if not entry["drivers"]:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("What moves P(up)", "value", "points, about"):
        table.add_column(name, justify="left" if name.startswith("What") else "right")
    for mover in entry.get("movers") or movers_in(entry, {}):
        table.add_row(Text(mover["label"]), mover["value"], f"{mover['points']:+.1f}")
    return table


def foot(shown: Mapping[str, Any]) -> Text:
    """The model, the data, the ledger and the time of issue."""
    model, data, stamp = shown["model"], shown["data"], shown["ledger"]
    run = f"{model['name']} (run {str(model['run_id'])[:8]})"
    if "ages" not in shown:
        lines = [f"P(up) by {run}, trained through {short_date(model['trained_through'])}."]
        if overdue := model.get("refit_overdue_sessions"):
            lines.append(f"It is {count(model['age_sessions'], 'session')} old; its refit is {overdue:,} overdue.")
        if data["stale"]:
            lines.append(f"Absent or stale: {few(data['stale'])}.")
        lines += age_lines(shown)
    else:
        first, *rest = age_lines(shown)
        lines = [f"P(up) by {run}. {first}", *rest]
    lines.append(f"Data known to {data['last_known_at']}, fingerprint {data['fingerprint'][:12]}.")
    lines.append(_issued(shown, f"Ledger entry {stamp['index']}, hash {stamp['hash'][:12]}"))
    return Text("\n".join(lines), style="dim")


def _issued(shown: Mapping[str, Any], entry: str) -> str:
    if "issued_at" not in shown:  # absent from entries of an earlier version
        return f"{entry}."
    behind = shown["data"].get("sessions_behind")
    late = f", {count(behind, 'session')} after its close" if behind else ""
    hindsight = " Made in hindsight: replays are not part of the record." if shown["kind"] == "replay" else ""
    return f"{entry}; {shown['kind']}, issued at {shown['issued_at']}{late}.{hindsight}"
