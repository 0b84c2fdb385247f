"""What only reads works on a home that cannot be written; what writes says so in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bullbear.home import Home
from bullbear.tracking import Runs

BULLBEAR = str(Path(sys.executable).with_name("bullbear"))
_MOUNT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"'
READS = ["status --json", "score --json", "odds --json", "evaluate latest --json", "compare base champion --json",
         "predictions champion", "backtest latest --json", "factors --json --family macro"]  # fmt: skip
WRITES = ["train base --again", "promote latest", "simulate", "report", "forecast --as-of 2007-10-10"]


def mounted(home: Home, command: str) -> subprocess.CompletedProcess[str]:
    """The command on the home mounted for reading, in a namespace of its own."""
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("a mount for reading needs root and unshare")
    script = f'{_MOUNT} || exit 77; exec "$2" {command} --home "$1"'
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script, "bash", str(home.root), BULLBEAR],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no mount for reading is allowed here")
    return done


SLOW = [pytest.mark.slow]
FAST = ("score", "predictions")  # the ledger and the tracking store


@pytest.mark.parametrize(
    "command", [pytest.param(each, marks=[] if each.split()[0] in FAST else SLOW) for each in READS]
)
def test_what_only_reads_works(home: Home, command: str) -> None:
    done = mounted(home, command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize(
    "command", [pytest.param(each, marks=SLOW if number else []) for number, each in enumerate(WRITES)]
)
def test_what_writes_is_one_line_with_the_place(home: Home, command: str) -> None:
    done = mounted(home, command)
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("bullbear:"))
    assert str(home.root) in line
    assert "change its permissions, or give a --home that can be written" in line


def test_a_moved_home_that_cannot_be_written_finds_its_artifacts(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Home(tmp_path / "moved? 100%")
    shutil.move(home.root, moved.root)
    before = (moved.runs / "mlflow.db").read_bytes()
    monkeypatch.setattr("bullbear.tracking.mlflow_store._is_writable", lambda runs: False)
    runs = Runs(moved)
    found = runs.find("latest")
    assert found.artifacts.is_relative_to(moved.root)
    assert len(found.predictions) == 1258
    with pytest.raises(PermissionError, match=r"no permission to write"):
        runs.promote(found)
    assert (moved.runs / "mlflow.db").read_bytes() == before
