"""The odds as a panel for people and as records for programs."""

from __future__ import annotations

import sys

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bullbear.odds import EventOdds


def show(told: list[EventOdds], *, ticker: str, simulated: bool, everything: bool = False) -> None:
    """Print the statements of the events active now, bullish and bearish, newest first; with `everything`, all."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    chosen = [each for each in told if each.active or everything]
    if not told:
        console.print(f"{ticker}: no event of odds.toml occurred in the look-back")
        return
    first = told[0]
    parts: list[Table | Text] = []
    for direction, heading in (
        ("bullish", "Bullish: what followed, counted in rises"),
        ("bearish", "Bearish: in falls"),
    ):
        group = [each for each in chosen if each.direction == direction]
        parts.append(Text(heading, style="bold"))
        if group:
            parts.append(_table(group))
            parts.extend(Text(f"- {each.statement}") for each in group)
        else:
            parts.append(Text("nothing active", style="dim"))
        parts.append(Text(""))
    parts.append(Text(_foot(told, chosen), style="dim"))
    title = f"{ticker} odds at the close of {first.as_of.date()}, {first.horizon_sessions} sessions ahead"
    console.print(Panel(Group(*parts), title=title + ("  SIMULATED" if simulated else ""), expand=False))


def _table(group: list[EventOdds]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("event", "since", "cases", "worth", "odds", "90% interval", "base rate", "lift", "shrunk", "q"):
        table.add_column(name, justify="left" if name in ("event", "since") else "right", no_wrap=True)
    for each in group:
        if each.cases == 0:
            table.add_row(each.event, str(each.occurred_on.date()), "0", *[""] * 7)
            continue
        table.add_row(
            each.event,
            str(each.occurred_on.date()),
            f"{each.continued}/{each.cases}",
            f"{each.effective_cases:.1f}",
            f"{each.odds:.0%}",
            f"{each.odds_low:.0%} to {each.odds_high:.0%}",
            f"{each.base_rate:.0%}",
            f"{each.lift:.2f}",
            f"{each.shrunk_odds:.0%}",
            f"{each.q_value:.2f}",
        )
    return table


def _foot(told: list[EventOdds], chosen: list[EventOdds]) -> str:
    first = told[0]
    findings = [each.event for each in told if each.q_value <= 0.1]
    found = (
        f"more than luck at q 0.1: {', '.join(findings)}"
        if findings
        else "none differs from the base rate by more than luck"
    )
    return (
        f"Look-back from {first.since.date()}; {len(told)} events occurred in it, {first.tested} with resolved cases; "
        f"{len(chosen)} shown. Of these events {found}. `bullbear odds --history` scores such odds."
    )
