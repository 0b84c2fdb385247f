"""Rows of the store against the rules of their publication."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.audit.publication.stored_rows import early_rows, never_revised
from bullbear.data.publication import bars_known_at, observations_known_at, short_interest_known_at
from bullbear.data.store import Store

DAYS = pd.bdate_range("2015-01-05", periods=5)
MONTHS = pd.date_range("2015-01-01", periods=6, freq="MS")


def stored(root: Path, kind: str, name: str, days: pd.DatetimeIndex, known: pd.DatetimeIndex) -> Store:
    store = Store(root)
    column = {"bars": "close", "observations": "value", "short_interest": "shares_short"}[kind]
    rows = pd.DataFrame({"series": name, "event_date": days, "known_at": known, column: np.arange(1.0, len(days) + 1)})
    store.append(kind, rows)
    return store


@pytest.mark.parametrize(
    ("kind", "name", "days", "known"),
    [
        ("bars", "IWM", DAYS, bars_known_at("IWM", DAYS)),
        ("bars", "^VIX", DAYS, bars_known_at("^VIX", DAYS)),
        ("observations", "UNRATE", MONTHS, observations_known_at("UNRATE", MONTHS)),
        ("observations", "GACDISA066MSFRBNY", MONTHS, observations_known_at("GACDISA066MSFRBNY", MONTHS)),
        ("short_interest", "IWM", DAYS[-1:], short_interest_known_at(DAYS[-1:])),
    ],
)
def test_a_row_known_by_its_rule_is_no_leak_and_one_known_on_its_day_is(
    kind: str, name: str, days: pd.DatetimeIndex, known: pd.DatetimeIndex, tmp_path: Path
) -> None:
    assert early_rows(stored(tmp_path / "a", kind, name, days, known).as_of(), [(kind, name)]) == []
    begun = days.tz_localize("America/New_York").tz_convert("UTC") - pd.Timedelta(minutes=1)
    (leak,) = early_rows(stored(tmp_path / "b", kind, name, days, begun).as_of(), [(kind, name)])
    assert leak.what == name
    assert leak.when == f"{days[0]:%Y-%m-%d}"
    assert leak.size > 0


def test_a_statistic_that_is_revised_but_stored_once_is_named(tmp_path: Path) -> None:
    known = observations_known_at("UNRATE", MONTHS)
    store = stored(tmp_path, "observations", "UNRATE", MONTHS, known)
    asked = [("observations", "UNRATE")]
    assert never_revised(store.as_of(), asked) == ["UNRATE"]
    again = {"series": "UNRATE", "event_date": MONTHS[:1], "known_at": known[-1:], "value": 9.0}
    store.append("observations", pd.DataFrame(again))
    assert never_revised(store.as_of(), asked) == []
