"""Messages and progress of a workflow; the command line implements them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Progress = Callable[[str, int, int], None]
"""Called with the stage, the steps done and the steps in all."""


class Console(Protocol):
    """Where progress is reported."""

    def say(self, line: str) -> None:
        """One line."""

    def progress(self, title: str) -> AbstractContextManager[Progress]:
        """A progress bar for a named piece of work."""
