"""The forecast's panel: what it says of the time of issue."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from bullbear.cli.panel import forecast_panel
from bullbear.home import Home
from bullbear.ledger import Ledger, stamped


def text_of(entry: dict[str, Any]) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(forecast_panel(entry))
    return capture.get()


@pytest.mark.parametrize(
    ("issued_at", "expected"),
    [
        ("2007-12-31T21:30Z", "live, issued at 2007-12-31T21:30:00Z  "),
        ("2026-11-26T00:00Z", "replay, issued at 2026-11-26T00:00:00Z, in hindsight: no part of the record  "),
    ],
)
def test_a_panel_says_whether_the_forecast_is_live(trained_home: Home, issued_at: str, expected: str) -> None:
    entry = Ledger(trained_home.forecasts / "ledger.jsonl").entries()[1]
    assert entry["decided_at"] == "2007-12-31T21:00:00Z"
    assert expected in text_of(stamped(entry, pd.Timestamp(issued_at)))


def test_a_panel_of_an_entry_of_the_old_schema_says_nothing_of_it(trained_home: Home) -> None:
    entry = Ledger(trained_home.forecasts / "ledger.jsonl").entries()[1]
    old = {key: value for key, value in entry.items() if key not in ("schema_version", "issued_at", "kind")}
    assert "issued at" not in text_of(old)
