"""The list of trainings: order, choice and who is champion."""

from __future__ import annotations

from typing import Any

import pytest

from bullbear.home import Home
from bullbear.tracking import run_list
from bullbear.tracking.run_list import listed_runs
from bullbear.tracking.stored_runs import StoredRun

DAY = 86_400_000


def run(run_id: str, day: int, *, parent: str | None = None, **tags: str) -> StoredRun:
    named = {"model": "trees", "data": "real", **tags} | ({} if parent is None else {"mlflow.parentRunId": parent})
    metrics = {"bss": 0.02, "bss_low": -0.01, "bss_high": 0.05, "size/n": 300.0}
    return StoredRun(run_id, day * DAY, day * DAY + 1, named, {}, metrics)


STORED = [
    run("c1", 3, parent="p", question="dip8", verdict="champion: better"),
    run("c2", 3, parent="p", question="up", verdict="refused: the skill test: no"),
    run("p", 3, questions="up,dip8"),
    run("s", 2, search="2009-12-31", parent="b"),
    run("b", 2, question="up", verdict="champion: its probabilities are the base rate", model="base"),
    run("a", 1, question="up", trials="40"),
]


@pytest.fixture(autouse=True)
def _stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_list, "stored_runs", lambda runs: STORED)
    monkeypatch.setattr(run_list, "champion_runs", lambda home: {"up": "b", "dip8": "another"})


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["c2", "c1", "b", "a"]),
        ({"question": "up"}, ["c2", "b", "a"]),
        ({"model": "base"}, ["b"]),
        ({"last": 1}, ["c2", "c1"]),
        ({"question": "up", "last": 2}, ["c2", "b"]),
        ({"model": "none"}, []),
    ],
)
def test_trainings_stand_newest_first_with_their_questions_in_order(
    trained_home: Home, chosen: dict[str, Any], expected: list[str]
) -> None:
    assert [each.run_id for each in listed_runs(trained_home, **chosen)] == expected


def test_champion_is_who_lies_in_the_folder(trained_home: Home) -> None:
    found = {each.run_id: each for each in listed_runs(trained_home)}
    assert {name: each.state for name, each in found.items()} == {
        "c2": "refused",
        "c1": "passed",  # its tag is out of date
        "b": "champion",
        "a": "not judged",
    }
    assert [name for name, each in found.items() if each.is_champion] == ["b"]
    assert (found["c1"].training, found["a"].trials, found["b"].n, found["b"].bss_low) == ("p", 40, 300, -0.01)


def test_a_champion_that_cannot_be_read_is_nobody(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    small = next(each for each in listed_runs(home) if each.model == "small")
    assert (small.state, run_list.champion_runs(home)) == ("champion", {"up": small.run_id})
    (home.champion / "bundle.json").write_text("{")
    assert run_list.champion_runs(home) == {}
