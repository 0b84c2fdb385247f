"""An interrupt that falls into a destructor is raised again.

Python cannot raise out of a destructor or the callback of a weak reference: it reports the exception as ignored and
goes on. Database connections are collected in such places, so that of a training's interrupts some would be lost.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

_SOON = 0.01
"""Seconds until it is raised again, by which the destructor has returned; if it falls into the next one, once more."""


class _Unraisable(Protocol):
    @property
    def exc_type(self) -> type[BaseException]: ...
    @property
    def exc_value(self) -> BaseException | None: ...
    @property
    def exc_traceback(self) -> TracebackType | None: ...
    @property
    def err_msg(self) -> str | None: ...
    @property
    def object(self) -> object: ...


@contextmanager
def interrupts_are_not_lost() -> Iterator[None]:
    """Within, in the main thread, every interrupt is raised where it can be caught."""
    before = sys.unraisablehook
    main = threading.get_ident()
    due: list[threading.Timer] = []
    waiting = threading.Event()

    def send() -> None:
        waiting.clear()  # before it is sent: it may fall into the next destructor
        # To this very thread: it may be waiting for a worker, and only a signal of its own wakes it.
        signal.pthread_kill(main, signal.SIGINT)

    def again(ignored: _Unraisable) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            before(ignored)  # type: ignore[arg-type]
            return
        if waiting.is_set():  # one interrupt ends the work; a second would fall into its end
            return
        waiting.set()
        timer = threading.Timer(_SOON, send)
        timer.daemon = True
        due.append(timer)
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        for timer in due:
            timer.cancel()
        sys.unraisablehook = before
