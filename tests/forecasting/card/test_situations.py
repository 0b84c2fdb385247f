"""The nearest past situations: distances by hand, what followed from the closes, and nothing of the future."""

from __future__ import annotations

import math
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.forecasting.card import situations
from bullbear.forecasting.card.situations import APART, LEAST, _distances, _nearest, _paths, _scaled, situations_of
from bullbear.forecasting.card.sources import Sources
from bullbear.home import Home

CLOSE = pd.Timestamp("2007-06-15T20:00Z")


def asked(home: Home, close: pd.Timestamp = CLOSE) -> Sources:
    entry = {"ticker": "IWM", "decided_at": close.isoformat(), "horizon_sessions": 21, "data": {}}
    return Sources(home, entry, home.store())


@pytest.fixture(scope="module")
def found(trained_home: Home) -> dict[str, Any]:
    return situations_of(asked(trained_home))


def test_three_resolved_situations_a_quarter_apart_the_nearest_first(found: dict[str, Any]) -> None:
    nearest = found["nearest"]
    assert len(nearest) == 3
    assert [each["distance"] for each in nearest] == sorted(each["distance"] for each in nearest)
    assert 0 < nearest[-1]["distance"] < found["typical_distance"]
    days = sorted([*(pd.Timestamp(each["date"]) for each in nearest), sessions.day(CLOSE)])
    assert all(len(sessions.between(a, b)) - 1 >= APART for a, b in pairwise(days))
    assert "return over 21 sessions" in found["measured_on"]


def test_what_followed_is_read_from_the_closes(trained_home: Home, found: dict[str, Any]) -> None:
    close = trained_home.store().as_of(CLOSE).bars("IWM")["adj_close"]
    for each in found["nearest"]:
        path = close.loc[each["date"] :].iloc[:22].to_numpy()
        then = each["then"]
        assert then["return"] == pytest.approx(path[-1] / path[0] - 1)
        assert then["low"] == pytest.approx(min(path[1:]) / path[0] - 1)
        assert then["volatility"] == pytest.approx(math.sqrt(252 * np.mean(np.diff(np.log(path)) ** 2)))
        assert then["up"] is bool(path[-1] > path[0])
    ups = sum(each["then"]["up"] for each in found["nearest"])
    assert found["note"] == (
        f"The three nearest past situations: the price stood higher 21 sessions later after {ups} of 3. So few cases "
        "are an illustration, not evidence: they show what may follow, not how likely it is."
    )


def test_another_future_changes_nothing(trained_home: Home, tmp_path: Path, found: dict[str, Any]) -> None:
    home = Home(Path(shutil.copytree(trained_home.root, tmp_path / "home", symlinks=True)))
    store = home.store()
    later = {}
    for kind, series in (("bars", "IWM"), ("bars", "SPY"), ("observations", "VIXCLS")):
        rows = store.as_of().versions(kind, series)
        rows = rows[rows["known_at"] > CLOSE].assign(series=series)
        numbers = [name for name in rows.select_dtypes("float64") if name not in ("volume", "vintage")]
        later.setdefault(kind, []).append(
            rows.assign(
                **{name: rows[name] * 3.0 for name in numbers}, known_at=rows["known_at"] + pd.Timedelta("1min")
            )
        )
    changed = {kind: pd.concat(frames, ignore_index=True) for kind, frames in later.items()}
    assert all(store.append(kind, rows) for kind, rows in changed.items())
    assert situations_of(asked(home)) == found
    # The same on the day after the last change differs: the comparison can fail.
    end = pd.Timestamp("2007-12-31T21:01Z")
    assert situations_of(asked(home, end)) != situations_of(asked(trained_home, end))


def test_a_situation_whose_month_is_not_over_is_no_candidate() -> None:
    paths = _paths(np.array([100.0, 101.0, 99.0, np.nan, 98.0]), 2)
    assert paths.shape == (5, 3)
    assert (~np.isnan(paths).any(axis=1)).tolist() == [True, False, False, False, False]


def test_distances_by_hand() -> None:
    # Quartiles 1 and 3 of 0, 1, 2, 3, 4: a step of one is 1.349 / 2 deviations.
    values = np.tile([0.0, 1.0, 2.0, 3.0, 4.0], 101)
    table = pd.DataFrame(
        {"a": values, "b": values, "constant": 1.0, "unknown today": [*values[:-1], np.nan], "young": np.nan}
    )
    table.loc[len(table) - LEAST + 1 :, "young"] = 1.0 * np.arange(LEAST - 1)
    table.loc[2, "b"] = np.nan
    names, X = _scaled(table)
    assert names == ["a", "b"]
    distance = _distances(X)
    assert distance[-1] == 0.0
    assert distance[0] == pytest.approx(4 * 1.349 / 2, rel=1e-3)
    assert math.isnan(distance[2])


def test_the_nearest_lie_apart_and_of_equal_ones_the_latest_is_taken() -> None:
    distance = np.full(400, 9.0)
    distance[[10, 100, 150, 300]] = [2.0, 1.0, 1.5, 1.0]
    assert _nearest(distance) == [300, 100, 10]
    distance[163] = 0.5  # 63 sessions after 100
    assert _nearest(distance) == [163, 300, 100]
    assert _nearest(np.full(5, np.nan)) == []
    assert _nearest(np.array([np.nan, 1.0, np.nan])) == [1]


def test_too_little_history_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    store = Store(home.data)
    days = sessions.between("2007-06-01", "2007-06-15")
    bars = pd.DataFrame({"series": "IWM", "event_date": days, "known_at": sessions.closes(days)})
    store.append("bars", bars.assign(open=1.0, high=1.0, low=1.0, close=1.0, adj_close=1.0, volume=1.0))
    found = situations_of(asked(home))
    assert (found["nearest"], found["measured_on"], found["typical_distance"]) == ([], [], None)
    assert found["note"].startswith("No past close can be compared with this one")


def test_a_broken_file_of_states_leaves_a_note(trained_home: Home, tmp_path: Path) -> None:
    home = Home(tmp_path)
    shutil.copytree(trained_home.data, home.data)
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / f"{situations.STATES}.toml").write_text("name = 3\n")
    found = situations_of(asked(home))
    assert found["nearest"] == []
    assert found["note"].startswith("No similar situations: ")
