"""Rankings and their records as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table

from bullbear.cli.console import ResultConsole
from bullbear.picking.information import LEAST_NAMES
from bullbear.wording import dollars

if TYPE_CHECKING:
    from bullbear.picking.portfolios import Portfolio
    from bullbear.statistics.bootstrap import Interval
    from bullbear.workflows.company_picks import CompaniesRecord, CompaniesToday
    from bullbear.workflows.picking import RotationRecord, RotationToday

_LEVEL = 0.90


def show(today: CompaniesToday, top: int, *, sectors_alone: bool) -> None:
    """Print the sectors, and the best companies with what each part of the score says."""
    console, picker = ResultConsole(), today.picker
    title = f"{today.group} at the close of {today.as_of.date()}, picker {picker.name}" + _simulated(today.simulated)
    table = Table(title=title)
    for name in ("rank", "sector", "mean percentile", "companies", "in the best quantile"):
        table.add_column(name, justify="left" if name == "sector" else "right")
    for rank, each in enumerate(today.sectors, start=1):
        table.add_row(str(rank), each.name, percent(each.score, 0), str(each.members), str(each.best))
    if today.sectors:
        console.print(table)
    if not sectors_alone:
        _companies(today, top, console)
    learned = f" Learned from {today.ranked.learned} past decisions." if today.ranked.learned else ""
    missing = f" {len(today.unranked)} of {len(today.members)} members have no score." if today.unranked else ""
    console.print(
        f"A ranking for the next {picker.schedule.horizon} sessions; `bullbear pick --picker {picker.name} "
        f"--evaluate` shows what past rankings were worth.{learned}{missing}",
        soft_wrap=True,
    )
    for note in today.notes:
        console.print(f"note: {note}", soft_wrap=True)
    if today.survivorship:
        console.print(today.survivorship, style="bold")


def _companies(today: CompaniesToday, top: int, console: ResultConsole) -> None:
    table = Table()
    for name in ("rank", "ticker", "name", "sector", "score", "its largest parts"):
        table.add_column(name, justify="right" if name in ("rank", "score") else "left", no_wrap=name == "ticker")
    for row in today.rows(top):
        table.add_row(
            str(row["rank"]), row["ticker"], row["name"], row["sector"], f"{row['score']:+.2f}", largest(row["parts"])
        )
    console.print(table)


def largest(parts: Mapping[str, float], count: int = 3) -> str:
    """The parts of a score that move it most, the first of equal ones first.

    Example
    -------
    >>> largest({"value": 0.1, "growth": float("nan"), "quality": -0.3, "momentum": 0.2}, 2)
    'quality -0.30, momentum +0.20'
    """
    known = {name: value for name, value in parts.items() if math.isfinite(value)}
    ordered = sorted(known, key=lambda name: -abs(known[name]))
    return ", ".join(f"{name} {known[name]:+.2f}" for name in ordered[:count])


def show_record(record: CompaniesRecord, *, sectors: bool = False) -> None:
    """Print what a picker's past rankings predicted and earned; with `sectors` also within each sector."""
    console, found = ResultConsole(), record.evaluated
    picker, books = found.picker, found.portfolios
    span = f"{found.decided[0].date()} to {found.decided[-1].date()}"
    table = Table(title=f"{record.group}, picker {picker.name}, {span}" + _simulated(record.simulated))
    for name in ("portfolio", "names", "gross", "net", "volatility", "Sharpe", "turnover"):
        table.add_column(name, justify="left" if name == "portfolio" else "right")
    for each in books.quantiles:
        table.add_row(*_portfolio(each))
    table.add_section()
    for each in (books.group, books.long_short):
        table.add_row(*_portfolio(each))
    console.print(table)
    foretold, limit = found.information, books.capacity
    true = f" The true expected returns have {record.oracle:+.3f}." if record.oracle is not None else ""
    console.print(
        f"Information coefficient {ends(foretold.mean, 3)} over {foretold.decisions} decisions, positive in "
        f"{percent(foretold.positive, 0)} of them, information ratio {plain(foretold.icir)}.{true}\n"
        f"Best quantile above the group: {_yearly(books.active)} a year net, Sharpe ratio "
        f"{ends(books.sharpe_over_group)}.\n"
        f"Best less worst: Sharpe ratio {ends(books.long_short_sharpe)} net.\n"
        f"Capacity: an account of {dollars(limit.account)} (at the tightest decision {dollars(limit.least)}) before "
        f"{limit.names} orders exceed {percent(limit.participation, 0)} of the usual volume.\n"
        f"{_LEVEL:.0%} intervals; decided each {picker.schedule.rebalance} at a close, traded at the next open at "
        f"{picker.trading.cost_bp:g} bp a side; figures a year; turnover is the value traded.",
        soft_wrap=True,
    )
    if record.tried > 1:
        console.print(
            f"{record.tried} different pickers have been evaluated on {record.group} here: the interval of one that is "
            "chosen for its result says too little.",
            soft_wrap=True,
        )
    if sectors:
        within = Table()
        within.add_column("sector")
        within.add_column("information coefficient within", justify="right")
        for name, coefficient in foretold.by_sector.items():
            within.add_row(name or "none", ends(coefficient, 3))
        console.print(within)
        absent = sorted({name for name in record.sectors if name} - foretold.by_sector.keys())
        if absent:
            console.print(
                f"Without a coefficient, since no decision has {LEAST_NAMES} scored companies of them: "
                f"{', '.join(absent)}.",
                soft_wrap=True,
            )
    if record.survivorship:
        console.print(f"{record.survivorship}: nothing may be claimed from these figures", style="bold")


def _portfolio(each: Portfolio) -> list[str]:
    return [
        each.name, f"{each.names:.0f}", percent(each.gross), percent(each.net), percent(each.volatility),
        plain(each.sharpe), f"{each.turnover:.1f}",
    ]  # fmt: skip


def _yearly(interval: Interval) -> str:
    low, high = (f"{end:+.1%}" if math.isfinite(end) else "" for end in (interval.low, interval.high))
    return f"{interval.estimate:+.1%}" + (f" [{low}, {high}]" if low else "")


def show_rotation(today: RotationToday, *, simulated: bool) -> None:
    """Print the sector funds of each rule from best to worst."""
    table = Table(title=f"Sector funds at the close of {today.as_of.date()}" + _simulated(simulated))
    table.add_column("rank", justify="right")
    for each in today.rankings:
        table.add_column(each.rule.name)
    names = today.definition.funds
    for place in range(max(len(each.funds) for each in today.rankings)):
        cells = [each.funds[place] if place < len(each.funds) else "" for each in today.rankings]
        table.add_row(str(place + 1), *cells, end_section=place == today.definition.hold - 1)
    console = ResultConsole()
    console.print(table)
    console.print(", ".join(f"{ticker} {name}" for ticker, name in names.items()) + ".")
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
    for name in ("rule", "first", "months", "return", "Sharpe", "equal weights", market, "turnover"):
        table.add_column(name, justify="left" if name in ("rule", "first") else "right")
    evidence, above = Table(), Table(title="Sharpe ratio above that of")
    evidence.add_column("rule")
    evidence.add_column("information coefficient", justify="right")
    for name in ("rule", "equal weights", market):
        above.add_column(name, justify="left" if name == "rule" else "right")
    for each in found.rules:
        table.add_row(
            each.rule.name, each.first, str(len(each.held.returns)), percent(each.held.net),
            plain(each.held.sharpe), plain(each.equal.sharpe), plain(each.market.sharpe), f"{each.held.turnover:.1f}",
        )  # fmt: skip
        evidence.add_row(each.rule.name, ends(each.information.mean, 3))
        above.add_row(each.rule.name, ends(each.over_equal), ends(each.over_market))
    for each_table in (table, evidence, above):
        console.print(each_table)
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
        f"traded a year; the columns equal weights and {market} are Sharpe ratios. {verdict}",
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
