"""The base install alone: what it can do, and what it says about the rest.

Builds an environment from requirements-base.txt and installs the package into it as a user would, not editable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bullbear.extras import LIBRARIES
from bullbear.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
UNRELATED = ("PYTHONPATH", "BULLBEAR_HOME", "MLFLOW_TRACKING_URI")


def run(*command: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in UNRELATED}
    return subprocess.run(
        [*map(str, command)], cwd="/", env=environment, capture_output=True, text=True, check=False, timeout=900
    )


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of executables of an environment with the base install."""
    place = tmp_path_factory.mktemp("clean") / "venv"
    assert run(sys.executable, "-m", "venv", place).returncode == 0
    pip = (place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    for arguments in (
        ("--require-hashes", "--requirement", ROOT / "requirements-base.txt"),
        ("--no-deps", "--no-build-isolation", ROOT),
    ):
        done = run(*pip, *arguments)
        assert done.returncode == 0, done.stderr
    return place / "bin"


def test_no_optional_library_is_there(programs: Path) -> None:
    names = [name for libraries in LIBRARIES.values() for name in libraries]
    code = f"from importlib.util import find_spec; print([name for name in {names} if find_spec(name)])"
    assert run(programs / "python", "-c", code).stdout.strip() == "[]"


def test_it_tells_its_version(programs: Path) -> None:
    done = run(programs / "bullbear", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "bullbear 0.1.0\n", "")


def test_status_odds_and_forecast_work(programs: Path, home: Home) -> None:
    answers = {}
    for command in ("status", "odds", "forecast", "score"):
        done = run(programs / "bullbear", command, "--home", home.root, "--json")
        assert done.returncode == 0, done.stderr
        answers[command] = json.loads(done.stdout)
    assert {"IWM"} <= {row["series"] for row in answers["status"]}
    assert answers["odds"]
    assert 0.0 < answers["forecast"]["p_up"] < 1.0


def test_an_empty_home_is_filled_without_an_extra(programs: Path, tmp_path: Path) -> None:
    done = run(programs / "bullbear", "simulate", "--years", "3", "--home", tmp_path, "--json")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "extras"),
    [
        ("fetch", "extra [live]"),
        ("train base", "extras [train,tracking,report]"),
        ("evaluate latest", "extras [train,tracking]"),
        ("ui", "extra [tracking]"),
        ("report", "extras [train,tracking,report]"),
        ("odds --chart", "extra [report]"),
    ],
)
def test_anything_else_names_its_extra_in_one_line(programs: Path, tmp_path: Path, arguments: str, extras: str) -> None:
    done = run(programs / "bullbear", *arguments.split(), "--home", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"needs the {extras}: pip install 'bullbear[{extras.split('[')[1]}'" in done.stderr
