"""The list of what is shipped, and that a checkout's own additions are found from no other home."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear import shipped
from bullbear.home import Home

ROOT = Path(__file__).resolve().parents[1]


def test_all_that_is_named_is_there_and_found_from_any_home(tmp_path: Path) -> None:
    home = Home(tmp_path / "elsewhere")
    for kind, names in shipped.FILES.items():
        assert {path.stem for path in (ROOT / kind).glob("*.toml")} >= names
        assert set(home.names(kind)) == names - {"questions", "instruments", "pairs", "groups", "picker", "promotion"}
    assert set(home.questions()) == shipped.QUESTIONS
    assert {event.name for event in home.events().event} == shipped.EVENTS
    assert set(home.pairs()) == shipped.PAIRS
    assert set(home.groups()) == shipped.GROUPS
    assert set(home.pickers()) == shipped.PICKERS
    assert home.rotation().benchmark == "SPY"
    assert set(home.instruments()) == shipped.INSTRUMENTS


def test_what_is_not_named_belongs_to_the_checkout_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, name in (("features", "technical"), ("models", "logistic"), ("models/policies", "band")):
        monkeypatch.setitem(shipped.FILES, kind, shipped.FILES[kind] - {name})
        assert name not in Home(tmp_path).names(kind)
        assert name in Home(ROOT).names(kind)
        assert Home(ROOT).find(kind, name) == ROOT / kind / f"{name}.toml"
    monkeypatch.setattr("bullbear.shipped.QUESTIONS", shipped.QUESTIONS - {"dip8"})
    monkeypatch.setattr("bullbear.shipped.PAIRS", shipped.PAIRS - {"SPY"})
    monkeypatch.setattr("bullbear.shipped.INSTRUMENTS", shipped.INSTRUMENTS - {"SH"})
    monkeypatch.setattr("bullbear.shipped.EVENTS", shipped.EVENTS - {"golden_cross"})
    for home, found in ((Home(tmp_path), False), (Home(ROOT), True)):
        assert ("dip8" in home.questions()) is found
        assert ("SPY" in home.pairs()) is found
        assert ("SH" in home.instruments()) is found
        assert ("golden_cross" in {event.name for event in home.events().event}) is found
