"""The catalogue of factors and its documentation page."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.errors import InputError
from bullbear.factor_catalogue import catalogue, feature_sets, page, values_of
from bullbear.home import Home
from bullbear.sessions import between, closes

ROOT = Path(__file__).resolve().parent.parent
DECLARED = """
name = "own"
why = "A set of one for these tests."
[[factor]]
name = "three_day_change"
function = "roc"
inputs = { bars = "IWM" }
params = { window = 3 }
sign = 1
why = "Three days."
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "own.toml").write_text(DECLARED)
    place = Home(tmp_path)
    days = between("2019-01-02", "2019-01-11")
    price = np.array([10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0])
    place.store().append(
        "bars",
        pd.DataFrame(
            {
                "series": "IWM",
                "event_date": days,
                "known_at": closes(days),
                **dict.fromkeys(("open", "high", "low", "close", "adj_close"), price),
                "volume": 1e6,
            }
        ),
    )
    return place


def test_entry_says_what_is_declared_and_since_when_the_store_tells_it(home: Home) -> None:
    (entry,) = [each for each in catalogue(home) if each.feature_set == "own"]
    assert (entry.name, entry.family, entry.function, entry.lookback, entry.sign) == (
        "three_day_change", "technical", "roc", 4, 1,
    )  # fmt: skip
    assert entry.inputs == {"bars": "IWM"}
    assert entry.first == pd.Timestamp("2019-01-07")
    assert entry.missing == 0.0
    assert entry.summary == "Three days."


def test_a_factor_without_data_has_no_first_day(home: Home) -> None:
    found = {each.name: each for each in catalogue(home)}
    assert found["short_days_to_cover"].first is None
    assert found["short_days_to_cover"].missing is None


def test_without_bars_the_catalogue_still_lists(tmp_path: Path) -> None:
    entries = catalogue(Home(tmp_path))
    assert len(entries) >= 40
    assert all(each.first is None for each in entries)


def test_values_of_one_factor(home: Home) -> None:
    entry, values = values_of(home, "three_day_change")
    assert entry.lookback == 4
    assert values.isna().sum() == 3
    assert math.isclose(values.iloc[3], 100 * (13.0 / 10.0 - 1))


def test_unknown_factor(home: Home) -> None:
    with pytest.raises(InputError, match=r"factor: got 'nonsense'.*bullbear factors"):
        values_of(home, "nonsense")


def test_page_is_current_and_names_every_factor() -> None:
    text = (ROOT / "docs" / "factors.md").read_text(encoding="utf-8")
    packaged = Home(ROOT)
    assert text == page(packaged), "run `make docs`"
    for each in feature_sets(packaged):
        for spec in each.factor:
            assert f"| `{spec.name}` |" in text
