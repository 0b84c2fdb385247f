"""How old data and models are, from four bars and entries written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.forecasting.card.ages import ages_of
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.ledger import Ledger
from bullbear.home import Home

DAYS = ("2019-12-26", "2019-12-27", "2019-12-30", "2019-12-31")
CLOSE = "2019-12-31T21:00:00Z"


def model(through: str | None, *, overdue: int = 0, run: str | None = "r1") -> dict[str, Any]:
    name = None if run is None else "small"
    return {"name": name, "run_id": run, "trained_through": through, "refit_overdue_sessions": overdue}


def sources(
    root: Path,
    now: str = CLOSE,
    asked: str | None = None,
    decided_at: str = CLOSE,
    *,
    up: dict[str, Any] | None = None,
    others: dict[str, dict[str, Any]] | None = None,
    stale: tuple[str, ...] = (),
) -> Sources:
    """A store of four sessions, the entry of `up`, and a ledger with those of the other questions."""
    home = Home(root)
    store = Store(home.data)
    days = pd.DatetimeIndex(DAYS).as_unit("us")
    bars = pd.DataFrame({"series": "IWM", "event_date": days, "known_at": sessions.closes(days)})
    store.append("bars", bars.assign(open=1.0, high=1.0, low=1.0, close=1.0, adj_close=1.0, volume=1.0))
    vix = pd.DataFrame({"series": "VIXCLS", "event_date": days[:2], "known_at": sessions.closes(days[:2])})
    store.append("observations", vix.assign(value=13.0))
    made = {"up": model("2019-12-24") if up is None else up, **(others or {})}
    rows = [{"question": name, "model": each["name"], "run_id": each["run_id"]} for name, each in made.items()]
    shared = {"ticker": "IWM", "decided_at": decided_at, "data": {"stale": list(stale)}}
    entries = [{"question": name, "model": each, **shared} for name, each in made.items()]
    entries[0]["outlook"] = rows
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    issued = ledger.append_all([(each, ("question", "decided_at")) for each in entries])
    return Sources(home, issued[0], store, asked, pd.Timestamp(now))


@pytest.mark.parametrize(
    ("now", "behind", "old", "sentence"),
    [
        (CLOSE, 0, False, "The data reach the last session that has closed, Tue 31 Dec 2019."),
        ("2020-01-02T20:59:00Z", 0, False, "The data reach the last session that has closed, Tue 31 Dec 2019."),
        ("2020-01-02T21:00:00Z", 1, False, "The last bar of IWM is from Tue 31 Dec 2019; 1 session has closed since."),
        (
            "2020-01-08T22:00:00Z",
            5,
            False,
            "The last bar of IWM is from Tue 31 Dec 2019; 5 sessions have closed since.",
        ),
        (
            "2020-01-09T22:00:00Z",
            6,
            True,
            "The data are old: the last bar of IWM is from Tue 31 Dec 2019, 6 sessions ago.",
        ),
        (
            "2021-06-30T22:00:00Z",
            377,
            True,
            "The data are old: the last bar of IWM is from Tue 31 Dec 2019, 377 sessions (1.5 years) ago.",
        ),
    ],
)
def test_sessions_behind_the_clock_are_counted_and_said_first(
    tmp_path: Path, now: str, behind: int, old: bool, sentence: str
) -> None:
    ages = ages_of(sources(tmp_path, now))
    assert ages["data"] == {
        "last_session": "2019-12-31", "sessions_behind": behind, "old": old, "sentence": sentence,
    }  # fmt: skip
    assert ages["notice"][:1] == ([sentence] if behind else [])
    assert len(ages["notice"]) == (2 if old else 1 if behind else 0)


def test_who_asked_for_a_past_day_is_not_warned_of_old_data(tmp_path: Path) -> None:
    ages = ages_of(sources(tmp_path, "2026-11-27T22:00:00Z", "2019-12-31"))
    assert (ages["data"]["old"], ages["notice"]) == (True, [])


def test_a_closed_day_is_said(tmp_path: Path) -> None:
    ages = ages_of(sources(tmp_path, "2026-11-27T22:00:00Z", "2020-01-01"))
    assert ages["notice"] == [
        "The exchange was closed on Wed 1 Jan 2020: the answer is that of the close before, Tue 31 Dec 2019."
    ]


def test_a_forecast_older_than_the_data_is_told_from_that_of_their_end(tmp_path: Path) -> None:
    ages = ages_of(sources(tmp_path, decided_at="2019-12-27T21:00:00Z"))
    assert ages["notice"] == [
        "This is the forecast of Fri 27 Dec 2019, 2 sessions before the last bar of IWM, Tue 31 Dec 2019."
    ]


def test_a_simulated_market_is_never_old(tmp_path: Path) -> None:
    asked = sources(tmp_path, "2026-11-27T22:00:00Z")
    asked.store.mark_simulated({"seed": 7})
    ages = ages_of(asked)
    assert (ages["data"]["old"], ages["notice"]) == (False, [])
    assert ages["data"]["sentence"] == "The market is simulated; its last session is Tue 31 Dec 2019."


def test_each_question_has_the_age_of_its_own_model(tmp_path: Path) -> None:
    others = {"dip5": model("2019-11-29", overdue=3, run="r2"), "vol20": model(None, run=None)}
    ages = ages_of(sources(tmp_path, others=others))
    assert [(each["question"], each["trained_through"], each["sessions"]) for each in ages["models"]] == [
        ("up", "2019-12-24", 4),
        ("dip5", "2019-11-29", 21),
        ("vol20", None, None),
    ]
    assert ages["models"][1]["sentence"] == (
        "small answers dip5, fitted through 29 Nov 2019, 21 sessions before this close; "
        "its refit is 3 sessions overdue."
    )
    assert ages["model"] == {
        "trained_through": "2019-12-24",
        "sessions": 4,
        "sentence": (
            "The models of 2 questions were fitted through 29 Nov 2019 to 24 Dec 2019, 4 to 21 sessions before this "
            "close. The refit is overdue of: dip5. No champion, so that the base rate answers: vol20."
        ),
    }


def test_models_of_one_age_are_told_in_one_sentence(tmp_path: Path) -> None:
    one = ages_of(sources(tmp_path / "one"))["model"]["sentence"]
    assert one == "The model was fitted through 24 Dec 2019, 4 sessions before this close."
    both = ages_of(sources(tmp_path / "both", others={"dip5": model("2019-12-24")}))["model"]["sentence"]
    assert both == "The models of all 2 questions were fitted through 24 Dec 2019, 4 sessions before this close."


def test_what_was_stale_or_absent_is_told_with_its_last_value(tmp_path: Path) -> None:
    others = {"dip5": model("2019-12-24")}
    ages = ages_of(sources(tmp_path, others=others, stale=("short interest of IWM", "VIXCLS")))
    assert ages["series"] == [
        {
            "series": "VIXCLS",
            "last": "2019-12-27",
            "days": 4,
            "sentence": "VIXCLS: the newest value is from 27 Dec 2019, 4 days before this close.",
            "questions": ["up", "dip5"],
        },
        {
            "series": "short interest of IWM",
            "last": None,
            "days": None,
            "sentence": "short interest of IWM: nothing was known at this close.",
            "questions": ["up", "dip5"],
        },
    ]
