"""The UI starts on a home's store, answers, and is gone when it is told to end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.report.browser import launch

from bullbear.errors import InputError
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, experiment_for
from bullbear.tracking.spool import SpooledError
from bullbear.tracking.ui import _open_once_it_answers, serve
from bullbear.tracking.view import view_url
from bullbear.workflows.training import train_model

BULLBEAR = str(Path(sys.executable).with_name("bullbear"))


def test_a_taken_port_is_refused_before_anything_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bullbear.tracking.ui.exists", lambda runs: True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"--port: got {port}; allowed: a free port"):
            serve(tmp_path / "mlruns", port)
    assert not (tmp_path / "mlruns").exists()


@pytest.fixture
def ui(home: Home, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with _serving(home, port, tmp_path / "stderr") as server:
        yield server, f"http://127.0.0.1:{port}"


@contextmanager
def _serving(home: Home, port: int, said: Path = Path(os.devnull)) -> Iterator[subprocess.Popen[bytes]]:
    with open(said, "wb") as stderr:
        server = subprocess.Popen(
            [BULLBEAR, "ui", "--home", str(home.root), "--port", str(port), "--no-open"],
            stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True,
            env={name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
        )  # fmt: skip
    try:
        _wait(f"http://127.0.0.1:{port}/health", server)
        yield server
    finally:
        _kill(server)


def _kill(server: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_nothing_of_it_is_left_when_it_is_ended(
    ui: tuple[subprocess.Popen[bytes], str], how: signal.Signals, tmp_path: Path
) -> None:
    server, url = ui
    with urllib.request.urlopen(url + "/", timeout=20) as page:
        assert page.status == 200
    asked = json.dumps({"max_results": 5}).encode()
    request = urllib.request.Request(
        url + "/api/2.0/mlflow/experiments/search", data=asked, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as found:
        assert "bullbear" in [each["name"] for each in json.load(found)["experiments"]]
    os.kill(server.pid, how)
    assert server.wait(timeout=30) == 0
    assert _left(server.pid) == []
    said = (tmp_path / "stderr").read_text()
    assert "MLflow UI on" in said
    assert "Warning" not in said


@pytest.mark.slow
def test_a_training_can_be_logged_to_a_server_and_read_back(
    ui: tuple[subprocess.Popen[bytes], str], home: Home
) -> None:
    _, url = ui
    environment = {**os.environ, "MLFLOW_TRACKING_URI": url}

    def ask(*arguments: str) -> str:
        done = subprocess.run(
            [BULLBEAR, *arguments, "--home", str(home.root), "--json"], capture_output=True, env=environment, check=True
        )
        return done.stdout.decode()

    trained = json.loads(ask("train", "small"))
    assert json.loads(ask("evaluate", "latest"))[0]["run_id"] == trained["run_id"]
    assert json.loads(ask("promote", "latest"))["champion"] == trained["run_id"]
    assert json.loads(ask("forecast"))["model"]["run_id"] == trained["run_id"]


@pytest.mark.slow
def test_a_training_outlives_the_server_that_went_away_meanwhile(
    ui: tuple[subprocess.Popen[bytes], str], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = ui
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)

    def gone_before_logging(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("tracking", 0):
            _kill(server)

    with pytest.raises(SpooledError, match=r"training base finished but was not logged: .*Connection refused"):
        train_model(home, "base", progress=gone_before_logging)
    (waiting,) = (home.runs / "spool").glob("base-*")
    with _serving(home, int(url.rsplit(":", 1)[1])):
        found = Runs(home).find("latest")
        assert found.model == "base"
        assert found.read_text("predictions.csv").startswith("decided_at,")
    assert not waiting.exists()


@pytest.mark.slow
def test_a_browser_shows_score_interval_and_verdict_in_the_run_list(
    ui: tuple[subprocess.Popen[bytes], str], home: Home, tmp_path: Path
) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium: `apt-get install chromium` to run this test")
    client = connect(home.runs)
    page = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"),
            *("--window-size=2600,1200", "--virtual-time-budget=30000", "--dump-dom"),
            view_url(ui[1], experiment_for(client, home.runs, simulated=True), "up"),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    logged = client.get_run(Runs(home).find("small").run_id).data
    figures = [logged.metrics[name] for name in ("bss", "bss_low", "bss_high", "log_loss_skill")]
    shown = [f"{figure:.12f}"[:8] for figure in figures]  # the page shows more digits
    assert not [each for each in (*shown, logged.tags["verdict"], "small", "base") if each not in page]
    assert "Skill: up" in page


@pytest.fixture
def chromium() -> Iterator[Any]:
    yield from launch()


@pytest.mark.slow
def test_a_browser_lists_the_trainings_by_verdict_and_draws_the_skill_first(
    home: Home, tmp_path: Path, chromium: Any
) -> None:
    runs = Runs(home)
    assert runs.find("latest").model == "small"  # by time it would stand first
    runs.judge(runs.find("small"), "refused: the newest")
    runs.judge(runs.find("base"), "champion: the best")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with _serving(home, port, tmp_path / "stderr"):
        said = (tmp_path / "stderr").read_text()
        links = dict(re.findall(r"^ +([\w ]+): (http\S+)$", said, re.MULTILINE))
        page = chromium.new_page(viewport={"width": 1800, "height": 1000})
        errors: list[str] = []
        page.on("pageerror", lambda each: errors.append(str(each)))
        page.on(
            "console",
            lambda each: errors.append(f"{each.text} {each.location}")
            # MLflow asks who the user is, and its own server has no users.
            if each.type == "error" and "/users/current" not in str(each.location) else None,
        )  # fmt: skip
        page.goto(links["trainings on the simulated market"])
        page.get_by_text("refused: the newest").wait_for(timeout=60_000)
        shown = page.inner_text("body")
        assert "Trainings by verdict" in shown
        assert "Sort: verdict" in shown
        tops = [page.get_by_text(text).bounding_box()["y"] for text in ("champion: the best", "refused: the newest")]
        assert tops == sorted(tops)
        page.goto("about:blank")  # else only the part after # would change
        page.goto(links["up"] + "&compareRunsMode=CHART")
        page.locator(".js-plotly-plot .trace").first.wait_for(state="attached", timeout=60_000)
        shown = page.inner_text("body")
        sections = [shown.index(f"\n{name}\n") for name in ("Skill by month and by year", "Model metrics", "skill")]
        assert sections == sorted(sections)
        assert shown.index("\ncumulative/bss\n") < shown.index("\nModel metrics\n")
        page.close()
    assert errors == []


def _left(group: int) -> list[str]:
    listing = subprocess.run(["ps", "-eo", "pgid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if line.split()[0] == str(group)]


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server did not answer"
            time.sleep(0.3)


def test_the_list_of_trainings_is_opened_once_the_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        left = 3

        def poll(self) -> int | None:
            self.left -= 1
            return None if self.left else 1

    opened: list[str] = []
    monkeypatch.setattr("bullbear.tracking.ui.webbrowser.open", opened.append)
    monkeypatch.setattr("bullbear.tracking.ui.time.sleep", lambda seconds: None)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        _open_once_it_answers(Server(), port, "nothing answers")  # type: ignore[arg-type]
        assert opened == []
        listening.listen()
        _open_once_it_answers(Server(), port, "the trainings")  # type: ignore[arg-type]
    assert opened == ["the trainings"]
