"""A process killed at any point leaves nothing that the next command must repair, and no process behind.

Each of the many cases kills the whole process group at a point drawn from one slice of the time that the command takes
when it is left alone, so that together they cover it from start to end; the ordinary suite kills each command once.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from bullbear.data.simulator import simulate
from bullbear.forecasting.chain import Anchor
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.forecasting.verification import verify
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.comparison import evaluate_run
from bullbear.workflows.filling import fill_from, is_unfinished
from bullbear.workflows.training import train_model

BULLBEAR = str(Path(sys.executable).with_name("bullbear"))
FEW, MANY = 1, 25
POINTS = [pytest.param(k, FEW, id=f"{k + 1} of {FEW}") for k in range(FEW)]
POINTS += [pytest.param(k, MANY, id=f"{k + 1} of {MANY}", marks=pytest.mark.slow) for k in range(MANY)]

Once = Callable[[str, Callable[[Path], None]], Path]
Content = dict[tuple[str, str], pd.DataFrame]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [BULLBEAR, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def seconds_of(*arguments: object) -> float:
    began = time.monotonic()
    assert start(*arguments).wait(timeout=120) == 0
    return time.monotonic() - began


def kill(place: int, places: int, seconds: float, *arguments: object) -> None:
    """Start a command and kill its process group in slice `place` of `places` of its usual time."""
    # Nothing is written while the interpreter starts; a loaded machine makes the usual time too short.
    share = 0.2 + 0.9 * (place + random.Random(place).random()) / places
    process = start(*arguments)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=share * seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def group(pid: int) -> list[str]:
    listing = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(maxsplit=2) for line in listing.splitlines())
    return [row[2] for row in rows if row[0] == str(pid) and not row[1].startswith("Z")]


def content(home: Home) -> Content:
    view = home.store().as_of()
    return {
        (row.kind, row.series): view.versions(row.kind, row.series).reset_index(drop=True)
        for row in view.catalogue().itertuples()
    }


@pytest.fixture(scope="module")
def snapshot(once: Once) -> Path:
    return once("killed snapshot", lambda place: simulate(seed=1, signal=0.5, years=3).write(place))


def _filled(place: Path, snapshot: Path) -> None:
    fill_from(Home(place), snapshot)


@pytest.fixture(scope="module")
def undisturbed(snapshot: Path, once: Once) -> Content:
    return content(Home(once("killed ingest", lambda place: _filled(place, snapshot))))


@pytest.fixture(scope="module")
def seconds(snapshot: Path, trained_home: Home, once: Once) -> Callable[[str, int], float]:
    """How long a command takes; measured for the many points alone, being the cost of one more run."""

    def ingest(place: Path) -> None:
        (place / "seconds").write_text(str(seconds_of("ingest", snapshot, "--home", place)))

    def train(place: Path) -> None:
        for name in ("data", "oracle", "models", "features"):
            shutil.copytree(trained_home.root / name, place / name)
        (place / "seconds").write_text(str(seconds_of("train", "small", "--jobs", 2, "--home", place)))

    def taken(command: str, places: int) -> float:
        if places != MANY:
            return {"ingest": 2.0, "train": 4.0}[command]
        build = {"ingest": ingest, "train": train}[command]
        return float((once(f"timed {command}", build) / "seconds").read_text())

    return taken


@pytest.mark.parametrize(("place", "places"), POINTS)
def test_ingest(
    place: int,
    places: int,
    snapshot: Path,
    undisturbed: Content,
    seconds: Callable[[str, int], float],
    tmp_path: Path,
) -> None:
    home, expected = Home(tmp_path / "home"), undisturbed
    kill(place, places, seconds("ingest", places), "ingest", snapshot, "--home", home.root)
    for key, rows in content(home).items():  # what is there is whole
        pd.testing.assert_frame_equal(rows, expected[key])
    fill_from(home, snapshot)
    found = content(home)
    assert set(found) == set(expected)
    for key, rows in found.items():
        pd.testing.assert_frame_equal(rows, expected[key])
    assert not is_unfinished(home)
    assert fill_from(home, snapshot).rows_added == 0


@pytest.mark.parametrize(("place", "places"), POINTS)
def test_train(place: int, places: int, home: Home, seconds: Callable[[str, int], float]) -> None:
    if place % 2:
        shutil.rmtree(home.runs)  # the first training also creates MLflow's schema
    kill(
        place,
        places,
        seconds("train", places),
        "train",
        "small",
        "--again",
        "--jobs",
        1 + place % 2,
        "--home",
        home.root,
    )
    trained = train_model(home, "base", start="2004-01-02")
    runs = Runs(home)
    latest = runs.find("latest")
    assert latest.run_id == trained.run_id
    assert evaluate_run(latest).n == trained.first.evaluation.n
    for listed in runs._finished():  # whatever counts as finished is whole
        run = runs.find(listed.run_id)
        assert evaluate_run(run).as_dict()["bss"] == run.evaluation["bss"]
        assert run.bundle.trained_through()
        assert "model_id" in run.tags


@pytest.mark.parametrize(("place", "places"), POINTS)
def test_forecast(place: int, places: int, home: Home) -> None:
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    before, evening = ledger.entries(), len(home.questions())
    kill(place, places, 2.5, "forecast", "--as-of", "2007-10-01", "--home", home.root)
    after = ledger.entries()
    assert after[: len(before)] == before
    assert len(after) - len(before) in (0, evening)  # the questions of an evening together, or none
    entry = issue(home, "2007-10-01")
    assert entry["decided_at"] == "2007-10-01T20:00:00Z"
    assert entry["ledger"]["index"] == len(before)
    assert issue(home, "2007-10-02")["ledger"]["index"] == len(before) + evening
    assert len(ledger.entries()) == len(before) + 2 * evening


@pytest.mark.slow
@pytest.mark.parametrize("place", range(MANY))
def test_day(place: int, home: Home, tmp_path: Path) -> None:
    ledger, evening = Ledger(home.forecasts / "ledger.jsonl"), len(home.questions())
    before = ledger.path.read_bytes().splitlines(keepends=True)[:evening]  # those of June: what follows is news
    ledger.path.write_bytes(b"".join(before))
    ledger.head_path.write_text(Anchor.of([json.loads(line) for line in before]).text())
    script = tmp_path / "tell"
    script.write_text(f'#!/bin/sh\necho "$BULLBEAR_SUBJECT" >> "{tmp_path}/told"\n')
    script.chmod(0o755)
    arguments = ("day", "--no-report", "--notify", str(script), "--home", home.root)
    kill(place, MANY, 4.0, *arguments)
    assert len(ledger.entries()) in (evening, 2 * evening)
    assert start(*arguments).wait(timeout=120) == 0
    assert start(*arguments).wait(timeout=120) == 0
    assert len(ledger.entries()) == 2 * evening
    assert verify(home).is_sound
    kept = json.loads((home.forecasts / "notified.json").read_text())
    assert kept["hash"] == of_question(ledger.entries())[-1]["ledger"]["hash"]
    told = (tmp_path / "told").read_text().splitlines() if (tmp_path / "told").exists() else []
    # A kill between the note that it is told and the telling leaves it untold; nothing is told twice.
    assert len(told) <= 1


@pytest.fixture
def training(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    model = home.root / "models" / "small.toml"
    model.write_text(model.read_text().replace("num_iterations = 10", "num_iterations = 2000"))
    process = start("train", "small", "--jobs", 2, "--home", home.root)
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


def test_workers_end_with_a_parent_that_is_killed(training: subprocess.Popen[bytes]) -> None:
    # The command, the resource tracker, the fork server and two workers.
    assert within(60, lambda: len(group(training.pid)) == 5), group(training.pid)
    os.kill(training.pid, signal.SIGKILL)
    training.wait()
    assert within(20, lambda: not group(training.pid)), group(training.pid)
