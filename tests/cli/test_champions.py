"""`bullbear promote --force`, `demote` and `rollback`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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


NO_QUESTIONS = ("", ".", "..", "../../data", "../champions/up", ".up", "up/", "up/models", "up\n", "UP", "{outside}")
"""What leads to a folder, but is the name of no question."""


@pytest.mark.parametrize("command", ["demote", "rollback"])
@pytest.mark.parametrize("question", NO_QUESTIONS)
def test_no_path_is_taken_for_a_question(
    bullbear: Run, tmp_path: Path, command: str, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []
    monkeypatch.setattr("shutil.rmtree", lambda path, **_: removed.append(Path(path)))  # a fault removes nothing here
    root, outside = tmp_path / "home", tmp_path / "outside"
    for place in (
        outside,
        root / "data",
        *(root / "forecasts/champions" / name for name in ("up", "up/models", ".up")),
    ):
        place.mkdir(parents=True, exist_ok=True)
        (place / "kept").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    answer = bullbear(command, f"--question={question.format(outside=outside)}", "--home", root)
    assert (answer.code, answer.out) == (2, "")
    assert "name a question of models/questions.toml" in answer.mistake
    assert (removed, sorted(tmp_path.rglob("*"))) == ([], before)


def test_the_champion_of_a_question_that_is_no_more_is_taken_down(bullbear: Run, tmp_path: Path) -> None:
    place = tmp_path / "forecasts" / "champions" / "gone7"
    place.mkdir(parents=True)
    answer = bullbear("demote", "--question", "gone7", "--home", tmp_path)
    assert (answer.code, place.exists()) == (0, False)


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
