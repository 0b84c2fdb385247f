"""The wall time and the memory of `bullbear forecast`, every question answered by the shipped outlook.

Times are against importing LightGBM. What a forecast keeps in the home, the account of the same replay and the odds at
the same close, saves the most of its work; the first one after a change of the data or the code goes without. A live
evening continues an account and never walks one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.market import home
from benchmarks.ratio import Ratio, interleaved
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.training import train_model

KEPT = (".accounts", ".odds")
MOST_MEGABYTES = 250


def measure() -> list[Ratio]:
    trained = train_model(home(), "outlook", jobs=2)
    runs = Runs(home())
    for run in runs.find_each(trained.run_id):
        runs.promote(run)  # past the gate: what is measured is the time, whatever the skill
    return measured(home(), len(trained.questions))


def measured(place: Home, questions: int) -> list[Ratio]:
    """The figures of a home that has its champions; it is written to."""
    command = [str(Path(sys.executable).with_name("bullbear")), "forecast", "--home", str(place.root), "--json"]

    def forecast() -> None:
        subprocess.run(command, check=True, capture_output=True)

    def from_nothing() -> None:
        for name in KEPT:
            shutil.rmtree(place.forecasts / name, ignore_errors=True)
        forecast()

    def bare() -> None:
        subprocess.run([sys.executable, "-c", "import lightgbm"], check=True)

    name = f"bullbear forecast, {questions} questions"
    return [
        interleaved(f"{name} / python -c 'import lightgbm'", forecast, bare, rounds=7, aim=1.3),
        interleaved("the same with nothing kept / python -c 'import lightgbm'", from_nothing, bare, rounds=5, aim=None),
        Ratio(f"{name}, peak memory / {MOST_MEGABYTES} MB", peak_megabytes(command), MOST_MEGABYTES, 1.0, "MB"),
    ]


def peak_megabytes(command: list[str]) -> float:
    """The peak resident memory of a process, started by a small one: a child's peak begins at its parent's size."""
    started = [sys.executable, "-c", _STARTER, *command]
    return int(subprocess.run(started, check=True, capture_output=True, text=True).stdout) / 1024


_STARTER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


if __name__ == "__main__":  # python -m benchmarks.forecast HOME
    place = Home(Path(sys.argv[1]))
    for each in measured(place, len(place.questions())):
        print(each)
