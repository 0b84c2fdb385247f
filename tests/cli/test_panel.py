"""The panel of a forecast: one level per thing, each under its name; what it says of the time of issue."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from bullbear.cli.panel import forecast_panel
from bullbear.forecasting.ledger import Ledger, of_question, with_provenance
from bullbear.home import Home

STOP = {"ticker": "IWM", "level": 159.37, "atr": 1.83, "multiple": 7.0, "side": "exit"}
REENTRY = {"ticker": "IWM", "level": 161.25, "atr": 1.83, "multiple": 3.0, "side": "reentry"}


def shown(**changes: Any) -> list[str]:
    entry = {
        "ticker": "IWM",
        "decided_at": "2019-12-31T21:00:00Z",
        "resolves_on": "2020-01-31",
        "horizon_sessions": 21,
        "p_up": 0.61,
        "p_low": 0.54,
        "p_high": 0.67,
        "climatology": 0.58,
        "regime": "calm",
        "agents": {
            "bull": {"weight": 0.875, "instrument": "IWM", "reasons": []},
            "bear": {"weight": 0.0, "instrument": "TWM", "tier": 0, "reasons": []},
        },
        "positions": {"IWM": 0.875, "TWM": 0.0, "CASH": 0.125},
        "stops": [],
        "drivers": [],
        "model": {"name": "base", "run_id": "0e1f", "trained_through": "2019-11-29"},
        "data": {"fingerprint": "f1e2", "last_known_at": "2019-12-31T21:00:00Z", "stale": [], "simulated": False},
        "ledger": {"index": 7, "hash": "ab"},
        **changes,
    }
    console = Console(width=160, record=True)
    with console.capture() as capture:
        console.print(forecast_panel(entry))
    return [line.strip("│ ").rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"stops": [STOP], "reentries": []}, ["bull", "IWM", "87.5%", "159.37"]),
        ({"stops": [], "reentries": [REENTRY]}, ["bull", "IWM", "87.5%", "161.25"]),
        ({"stops": [REENTRY]}, ["bull", "IWM", "87.5%", "161.25"]),
    ],
)
def test_a_re_entry_level_never_stands_in_the_column_of_stops(changes: dict[str, Any], row: list[str]) -> None:
    lines = shown(**changes)
    head = next(line for line in lines if line.startswith("agent"))
    line = next(line for line in lines if line.startswith("bull"))
    assert head.split() == ["agent", "fund", "weight", "stop", "re-entry"]
    assert line.split() == row
    title = "stop" if row[-1] == "159.37" else "re-entry"
    assert head.index(title) + len(title) == line.index(row[-1]) + len(row[-1])


def test_without_levels_the_columns_are_empty() -> None:
    lines = shown()
    assert next(line for line in lines if line.startswith("bear")).split() == ["bear", "TWM", "0.0%"]
    assert any(line.split() == ["CASH", "12.5%"] for line in lines)


def text_of(entry: dict[str, Any]) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(forecast_panel(entry))
    return capture.get()


@pytest.mark.parametrize(
    ("issued_at", "expected"),
    [
        ("2007-12-31T21:30Z", "live, issued at 2007-12-31T21:30:00Z  "),
        ("2026-11-26T00:00Z", "replay, issued at 2026-11-26T00:00:00Z, in hindsight and not part of the record  "),
    ],
)
def test_a_panel_says_whether_the_forecast_is_live(trained_home: Home, issued_at: str, expected: str) -> None:
    entry = of_question(Ledger(trained_home.forecasts / "ledger.jsonl").entries())[1]
    assert entry["decided_at"] == "2007-12-31T21:00:00Z"
    assert expected in text_of(with_provenance(entry, pd.Timestamp(issued_at)))


def test_a_panel_of_an_entry_of_the_old_schema_says_nothing_of_it(trained_home: Home) -> None:
    entry = of_question(Ledger(trained_home.forecasts / "ledger.jsonl").entries())[1]
    old = {key: value for key, value in entry.items() if key not in ("schema_version", "issued_at", "kind")}
    assert "issued at" not in text_of(old)


def test_a_panel_counts_the_sessions_from_the_close_to_the_issue(trained_home: Home) -> None:
    entry = of_question(Ledger(trained_home.forecasts / "ledger.jsonl").entries())[1]
    for behind, expected in ((1, "issued 1 session after the close"), (4756, "issued 4,756 sessions after the close")):
        entry["data"]["sessions_behind"] = behind
        assert expected in text_of(entry)
