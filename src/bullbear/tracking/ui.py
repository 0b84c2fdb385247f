"""The MLflow UI on a home's store, on this machine only, with one worker: half the memory and half the start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bullbear.errors import BullbearError
from bullbear.tracking.mlflow_store import connect, tracking_uri


def serve(runs: Path, port: int) -> None:
    """Run the UI until it is interrupted.

    Raises
    ------
    BullbearError
        The server could not start.
    """
    connect(runs)
    sys.stderr.write(f"MLflow UI on http://127.0.0.1:{port} (Ctrl-C ends it)\n")
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracking_uri(runs)),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        ],
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        check=False,
    )
    if answer.returncode not in (0, -2, -15, 130):
        raise BullbearError(f"MLflow UI ended with code {answer.returncode}; choose another --port if {port} is taken")
