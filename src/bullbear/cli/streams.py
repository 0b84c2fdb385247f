"""Standard streams that are closed, or whose reader leaves early.

A closed stream is opened on the null device first, since the next file opened would otherwise get its number and be
written to. Unread output on stderr is dropped and the work goes on; when the reader of stdout leaves (`| head`), the
command ends without an error.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO, cast


def open_closed_streams() -> None:
    """Open every closed standard stream on the null device."""
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
    """Within, output on stderr is dropped once its reader has left."""
    with redirect_stderr(cast(TextIO, _Lenient(sys.stderr))):
        yield


def reader_has_left() -> bool:
    """Whether stdout is a pipe without a reader."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def settle() -> None:
    """Flush both streams; what cannot be written is dropped, since the interpreter would report it at exit."""
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
