"""Closed streams, readers that leave and full disks: the work is done, the exit code is right, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bullbear.forecasting.ledger import Ledger
from bullbear.home import Home

BULLBEAR = str(Path(sys.executable).with_name("bullbear"))


def shell(line: str, home: Home) -> subprocess.CompletedProcess[str]:
    """A line of bash, in which $B is the command with its home; the code is the command's, not the pipe's."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env={**environment, "B": BULLBEAR, "BULLBEAR_HOME": str(home.root)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        "status",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("predictions latest", "factors", "evaluate latest --json")
        ),
    ],
)
def test_a_reader_that_reads_nothing_is_no_failure(trained_home: Home, command: str) -> None:
    done = shell(f'"$B" {command} 2>&1 >/dev/null | cat >&2; "$B" {command} 2>/dev/null | true', trained_home)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "code"),
    [
        (">&-", 0),
        *(pytest.param(each, 0, marks=pytest.mark.slow) for each in ("2>&-", "<&-", ">&- 2>&- <&-")),
        (">/dev/full", 2),
    ],
)
def test_a_stream_that_is_closed_or_full(trained_home: Home, redirection: str, code: int) -> None:
    done = shell(f'"$B" status {redirection}', trained_home)
    assert done.returncode == code
    if "full" in redirection:
        assert done.stderr == (
            "bullbear: a file of the home, or the output: no space left on device; "
            "free some space and run the command again\n"
        )
    else:
        assert done.stderr == ""


def test_a_mistake_keeps_its_code_where_nobody_reads_it(trained_home: Home) -> None:
    assert shell('"$B" factors rsi_14 --levels 2>&-', trained_home).returncode == 2
    assert shell('"$B" factors rsi_14 --levels 2> >(true)', trained_home).returncode == 2


def test_a_path_that_nobody_reads_does_not_end_the_command(home: Home) -> None:
    done = shell('"$B" factors --levels --as-of 2006-09-01 2> >(exec true)', home)
    assert done.returncode == 0
    assert "IWM levels at the close of 2006-09-01" in done.stdout


@pytest.mark.slow
def test_talk_that_nobody_reads_does_not_end_the_work(home: Home) -> None:
    done = shell('"$B" train base 2> >(exec true)', home)
    assert done.returncode == 0
    assert "1,258 out-of-sample forecasts" in done.stdout


def test_with_every_stream_closed_no_file_of_the_home_takes_the_output(home: Home) -> None:
    before = len(Ledger(home.forecasts / "ledger.jsonl").entries())
    assert shell('"$B" forecast --as-of 2007-09-14 >&- 2>&- <&-', home).returncode == 0
    assert len(Ledger(home.forecasts / "ledger.jsonl").entries()) == before + 8
