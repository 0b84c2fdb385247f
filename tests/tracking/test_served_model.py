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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import build
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.mlflow_store import connect, tracking_uri
from bullbear.workflows.training import train_model


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


def test_dates_are_answered_from_the_homes_store_as_the_walk_forward_did(
    trained_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULLBEAR_HOME", str(trained_home.root))
    run = Runs(trained_home).find("small")
    said = run.predictions.table.iloc[[0, 700, -1]]
    days = pd.DatetimeIndex(said["decided_at"]).strftime("%Y-%m-%d")
    model = load(trained_home, run)
    answer = model.predict(pd.DataFrame({"date": days}))
    assert list(answer) == ["p", "p_low", "p_high", "climatology"]
    for name in answer:
        np.testing.assert_array_equal(answer[name].to_numpy(), said[name].to_numpy())
    for day, message in {
        "yesterday": "date: got 'yesterday'; allowed: a day as YYYY-MM-DD",
        "1990-01-02": "date: got '1990-01-02'; allowed: .* choose a later day",
        "2030-01-02": "date: got '2030-01-02'; allowed: .* the bars of IWM in the store",
    }.items():
        with pytest.raises(Exception, match=message):
            model.predict(pd.DataFrame({"date": [day]}))
    monkeypatch.delenv("BULLBEAR_HOME")
    with pytest.raises(Exception, match="BULLBEAR_HOME: not set; allowed: a home with a store"):
        model.predict(pd.DataFrame({"date": days}))


TIMID = """
from dataclasses import asdict, dataclass, fields
from typing import Literal

from bullbear.learn import CALIBRATORS
from bullbear.learn.calibrators.shrinkage import Shrinkage, ShrinkageModel


@CALIBRATORS.register
class Timid(Shrinkage):
    kind: Literal["timid"]

    def fit(self, history):
        return TimidModel(**asdict(super().fit(history)))

    @classmethod
    def restore(cls, state):
        return TimidModel(**{field.name: state[field.name] for field in fields(TimidModel)})


@dataclass(frozen=True)
class TimidModel(ShrinkageModel):
    def probability(self, climatology, signal):
        return super().probability(climatology, signal / 2)

    def state(self):
        return {**super().state(), "kind": "timid"}
"""
LEANING = """
from typing import Literal

import numpy as np

from bullbear.learn import LEARNERS, Learner, LinearModel


@LEARNERS.register
class Leaning(Learner):
    kind: Literal["leaning"]

    def fit(self, training):
        width = training.X.shape[1]
        center, coefficients = np.nanmean(training.X, axis=0), np.linspace(0.05, 0.1, width)
        return LinearModel(center, np.full(width, 10.0), coefficients, clip=3.0)

    def restore(self, state):
        return LinearModel.restore(state)
"""
PREDICT = """
import json, sys
import mlflow
import pandas as pd
answer = mlflow.pyfunc.load_model(sys.argv[1]).predict(pd.read_parquet(sys.argv[2]))
import bullbear
print(json.dumps({**answer.iloc[-1].to_dict(), "code": bullbear.__file__}))
"""


def own_kinds(home: Home) -> Run:
    """The promoted run of a model whose learner and calibrator are files of the home."""
    files = {"learners/leaning.py": LEANING, "calibrators/timid.py": TIMID}
    definition = (home.root / "models" / "small.toml").read_text()
    start, end = definition.index("[learner]"), definition.index("[splitter]")
    tables = '[learner]\nkind = "leaning"\n[calibration]\nkind = "timid"\nprior_mean = 0.5\nprior_sd = 0.0\n'
    files["models/own.toml"] = (definition[:start] + tables + definition[end:]).replace('"small"', '"own"')
    for name, text in files.items():
        (home.root / name).parent.mkdir(exist_ok=True)
        (home.root / name).write_text(text)
    runs = Runs(home)
    run = runs.find(train_model(Home(home.root), "own").run_id)
    runs.promote(run)
    return run


def test_a_users_learner_and_calibrator_are_served_without_the_home(
    home: Home, tmp_path: Path, process: Callable[..., Any]
) -> None:
    import mlflow

    run = own_kinds(home)
    said = process("forecast", "--json", "--home", home.root).json
    frame, _ = inputs(home, run)
    frame.to_parquet(tmp_path / "inputs.parquet")
    connect(home.runs)
    place = mlflow.artifacts.download_artifacts(f"models:/{run.tags['model_id']}", dst_path=str(tmp_path / "served"))
    home.root.rename(tmp_path / "gone")
    (tmp_path / "elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, place, tmp_path / "inputs.parquet"],
        cwd=tmp_path / "elsewhere", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert Path(answer["code"]).parent == Path(place, "code", "bullbear.zip", "bullbear")  # not the installed one
    assert (answer["p"], answer["p_low"], answer["p_high"]) == (said["p_up"], said["p_low"], said["p_high"])
    assert answer["p"] != frame["climatology"].iloc[-1]


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
             "BULLBEAR_HOME": str(trained_home.root),
             "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        answers = []
        for asked in (frame.tail(2), pd.DataFrame({"date": said["decided_at"].tail(2).dt.strftime("%Y-%m-%d")})):
            body = json.dumps({"dataframe_split": asked.to_dict(orient="split", index=False)}).encode()
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/invocations", data=body, headers={"Content-Type": "application/json"}
            )
            answers.append(_answer(request, server, 90.0))
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    for answer in answers:
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
