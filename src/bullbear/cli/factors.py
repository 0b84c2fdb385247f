"""`bullbear factors`: the factor library as this store sees it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bullbear.errors import InputError

if TYPE_CHECKING:
    from bullbear.factor_catalogue import Entry
    from bullbear.home import Home


def document(entries: list[Entry]) -> list[dict[str, Any]]:
    """The catalogue for programs."""
    return [{**asdict(each), "first": each.first and str(each.first.date())} for each in entries]


def show(entries: list[Entry]) -> None:
    """The catalogue for people."""
    table = Table(title=f"{len(entries)} factors")
    for name in ("factor", "family", "inputs", "look-back", "unit", "first day", "missing since"):
        table.add_column(name, justify="right" if name in ("look-back", "missing since") else "left")
    for each in entries:
        series = list(dict.fromkeys(each.inputs.values()))
        table.add_row(
            each.name,
            each.family,
            ", ".join(series[:3]) + (f" and {len(series) - 3} more" if len(series) > 3 else ""),
            str(each.lookback),
            each.unit,
            "no data" if each.first is None else str(each.first.date()),
            "" if each.missing is None else f"{each.missing:.1%}",
        )
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)


def draw(home: Home, name: str) -> str:
    """Draw one factor into `reports/factors/`; the path of the picture."""
    from bullbear.factor_catalogue import values_of
    from bullbear.report.plots import factor_plot

    entry, values = values_of(home, name)
    if entry.first is None:
        raise InputError(f"factor {name}", "no value in this store", "a factor with data", "see `bullbear factors`")
    path = home.reports / "factors" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(factor_plot(values, unit=entry.unit, summary=entry.summary, simulated=home.store().is_simulated))
    return str(path)
