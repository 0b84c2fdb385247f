"""Telling a user's command: what it gets, that it is told once, and that no word of the message is executed."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullbear.errors import InputError
from bullbear.home import Home
from bullbear.workflows import notifying
from bullbear.workflows.notifying import notable_changes, notify, words_of


def change(what: str, sentence: str, *why: str, question: str | None = None) -> dict[str, Any]:
    causes = [{"sentence": each} for each in why]
    return {"what": what, "sentence": sentence, "why": causes, "question": question}


def changes(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"since": {"decided_at": "2019-12-30T21:00:00Z", "index": 0, "sessions": 1}, "lines": list(lines)}


def entry(mark: str = "a", day: str = "2019-12-31") -> dict[str, Any]:
    return {
        "decided_at": f"{day}T21:00:00Z",
        "ticker": "IWM",
        "kind": "live",
        "data": {"simulated": False},
        "positions": {"IWM": 0.61, "CASH": 0.39},
        "account": {"trades": [{"ticker": "IWM", "weight_before": 0.68, "weight_after": 0.61, "change": -0.07}]},
        "distribution": {"volatility": 0.13, "volatility_climatology": 0.19},
        "ledger": {"index": 8, "hash": mark * 64},
    }


AT = "2019-12-31T21:00:00Z"
SOLD = changes(change("position", "IWM: 61 % of equity, after 68 %", "volatility rose"), change("data", "VIX is new"))


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """A command of some lines of shell, in a folder whose name holds a blank."""

    def write(body: str) -> str:
        path = tmp_path / "my scripts" / "tell"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ncd '{tmp_path}'\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return write


TELL = "cat > message; env > environment; echo told >> times"


def times(tmp_path: Path) -> int:
    return len((tmp_path / "times").read_text().splitlines()) if (tmp_path / "times").exists() else 0


def test_the_message_is_on_its_input_and_in_its_environment(tmp_path: Path, script: Callable[[str], str]) -> None:
    told = notify(Home(tmp_path), words_of(script(TELL)), entry(), SOLD)
    assert told == (True, "")
    assert (tmp_path / "message").read_text() == (
        "2019-12-31 IWM: position changed\n\n"
        "2019-12-31 IWM: hold 61 % IWM, sell IWM from 68 % to 61 %; volatility 13 % (usually 19 %); "
        "changed: position, data\n\nChanged since 2019-12-30:\n"
        "- IWM: 61 % of equity, after 68 %\n    volatility rose\n- VIX is new\n"
    )
    lines = (tmp_path / "environment").read_text().splitlines()
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    assert environment["BULLBEAR_SUBJECT"] == "2019-12-31 IWM: position changed"
    assert environment["BULLBEAR_WHAT"] == "position"
    assert environment["BULLBEAR_TICKER"] == "IWM"
    assert environment["BULLBEAR_DECIDED_AT"] == "2019-12-31T21:00:00Z"
    assert environment["BULLBEAR_HOME"] == str(tmp_path)
    assert lines[lines.index("BULLBEAR_CHANGES=IWM: 61 % of equity, after 68 %") + 1] == "VIX is new"


def test_a_command_may_be_longer_than_the_name_of_a_file() -> None:
    header = "Authorization:" + "x" * 300
    assert words_of(f"env -H {header}") == ["env", "-H", header]


@pytest.mark.parametrize(("sessions", "expected"), [(1, 1), (5, 1), (6, 0), (1887, 0)])
def test_a_forecast_of_long_ago_is_no_evening_before(tmp_path: Path, sessions: int, expected: int) -> None:
    since = {"decided_at": "2012-06-29T20:00:00Z", "index": 0, "sessions": sessions}
    assert len(notable_changes(SOLD | {"since": since}, {}, AT)) == expected
    if not expected:
        done = notify(Home(tmp_path), ["never"], entry(), SOLD | {"since": since})
        assert done == (False, f"no notable change: the forecast before is {sessions:,} sessions older")


def test_an_entry_is_told_once(tmp_path: Path, script: Callable[[str], str]) -> None:
    words = words_of(script(TELL))
    assert notify(Home(tmp_path), words, entry(), SOLD) == (True, "")
    assert notify(Home(tmp_path), words, entry(), SOLD) == (False, "notified before")
    # A late bar made another entry of the evening, which says the same.
    assert notify(Home(tmp_path), words, entry("b"), SOLD) == (False, "notified before")
    assert times(tmp_path) == 1
    # One that says something else is told, and so is the next evening.
    stopped = changes(change("stop", "IWM: stop at 151.20"))
    assert notify(Home(tmp_path), words, entry("c"), stopped) == (True, "")
    assert notify(Home(tmp_path), words, entry("d", "2020-01-02"), stopped) == (True, "")
    assert times(tmp_path) == 3


def test_a_command_that_was_killed_is_not_told_again(tmp_path: Path, script: Callable[[str], str]) -> None:
    words = words_of(script("echo told >> times; kill -9 $$"))
    started, note = notify(Home(tmp_path), words, entry(), SOLD)
    assert (started, note) == (True, f"{words[0]} ended with code -9")
    assert notify(Home(tmp_path), words, entry(), SOLD) == (False, "notified before")
    assert times(tmp_path) == 1


@pytest.mark.parametrize("what", ["position", "stop", "regime", "outlook"])
def test_what_a_command_is_started_for(what: str) -> None:
    lines = [change(what, "news"), change("probability", "up: 61 %"), change("data", "VIX"), change("model", "refit")]
    assert notable_changes(changes(*lines), {}, AT) == lines[:1]
    assert notable_changes(None, {}, AT) == []


def test_an_outlook_that_wavers_is_told_once_a_week(tmp_path: Path, script: Callable[[str], str]) -> None:
    words, home = words_of(script(TELL)), Home(tmp_path)

    def told(day: str, *questions: str, also: str | None = None) -> bool:
        lines = [change("outlook", f"{each}: unusual", question=each) for each in questions]
        lines += [change(also, "news")] if also else []
        return notify(home, words, entry(day[-1], day), changes(*lines))[0]

    assert told("2019-12-02", "vol20")
    assert not told("2019-12-03", "vol20")
    assert told("2019-12-04", "vol20", "dip5")  # of dip5
    assert not told("2019-12-05", "vol20", "dip5")
    assert told("2019-12-06", "vol20", also="regime")
    assert not told("2019-12-06", "vol20", also="regime")
    assert told("2019-12-09", "vol20")  # a week after it was told
    assert not told("2019-12-10", "dip5")
    assert told("2019-12-11", "dip5")
    assert times(tmp_path) == 5


def test_nothing_notable_changes_starts_nothing(tmp_path: Path) -> None:
    for found in (None, changes(), changes(change("probability", "up: 61 %"))):
        assert notify(Home(tmp_path), ["/nonexistent"], entry(), found) == (False, "no notable change")
    assert list(tmp_path.iterdir()) == []


HOSTILE = (
    "$(touch owned) `touch owned`; touch owned | touch owned & \n\x00 \x1b[2J 'quoted' \"twice\" Bcc: all@example.org"
)


def test_a_hostile_sentence_is_neither_executed_nor_split(tmp_path: Path, script: Callable[[str], str]) -> None:
    words = words_of(script(TELL))
    assert notify(Home(tmp_path), words, entry(), changes(change("regime", HOSTILE, HOSTILE))) == (True, "")
    assert not (tmp_path / "owned").exists()
    message = (tmp_path / "message").read_text()
    assert "\x1b" not in message
    line = next(line for line in message.splitlines() if line.startswith("- "))
    assert line.startswith("- $(touch owned) `touch owned`; touch owned | touch owned & [2J 'quoted'")


def test_a_command_takes_arguments_but_no_shell(tmp_path: Path, script: Callable[[str], str]) -> None:
    path = script('printf "%s|" "$@" > arguments')
    words = words_of(f"'{path}' --to 'two words' $HOME *")
    assert words == [path, "--to", "two words", "$HOME", "*"]
    assert notify(Home(tmp_path), words, entry(), SOLD) == (True, "")
    assert (tmp_path / "arguments").read_text() == "--to|two words|$HOME|*|"


@pytest.mark.parametrize("command", ["", "   ", "mail 'unclosed", "/nonexistent x", "no-such-program"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(InputError, match=r"--notify: got .*; allowed: a command"):
        words_of(command)


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("echo one; echo 'no such user' >&2; exit 3", "ended with code 3: no such user"),
        ("exit 1", "ended with code 1"),
        ("exec 0<&-; exit 0", ""),
    ],
)
def test_a_command_that_fails_is_a_note(tmp_path: Path, script: Callable[[str], str], body: str, note: str) -> None:
    words = words_of(script(body))
    long = changes(*[change("position", "x" * 1000) for _ in range(200)])  # more than a pipe holds
    assert notify(Home(tmp_path), words, entry(), long) == (True, f"{words[0]} {note}" if note else "")


def test_a_script_that_may_not_be_executed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tell").write_text("#!/bin/sh")
    with pytest.raises(InputError, match="chmod"):
        words_of(str(tmp_path / "tell"))


def test_a_command_that_is_not_there_is_a_note(tmp_path: Path) -> None:
    told = notify(Home(tmp_path), ["/no/such/command"], entry(), SOLD)
    assert told == (True, "/no/such/command could not be started: No such file or directory")


def test_a_command_out_of_time_is_killed_with_what_it_started(
    tmp_path: Path, script: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "TIME_LIMIT", 1.0)
    words = words_of(script("sleep 60 & echo $! > child; wait"))
    began = time.monotonic()
    assert notify(Home(tmp_path), words, entry(), SOLD) == (True, f"{words[0]} was stopped after 1 seconds")
    assert time.monotonic() - began < 20
    child = Path("/proc") / (tmp_path / "child").read_text().strip() / "stat"
    for _ in range(100):
        if not child.exists() or child.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child lives on")


def test_a_child_in_the_background_is_not_waited_for(tmp_path: Path, script: Callable[[str], str]) -> None:
    words = words_of(script("sleep 5 & exit 0"))
    began = time.monotonic()
    assert notify(Home(tmp_path), words, entry(), SOLD) == (True, "")
    assert time.monotonic() - began < 4


def test_a_damaged_note_of_what_was_told_is_written_anew(tmp_path: Path, script: Callable[[str], str]) -> None:
    kept = tmp_path / "forecasts" / "notified.json"
    kept.parent.mkdir()
    for text in ("", "[1]", "\udcff", '{"outlook": [1]}'):
        kept.write_bytes(os.fsencode(text))
        assert notify(Home(tmp_path), words_of(script(TELL)), entry(), SOLD) == (True, "")
        assert json.loads(kept.read_text())["hash"] == "a" * 64
