"""The two consoles: results on stdout, messages and progress on stderr.

Text is printed as it is: markup and emoji are off, since rich would drop square brackets and words between colons from
names and reasons. Styles are given by `Text` and `style=` only.

A table that is wider than the console loses its least important columns, and a line below says which; they are all in
`--json`. Rich would fold every cell instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

if TYPE_CHECKING:
    from bullbear.workflows.console import Progress


_UNBOUNDED = 10_000
_PIPE = 160
"""Columns of a pipe, which has no width of its own; `COLUMNS` sets another."""

# Headings of all tables; where the console is too narrow, the first of them goes first, then the last column.
_SPARE = (
    *("fitted financing", "fitted multiple", "correlation", "daily error", "monthly error"),  # instruments
    *("half-spread, bp", "difference a year", "before it", "model"),
    *("chance", "ECE", "AUC", "base rate's", "Brier", "effective", "trials"),  # scores
    *("worst\nmonths", "under\nwater", "longest\nfall", "turnover", "volatility", "CAGR"),  # accounts
    *("shrunk", "lift", "since"),  # odds
    *("finished", "n", "audit"),  # runs
    *("evidence", "seconds"),  # audits
    *("reasons", "rewritten", "last known at", "first", "gaps", "rows"),  # series
    "log-loss skill",
)
_KEPT = 2


def fit(table: Table, console: Console, width: int | None = None) -> list[str]:
    """Drop columns until the table is no wider than the console, or `width`; the headings of those that went.

    The first two columns always stay.
    """
    room = console.width if width is None else width
    unbounded, left_out = console.options.update(max_width=_UNBOUNDED), set[int]()
    places = list(range(len(table.columns)))
    heads = [str(column.header).replace("\n", " ") for column in table.columns]
    while len(table.columns) > _KEPT and _needs(table, console, unbounded) > room:
        names = [str(column.header) for column in table.columns]
        spare = next((name for name in _SPARE if name in names[_KEPT:]), names[-1])
        place = len(names) - 1 - names[::-1].index(spare)  # of two that are called alike, the last
        left_out.add(places.pop(place))
        del table.columns[place]
        for index, column in enumerate(table.columns):
            column._index = index  # rich has no way to remove a column; its cells are looked up by this number
    return [heads[place] for place in sorted(left_out)]


def _needs(table: Table, console: Console, options: Any) -> int:
    """The width at which no column but a text of many words is folded."""
    # Rich measures a table without such columns only as a whole; what a cell and the borders need it keeps to itself.
    found = 0
    for column in table.columns:
        cells = [cell.renderable for cell in table._get_cells(console, column._index, column)]
        widths = [Measurement.get(console, options, cell) for cell in cells]
        wide = any(measured.maximum > _PROSE for measured in widths)
        found += max(measured.minimum if wide else measured.maximum for measured in widths)
    return found + table._extra_width


_PROSE = 40
"""Cells wider than this may be folded."""


class ResultConsole(Console):
    """A console without markup that leaves a closed pipe to the entry point."""

    def __init__(self, width: int = _PIPE) -> None:
        self._piped = not sys.stdout.isatty() and not os.environ.get("COLUMNS", "").isdigit()
        super().__init__(highlight=False, markup=False, emoji=False, width=width if self._piped else None)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, but a table with columns that must not be folded as wide as it is.

        A pipe has no width: rich would cut such columns at the console's. Prose with `soft_wrap` keeps its lines whole
        there, and is wrapped where the width is known.
        """
        if options.get("soft_wrap") and not self._piped:
            options["soft_wrap"] = False
        usual = self.width
        if self._piped:
            whole = self.options.update(max_width=_UNBOUNDED)
            for each in objects:
                if isinstance(each, Table) and any(column.no_wrap for column in each.columns):
                    self.width = max(self.width, Measurement.get(self, whole, each).maximum)
        left_out = [name for each in objects if isinstance(each, Table) for name in self._fitted(each)]
        try:
            super().print(*objects, **options)
        finally:
            if self._piped:
                self.width = usual
        if left_out:
            names = ", ".join(dict.fromkeys(left_out))
            super().print(f"Not shown at this width: {names}; --json has all.", style="dim")

    def _fitted(self, table: Table) -> list[str]:
        """The columns that went; a pipe is as wide as it need be."""
        return [] if self._piped else fit(table, self)

    def on_broken_pipe(self) -> None:
        """Raise the error again: rich would exit with code 1."""
        raise


class ProgressConsole:
    """Messages and progress on stderr; nothing if `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, line: str) -> None:
        """One line."""
        if not self.quiet:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """A progress bar: yields a function of (stage, done, total)."""
        if self.quiet:
            yield lambda stage, done, total: None
            return
        from rich import progress

        columns = (
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
        )
        console = Console(stderr=True)
        with progress.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            tasks: dict[str, int] = {}

            def report(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bar.add_task(f"{title}: {stage}", total=total)
                    if not console.is_terminal:
                        self.say(f"{title}: {stage}")
                bar.update(tasks[stage], completed=done)  # type: ignore[arg-type]

            yield report
