"""The wall time of `bullbear forecast`, every question answered by the shipped outlook, against importing LightGBM."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.market import home
from benchmarks.ratio import Ratio, interleaved
from bullbear.tracking import Runs
from bullbear.workflows.training import train_model


def measure() -> list[Ratio]:
    trained = train_model(home(), "outlook", jobs=2)
    runs = Runs(home())
    for run in runs.find_each(trained.run_id):
        runs.promote(run)  # past the gate: what is measured is the time, whatever the skill
    command = [str(Path(sys.executable).with_name("bullbear")), "forecast", "--home", str(home().root), "--json"]
    return [
        interleaved(
            f"bullbear forecast, {len(trained.questions)} questions / python -c 'import lightgbm'",
            lambda: subprocess.run(command, check=True, capture_output=True),
            lambda: subprocess.run([sys.executable, "-c", "import lightgbm"], check=True),
            rounds=7,
            aim=1.3,
        )
    ]
