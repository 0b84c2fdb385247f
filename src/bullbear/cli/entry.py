"""The entry point: runs a command, and turns every error into one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import NoReturn

from bullbear.cli.interrupts import interrupts_are_not_lost
from bullbear.cli.loading import loading
from bullbear.cli.streams import open_closed_streams, reader_has_left, settle, stderr_may_be_unread

INTERRUPTED = 130
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED_TO_US = (errno.EACCES, errno.EPERM, errno.EROFS)


def main() -> None:
    """Run `bullbear`; exit code 0 done, 1 unexpected failure, 2 bad input, 3 refused by a gate."""
    open_closed_streams()
    try:
        with stderr_may_be_unread(), interrupts_are_not_lost():
            try:
                _run()
            except KeyboardInterrupt:  # also while it is imported
                _say("bullbear: interrupted; what was finished is kept")
                sys.exit(INTERRUPTED)
    finally:
        settle()


def _run() -> None:
    # Before numpy is loaded: fits run in processes, and a thread pool inside each makes them ten times slower.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    # Arrow's own pool sets thirty megabytes aside, more than all that a forecast reads.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with loading():
        from typer import Exit, TyperException
        from typer.main import get_command

        from bullbear.cli.app import app
        from bullbear.cli.located import at_the_same_place
        from bullbear.errors import BullbearError, MissingExtraError
        from bullbear.extras import extra_of

    if "_BULLBEAR_COMPLETE" in os.environ:  # set by the shell when Tab is pressed
        app(prog_name="bullbear")
    try:
        # Not `app()`: typer's own runner prints a usage error in four lines and ends with code 1 on a closed pipe.
        command = get_command(app)
        with command.make_context("bullbear", sys.argv[1:] or ["--help"]) as context:
            command.invoke(context)
        sys.stdout.flush()
    except Exit as done:
        sys.exit(done.exit_code)
    except TyperException as usage:
        place = getattr(getattr(usage, "ctx", None), "command_path", "bullbear")
        _say(f"{place}: {usage.format_message().rstrip('.')}; see `{place} --help`")
        sys.exit(2)
    except BullbearError as mistake:
        _say(f"bullbear: {at_the_same_place(str(mistake))}")
        sys.exit(mistake.exit_code)
    except ModuleNotFoundError as missing:
        extra = extra_of(missing.name)
        if extra is None:
            _unexpected(missing)
        _say(f"bullbear: {MissingExtraError('this command', [extra])}")
        sys.exit(2)
    except Exception as bug:
        if isinstance(bug, BrokenPipeError) and reader_has_left():
            sys.exit(0)  # `bullbear predictions latest | head`
        if isinstance(bug, OSError) and (line := _refused_by_the_system(bug)):
            _say(f"bullbear: {line}")
            sys.exit(2)
        _unexpected(bug)


def _unexpected(bug: Exception) -> NoReturn:
    if os.environ.get("BULLBEAR_DEBUG"):
        raise bug
    from bullbear.user_code import blamed

    if (mistake := blamed(bug)) is not None:
        _say(f"bullbear: {mistake}")
        sys.exit(mistake.exit_code)
    where = " ".join(str(bug).split()) or type(bug).__name__
    _say(f"bullbear: unexpected failure: {type(bug).__name__}: {where}; set BULLBEAR_DEBUG=1 for the details")
    sys.exit(1)


def _refused_by_the_system(bad: OSError) -> str | None:
    """The line for a file that cannot be read or written; None for another error."""
    named = [str(name) for name in (bad.filename, bad.filename2) if name is not None]
    place = " and ".join(named) or "a file of the home, or the output"
    reason = (bad.strerror or str(bad)).lower()
    if bad.errno in _FULL:
        return f"{place}: {reason}; free some space and run the command again"
    if bad.errno in _CLOSED_TO_US:
        return f"{place}: {reason}; change its permissions, or give a --home that can be written"
    if named:
        return f"{place}: {reason}; check the path"
    return None


def _say(line: str) -> None:
    sys.stderr.write(" ".join(line.split()) + "\n")
