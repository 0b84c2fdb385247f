"""`bullbear day` as cron runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bullbear.errors import FitError
from bullbear.home import Home

Run = Callable[..., Any]


def test_one_line_on_stdout_and_code_0(bullbear: Run, home: Home) -> None:
    answer = bullbear("day", "--no-report", "--home", home.root)
    assert (answer.code, answer.err) == (0, "")
    assert len(answer.out.splitlines()) == 1
    assert " IWM (SIMULATED, replay): hold " in answer.out


def test_json_is_one_document_with_every_step(bullbear: Run, home: Home) -> None:
    document = bullbear("day", "--no-report", "--json", "--home", home.root).json
    assert set(document) == {
        "line", "exit_code", "steps", "entry", "is_new", "changes", "missing", "report", "notified",
    }  # fmt: skip
    assert [step["name"] for step in document["steps"]] == [
        "fetch", "refit", "forecast", "score", "compare", "report",
    ]  # fmt: skip
    for step in document["steps"]:
        assert set(step) == {"name", "outcome", "result", "notes", "error", "exit_code", "seconds"}
    assert document["entry"]["question"] == "up"


def test_a_failure_is_one_line_on_stderr_and_its_code(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise FitError("a singular matrix")

    monkeypatch.setattr("bullbear.workflows.evening.make_due_refits", broken)
    answer = bullbear("day", "--no-report", "--home", home.root)
    assert (answer.code, answer.err) == (2, "bullbear: refit: a singular matrix\n")
    assert answer.out.endswith("; failed: refit\n")


def test_a_pair_without_a_champion_says_so(bullbear: Run, home: Home) -> None:
    answer = bullbear("day", "--pair", "QQQ", "--home", home.root)
    assert answer.code == 2
    assert "champion" in answer.mistake
