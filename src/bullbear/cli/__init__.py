"""The command line: stdout is data, stderr is talk; a user's mistake is one line and an exit code."""

from bullbear.cli.entry import main

__all__ = ["main"]
