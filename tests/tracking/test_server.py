"""The same against an MLflow server of its own on 127.0.0.1, with its artifacts; and what its failures cost."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import pytest

from bullbear.errors import GateError
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, experiment_for
from bullbear.tracking.spool import SpooledError
from bullbear.tracking.ui import serve
from bullbear.workflows.promotion import promote_run
from bullbear.workflows.training import train_model

pytestmark = pytest.mark.slow


@dataclass
class Server:
    """An `mlflow server` with its own database and artifacts below `root`."""

    root: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)),
                *("--backend-store-uri", f"sqlite:///{self.root / 'server.db'}", "--workers", "1"),
                *("--artifacts-destination", str(self.root / "artifacts")),
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )  # fmt: skip
        until = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError:
                assert self.process.poll() is None, "the server ended"
                assert time.monotonic() < until, "the server did not answer"
                time.sleep(0.3)

    def stop(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(tmp_path_factory.mktemp("server"), port)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", running.url)
    return running


def test_a_server_holds_everything_that_a_home_does(server: Server, home: Home) -> None:
    home.champion.unlink()
    trained = train_model(home, "base")
    refused = train_model(home, "small")
    runs = Runs(home)
    promote_run(home, runs, runs.find(trained.run_id))
    with pytest.raises(GateError, match="skill test"):
        promote_run(home, runs, runs.find(refused.run_id))
    client = connect(home.runs)
    assert client.tracking_uri == server.url
    shown = client.get_run(refused.run_id)
    assert {"bss", "bss_low", "bss_high", "log_loss_skill", "cumulative/bss"} <= set(shown.data.metrics)
    assert shown.data.tags["verdict"].startswith("refused: the skill test")
    assert client.get_run(trained.run_id).data.tags["verdict"].startswith("champion: base")
    assert (
        "mlflow.sharedViewState.bullbear-up"
        in client.get_experiment(experiment_for(client, home.runs, simulated=True)).tags
    )
    assert {each.path for each in client.list_artifacts(refused.run_id)} >= {
        "bundle",
        "comparison.html",
    }  # no pictures are drawn in tests
    aliases = client.get_registered_model("bullbear-simulated").aliases
    assert set(aliases) == {"champion", "challenger"}
    assert client.get_model_version_by_alias("bullbear-simulated", "challenger").run_id == refused.run_id
    served = mlflow.pyfunc.load_model("models:/bullbear-simulated@champion")
    assert served.metadata.signature is not None
    assert not (home.runs / "spool").exists()


def test_the_addresses_of_the_views_are_those_of_the_server(
    server: Server, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(home.runs, server.port, ["up", "dip8"])  # the port is taken by the server itself: nothing is started
    number = experiment_for(connect(home.runs), home.runs, simulated=True)
    place = f"{server.url}/#/experiments/{number}/runs?viewStateShareKey=bullbear"
    assert capsys.readouterr().err.splitlines()[-3:] == [
        f"  trainings on the simulated market: {place}-trainings", f"    up: {place}-up", f"    dip8: {place}-dip8",
    ]  # fmt: skip


def test_a_server_that_dies_in_the_middle_costs_one_line_and_no_training(
    server: Server, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = mlflow.log_artifacts

    def die(*arguments: object, **options: object) -> None:
        server.stop()
        real(*arguments, **options)  # type: ignore[arg-type]

    began = time.monotonic()
    with monkeypatch.context() as dying:
        dying.setattr("mlflow.log_artifacts", die)
        with pytest.raises(SpooledError, match=r"^training base finished but was not logged: .*; it is kept in") as bad:
            train_model(home, "base")
    assert time.monotonic() - began < 100  # MLflow alone takes more than four minutes for each call
    assert "\n" not in str(bad.value)
    server.start()
    client = connect(home.runs)  # logs what waits
    assert not list((home.runs / "spool").glob("base-*"))
    found = Runs(home).find("latest")
    assert (found.model, found.tags["data"]) == ("base", "SIMULATED")
    run = client.get_run(found.run_id)
    assert run.info.end_time - run.info.start_time == pytest.approx(1000 * run.data.metrics["time/seconds"], abs=2)


def test_artifacts_that_have_no_room_on_the_server_are_kept_until_there_is_some(server: Server, home: Home) -> None:
    place, aside = server.root / "artifacts", server.root / "aside"
    if place.exists():
        shutil.move(place, aside)
    place.write_text("a file where the folder would be: nothing can be written below it")
    with pytest.raises(SpooledError, match=r"training base finished but was not logged: .*; it is kept in"):
        train_model(home, "base")
    place.unlink()
    if aside.exists():
        shutil.move(aside, place)
    found = Runs(home).find("latest")
    assert found.model == "base"
    assert len(found.predictions) == 1258
