"""The odds on a card are those of `bullbear odds` at the same close, and only what luck does not explain."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear.forecasting.card import active_odds
from bullbear.forecasting.card.active_odds import active_odds_of
from bullbear.forecasting.card.sources import Sources
from bullbear.home import Home
from bullbear.odds import EventOdds, event_odds


@pytest.fixture
def place(trained_home: Home, tmp_path: Path) -> Home:
    """A home on the data of `trained_home`, whose own folders are not written to."""
    (tmp_path / "data").symlink_to(trained_home.data)
    return Home(tmp_path)


DAYS = ("2006-03-15", "2007-06-15", "2007-12-31")


def card_at(home: Home, day: str) -> Sources:
    (close,) = {pd.Timestamp(f"{day}T16:00", tz="America/New_York").tz_convert("UTC")}
    entry = {"ticker": "IWM", "decided_at": f"{close:%Y-%m-%dT%H:%M:%SZ}", "horizon_sessions": 21, "data": {}}
    return Sources(home, entry, home.store())


@pytest.mark.parametrize("day", DAYS)
def test_they_are_those_of_the_command_at_that_close(place: Home, day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = event_odds(place.store(), "IWM", place.events().event, as_of=day)
    active = [each for each in said if each.active]
    assert active
    monkeypatch.setattr(active_odds, "FALSE_DISCOVERY_RATE", 1.0)  # luck explains nearly all of a simulated market
    for _ in ("counted", "kept"):
        shown = active_odds_of(card_at(place, day))
        assert shown == {"active_odds": [each.as_dict() for each in active], "odds_note": None}


def test_what_is_within_luck_or_no_longer_active_is_left_out(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = event_odds(place.store(), "IWM", place.events().event)[:3]

    def shown(*found: EventOdds) -> dict[str, Any]:
        monkeypatch.setattr(active_odds, "odds_at", lambda *_, **__: list(found))
        return active_odds._counted(card_at(place, DAYS[-1]), place.events().event)

    beyond = replace(first, active=True, q_value=0.10)
    lucky, over = replace(second, active=True, q_value=0.11), replace(third, active=False, q_value=0.01)
    no_case = replace(second, active=True, q_value=float("nan"))
    assert shown(lucky, beyond, over, no_case) == {"active_odds": [beyond.as_dict()], "odds_note": None}
    assert shown(lucky, over) == {
        "active_odds": [],
        "odds_note": (
            "1 event of indicators is active, and none of them differs from its base rate beyond what luck explains "
            f"({first.tested} events counted over 5 years)."
        ),
    }
    nothing = "None of the events that indicators are read by is active now."
    assert shown(over) == shown() == {"active_odds": [], "odds_note": nothing}


def test_what_is_kept_answers_for_nothing_else(place: Home, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = card_at(home, DAYS[0])
    counted: list[int] = []
    real = active_odds._counted

    def counting(*arguments: Any) -> dict[str, Any]:
        counted.append(1)
        return real(*arguments)

    monkeypatch.setattr(active_odds, "_counted", counting)
    plain = active_odds_of(asked)
    assert (active_odds_of(asked), len(counted)) == (plain, 1)
    active_odds_of(card_at(home, DAYS[1]))
    assert len(counted) == 2
    other = Sources(home, {**asked.entry, "horizon_sessions": 5}, home.store())
    active_odds_of(other)
    assert len(counted) == 3
    monkeypatch.setattr(active_odds, "running_code", lambda *_: ("another",))
    active_odds_of(asked)
    assert len(counted) == 4
    # A correction that was known at the close, of one bar of an earlier year.
    bars = home.store().as_of().bars("IWM").loc[["2004-03-15"]].reset_index().assign(series="IWM")
    home.store().append("bars", bars.assign(known_at=bars["known_at"] + pd.Timedelta("1h"), high=bars["high"] * 1.01))
    active_odds_of(card_at(home, DAYS[0]))
    assert len(counted) == 5


def test_a_broken_file_of_events_leaves_a_note_and_the_forecast_stands(trained_home: Home, tmp_path: Path) -> None:
    home = Home(tmp_path)
    shutil.copytree(trained_home.data, home.data)
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "odds.toml").write_text('name = "mine"\n')
    shown = active_odds_of(card_at(home, DAYS[-1]))
    assert shown["active_odds"] == []
    assert shown["odds_note"].startswith("No odds of indicators: ")
    assert "odds.toml" in shown["odds_note"]
