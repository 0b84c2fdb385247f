"""The entry point: runs a command, and turns whatever goes wrong into one line and an exit code."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run `bullbear`; exit code 0 done, 1 unexpected failure, 2 bad input, 3 refused by a gate."""
    # Before numpy is loaded: fits run in processes, and a thread pool inside each makes them ten times slower.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from bullbear.cli.app import app
    from bullbear.errors import BullbearError

    try:
        app(prog_name="bullbear")
    except BullbearError as mistake:
        _say(f"bullbear: {mistake}")
        sys.exit(mistake.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has left (`bullbear predictions latest | head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        _say("bullbear: interrupted; what was finished is kept")
        sys.exit(130)
    except Exception as bug:
        if os.environ.get("BULLBEAR_DEBUG"):
            raise
        where = " ".join(str(bug).split()) or type(bug).__name__
        _say(f"bullbear: unexpected failure: {type(bug).__name__}: {where}; set BULLBEAR_DEBUG=1 for the details")
        sys.exit(1)


def _say(line: str) -> None:
    sys.stderr.write(" ".join(line.split()) + "\n")
