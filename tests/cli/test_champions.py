"""`bullbear promote --force`, `demote` and `rollback`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bullbear.home import Home

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("options", "given"),
    [(["--force"], "--force without --reason"), (["--reason", "why"], "--reason without --force")],
)
def test_force_and_reason_go_together(bullbear: Run, trained_home: Home, options: list[str], given: str) -> None:
    answer = bullbear("promote", "small", "--home", trained_home.root, *options)
    assert (answer.code, given in answer.mistake) == (2, True)


@pytest.mark.parametrize("command", ["demote", "rollback"])
def test_an_unknown_question_is_a_mistake(bullbear: Run, trained_home: Home, command: str) -> None:
    answer = bullbear(command, "--question", "dpi8", "--home", trained_home.root)
    assert answer.code == 2
    assert answer.mistake.startswith("bullbear: --question: got 'dpi8'; allowed: up")


def test_a_champion_is_forced_taken_down_and_put_back(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bullbear.workflows.succession.BASE_RATE", "base")
    assert "base" in bullbear("demote", "--home", home.root).out
    forced = bullbear("promote", "small", "--force", "--reason", "an experiment", "--home", home.root)
    assert (forced.code, forced.out.splitlines()[-1].endswith("forced against the gate")) == (0, True)
    listed = bullbear("runs", "--home", home.root)
    assert "forced champion" in listed.out
    assert listed.out.splitlines()[-1].endswith("was promoted against the gate: an experiment")
    done = bullbear("rollback", "--reason", "enough", "--home", home.root, "--json").json
    assert (done["action"], done["reason"], done["came"].split()[0]) == ("rolled back", "enough", "base")
    history = bullbear("runs", "--champions", "--home", home.root, "--json").json
    assert [each["action"] for each in history] == ["rolled back", "forced", "demoted", "promoted"]
    assert "enough" in bullbear("runs", "--champions", "--home", home.root).out
