"""The one console on which results are shown: text is shown as it stands.

Rich would read square brackets as markup and words between colons as emoji, and drop them from a reason or a name that
holds them; styles are given by `Text` and `style=` only.
"""

from __future__ import annotations

import sys

from rich.console import Console


class ResultConsole(Console):
    """A console that reads no markup and leaves a closed pipe to the entry point."""

    def __init__(self, width: int = 160) -> None:
        # A pipe has no width; tables must not be folded for it.
        super().__init__(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else width)

    def on_broken_pipe(self) -> None:
        """Raise what has just happened: rich would exit with code 1."""
        raise
