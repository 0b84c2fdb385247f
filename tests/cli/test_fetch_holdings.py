"""`bullbear fetch --holdings` from the command line, against the replay of a small exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.data.companies.exchange import World, serving, settings_for, twelve

from bullbear.workflows import filling

Run = Callable[..., Any]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with serving() as (handler, url):
        handler.world = world = World(twelve()[:11])
        settings = settings_for(url, facts=False)
        monkeypatch.setattr(filling, "settings_of", lambda root: settings)
        monkeypatch.setattr(pd.Timestamp, "now", staticmethod(lambda zone=None: world.now), raising=False)
        yield world


def test_a_bad_ticker_is_listed_at_the_end_and_the_code_is_1(bullbear: Run, tmp_path: Path, world: World) -> None:
    del world.priced["CCC"]
    answer = bullbear("fetch", "--holdings", "--create", "--home", tmp_path / "home")
    assert answer.code == 1
    assert answer.out.startswith("11 series arrived, 1 did not; added ")
    lines = answer.err.splitlines()
    assert "bars: 4 of 11" in lines
    assert lines[-1].startswith("bullbear: yahoo: CCC did not arrive (HTTP 404: No data found")
    again = bullbear("fetch", "--holdings", "--json", "--home", tmp_path / "home")
    assert (again.code, again.json["rows_added"], again.json["arrived"]) == (1, 0, [])
    assert [each["series"] for each in again.json["failed"]] == ["CCC"]
