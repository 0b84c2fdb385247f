"""The levels at a close as a panel, from the highest to the lowest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bullbear.cli.console import ResultConsole

if TYPE_CHECKING:
    import pandas as pd

    from bullbear.report.level_chart import LevelChart

_BREAKS_SHOWN = 10
_OTHER = {"support": "resistance", "resistance": "support"}
_NUMBERS = ("price", "ATRs away", "touches", "strength", "neckline", "target")


def show(chart: LevelChart) -> None:
    """Print levels, channel, double tops and bottoms, and breaks."""
    console = ResultConsole(120)
    parts: list[Table | Text] = [_ladder(chart), Text(""), Text(_channel(chart)), Text("")]
    parts += _patterns(chart)
    parts += _breaks(chart)
    parts.append(Text(_foot(chart), style="dim"))
    title = f"{chart.ticker} levels at the close of {_day(chart.session)}"
    if chart.sessions[-1] != chart.session:
        title += f", last bar known {_day(chart.sessions[-1])}"
    console.print(Panel(Group(*parts), title=Text(title + ("  SIMULATED" if chart.simulated else "")), expand=False))


def _table(columns: Iterable[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=True)
    return table


def _ladder(chart: LevelChart) -> Table:
    table = _table(
        ("price", "ATRs away", "level", "touches", "strength", "first touch", "known from", "last touch", "turned")
    )
    close = (f"{chart.close:,.2f}", "", "close", *[""] * 6)
    above = sum(each.price > chart.close for each in chart.levels)
    for place, each in enumerate(chart.levels):
        if place == above:
            table.add_row(*close, style="bold")
        table.add_row(
            f"{each.price:,.2f}",
            f"{each.distance:+.1f}",
            each.kind,
            str(each.touches),
            f"{each.strength:.2f}",
            _day(each.first_touch),
            _day(each.known_from),
            _day(each.last_touch),
            "" if each.turned_on is None else f"{_day(each.turned_on)} from {_OTHER[each.kind]}",
        )
    if above == len(chart.levels):
        table.add_row(*close, style="bold")
    return table


def _channel(chart: LevelChart) -> str:
    found = chart.channel
    if found is None:
        return "No trend channel: fewer than two swing highs or two swing lows in its window."
    where = "its lines have crossed"
    if found.position is not None:
        where = f"the close stands at {found.position:.0%} of it"
        if found.position < 0.0:
            where = f"the close stands below it by {-found.position:.0%} of its width"
        elif found.position > 1.0:
            where = f"the close stands above it by {found.position - 1.0:.0%} of its width"
    return (
        f"Trend channel from {_day(found.since)}: {found.lower:,.2f} to {found.upper:,.2f}, {found.width:.1f} ATRs "
        f"wide, {found.slope:+.2f} a session; {where}."
    )


def _patterns(chart: LevelChart) -> list[Table | Text]:
    if not chart.patterns:
        return [Text("No double top or bottom."), Text("")]
    table = _table(("pattern", "first", "second", "known from", "neckline", "target", "completed", "state"))
    for each in chart.patterns:
        table.add_row(
            each.kind,
            _day(each.first),
            _day(each.second),
            _day(each.known_from),
            f"{each.neckline:,.2f}",
            f"{each.target:,.2f}",
            _day(each.completed_on),
            "stands" if each.over_on is None else f"{_STATE[each.outcome]} on {_day(each.over_on)}",
        )
    return [table, Text("")]


_STATE = {"target": "target reached", "failed": "failed", "expired": "expired"}


def _breaks(chart: LevelChart) -> list[Table | Text]:
    if not chart.breaks:
        return [Text("No recent break of a level."), Text("")]
    table = _table(("broke on", "what", "price", "touches", "stage", "since"))
    for each in chart.breaks[:_BREAKS_SHOWN]:
        cells = _day(each.session), each.side, f"{each.price:,.2f}", str(each.touches), each.stage
        table.add_row(*cells, _day(each.stage_since))
    older = len(chart.breaks) - _BREAKS_SHOWN
    return [table, *([Text(f"{older} older ones: see --json", style="dim")] if older > 0 else []), Text("")]


def _foot(chart: LevelChart) -> str:
    return (
        f"In dollars of that close: dividends paid since are taken off older prices. One ATR is {chart.atr:,.2f}. "
        f"Levels of the {len(chart.sessions)} sessions from {_day(chart.sessions[0])}; a swing, and so a level, is "
        "known five sessions after its extreme. Strength: touches weighed by volume, halved every 126 sessions."
    )


def _day(day: pd.Timestamp | None) -> str:
    return "" if day is None else str(day.date())
