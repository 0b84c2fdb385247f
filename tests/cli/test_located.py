"""The commands that a message recommends are about the home and the pair of the command that printed it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from bullbear.cli.located import at_the_same_place, locate

TEXT = "none yet; `bullbear train climatology && bullbear promote latest` makes one; see `bullbear status`"


def test_commands_carry_the_options_that_were_given(tmp_path: Path) -> None:
    home = tmp_path / "my home"
    home.mkdir()
    locate(home, "QQQ")
    options = f"--pair QQQ --home '{home}'"
    assert at_the_same_place(TEXT) == (
        f"none yet; `bullbear train climatology {options} && bullbear promote latest {options}` makes one; see "
        f"`bullbear status --home '{home}'`"
    )
    told = "`bullbear promote latest --pair SPY`, `bullbear train --help`, `models/up.toml`"
    assert at_the_same_place(told) == told.replace("SPY`", f"SPY --home '{home}'`")


def test_without_options_nothing_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULLBEAR_HOME", str(tmp_path))
    locate(None)
    assert at_the_same_place(TEXT) == TEXT


def test_a_pair_without_a_champion_is_not_told_to_make_one_of_iwm(bullbear: Any, trained_home: Any) -> None:
    answer = bullbear("forecast", "--pair", "QQQ", "--home", str(trained_home.root))
    assert answer.code == 2
    assert f"bullbear promote latest --pair QQQ --home {shlex.quote(str(trained_home.root))}`" in answer.mistake
