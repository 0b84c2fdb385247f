"""The pictures of a forecast whose champion knows the distribution, and what the forecast says of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.forecast import issue
from bullbear.home import Home
from bullbear.learn.distribution import FAN_LEVELS
from bullbear.report import outlook_plots
from bullbear.tracking import Runs
from bullbear.workflows.outlook_pictures import PAST, fan_of, outlook_pictures
from bullbear.workflows.training import train_model

DAY = "2007-06-20"
WIDE = """
name = "wide"
intent = "The past scaled to today's volatility."
questions = ["vol20"]
features = ["outlook"]
[learner]
kind = "distribution"
scale = "har"
[splitter]
first = "2006-01-03"
burn_in_months = 12
refit = "year"
"""


@pytest.fixture(scope="session")
def wide_home(trained_home: Home, once: Callable[[str, Callable[[Path], None]], Path]) -> Home:
    """`trained_home` with a champion of vol20 that knows the distribution; read it only."""

    def build(place: Path) -> None:
        shutil.rmtree(place)
        shutil.copytree(trained_home.root, place, symlinks=True)
        home = Home(place)
        (place / "models" / "wide.toml").write_text(WIDE)
        runs = Runs(home)
        runs.promote(runs.find(train_model(home, "wide").run_id))

    return Home(once("wide home", build))


@pytest.fixture
def wide(wide_home: Home, tmp_path: Path) -> Home:
    """A copy of `wide_home` to write into."""
    return Home(Path(shutil.copytree(wide_home.root, tmp_path / "wide", symlinks=True)))


def test_a_forecast_holds_the_distribution_of_the_champion_that_knows_one(wide: Home) -> None:
    found = issue(wide, DAY)["distribution"]
    assert set(found) == {"quantiles", "volatility", "volatility_climatology"}
    levels = [float(level) for level in found["quantiles"]]
    assert levels == sorted(levels)
    assert {0.05, 0.25, 0.5, 0.75, 0.95} <= set(levels)
    values = list(found["quantiles"].values())
    assert values == sorted(values)
    # The months that had ended by then: the last one begins 21 sessions before.
    closes = wide.store().as_of().bars("IWM")["adj_close"].loc[:DAY].to_numpy()
    squares = np.diff(np.log(closes)) ** 2
    months = np.sqrt(252 * np.convolve(squares, np.ones(21) / 21, mode="valid"))
    assert found["volatility_climatology"] == pytest.approx(np.exp(np.log(months).mean()), rel=1e-9)
    assert 0.05 < found["volatility"] < 0.6


def test_the_fan_ends_in_the_quantiles_of_the_entry(wide: Home) -> None:
    entry = issue(wide, DAY)
    fan = fan_of(wide, entry)
    assert fan is not None
    assert fan.quantiles.shape == fan.usual.shape == (5, 21)
    ends = [entry["distribution"]["quantiles"][f"{level:g}"] for level in FAN_LEVELS]
    np.testing.assert_allclose(fan.quantiles[:, -1], ends, atol=2e-3)
    assert (str(fan.past.index[-1].date()), len(fan.past)) == (DAY, PAST)
    assert set(outlook_pictures(wide, entry)) == {"against_usual", "fan", "past", "reliability"}
    # Another champion by now: what it would say is no picture of that entry.
    shutil.rmtree(wide.forecasts / "champions" / ".vol20")
    (wide.forecasts / "champions" / "vol20").unlink()
    assert fan_of(wide, entry) is None
    assert "fan" not in outlook_pictures(wide, entry)


def test_the_record_of_a_replay_ends_at_its_close(wide: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(outlook_plots, "past_outlooks_plot", lambda records, simulated: drawn.update(records) or b"")
    outlook_pictures(wide, issue(wide, DAY))
    whole = read_bundle(wide.champion_of("vol20")).predictions
    assert whole.table["decided_at"].max() > pd.Timestamp(f"{DAY}T23:59Z")
    seen = drawn["vol20"].table
    assert str(seen["decided_at"].max().date()) == DAY
    known = seen["y"].notna()
    assert seen.loc[known, "resolved_at"].max() <= seen["decided_at"].max() < seen.loc[~known, "resolved_at"].min()
    drawn.clear()
    outlook_pictures(wide, issue(wide, DAY) | {"decided_at": "2005-12-30T21:00:00Z"})
    assert "vol20" not in drawn  # its first forecast is of 2006


def test_no_record_is_drawn_of_a_champion_that_does_not_forecast(wide: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(outlook_plots, "past_outlooks_plot", lambda records, simulated: drawn.extend(records) or b"")
    entry = issue(wide, DAY)
    outlook_pictures(wide, entry)
    assert drawn == ["up", "vol20"]
    drawn.clear()
    place = wide.champion_of("vol20") / "bundle.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"simulated": False}))
    outlook_pictures(wide, entry)  # on the simulated market: real forecasts must not stand under that name
    assert drawn == ["up"]
    real = entry | {"data": entry["data"] | {"simulated": False}}
    assert "past" not in outlook_pictures(wide, real)


def test_a_distribution_over_another_horizon_than_the_forecasts_is_not_shown(wide: Home) -> None:
    # "The return lies between ..." has no horizon but that of the entry, 21 sessions.
    (wide.root / "models" / "wide.toml").write_text(WIDE + "\n[target]\nhorizon = 63\n")
    runs = Runs(wide)
    runs.promote(runs.find(train_model(wide, "wide").run_id))
    entry = issue(wide, DAY)
    row = next(each for each in entry["outlook"] if each["question"] == "vol20")
    assert (row["model"], "over 63 sessions" in row["statement"]) == ("wide", True)
    assert entry["distribution"] is None


def test_a_forecast_of_a_store_that_was_filled_anew_has_no_fan(wide: Home) -> None:
    entry = issue(wide, DAY)
    entry["data"]["stored_through"] = "2000-01-01T00:00:00.000000Z"  # nothing of that day is stored any more
    assert fan_of(wide, entry) is None


def test_a_forecast_is_drawn_on_request(wide: Home, bullbear: Callable[..., Any]) -> None:
    answer = bullbear("forecast", "--home", wide.root, "--as-of", DAY, "--plot", "--json")
    assert answer.code == 0
    assert answer.json["question"] == "up"
    paths = [Path(line) for line in answer.err.splitlines()]
    names = ("against_usual", "fan", "past", "reliability")
    assert [path.name for path in paths] == [f"{name}_{DAY}.png" for name in names]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert {path.parent for path in paths} == {wide.reports / "outlook"}
