"""Live forecasts beside what came of them, by question and by size."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bullbear.home import Home
from bullbear.report.sections.ledger import Chance
from bullbear.workflows.report_data import ledger

LATEST = pd.Timestamp("2007-12-31 21:00", tz="UTC")


def _record(p: float, y: int | None, **other: Any) -> dict[str, Any]:
    return {"question": "up", "kind": "live", "counts": True, "p": p, "climatology": 0.5, "y": y, **other}


def test_only_live_forecasts_that_count_and_have_resolved_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        _record(0.61, 1),
        _record(0.65, 0),
        _record(0.2, 0, question="dip8"),
        _record(1.0, 1, question="vol20"),
        _record(0.9, None),
        _record(0.9, 0, counts=False),
        _record(0.9, 0, kind="replay"),
    ]
    nothing = dict.fromkeys(("bss", "bss_low", "bss_high"))
    groups = dict.fromkeys(("live", "replays", "unknown"), nothing)
    document = {"forecasts": records, "questions": [{"question": name, **groups} for name in ("up", "dip8", "vol20")]}
    asked: list[Any] = []
    monkeypatch.setattr(ledger, "score_ledger", lambda home, until: asked.append(until) or document)
    found = ledger.ledger_record(Home.__new__(Home), LATEST)
    assert asked == [LATEST]
    assert found.document is document
    assert found.means == {"up": (pytest.approx(0.63), 0.5), "dip8": (0.2, 0.0), "vol20": (1.0, 1.0)}
    assert found.chances == (
        Chance(0.2, 0.4, 1, 0.2, 0.0),
        Chance(0.6, 0.8, 2, pytest.approx(0.63), 0.5),
        Chance(0.8, 1.0, 1, 1.0, 1.0),
    )
