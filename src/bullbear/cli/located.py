"""The home of a command, found only once the command runs: `--help` need not wait for the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bullbear.home import Home


def locate(option: Path | None, pair: str | None = None, *, create: bool = False) -> Home:
    """See `bullbear.home.locate`."""
    from bullbear import home

    return home.locate(option, pair, create=create)
