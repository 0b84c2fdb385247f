"""The processor time of whole commands against that of an import: `python -m benchmarks.commands HOME`.

User and system time, so that a busy machine disturbs it less than the wall clock. HOME needs trained runs of `lightgbm`
and `climatology`, and is written to.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.ratio import Ratio, alternating

COMMANDS = (
    (("--help",), "typer", 3.0),
    (("status",), "mlflow, arch", 1.0),
    (("evaluate", "lightgbm"), "mlflow, arch", 1.0),
    (("compare", "lightgbm", "climatology"), "mlflow, arch", 1.0),
    (("promote", "champion"), "mlflow, arch", 1.5),
)
"""Words of the command, what is imported beside it, and the ratio aimed at."""


def measured(home: Path, rounds: int = 3) -> list[Ratio]:
    """Every command beside its import."""
    script = str(Path(sys.executable).with_name("bullbear"))
    found = []
    for words, modules, aim in COMMANDS:
        command = [script, *words] if words == ("--help",) else [script, *words, "--home", str(home)]
        bare = [sys.executable, "-c", f"import {modules}"]
        name = f"bullbear {' '.join(words)} / import {modules}"
        found.append(alternating(name, partial(_spent, command), partial(_spent, bare), rounds=rounds, aim=aim))
    return found


def _spent(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    for each in measured(Path(sys.argv[1])):
        print(each)
