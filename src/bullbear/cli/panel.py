"""The forecast as a panel that can be read in the evening; nothing here needs more than rich."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text


def forecast(entry: dict[str, Any]) -> None:
    """Print a ledger entry."""
    console = Console(highlight=False)
    console.print(forecast_panel(entry))


def forecast_panel(entry: dict[str, Any]) -> Panel:
    """A ledger entry as a panel."""
    simulated = entry["data"].get("simulated", False)
    head = Text()
    head.append(f"P(up over {entry['horizon_sessions']} sessions, to {entry['resolves_on']})  ", style="bold")
    head.append(f"{entry['p_up']:.1%}", style="bold")
    head.append(
        f"   90% interval {entry['p_low']:.1%} to {entry['p_high']:.1%}   base rate {entry['climatology']:.1%}\n"
    )
    edge = abs(entry["p_up"] - entry["climatology"])
    inside = entry["p_low"] <= entry["climatology"] <= entry["p_high"]
    head.append(
        "No evidence against the base rate: treat this as a normal month.\n"
        if inside
        else f"{edge:.1%} away from the base rate, and the interval leaves it out.\n"
    )
    head.append(f"Regime: {entry['regime']}\n")
    body = Table.grid(padding=(0, 1))
    body.add_row(head)
    body.add_row(_positions(entry))
    if entry["drivers"]:
        body.add_row(_drivers(entry))
    body.add_row(_foot(entry))
    title = f"{entry['ticker']} at the close of {entry['decided_at'][:10]}" + ("  SIMULATED" if simulated else "")
    return Panel(body, title=title, expand=False)


def _positions(entry: dict[str, Any]) -> Table:
    table = Table(title="Positions from the next open", title_justify="left", box=None)
    for name in ("agent", "fund", "weight", "stop"):
        table.add_column(name, justify="left" if name in ("agent", "fund") else "right")
    stops = {stop["ticker"]: stop["level"] for stop in entry["stops"]}
    for agent in ("bull", "bear"):
        stance = entry["agents"][agent]
        level = stops.get(stance["instrument"])
        table.add_row(agent, stance["instrument"], f"{stance['weight']:.1%}", f"{level:.2f}" if level else "")
    table.add_row("", "CASH", f"{entry['positions']['CASH']:.1%}", "")
    for agent in ("bull", "bear"):
        for reason in entry["agents"][agent]["reasons"]:
            table.add_row(agent, Text(reason, style="dim"))
    return table


def _drivers(entry: dict[str, Any]) -> Table:
    table = Table(title="What moves it most (log-odds)", title_justify="left", box=None)
    for name in ("factor", "value", "contribution"):
        table.add_column(name, justify="left" if name == "factor" else "right")
    for driver in entry["drivers"]:
        value = "missing" if driver["value"] is None else f"{driver['value']:.4g}"
        table.add_row(driver["factor"], value, f"{driver['contribution']:+.4f}")
    return table


def _foot(entry: dict[str, Any]) -> Text:
    model, data, stamp = entry["model"], entry["data"], entry["ledger"]
    lines = [
        f"model {model['name']} (run {str(model['run_id'])[:8]}, trained through {model['trained_through']})",
        f"data known to {data['last_known_at']}, fingerprint {data['fingerprint'][:12]}",
        f"ledger entry {stamp['index']}, hash {stamp['hash'][:12]}",
    ]
    if "issued_at" in entry:
        hindsight = ", in hindsight: no part of the record" if entry["kind"] == "replay" else ""
        lines.append(f"{entry['kind']}, issued at {entry['issued_at']}{hindsight}")
    if data["stale"]:
        lines.append(f"absent or stale: {', '.join(data['stale'])}")
    return Text("\n".join(lines), style="dim")
