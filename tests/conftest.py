"""Fixtures shared by the whole suite."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import settings

from bullbear import user_code
from bullbear.home import Home

# `make test` tries the same examples every time, so that it fails only for what a change did. `make check-all` draws
# new ones, more of them; where an example is dear, its test takes a fixed share of the default. No deadline: a busy
# machine is no fault of an example.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=400, derandomize=False, deadline=None)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parent.parent
COMMAND = str(Path(sys.executable).with_name("bullbear"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that need `trained_home` come first: two workers begin with a half each, and one need not wait for it."""
    waiting = {item.path for item in items if "trained_home" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in waiting)


@pytest.fixture(scope="session")
def snapshot_dir() -> Path:
    """The real snapshot; tests that need it skip, visibly, where it is absent."""
    place = Path(os.environ.get("BULLBEAR_SNAPSHOT", ROOT.parent / "shared" / "data"))
    if not (place / "prices").is_dir():
        pytest.skip(f"real snapshot not found ({place.name}); set BULLBEAR_SNAPSHOT to run this test")
    return place


@pytest.fixture(scope="session")
def trained_home(once: Callable[[str, Callable[[Path], None]], Path]) -> Iterator[Home]:
    """A home with a simulated market of eight years, two small trained models, a champion and two forecasts.

    Built once for all workers. Read it only: a test that writes takes `home`.
    """
    # A blank in a path breaks careless handling of URIs.
    place = once("trained home", lambda place: _build(Home(place)))
    with pytest.MonkeyPatch.context() as patch:
        # Half the time of a small training. Those of this home are drawn; no test looks at those of another.
        for name in ("_plots", "_plots_of_all"):
            patch.setattr(f"bullbear.workflows.training.{name}", lambda *data, **options: {})
        yield Home(place)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Builds a folder once for all workers."""
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root

    def folder(name: str, build: Callable[[Path], None]) -> Path:
        with open(shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / f"{name}.built").exists():
                (shared / name).mkdir()
                build(shared / name)
                (shared / f"{name}.built").touch()
        return shared / name

    return folder


@pytest.fixture
def home(trained_home: Home, tmp_path: Path) -> Home:
    """A copy of `trained_home` to write into; being a copy, it is a moved home, too."""
    return Home(Path(shutil.copytree(trained_home.root, tmp_path / "home", symlinks=True, copy_function=_copy_or_link)))


@pytest.fixture(scope="session")
def small_definitions() -> Callable[[Path], None]:
    """Writes the definitions `small` (trees on two factors) and `base` (climatology) into a home."""
    return _define


@pytest.fixture
def bullbear(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs a command in this process, as the entry point would."""

    def run(*arguments: object) -> Answer:
        from bullbear.cli import main

        monkeypatch.setattr("sys.argv", ["bullbear", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        return Answer(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def process() -> Callable[..., Answer]:
    """Runs a command in a process of its own."""

    def run(*arguments: object, **environment: str) -> Answer:
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session", autouse=True)
def _schema_made_once(once: Callable[[str, Callable[[Path], None]], Path]) -> Iterator[None]:
    """MLflow's schema is migrated once, and copied into each new store; its newest revision is looked up once.

    Either takes MLflow a second or more for each home: it loads and runs all migrations of its history.
    """
    from mlflow.store.db import utils  # a skip here would skip every test

    made, newest = utils._initialize_tables, cache(utils._get_latest_schema_revision)

    def build(place: Path) -> None:
        made(sqlalchemy.create_engine(f"sqlite:///{place / 'empty.db'}"))

    def copied(engine: sqlalchemy.Engine) -> None:
        with (
            closing(sqlite3.connect(once("mlflow schema", build) / "empty.db")) as ready,
            closing(sqlite3.connect(str(engine.url.database))) as target,
        ):
            ready.backup(target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "_initialize_tables", copied)
        patch.setattr(utils, "_get_latest_schema_revision", newest)
        yield


@pytest.fixture(autouse=True)
def _no_home_in_use() -> Iterator[None]:
    # The files of a home that one test opened, broken ones perhaps, must not reach the next.
    yield
    if user_code._root != Path("nowhere"):
        user_code.use_home(Path("nowhere"))


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    # Raised as a failure of the test, not as an OSError, which a client would take for a bad line and try again.
    real = socket.getaddrinfo

    def local_only(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in (None, "", "localhost", "127.0.0.1", "::1"):
            pytest.fail(f"a test asked the network for {host!r}")
        return real(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", local_only)
        yield


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BULLBEAR_HOME", "BULLBEAR_DEBUG", "COLUMNS", "MLFLOW_TRACKING_URI", "FRED_API_KEY", "TIINGO_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout; fails if there is anything else."""
        return json.loads(self.out, parse_constant=_refuse)

    @property
    def mistake(self) -> str:
        """The one line that tells a mistake; fails if more was said."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert self.out == ""
        return lines[0]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _copy_or_link(source: str, target: str) -> object:
    # Links for what is large and written once; a test that damages a file must not damage the shared one.
    linked = "/bundle/models/" in source or ("/data/" in source and source.endswith(".parquet"))
    return os.link(source, target) if linked else shutil.copy2(source, target)


def _define(root: Path) -> None:
    for path, text in DEFINITIONS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def _build(home: Home) -> None:
    from bullbear.forecasting.forecast import issue
    from bullbear.tracking import Runs
    from bullbear.workflows.filling import fill_simulated
    from bullbear.workflows.training import train_model

    _define(home.root)
    fill_simulated(home, 7, 0.5, 8)
    train_model(home, "base")
    runs = Runs(home)
    runs.promote(runs.find(train_model(home, "small").run_id))
    issue(home, "2007-06-15")
    issue(home)


_SPLITTER = """
[splitter]
first = "2003-01-01"
burn_in_months = 12
refit = "quarter"
"""

DEFINITIONS = {
    "features/tiny.toml": """
name = "tiny"
why = "Two factors are enough to exercise the edge."
[[factor]]
name = "rsi_14"
function = "rsi"
inputs = { bars = "IWM" }
params = { window = 14 }
[[factor]]
name = "vix"
function = "last_known"
inputs = { level = "VIXCLS" }
""",
    "models/small.toml": """
name = "small"
intent = "Small trees on two factors."
features = ["tiny"]
seed = 3
[learner]
kind = "lightgbm"
bags = 2
num_iterations = 10
num_leaves = 3
min_data_in_leaf = 40
[calibration]
kind = "shrinkage"
prior_sd = 0.5
"""
    + _SPLITTER,
    "models/base.toml": """
name = "base"
intent = "The base rate alone."
[learner]
kind = "climatology"
"""
    + _SPLITTER,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A real scheduler with two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as started:
        yield started
