"""On a full disk a command ends with one line that says so, and what was there before is as it was.

The disk is a small file system in memory, mounted in a name space of its own, which needs no rights where the system
lets users have such. Of it as much is left free as each case says, so that the space ends at several points.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bullbear.home import Home

BULLBEAR = str(Path(sys.executable).with_name("bullbear"))
DRIVER = """
import hashlib, json, os, shutil, subprocess, sys
from pathlib import Path

source, disk, bullbear, cases = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
size = sum(each.lstat().st_size + 4096 for each in source.rglob("*")) + (40 << 20)
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], check=True)
home, ballast = disk / "home", disk / "ballast"
shutil.copytree(source, home, symlinks=True)


def free():
    state = os.statvfs(disk)
    return state.f_bavail * state.f_frsize


def held():
    found = {}
    for path in (home / "forecasts", home / "reports", home / "data" / "observations"):
        for each in sorted(path.rglob("*")):
            if each.is_symlink():
                found[str(each)] = os.readlink(each)
            elif each.is_file() and each.name != ".lock":
                found[str(each)] = hashlib.sha256(each.read_bytes()).hexdigest()
    return found


for kilobytes, *arguments in cases:
    if kilobytes is not None:
        with open(ballast, "wb") as file:
            file.write(bytes(free() - 1024 * kilobytes))
    before = held()
    done = subprocess.run([bullbear, *arguments, "--home", home, "--json"], capture_output=True, text=True)
    after = held()
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    print(json.dumps({"code": done.returncode, "err": done.stderr.splitlines(), "changed": changed}), flush=True)
    ballast.unlink(missing_ok=True)
"""


def run_on_a_small_disk(home: Home, disk: Path, cases: list[list[Any]]) -> list[dict[str, Any]]:
    """What each command did with so many kilobytes free (None: enough), one after the other on the same disk."""
    try:
        subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)],
            check=True, capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system mounts no file system in a user's name space")
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", DRIVER, str(home.root), str(disk), BULLBEAR, json.dumps(cases)],
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


def without_kept(changed: list[str]) -> list[str]:
    """The files that changed, but for results that are kept to save time and may be lost at any time."""
    return [name for name in changed if not {".accounts", ".odds"} & set(Path(name).parts)]


def test_a_forecast_is_issued_whole_or_not_at_all(trained_home: Home, disk: Path) -> None:
    forecast = ["forecast", "--as-of", "2007-12-14"]
    full, nearly, free = run_on_a_small_disk(trained_home, disk, [[0, *forecast], [4, *forecast], [None, *forecast]])
    for each in (full, nearly):
        assert (each["code"], without_kept(each["changed"])) == (2, [])
        (line,) = each["err"]
        assert line.endswith("/forecasts/ledger.jsonl: no space left on device; free some space and run the command "
                             "again")  # fmt: skip
    assert (free["code"], free["err"]) == (0, [])
    assert {Path(name).name for name in without_kept(free["changed"])} == {"ledger.head", "ledger.jsonl"}


@pytest.mark.slow
def test_a_champion_is_replaced_whole_or_not_at_all(home: Home, disk: Path) -> None:
    home.champion.unlink()
    promote = ["promote", "base"]
    cases = [[size, *promote] for size in (0, 30, 150, 400)]
    *full, free = run_on_a_small_disk(home, disk, [*cases, [None, *promote]])
    for each in full:
        assert (each["code"], each["changed"]) == (2, [])
        assert each["err"][-1].startswith("bullbear: ")
        assert each["err"][-1].endswith("no space left on device; free some space and run the command again")
        assert all(line.startswith("note: ") for line in each["err"][:-1])
    assert free["code"] == 0


@pytest.mark.slow
def test_a_training_is_logged_whole_or_kept_elsewhere(
    home: Home, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    train = ["train", "base", "--again"]
    cases = [[size, *train] for size in (0, 100, 600, None)]
    at_once, *later, free = run_on_a_small_disk(home, disk, cases)
    assert at_once["code"] == 2
    assert at_once["err"][-1].endswith("no space left on device; free some space and run the command again")
    for each in later:
        assert each["code"] == 1
        said = [line for line in each["err"] if not line.startswith(("note: ", "training base: "))]
        (line,) = said
        assert line.startswith("bullbear: training base finished but was not logged: ")
        assert f"it is kept in {tmp_path}/tmp/bullbear-spool/base-" in line
    assert free["code"] == 0
    assert len(list((tmp_path / "tmp" / "bullbear-spool").glob("base-*/run.json"))) == len(later)
