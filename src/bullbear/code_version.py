"""The version of the code that made something: the package's, with the commit where it runs from a checkout.

The commit is read from the files under `.git`: starting git would cost a forecast more than its model does. Whether the
checkout has uncommitted changes is therefore not known.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path


@cache
def code_version() -> str:
    """Such as `0.1.0`, or `0.1.0+git.22f77095f1c0` in a checkout."""
    head = commit(Path(__file__).parents[2])
    return version("bullbear") + (f"+git.{head[:12]}" if head else "")


@cache
def running_code(*packages: str) -> tuple[str, ...]:
    """What tells a result of this code from one of other code: versions, and the files of some packages.

    Size and time of each file count too, as the edits of a checkout change no version. What is kept of a result, to
    save its computation, belongs to the code that made it.
    """
    numeric = [f"{name} {version(name)}" for name in ("numpy", "pandas", "exchange-calendars")]
    files = []
    for package in packages:
        for place in import_module(package).__path__:
            for path in sorted(Path(place).rglob("*.py")):
                stat = path.stat()
                files.append(f"{package} {path.name} {stat.st_size} {stat.st_mtime_ns}")
    return code_version(), *numeric, *files


def commit(checkout: Path) -> str | None:
    """The commit that a checkout, or a linked worktree, stands on; None where it cannot be read."""
    try:
        folder = checkout / ".git"
        if folder.is_file():
            folder = checkout / folder.read_text().removeprefix("gitdir: ").strip()
        head = (folder / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head or None
        name = head.removeprefix("ref: ")
        shared = folder / "commondir"
        common = folder / shared.read_text().strip() if shared.is_file() else folder
        if (common / name).is_file():
            return (common / name).read_text().strip() or None
        packed = (line.split() for line in (common / "packed-refs").read_text().splitlines())
        return next((words[0] for words in packed if words[1:] == [name]), None)
    except (OSError, ValueError):
        return None
