"""The MLflow UI on a home's store, on this machine only, with one worker: half the memory and half the start-up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from mlflow import MlflowClient

from bullbear.definitions import UP
from bullbear.errors import BullbearError, Found, InputError, RunError
from bullbear.home import experiment_names
from bullbear.tracking.mlflow_store import connect, exists, experiment_ids, tracking_uri
from bullbear.tracking.usable import is_server, without_password
from bullbear.tracking.view import save_views, view_url

HOST = "127.0.0.1"


def serve(runs: Path, port: int, questions: Sequence[str] = (UP.name,), *, open_browser: bool = False) -> None:
    """Run the UI until it is interrupted or terminated; where the store is on a server, that one shows it.

    Parameters
    ----------
    questions
        Each has a view of its runs, whose address is printed after that of all trainings.
    open_browser
        Whether the list of trainings is opened in a browser once the UI answers.

    Raises
    ------
    InputError
        The port is taken.
    RunError
        There is no store yet; looking makes none.
    BullbearError
        The server could not start.
    """
    if not exists(runs):
        raise RunError(
            "run", Found("no runs yet in this home"), "a finished training", "run `bullbear train MODEL` first"
        )
    uri = tracking_uri(runs)
    if not is_server(uri):
        _require_free(port)
    client = connect(runs)
    shown = _experiments(client, runs)
    for experiment, simulated in shown.items():
        save_views(client, experiment, questions, simulated=simulated)
    if is_server(uri):
        _print_views(without_password(uri), shown, questions)
        if open_browser:
            webbrowser.open(view_url(uri, next(iter(shown))))
        return
    server_url = f"http://{HOST}:{port}"
    sys.stderr.write(f"MLflow UI on {server_url} (Ctrl-C ends it)\n")
    _print_views(server_url, shown, questions)
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
    if open_browser:
        page = view_url(server_url, next(iter(shown)))
        threading.Thread(target=_open_once_it_answers, args=(server, port, page), daemon=True).start()
    answer = server.wait()
    if answer not in (0, -signal.SIGINT, -signal.SIGTERM, 130, 143):
        raise BullbearError(f"MLflow UI ended with code {answer}; its own messages above say why")


def _warnings() -> str:
    """The user's own filters, and one for what MLflow would tell everybody of a library that it imports."""
    return ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), "ignore:starlette.middleware.wsgi is deprecated"]))


def _experiments(client: MlflowClient, runs: Path) -> dict[str, bool]:
    """The experiments to show, that with the newest training first, and whether each is of the simulated market."""
    names = experiment_names(runs)
    every = experiment_ids(client, runs)
    newest = {
        experiment: max((run.info.start_time for run in client.search_runs([experiment], max_results=1)), default=0)
        for experiment in every
    }
    shown = [each for each in every if newest[each]] or every[:1]
    return {
        experiment: client.get_experiment(experiment).name == names[1]
        for experiment in sorted(shown, key=lambda each: -newest[each])
    }


def _print_views(server: str, shown: Mapping[str, bool], questions: Sequence[str]) -> None:
    for experiment, simulated in shown.items():
        what = "trainings on the simulated market" if simulated else "trainings"
        sys.stderr.write(f"  {what}: {view_url(server, experiment)}\n")
        for question in questions:
            sys.stderr.write(f"    {question}: {view_url(server, experiment, question)}\n")


def _open_once_it_answers(server: subprocess.Popen[bytes], port: int, page: str) -> None:
    while server.poll() is None:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            webbrowser.open(page)
            return
        time.sleep(0.2)


def _require_free(port: int) -> None:
    # MLflow ends with code 0 when it cannot bind.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as bad:
            raise InputError("--port", port, "a free port on this machine", "choose another one") from bad
