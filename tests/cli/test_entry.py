"""The entry point: what becomes of bugs, interrupts and closed pipes; and the help of every command."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bullbear.cli.app import app
from bullbear.home import Home

Run = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
BULLBEAR = str(Path(sys.executable).with_name("bullbear"))
COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def test_the_commands_of_the_interface_are_there() -> None:
    expected = {"run", "ingest", "simulate", "status", "train", "evaluate", "compare", "predictions", "promote",
                "backtest", "forecast", "score", "odds", "report", "ui"}  # fmt: skip
    assert set(COMMANDS) >= expected


def test_the_list_of_commands_has_whole_sentences(bullbear: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = bullbear("--help").out.split("Commands:")[1].strip().splitlines()
    assert len(listed) == len(COMMANDS)
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


def test_the_shell_completes_commands_and_options(process: Run) -> None:
    asked = {"_BULLBEAR_COMPLETE": "complete_bash", "COMP_CWORD": "1", "COMP_WORDS": "bullbear foreca"}
    assert process(**asked).out.split() == ["forecast"]
    asked |= {"COMP_CWORD": "2", "COMP_WORDS": "bullbear forecast --as"}
    assert process(**asked).out.split() == ["--as-of"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_ends_in_an_example_that_parses(bullbear: Run, name: str) -> None:
    answer = bullbear(name, "--help")
    assert (answer.code, answer.err) == (0, "")
    text = get_command(app).commands[name].help  # type: ignore[attr-defined]
    last = [line.strip() for line in text.splitlines() if line.strip()][-1]
    assert last.startswith(f"Example: bullbear {name}")
    assert " ".join(last.split()) in " ".join(answer.out.split())
    arguments = last.removeprefix(f"Example: bullbear {name}").split(">")[0].split()
    get_command(app).commands[name].make_context(name, arguments)  # type: ignore[attr-defined]


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if not re.search(rf"bullbear {name}\b", readme)] == []


def test_alone_it_shows_what_there_is(bullbear: Run) -> None:
    answer = bullbear()
    assert answer.code == 0
    assert all(name in answer.out for name in COMMANDS)


def test_the_home_is_taken_before_the_command_and_after_it(bullbear: Run, trained_home: Home, tmp_path: Path) -> None:
    after = bullbear("status", "--json", "--home", trained_home.root)
    before = bullbear("--home", trained_home.root, "status", "--json")
    twice = bullbear("--home", trained_home.root, "status", "--json", "--home", trained_home.root / "data" / "..")
    assert (after.code, before.code, twice.code) == (0, 0, 0)
    assert before.json == after.json == twice.json
    differing = bullbear("--home", trained_home.root, "status", "--home", tmp_path)
    assert differing.code == 2
    assert differing.mistake == (
        f"bullbear: --home: got '{tmp_path}'; allowed: one home, and {trained_home.root} was given before the command; "
        "give --home once"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_home_from_before_it(bullbear: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("no directory")
    example = (get_command(app).commands[name].help or "").splitlines()[-1].split()  # type: ignore[attr-defined]
    arguments = " ".join(example[example.index("bullbear") + 1 :]).split(">")[0].split()
    answer = bullbear("--home", tmp_path / "file", *arguments)
    assert answer.code == 2
    assert answer.mistake == (f"bullbear: --home: got '{tmp_path}/file'; allowed: a directory; name another place")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "permission denied; change its permissions, or give a --home that can be written"),
        (errno.EROFS, "read-only file system; change its permissions, or give a --home that can be written"),
        (errno.ENOSPC, "no space left on device; free some space and run the command again"),
        (errno.ENAMETOOLONG, "file name too long; check the path"),
    ],
)
def test_a_place_that_the_system_refuses_is_named(
    bullbear: Run, home: Home, number: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise OSError(number, os.strerror(number), "/some/place")

    monkeypatch.setattr("bullbear.forecasting.scoring.score_ledger", refused)
    answer = bullbear("score", "--home", home.root)
    assert answer.code == 2
    assert answer.mistake == f"bullbear: /some/place: {message}"


def test_an_error_of_the_system_without_a_place_stays_a_bug(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")  # of a worker, say: stdout is read

    monkeypatch.setattr("bullbear.forecasting.scoring.score_ledger", broken)
    answer = bullbear("score", "--home", home.root)
    assert answer.code == 1
    assert "unexpected failure: BrokenPipeError" in answer.mistake


def test_a_bug_is_one_line_and_code_1(bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("bullbear.forecasting.scoring.score_ledger", broken)
    answer = bullbear("score", "--home", home.root)
    assert answer.code == 1
    assert answer.mistake == (
        "bullbear: unexpected failure: RuntimeError: two lines; set BULLBEAR_DEBUG=1 for the details"
    )
    monkeypatch.setenv("BULLBEAR_DEBUG", "1")
    with pytest.raises(RuntimeError, match="two"):
        bullbear("score", "--home", home.root)


def test_a_reader_that_leaves_early_is_no_failure(trained_home: Home) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [BULLBEAR, "predictions", "latest", "--home", str(trained_home.root)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as writer:  # fmt: skip
        assert writer.stdout is not None
        assert writer.stderr is not None
        assert writer.stdout.readline().startswith(b"decided_at,")
        writer.stdout.close()
        assert writer.wait(timeout=60) == 0
        assert writer.stderr.read() == b""


def test_an_interrupt_is_one_line_and_code_130(home: Home) -> None:
    training = subprocess.Popen(
        [BULLBEAR, "train", "small", "--again", "--home", str(home.root), "--json", "--jobs", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and training.poll() is None:
        if any(each.name != ".lock" for each in home.unfinished("small").rglob("*")):  # it is at work
            break
        time.sleep(0.005)
    os.killpg(training.pid, signal.SIGINT)
    out, err = training.communicate(timeout=60)
    if training.returncode == 0:
        pytest.skip("the training was over before it could be interrupted")
    assert (training.returncode, out) == (130, "")
    assert err == "bullbear: interrupted; what was finished is kept\n"


class Held:
    """Something that is interrupted while it is collected."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_falls_into_a_destructor_is_not_lost(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []

    def collecting(*arguments: object) -> None:
        held = [Held(), Held()]  # one interrupt ends the work, however many were lost
        del held
        reached.append("the end of the destructor")
        time.sleep(20)
        reached.append("the end of the work")

    monkeypatch.setattr("bullbear.forecasting.scoring.score_ledger", collecting)
    answer = bullbear("score", "--home", home.root)
    assert (answer.code, answer.mistake) == (130, "bullbear: interrupted; what was finished is kept")
    assert reached == ["the end of the destructor"]


def test_other_exceptions_of_a_destructor_are_reported_as_ever(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __del__(self) -> None:
            raise ValueError("while it is collected")

    told: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda ignored: told.append(ignored.exc_value))
    monkeypatch.setattr("bullbear.forecasting.scoring.score_ledger", lambda *arguments: Broken() and {}["none"])
    assert bullbear("score", "--home", home.root).code == 1
    assert [str(each) for each in told] == ["while it is collected"]
