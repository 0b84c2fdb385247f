"""The standard streams as they are found: closed, or with a reader that leaves early.

A closed stream is opened on the null device before anything else is opened, since the next file would otherwise get
its number and be written into. What nobody reads on stderr is dropped and the work goes on; a reader of stdout
that leaves ends the command without a complaint, because whoever types `| head` wants just that.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO, cast


def open_closed_streams() -> None:
    """Open every standard stream that the caller has closed on the null device."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


@contextmanager
def stderr_may_be_unread() -> Iterator[None]:
    """Within, what is written to stderr is dropped once its reader has left."""
    with redirect_stderr(cast(TextIO, _Lenient(sys.stderr))):
        yield


def reader_has_left() -> bool:
    """Whether stdout is a pipe that nobody reads any more."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def settle() -> None:
    """Flush both streams; what cannot be written is dropped, or the interpreter would complain on its way out."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            try:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
            except (OSError, ValueError):
                return


class _Lenient:
    """A text stream whose failed writes are dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
