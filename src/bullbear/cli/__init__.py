"""The command line: results on stdout, messages on stderr; a user's mistake is one line and an exit code."""

from bullbear.cli.entry import main

__all__ = ["main"]
