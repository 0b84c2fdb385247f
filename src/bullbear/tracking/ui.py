"""The MLflow UI on a home's store, on this machine only, with one worker: half the memory and half the start-up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

from bullbear.errors import BullbearError, InputError
from bullbear.tracking.mlflow_store import connect, tracking_uri

HOST = "127.0.0.1"


def serve(runs: Path, port: int) -> None:
    """Run the UI until it is interrupted or terminated.

    Raises
    ------
    InputError
        The port is taken.
    BullbearError
        The server could not start.
    """
    _require_free(port)
    connect(runs)
    sys.stderr.write(f"MLflow UI on http://{HOST}:{port} (Ctrl-C ends it)\n")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracking_uri(runs)),
            *("--host", HOST, "--port", str(port), "--workers", "1"),
        ],
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )

    def stop(signum: int, frame: FrameType | None) -> None:  # what `signal` calls
        # MLflow passes it on to its own worker; without this, both would outlive us.
        server.terminate()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    answer = server.wait()
    if answer not in (0, -signal.SIGINT, -signal.SIGTERM, 130, 143):
        raise BullbearError(f"MLflow UI ended with code {answer}; its own messages above say why")


def _require_free(port: int) -> None:
    # MLflow ends with code 0 when it cannot bind.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as bad:
            raise InputError("--port", port, "a free port on this machine", "choose another one") from bad
