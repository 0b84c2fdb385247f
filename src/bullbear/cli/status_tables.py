"""The state of a home: a summary of a few lines, and every series on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from bullbear.cli.console import ResultConsole
from bullbear.cli.located import at_the_same_place
from bullbear.wording import capital, count

if TYPE_CHECKING:
    from bullbear.workflows.home_summary import HomeSummary

_NAMED = 8
"""Series named on a line; `--series` has all."""


def summary(found: HomeSummary, simulated: bool) -> None:
    """Print a few lines: data, what the next forecast will lack, champions, ledger, what to do."""
    console = ResultConsole()
    grid = Table.grid(padding=(0, 2))
    for label, text in _lines(found, simulated):
        grid.add_row(Text(label, style="bold"), Text(text))
    console.print(grid)
    console.print("`bullbear status --series` lists every series.", style="dim")


def _lines(found: HomeSummary, simulated: bool) -> list[tuple[str, str]]:
    market = "SIMULATED market" if simulated else "Real data"
    held = f"{market}: {found.series:,} series, {found.rows:,} rows"
    if found.last is not None and found.first is not None:
        held += f", bars from {_day(found.first)} to {_day(found.last)}"
    lines = [("data", held + ".")]
    if found.companies:
        lines.append(("companies", f"{found.companies}."))
    if found.age_days:
        lines.append(("age", f"The last bar is {found.age_days:,} days old."))
    if found.stale:
        every = "All" if len(found.stale) >= found.series else f"{len(found.stale)} of {found.series}"
        lines.append(("stale", f"{every} series are older than they should be."))
    elif found.last is not None:
        lines.append(("stale", "No series is older than it should be."))
    if found.lacking:
        lines.append(("lacking", f"The next forecast will lack {_some(found.lacking)}."))
    if found.aside:
        lines.append(("set aside", f"{found.aside:,} doubtful rows are kept and never served."))
    if found.rewritten:
        lines.append(("rewritten", f"{found.rewritten:,} stored values were changed later by their provider."))
    if found.from_files and not simulated:
        lines.append(("files", f"No live source delivers {_some(found.from_files)}; they come from snapshot files."))
    lines += _champions(found)
    lines += [("audit", f"{capital(at_the_same_place(each))}.") for each in found.failed_audits]
    if found.hold_out:
        lines.append(("hold-out", found.hold_out))
    if found.ledger_problem:
        lines.append(("ledger", found.ledger_problem))
    elif found.last_decided is None:
        lines.append(("ledger", "No forecast yet; `bullbear forecast` makes the first."))
    else:
        issued = "" if found.last_issued is None else f", issued {found.last_issued[:16].replace('T', ' ')} UTC"
        held = f"{count(found.forecasts, 'forecast')} of {count(found.evenings, 'evening')}"
        lines.append(("ledger", f"{held}, the last of {found.last_decided}{issued}."))
    return lines


def _champions(found: HomeSummary) -> list[tuple[str, str]]:
    if not found.champions:
        return [("champions", "None yet; train a model and promote its run.")]
    lines = [
        ("", f"{each.question}: {each.problem}")
        if each.problem
        else ("", f"{each.question}: {each.model} {each.run_id[:8]}, trained through {each.trained_through}")
        for each in found.champions
    ]
    return [("champions", lines[0][1]), *lines[1:]]


def _some(names: tuple[str, ...]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def series(table: pd.DataFrame, simulated: bool) -> None:
    """Every series of the store."""
    shown = Table(title="SIMULATED market" if simulated else None)
    heads = ("kind", "series", "first", "last", "last known at", "rows", "gaps", "age", "set aside", "reasons")
    for name in (*heads, "rewritten"):
        shown.add_column(name, justify="right" if name in ("rows", "gaps", "age", "set aside") else "left")
    rows: list[Any] = list(table.itertuples())
    for row in rows:
        age = "" if pd.isna(row.age_days) else f"{row.age_days}d"
        shown.add_row(
            str(row.kind),
            str(row.series),
            _day(row.first),
            _day(row.last),
            _minute(row.last_known_at),
            f"{row.rows:,}",
            "" if pd.isna(row.gaps) else str(row.gaps),
            f"{age} STALE" if row.stale else age,
            str(row.quarantined) if row.quarantined else "",
            str(row.reasons),
            f"{row.rewritten:,} (to {row.largest_change:.2%})" if row.rewritten else "",
            style="bold" if row.needed and row.stale else None,
        )
    ResultConsole().print(shown)


def _day(value: Any) -> str:
    return "" if pd.isna(value) else str(value.date())


def _minute(value: Any) -> str:
    return "" if pd.isna(value) else value.strftime("%Y-%m-%d %H:%M")
