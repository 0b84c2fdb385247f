"""The entry point: runs a command, and turns whatever goes wrong into one line and an exit code."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run `bullbear`; exit code 0 done, 1 unexpected failure, 2 bad input, 3 refused by a gate."""
    # Before numpy is loaded: fits run in processes, and a thread pool inside each makes them ten times slower.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from typer import Exit, TyperException
    from typer.main import get_command

    from bullbear.cli.app import app
    from bullbear.errors import BullbearError

    try:
        # Not `app()`: typer's own runner tells a usage error in four lines and a closed pipe by exit code 1.
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
        _say(f"bullbear: {mistake}")
        sys.exit(mistake.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has left (`bullbear predictions latest | head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        _say("bullbear: interrupted; what was finished is kept")
        sys.exit(INTERRUPTED)
    except Exception as bug:
        if os.environ.get("BULLBEAR_DEBUG"):
            raise
        where = " ".join(str(bug).split()) or type(bug).__name__
        _say(f"bullbear: unexpected failure: {type(bug).__name__}: {where}; set BULLBEAR_DEBUG=1 for the details")
        sys.exit(1)


def _say(line: str) -> None:
    sys.stderr.write(" ".join(line.split()) + "\n")
