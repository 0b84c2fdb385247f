"""Rankings and their records as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table

from bullbear.cli.console import ResultConsole

if TYPE_CHECKING:
    from bullbear.statistics.bootstrap import Interval
    from bullbear.workflows.picking import RotationRecord, RotationToday

_LEVEL = 0.90


def show_rotation(today: RotationToday, *, simulated: bool) -> None:
    """Print the sector funds of each rule from best to worst."""
    table = Table(title=f"Sector funds at the close of {today.as_of.date()}" + _simulated(simulated))
    table.add_column("rank", justify="right")
    for each in today.rankings:
        table.add_column(each.rule.name)
    names = today.definition.funds
    for place in range(max(len(each.funds) for each in today.rankings)):
        cells = [
            f"{each.funds[place]} {names[each.funds[place]]}" if place < len(each.funds) else ""
            for each in today.rankings
        ]
        table.add_row(str(place + 1), *cells, end_section=place == today.definition.hold - 1)
    console = ResultConsole()
    console.print(table)
    console.print(
        f"A rule holds its first {today.definition.hold}. `bullbear pick --rotation --evaluate` shows what this was "
        "worth.",
        soft_wrap=True,
    )


def show_rotation_record(record: RotationRecord) -> None:
    """Print what each rule of the rotation was worth."""
    console, found = ResultConsole(), record.evaluated
    market = record.definition.benchmark
    table = Table(title="Sector rotation, net of costs" + _simulated(record.simulated))
    for name in ("rule", "first", "months", "return", "Sharpe", "equal weights'", f"{market}'s", "turnover"):
        table.add_column(name, justify="left" if name in ("rule", "first") else "right")
    evidence = Table()
    for name in ("rule", "information coefficient", "Sharpe over equal weights", f"Sharpe over {market}"):
        evidence.add_column(name, justify="left" if name == "rule" else "right")
    for each in found.rules:
        table.add_row(
            each.rule.name, each.first, str(len(each.held.returns)), percent(each.held.net),
            plain(each.held.sharpe), plain(each.equal.sharpe), plain(each.market.sharpe), f"{each.held.turnover:.1f}",
        )  # fmt: skip
        evidence.add_row(each.rule.name, ends(each.information.mean, 3), ends(each.over_equal), ends(each.over_market))
    console.print(table)
    console.print(evidence)
    expected = found.compared * (1.0 - _LEVEL)
    verdict = (
        "None of the intervals excludes zero: no rule is shown to differ from luck."
        if not found.found
        else f"{found.found} of {found.compared} intervals exclude{'s' * (found.found == 1)} zero, where luck alone "
        f"would give about {expected:.0f}: " + "; ".join(
            f"{each.rule.name}, {name}" for each in found.rules for name in each.findings
        ) + "."
    )  # fmt: skip
    console.print(
        f"{_LEVEL:.0%} intervals. Each rule holds {record.definition.hold} of {len(record.definition.funds)} funds, "
        f"from the open after a decision, at {record.definition.trading.cost_bp:g} bp a side; turnover is the value "
        f"traded a year. {verdict}",
        soft_wrap=True,
    )


def ends(interval: Interval, digits: int = 2) -> str:
    """An estimate with its interval."""
    if not math.isfinite(interval.estimate):
        return ""
    text = f"{interval.estimate:+.{digits}f}"
    if math.isfinite(interval.low):
        text += f" [{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]"
    return text


def plain(value: float, digits: int = 2) -> str:
    """A number, or nothing where it is unknown."""
    return f"{value:.{digits}f}" if math.isfinite(value) else ""


def percent(value: float, digits: int = 1) -> str:
    """A fraction in per cent, or nothing where it is unknown."""
    return f"{value:.{digits}%}" if math.isfinite(value) else ""


def _simulated(simulated: bool) -> str:
    return " (SIMULATED market)" if simulated else ""
