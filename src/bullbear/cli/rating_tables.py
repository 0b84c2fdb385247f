"""Ratings of companies as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from bullbear.cli.console import ResultConsole
from bullbear.group.ratings import COMPOSITE

if TYPE_CHECKING:
    from bullbear.group.rated import RatedGroup

_MISSING = "-"


def show_ratings(rated: RatedGroup, *, sector: str | None = None, most: int | None = None) -> None:
    """Print the companies with the best composite, then how to read them.

    Parameters
    ----------
    sector
        Only companies of this sector.
    most
        How many at most; all by default.
    """
    console, rows = ResultConsole(), rated.rows(sector)
    shown = rows if most is None else rows[:most]
    title = f"Ratings at the close of {rated.session.date()}: 1 is best, 100 is worst"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    names = list(rated.ratings.values)
    table.add_column("ticker", no_wrap=True)
    for name in (COMPOSITE, *(name for name in names if name != COMPOSITE), "parts"):
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for name in ("name", "sector"):
        table.add_column(name, no_wrap=True)
    for row in shown:
        figures = [_text(row[name]) for name in (COMPOSITE, *(name for name in names if name != COMPOSITE), "parts")]
        table.add_row(row["ticker"], *figures, row["name"] or _MISSING, row["sector"] or _MISSING)
    console.print(table)
    if len(shown) < len(rows):
        console.print(f"{len(rows) - len(shown):,} more in --json.")
    console.print(_reading(rated), soft_wrap=True)
    for note in rated.notes:
        console.print(f"note: {note}", soft_wrap=True)


def _reading(rated: RatedGroup) -> str:
    among = "the members"
    if rated.within == "sector":
        among = "the members of its sector, or all where too few of the sector can be rated"
    return (
        f"A rating is a percentile among {among}, of what was known at the close. {_MISSING} is missing and counts for "
        "nothing in the composite; parts says how many ratings that rests on (docs/ratings.md)."
    )


def _text(value: Any) -> str:
    return _MISSING if value is None else str(value)
