"""The model behind MLflow's `predict` is the model of the walk-forward, in this process and behind a port."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import build
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.mlflow_store import connect, tracking_uri


def inputs(home: Home, run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the last fold as the served model wants them, and what the walk-forward said of them."""
    model = home.model(run.model)
    examples = build(home.store().as_of(), model.feature_sets, model.definition.target)
    last = pd.Timestamp(run.bundle.trained_through()[-1])
    rows = examples.X.index > last
    frame = examples.X[rows].reset_index(drop=True)
    frame = frame.assign(climatology=examples.climatology[rows], n_resolved=examples.n_resolved[rows].astype(float))
    return frame, run.predictions.table.tail(len(frame)).reset_index(drop=True)


def load(home: Home, run: Run) -> Any:
    import mlflow

    connect(home.runs)
    return mlflow.pyfunc.load_model(f"models:/{run.tags['model_id']}")


def test_it_repeats_the_last_fold_to_the_last_bit(trained_home: Home) -> None:
    run = Runs(trained_home).find("latest")
    frame, said = inputs(trained_home, run)
    assert len(frame) == 64
    answer = load(trained_home, run).predict(frame)
    for name in ("p", "p_low", "p_high"):
        np.testing.assert_array_equal(answer[name].to_numpy(), said[name].to_numpy())


def test_the_champion_is_served_by_its_alias_from_a_moved_home(home: Home, tmp_path: Path) -> None:
    import mlflow

    connect(home.runs)
    moved = Home(Path(shutil.move(home.root, tmp_path / "moved")))
    connect(moved.runs)
    run = Runs(moved).find("champion")
    frame, said = inputs(moved, run)
    served = mlflow.pyfunc.load_model("models:/bullbear-simulated@champion")
    assert served.predict(frame.tail(1))["p"].item() == said["p"].iloc[-1]


def test_a_missing_column_is_refused(trained_home: Home) -> None:
    run = Runs(trained_home).find("latest")
    frame, _ = inputs(trained_home, run)
    with pytest.raises(Exception, match=r"vix"):
        load(trained_home, run).predict(frame.drop(columns="vix"))


@pytest.mark.slow
def test_behind_a_port_it_answers_the_same(trained_home: Home) -> None:
    run = Runs(trained_home).find("latest")
    frame, said = inputs(trained_home, run)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local", "--model-uri",
         f"models:/{run.tags['model_id']}", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
        env={**os.environ, "MLFLOW_TRACKING_URI": tracking_uri(trained_home.runs),
             "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        body = json.dumps({"dataframe_split": frame.tail(2).to_dict(orient="split", index=False)}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", data=body, headers={"Content-Type": "application/json"}
        )
        answer = _answer(request, server, 90.0)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert [row["p"] for row in answer["predictions"]] == said["p"].tail(2).tolist()


def _answer(request: urllib.request.Request, server: subprocess.Popen[bytes], seconds: float) -> Any:
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)
        except OSError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server did not answer"
            time.sleep(0.5)
