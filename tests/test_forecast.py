"""The daily forecast: the walk-forward repeated to the last bit, never with a model that did not exist yet."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from bullbear.bundle import read_bundle
from bullbear.errors import HistoryError, InputError, NoDataError, RunError
from bullbear.forecast import forecast, issue
from bullbear.home import Home
from bullbear.ledger import Ledger
from bullbear.tracking import Runs

KEYS = {
    "": "ticker decided_at resolves_on horizon_sessions p_up p_low p_high climatology regime agents positions stops "
    "reentries drivers model data",
    "agents.bull": "weight instrument reasons",
    "agents.bear": "weight instrument tier reasons",
    "model": "name run_id definition_hash trained_through",
    "data": "fingerprint last_known_at stale simulated",
}


def of_day(home: Home, day: str | None) -> dict:
    return forecast(home.store(), read_bundle(home.champion), day)


@pytest.mark.parametrize("day", ["2003-01-02", "2005-07-01", "2007-12-31"])
def test_a_day_inside_the_walk_forward_is_repeated_to_the_last_bit(trained_home: Home, day: str) -> None:
    bundle = read_bundle(trained_home.champion)
    row = bundle.predictions.set_index("decided_at").loc[f"{day}"].iloc[0]
    entry = of_day(trained_home, day)
    assert (entry["p_up"], entry["p_low"], entry["p_high"]) == (row["p"], row["p_low"], row["p_high"])
    assert entry["climatology"] == row["climatology"]
    assert entry["resolves_on"] == str(row["resolved_at"].tz_convert("America/New_York").date())
    assert entry["model"]["trained_through"] < day


def test_the_document_has_the_keys_of_the_interface(trained_home: Home) -> None:
    entry = of_day(trained_home, "2006-03-01")
    for path, names in KEYS.items():
        found = entry
        for part in filter(None, path.split(".")):
            found = found[part]
        assert set(found) == set(names.split()), path
    assert set(entry["positions"]) == {"IWM", "TWM", "CASH"}
    assert sum(entry["positions"].values()) == pytest.approx(1.0, abs=1e-12)
    assert entry["data"]["simulated"] is True
    for driver in entry["drivers"]:
        assert set(driver) == {"factor", "value", "contribution"}
        assert driver["factor"] in ("rsi_14", "vix")
    for stop in entry["stops"]:
        assert {"ticker", "level", "atr", "multiple"} <= set(stop)


@pytest.mark.parametrize("asked", ["2007-06-16", "2007-06-17"])
def test_a_weekend_is_answered_from_friday(trained_home: Home, asked: str) -> None:
    assert of_day(trained_home, asked)["decided_at"] == "2007-06-15T20:00:00Z"


def test_without_a_day_the_last_session_answers(trained_home: Home) -> None:
    assert of_day(trained_home, None) == of_day(trained_home, "2007-12-31")


@pytest.mark.parametrize(
    ("day", "kind", "message"),
    [
        ("2001-12-31", HistoryError, "look ahead"),
        ("2002-12-31", HistoryError, "days from 2003-01-02, the champion's first out-of-sample forecast"),
        ("1999-12-31", NoDataError, "--as-of: got '1999-12-31'; allowed: 2000-01-03 to 2007-12-31"),
        ("2008-02-01", NoDataError, "--as-of: got '2008-02-01'"),
        ("1066-10-14", NoDataError, "--as-of"),
        ("9999-12-31", NoDataError, "--as-of"),
        ("yesterday", InputError, "got 'yesterday'"),
        ("2007-02-30", InputError, "got '2007-02-30'"),
        ("", InputError, "got ''"),
    ],
)
def test_a_day_that_cannot_be_answered(trained_home: Home, day: str, kind: type[InputError], message: str) -> None:
    with pytest.raises(kind, match=message):
        of_day(trained_home, day)


def test_asked_twice_there_is_one_entry(home: Home) -> None:
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    before = ledger.entries()
    assert [entry["decided_at"] for entry in before] == ["2007-06-15T20:00:00Z", "2007-12-31T21:00:00Z"]
    assert issue(home) == before[1]
    assert issue(home, "2007-12-28")["ledger"]["index"] == 2
    assert issue(home, "2007-12-29")["ledger"]["index"] == 2  # a Saturday: the same decision
    assert len(ledger.entries()) == 3


def test_another_champion_makes_another_entry_without_drivers(home: Home) -> None:
    runs = Runs(home)
    base = next(run for run in map(runs.find, _ids(runs)) if run.model == "base")
    runs.promote(base)
    entry = issue(home)
    assert entry["ledger"]["index"] == 2
    assert entry["model"]["run_id"] == base.run_id
    assert entry["drivers"] == []
    assert entry["p_up"] == pytest.approx(entry["climatology"], abs=1e-12)


def _ids(runs: Runs) -> list[str]:
    return [run.info.run_id for run in runs._finished()]


def test_a_champion_of_simulated_data_does_not_forecast_on_real_data(home: Home) -> None:
    (home.data / "SIMULATED.json").unlink()
    with pytest.raises(InputError, match=r"champion: got 'trained on the simulated market'"):
        issue(home)


def test_no_champion(home: Home) -> None:
    home.champion.unlink()
    with pytest.raises(RunError, match=r"bullbear promote latest"):
        issue(home)


def test_rows_known_later_change_nothing(home: Home) -> None:
    before = of_day(home, "2006-03-01")
    bars = home.store().as_of().bars("IWM").loc["2006-03-01":].reset_index()
    later = bars.assign(series="IWM", known_at=bars["known_at"] + pd.Timedelta(days=1))
    later[["open", "high", "low", "close", "adj_close"]] *= 2.0
    assert home.store().append("bars", later) == len(bars)
    assert of_day(home, "2006-03-01") == before


def test_a_forecast_needs_neither_mlflow_nor_scikit_learn(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from bullbear.learn.gradient_boosting import import_without_sklearn;"
        "import_without_sklearn(); from bullbear.forecast import issue; from bullbear.home import Home;"
        f"issue(Home(Path({str(home.root)!r})), '2007-11-01');"
        "print([name for name in ('mlflow', 'sklearn', 'matplotlib', 'statsmodels', 'arch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
