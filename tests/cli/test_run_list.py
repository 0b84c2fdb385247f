"""`bullbear runs`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bullbear.home import Home

Run = Callable[..., Any]


def test_the_list_fits_eighty_columns(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("runs", "--home", trained_home.root)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "a: the share of its signal that a model believes, 0 none, 1 all" in lines
    small = next(line for line in lines if " small " in line)
    documents = bullbear("runs", "--home", trained_home.root, "--json").json
    assert [each["model"] for each in documents] == ["small", "base"]
    assert documents[0]["run_id"].startswith(small.split()[0])
    assert small.split()[-1] == "champion"
    assert documents[0]["verdict"] == "not judged"  # it was put there without the gate
    assert bullbear("runs", "--home", trained_home.root, "--model", "base", "--last", 1, "--json").json == documents[1:]


def test_nothing_is_no_mistake(bullbear: Run, tmp_path: Path) -> None:
    answer = bullbear("runs", "--home", tmp_path)
    assert (answer.code, answer.out.split(";")[0]) == (0, "no training is listed")
    assert os.listdir(tmp_path) == []


def test_it_does_without_mlflow(process: Callable[..., Any], trained_home: Home) -> None:
    answer = process("runs", "--home", trained_home.root, PYTHONPROFILEIMPORTTIME="1")
    assert answer.code == 0
    assert not any(line.rsplit("|", 1)[-1].strip() == "mlflow" for line in answer.err.splitlines())
