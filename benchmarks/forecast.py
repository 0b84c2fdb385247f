"""The wall time of `bullbear forecast` against that of importing LightGBM."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.market import home
from benchmarks.ratio import Ratio, interleaved
from bullbear.tracking import Runs
from bullbear.workflows.training import train_model


def measure() -> list[Ratio]:
    trained = train_model(home(), "lightgbm", jobs=2)
    runs = Runs(home())
    runs.promote(runs.find(trained.run_id))
    command = [str(Path(sys.executable).with_name("bullbear")), "forecast", "--home", str(home().root), "--json"]
    return [
        interleaved(
            "bullbear forecast / python -c 'import lightgbm'",
            lambda: subprocess.run(command, check=True, capture_output=True),
            lambda: subprocess.run([sys.executable, "-c", "import lightgbm"], check=True),
            rounds=7,
            aim=1.3,
        )
    ]
