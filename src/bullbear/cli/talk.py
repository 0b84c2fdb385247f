"""Talk: progress and notes on stderr, silent where a program reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, int, int], None]


class Talk:
    """Says what is going on, on stderr."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, line: str) -> None:
        """One line."""
        if not self.quiet:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    @contextmanager
    def progress(self, title: str) -> Iterator[Report]:
        """A progress bar; call what is yielded with (stage, done, total)."""
        if self.quiet:
            yield lambda stage, done, total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            tasks: dict[str, int] = {}

            def report(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bar.add_task(f"{title}: {stage}", total=total)
                    if not console.is_terminal:
                        self.say(f"{title}: {stage}")
                bar.update(tasks[stage], completed=done)  # type: ignore[arg-type]

            yield report
