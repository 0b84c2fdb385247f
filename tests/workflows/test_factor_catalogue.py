"""The catalogue of factors and its documentation page."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.definitions import FactorSpec
from bullbear.errors import InputError
from bullbear.home import Home
from bullbear.sessions import between, closes
from bullbear.workflows import factor_catalogue
from bullbear.workflows.factor_catalogue import catalogue, ends_of_runs, families, feature_sets, page, values_of

ROOT = Path(__file__).resolve().parents[2]
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
    assert entry.params == {"window": 3}
    assert entry.latest == pytest.approx(100 * (17.0 / 14.0 - 1))


def test_parameters_left_to_the_function_are_told_with_their_defaults(home: Home) -> None:
    path = home.root / "features" / "own.toml"
    path.write_text(DECLARED.replace('function = "roc"', 'function = "swing_trend"').replace("window = 3", "steps = 3"))
    (entry,) = catalogue(home, names=["three_day_change"])
    assert entry.params == {"strength": 5, "window": 252, "steps": 3}


def test_factors_stand_by_family_and_within_it_the_familys_own_set_comes_first(home: Home) -> None:
    entries = catalogue(home)
    order = [families().index(entry.family) for entry in entries]
    assert order == sorted(order)
    technical = list(dict.fromkeys(entry.feature_set for entry in entries if entry.family == "technical"))
    assert technical[0] == "technical"
    assert "event_odds" in technical


def test_two_sets_may_share_a_name(home: Home) -> None:
    again = DECLARED.replace('name = "own"', 'name = "again"')
    (home.root / "features" / "again.toml").write_text(again)
    assert [each.feature_set for each in catalogue(home, names=["three_day_change"])] == ["again"]  # alike: told once
    (home.root / "features" / "again.toml").write_text(again.replace("window = 3", "window = 2"))
    entries = catalogue(home, names=["three_day_change"])
    assert [(each.feature_set, each.params["window"]) for each in entries] == [("again", 2), ("own", 3)]
    assert [each.latest for each in entries] == pytest.approx([100 * (17.0 / 15.0 - 1), 100 * (17.0 / 14.0 - 1)])
    with pytest.raises(InputError, match=r"one meaning; features/again.toml and features/own.toml differ; rename"):
        values_of(home, "three_day_change")


def test_what_is_asked_for_is_what_is_computed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = factor_catalogue.compute
    monkeypatch.setattr(
        factor_catalogue, "compute", lambda view, specs, *rest: asked.append(len(specs)) or real(view, specs, *rest)
    )
    (entry,) = catalogue(home, names=["three_day_change"])
    assert entry.first == pd.Timestamp("2019-01-07")
    regime = catalogue(home, family="regime")
    assert {each.family for each in regime} == {"regime"}
    assert asked == [1, len(regime)]


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
    assert values.name == "three_day_change"
    assert values.isna().sum() == 3
    assert math.isclose(values.iloc[3], 100 * (13.0 / 10.0 - 1))


def test_unknown_factor(home: Home) -> None:
    with pytest.raises(InputError, match=r"factor: got 'nonsense'.*bullbear factors"):
        values_of(home, "nonsense")
    with pytest.raises(InputError, match=r"factor: got 'nonsense'.*bullbear factors"):
        catalogue(home, names=["nonsense"])


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        ("rsi14", "'rsi14'; allowed: rsi_14"),
        ("RSI_14", "'RSI_14'; allowed: rsi_14"),
        ("three_day", "'three_day'; allowed: three_day_change, lift_three_day_advance"),
        ("support", "allowed: .*support_distance_1.*, or one of [0-9]+ others"),
        ("levels", "'levels'; allowed: .*; levels is a family: `bullbear factors --family levels`"),
        ("zzzzzz", "'zzzzzz'; allowed: a factor of features/\\*.toml; see `bullbear factors`"),
    ],
)
def test_an_unknown_factor_is_answered_with_those_that_may_be_meant(home: Home, asked: str, offered: str) -> None:
    with pytest.raises(InputError, match=offered):
        catalogue(home, names=[asked])


def test_unknown_family(home: Home) -> None:
    with pytest.raises(InputError, match=r"--family: got 'level'; allowed: technical, volatility, levels, .*regime"):
        catalogue(home, family="level")


def test_page_is_current_and_names_every_factor() -> None:
    text = (ROOT / "docs" / "factors.md").read_text(encoding="utf-8")
    packaged = Home(Path("nowhere"))  # not the checkout, to which its user may have added some
    assert text == page(packaged), "run `make docs`"
    for each in feature_sets(packaged):
        for spec in each.factor:
            # Of a long run of numbered ones only the ends are shown.
            shown = re.sub(r"^(daily_return)_\d+$", r"\1_125", spec.name)
            assert f"| `{shown}` |" in text


def test_of_a_long_numbered_run_the_ends_are_shown() -> None:
    def spec(name: str, function: str = "roc") -> FactorSpec:
        return FactorSpec(name=name, function=function, inputs={"bars": "IWM"})

    run = [spec(f"back_{lag}") for lag in range(3, 14)]
    shown = ends_of_runs([spec("first"), *run, spec("back_13", "rsi")])
    assert [None if each is None else each.name for each in shown] == ["first", "back_3", None, "back_13", "back_13"]
    gap = [*run[:5], *run[6:]]
    assert ends_of_runs([*gap, spec("back_14")]) == [*gap, spec("back_14")]
    assert ends_of_runs(run[:10]) == run[:10]
