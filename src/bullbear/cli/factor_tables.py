"""The catalogue of factors as a table, and one factor as a panel."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bullbear.cli.console import ResultConsole
from bullbear.workflows.factor_catalogue import ends_of_runs

if TYPE_CHECKING:
    from bullbear.workflows.factor_catalogue import Entry

_FULL = 130
"""Terminal width below which the table omits inputs and units."""
_DIRECTION = {-1: "a rise suggests lower prices", 0: "no direction from theory", 1: "a rise suggests higher prices"}


def show(entries: list[Entry], *, simulated: bool) -> None:
    """Print the catalogue, a line between families."""
    console = ResultConsole()
    full = console.width >= _FULL
    table = Table(title=f"{len(entries)} factors" + (" (SIMULATED market)" if simulated else ""))
    for name in ("factor", "family", *(("inputs",) if full else ()), "look-back", *(("unit",) if full else ())):
        table.add_column(name, justify="right" if name == "look-back" else "left", no_wrap=name in ("factor", "family"))
    table.add_column("first day", no_wrap=True)
    repeated = {name for name, count in Counter(each.name for each in entries).items() if count > 1}
    table.add_column("missing", justify="right", no_wrap=True)
    shown = ends_of_runs(entries)
    for place, each in enumerate(shown):
        if each is None:
            table.add_row("...")
            continue
        following = shown[place + 1] if place + 1 < len(shown) else None
        last = place + 1 == len(shown) or (following is not None and following.family != each.family)
        table.add_row(
            f"{each.name} ({each.feature_set})" if each.name in repeated else each.name,
            each.family,
            *([_inputs(each)] if full else []),
            str(each.lookback),
            *([each.unit] if full else []),
            "no data" if each.first is None else str(each.first.date()),
            "" if each.missing is None else f"{each.missing:.1%}",
            end_section=last,
        )
    console.print(table)


def show_one(entry: Entry, *, simulated: bool) -> None:
    """Print one factor."""
    params = ", ".join(f"{key}={value}" for key, value in entry.params.items())
    inputs = ", ".join(f"{key} = {value}" for key, value in entry.inputs.items())
    since = "no data in this store"
    if entry.first is not None:
        gaps = f"missing on {entry.missing:.1%} of the sessions" if entry.missing else "never missing"
        since = f"{entry.first.date()}, {gaps} since"
    grid = Table.grid(padding=(0, 2))
    for label, value in (
        ("what", entry.summary),
        ("declared in", f"features/{entry.feature_set}.toml, family {entry.family}"),
        ("function", f"{entry.function}({params})"),
        ("inputs", inputs),
        *_meanings(entry),
        ("look-back", f"{entry.lookback} rows"),
        ("unit", entry.unit),
        ("direction", _DIRECTION[entry.sign]),
        ("first day", since),
        ("latest", "missing" if entry.latest is None else f"{entry.latest:.6g}"),
    ):
        grid.add_row(Text(label, style="dim"), Text(value))
    title = entry.name + ("  SIMULATED" if simulated else "")
    ResultConsole().print(Panel(grid, title=Text(title), title_align="left", expand=False))


def _meanings(entry: Entry) -> list[tuple[str, str]]:
    """What each input and parameter means; those that mean the same stand together."""
    from bullbear.factors import registered

    names: dict[str, list[str]] = {}
    for name in (*entry.inputs, *entry.params):
        names.setdefault(registered()[entry.function].describe(name), []).append(name)
    return [(", ".join(alike), text) for text, alike in names.items() if text]


def _inputs(entry: Entry) -> str:
    series = list(dict.fromkeys(entry.inputs.values()))
    return ", ".join(series[:3]) + (f" and {len(series) - 3} more" if len(series) > 3 else "")
