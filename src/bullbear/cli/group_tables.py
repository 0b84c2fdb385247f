"""The figures of a group as text: a line of who, then value, growth, breadth, sectors, movers and suspects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table

from bullbear.cli.console import ResultConsole
from bullbear.group.screening import REASONS, Reason
from bullbear.group.statistics import SHOWN
from bullbear.wording import capital, count, dollars, long_date, percent, short_date

if TYPE_CHECKING:
    from bullbear.group.growth import Averages
    from bullbear.workflows.group import GroupReport

SUSPECTS = 8
"""Suspicious bars that the text shows; `--json` has all."""
RATED = 20
"""Rated companies that the text shows."""
_SHORT = {
    REASONS[Reason.DECIMAL]: "decimal",
    REASONS[Reason.SPLIT]: "split",
    REASONS[Reason.STALE]: "stale",
    REASONS[Reason.ZERO]: "zero",
    REASONS[Reason.RANGE]: "range",
    REASONS[Reason.JUMP]: "jump",
    REASONS[Reason.VOLUME]: "volume",
    REASONS[Reason.NO_VOLUME]: "no volume",
}
"""Reasons in the table of suspects; the line above it explains them."""
_WINDOWS = {5: "week", 21: "month", 63: "quarter"}


def show(report: GroupReport) -> None:
    """Print the figures of a group."""
    console, figures, value = ResultConsole(), report.figures, report.figures.value
    who = report.group if report.sector is None else f"{report.group}, {report.sector}"
    total = int(figures.member.sum())
    console.print(f"{who} at the close of {long_date(report.session)}" + ("  SIMULATED" if report.simulated else ""))
    console.print(f"{count(total, 'member')} ({report.source}), {figures.priced:,} with a price")
    for note in report.notes:
        console.print(f"note: {note}", soft_wrap=True)
    console.print()
    if value.names and value.restated == value.names:
        console.print(
            f"Market value   unknown as of that day: the prices of all {count(value.names, 'name')} are restated, "
            "divided by later splits; --json has the values",
            soft_wrap=True,
        )
    elif value.names:
        restated = f", {value.restated:,} of them on restated prices: not as of that day" if value.restated else ""
        console.print(
            f"Market value   mean {dollars(value.mean)}, median {dollars(value.median)}, from {dollars(value.lowest)} "
            f"({_who(report, value.smallest)}) to {dollars(value.highest)} ({_who(report, value.largest)}); "
            f"{count(value.names, 'name')}{restated}",
            soft_wrap=True,
        )
    else:
        console.print("Market value   unknown: no member has a price and a count of shares")
    today = figures.breadth
    console.print(
        f"Last session   {_whole(today.advances)} up, {_whole(today.declines)} down, {_whole(today.unchanged)} "
        f"unchanged; {_counted(today.new_highs, 'new high')} and {_counted(today.new_lows, 'new low')} of 252 "
        f"sessions, among {_whole(today.aged)} with the history",
        soft_wrap=True,
    )
    console.print(
        f"Trend          {percent(today.above_50, 0)} above their 50-day average, {percent(today.above_200, 0)} above "
        f"the 200-day; dispersion of 21-session growth {percent(today.dispersion_21)}",
        soft_wrap=True,
    )
    console.print()
    console.print(_growth(report))
    if len(figures.sectors) > 1:
        console.print(_sectors(report))
    if figures.movers:
        console.print(_movers(report))
    _suspects(console, report)
    if report.rated is not None:
        from bullbear.cli.rating_tables import show_ratings

        console.print()
        show_ratings(report.rated, sector=report.sector, most=RATED)


def _growth(report: GroupReport) -> Table:
    table = _table("Growth", ("", "median", "weighted by value", "trimmed (5 % each side)", "names", "weighted"))
    for name in ("price", "volume"):
        for sessions, both in report.figures.growth.items():
            of: Averages = getattr(both, name)
            table.add_row(
                f"{name}, {_WINDOWS.get(sessions, '')} ({sessions} sessions)",
                _signed(of.median),
                _signed(of.weighted),
                _signed(of.trimmed),
                f"{of.names:,}",
                f"{of.weighted_names:,}",
            )
    return table


def _sectors(report: GroupReport) -> Table:
    heads = ("sector", "members", "share", "week", "month", "quarter", "above 50", "above 200", "up", "down")
    table = _table("Sectors (median growth of price)", heads)
    for each in report.figures.sectors:
        table.add_row(
            each.sector,
            f"{each.members:,}",
            percent(each.weight, 0) if math.isfinite(each.weight) else "",
            *(_signed(growth.price.median) for growth in each.growth.values()),
            percent(each.breadth.above_50, 0),
            percent(each.breadth.above_200, 0),
            _whole(each.breadth.advances),
            _whole(each.breadth.declines),
        )
    return table


def _movers(report: GroupReport) -> Table:
    sessions = report.figures.movers[0].sessions
    table = _table(
        f"Movers over {sessions} sessions", ("ticker", "growth", "volume, x usual", "verdict", "name", "sector"), left=3
    )
    for each in report.figures.movers:
        named = report.named(each.column)
        ratio = f"{each.volume_ratio:,.1f}" if math.isfinite(each.volume_ratio) else ""
        table.add_row(
            named["ticker"],
            _signed(each.growth),
            ratio,
            str(each.verdict),
            (named["name"] or "")[:28],
            named["sector"] or "",
        )
    return table


def _suspects(console: ResultConsole, report: GroupReport) -> None:
    suspects = report.figures.suspects
    if not suspects:
        console.print(f"No suspicious price or volume in the last {SHOWN} sessions.")
        return
    tickers = dict(zip(report.members.companies, report.members.tickers, strict=True))
    by_reason: dict[str, int] = {}
    for each in suspects:
        by_reason[each.reason] = by_reason.get(each.reason, 0) + 1
    parts = ", ".join(
        f"{number:,} {reason} ({_SHORT[reason]})"
        for reason, number in sorted(by_reason.items(), key=lambda pair: -pair[1])
    )
    console.print(
        f"{capital(count(len(suspects), 'suspect'))} in the last {SHOWN} sessions, corrected or left out: {parts}.",
        soft_wrap=True,
    )
    # Prices first: a wrong volume moves the figures least.
    shown = sorted(suspects, key=lambda each: "volume" in each.reason)[:SUSPECTS]
    heads = ("ticker", "session", "reason", "printed", "expected", "used")
    table = _table("", heads, left=2)
    for each in shown:
        digits = 0 if "volume" in each.reason else 2
        table.add_row(
            tickers[each.company],
            short_date(each.session) + (f" +{each.sessions - 1}" if each.sessions > 1 else ""),
            _SHORT[each.reason],
            f"{each.value:,.{digits}f}",
            f"{each.expected:,.{digits}f}",
            ("doubtful" if "volume" in each.reason else "corrected") if each.corrected else "left out",
        )
    console.print(table)
    if any(each.corrected and "volume" in each.reason for each in suspects):
        console.print(
            "A doubtful volume is read at the usual decimal place; about one volume in 500 to 1,000 is doubted "
            "although it was traded (docs/group.md).",
            soft_wrap=True,
        )
    if len(suspects) > len(shown):
        console.print(f"{len(suspects) - len(shown):,} more in --json.")


def _table(title: str, heads: tuple[str, ...], *, left: int = 0) -> Table:
    """A table whose first column, and those from `left` on if given, are texts."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for place, head in enumerate(heads):
        text = place == 0 or (left and place >= left) or head in ("session", "reason", "used")
        table.add_column(head, justify="left" if text else "right", no_wrap=True)
    return table


def _who(report: GroupReport, column: int) -> str:
    return str(report.named(column)["ticker"])


def _signed(value: float) -> str:
    return percent(value, signed=True)


def _counted(value: float, noun: str) -> str:
    return count(int(value), noun) if math.isfinite(value) else f"unknown {noun}s"


def _whole(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "unknown"
