"""A champion that was promoted against the gate is named on the card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bullbear.forecasting.card.forced import forced_of
from bullbear.forecasting.card.sources import Sources
from bullbear.home import Home

RECORD = {"at": "2026-11-27T15:29:09+00:00", "reason": "an experiment", "refused": "refused: the skill test: no"}


def sources(root: Path, **champions: dict[str, Any]) -> Sources:
    """An entry whose `up` is answered by run r1 and whose `dip8` by run r2."""
    home = Home(root)
    for question, meta in champions.items():
        place = home.champion_of(question)
        place.mkdir(parents=True)
        (place / "bundle.json").write_text(json.dumps({"definition": {"name": "trees"}, **meta}))
    rows = [
        {"question": "up", "run_id": "r1"},
        {"question": "dip8", "run_id": "r2"},
        {"question": "vol20", "run_id": None},
    ]
    return Sources(home, {"outlook": rows, "model": {"run_id": "r1"}}, home.store())


def test_the_forced_champion_of_each_question_is_told(tmp_path: Path) -> None:
    found = forced_of(sources(tmp_path, up={"run_id": "r1"}, dip8={"run_id": "r2", "forced": RECORD}))
    assert found == [
        {
            "question": "dip8",
            "model": "trees",
            "run_id": "r2",
            **RECORD,
            "sentence": "The champion of dip8, trees r2, was promoted against the gate on 27 Nov 2026: an experiment",
        }
    ]


def test_a_later_champion_says_nothing_of_an_earlier_forecast(tmp_path: Path) -> None:
    assert forced_of(sources(tmp_path, up={"run_id": "r9", "forced": RECORD})) == []
    assert forced_of(sources(tmp_path / "none")) == []
