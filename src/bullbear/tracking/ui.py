"""The MLflow UI on a home's store, on this machine only, with one worker: half the memory and half the start-up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from bullbear.definitions import UP
from bullbear.errors import BullbearError, InputError
from bullbear.tracking.mlflow_store import connect, experiment_id, tracking_uri
from bullbear.tracking.usable import is_server, without_password
from bullbear.tracking.view import save_views, view_url

HOST = "127.0.0.1"


def serve(runs: Path, port: int, questions: Sequence[str] = (UP.name,)) -> None:
    """Run the UI until it is interrupted or terminated; where the store is on a server, that one shows it.

    Parameters
    ----------
    questions
        Each has a view of its runs, whose address is printed.

    Raises
    ------
    InputError
        The port is taken.
    BullbearError
        The server could not start.
    """
    uri = tracking_uri(runs)
    if not is_server(uri):
        _require_free(port)
    client = connect(runs)
    experiment = experiment_id(client, runs)
    save_views(client, experiment, questions)
    if is_server(uri):
        _print_views(without_password(uri), experiment, questions)
        return
    server_url = f"http://{HOST}:{port}"
    sys.stderr.write(f"MLflow UI on {server_url} (Ctrl-C ends it)\n")
    _print_views(server_url, experiment, questions)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri),
            *("--host", HOST, "--port", str(port), "--workers", "1"),
        ],
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": _warnings()},
    )

    def stop(signum: int, frame: FrameType | None) -> None:  # what `signal` calls
        # MLflow passes it on to its own worker; without this, both would outlive us.
        server.terminate()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    answer = server.wait()
    if answer not in (0, -signal.SIGINT, -signal.SIGTERM, 130, 143):
        raise BullbearError(f"MLflow UI ended with code {answer}; its own messages above say why")


def _warnings() -> str:
    """The user's own filters, and one for what MLflow would tell everybody of a library that it imports."""
    return ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), "ignore:starlette.middleware.wsgi is deprecated"]))


def _print_views(server: str, experiment: str, questions: Sequence[str]) -> None:
    for question in questions:
        sys.stderr.write(f"  {question}: {view_url(server, experiment, question)}\n")


def _require_free(port: int) -> None:
    # MLflow ends with code 0 when it cannot bind.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as bad:
            raise InputError("--port", port, "a free port on this machine", "choose another one") from bad
