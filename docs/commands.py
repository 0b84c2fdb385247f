"""Write docs/commands.md: every command with its help, as the program prints it."""

from __future__ import annotations

import os
from pathlib import Path

from typer.main import get_command

HERE = Path(__file__).resolve().parent
_HEAD = """# Commands

Written by `make docs` from the program's own help. Exit codes: 0 done, 1 unexpected failure, 2 bad usage or
bad input (one line says what, nothing changed), 3 refused by a gate. Every command that reports takes `--json`.
"""


def page() -> str:
    """The page as Markdown."""
    os.environ.update(COLUMNS="100", TERMINAL_WIDTH="100")
    from bullbear.cli.app import app

    parts = [_HEAD]
    group = get_command(app)
    with group.make_context("bullbear", [], resilient_parsing=True) as top:
        parts += _sections(group, top, "bullbear")
    return "\n".join(parts)


def _sections(group: object, context: object, path: str) -> list[str]:
    found = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        with command.make_context(name, [], parent=context, resilient_parsing=True) as inner:
            found.append(f"## {path} {name}\n\n```text\n{command.get_help(inner).rstrip()}\n```\n")
            if hasattr(command, "commands"):
                found += _sections(command, inner, f"{path} {name}")
    return found


if __name__ == "__main__":
    (HERE / "commands.md").write_text(page(), encoding="utf-8")
