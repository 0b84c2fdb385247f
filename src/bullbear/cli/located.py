"""The home of a command, found only once the command runs: `--help` need not wait for the package.

The options that led there are kept, so that the commands that a message recommends are about the same place.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bullbear.home import Home

_given: dict[str, str] = {}
_COMMANDS = re.compile(r"`(bullbear [^`]+)`")
_WITHOUT_PAIR = ("fetch", "ingest", "simulate", "status", "instruments", "new")


def locate(option: Path | None, pair: str | None = None, *, create: bool = False) -> Home:
    """See `bullbear.home.locate`."""
    from bullbear import home

    _given.clear()
    found = home.locate(option, pair, create=create)
    if pair is not None:
        _given["--pair"] = pair
    if option is not None:
        _given["--home"] = str(option)
    return found


def at_the_same_place(text: str) -> str:
    """A message whose commands carry the `--pair` and `--home` that the present command was given.

    Without them a reader who follows a remedy to the letter would change the home of the current folder, or IWM's
    champion instead of the pair's.
    """
    return _COMMANDS.sub(lambda found: f"`{' && '.join(map(_placed, found[1].split(' && ')))}`", text)


def _placed(command: str) -> str:
    words = command.split()
    if words[0] != "bullbear" or "--help" in words:
        return command
    needed = [
        f"{name} {shlex.quote(value)}"
        for name, value in _given.items()
        if name not in words and not (name == "--pair" and words[1] in _WITHOUT_PAIR)
    ]
    return " ".join([command, *needed])
