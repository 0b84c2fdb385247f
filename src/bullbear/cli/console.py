"""The two consoles: results on stdout, messages and progress on stderr.

Text is printed as it is: markup and emoji are off, since rich would drop square brackets and words between colons from
names and reasons. Styles are given by `Text` and `style=` only.
"""

from __future__ import annotations

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


class ResultConsole(Console):
    """A console without markup that leaves a closed pipe to the entry point."""

    def __init__(self, width: int = 160) -> None:
        self._piped = not sys.stdout.isatty()
        super().__init__(highlight=False, markup=False, emoji=False, width=width if self._piped else None)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, but a table with columns that must not be folded as wide as it is.

        A pipe has no width: rich would cut such columns at the console's.
        """
        usual = self.width
        if self._piped:
            whole = self.options.update(max_width=_UNBOUNDED)
            for each in objects:
                if isinstance(each, Table) and any(column.no_wrap for column in each.columns):
                    self.width = max(self.width, Measurement.get(self, whole, each).maximum)
        try:
            super().print(*objects, **options)
        finally:
            if self._piped:
                self.width = usual

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
