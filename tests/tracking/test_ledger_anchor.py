"""The ledger's head as a tag in MLflow's store: written by MLflow, read from its database, never set back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bullbear.errors import LedgerError
from bullbear.forecasting.chain import Anchor
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.ledger import Ledger
from bullbear.forecasting.tracked_anchor import tracked_anchor
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.ledger_anchor import record_ledger_head
from bullbear.tracking.mlflow_store import connect, experiment_id
from bullbear.workflows.training import train_model


def ledger(home: Home) -> Ledger:
    return Ledger(home.forecasts / "ledger.jsonl")


def test_what_is_recorded_through_mlflow_is_read_without_it(home: Home) -> None:
    notes: list[str] = []
    assert tracked_anchor(home.runs) is None
    recorded = record_ledger_head(home, say=notes.append)
    assert recorded == Anchor.of(ledger(home).entries()) == tracked_anchor(home.runs)
    assert recorded is not None
    assert recorded.count == 16  # two evenings of eight questions
    assert notes == []


def test_training_and_promoting_record_it(home: Home) -> None:
    train_model(home, "base")
    assert tracked_anchor(home.runs) == Anchor.of(ledger(home).entries())
    issue(home, "2007-10-01")
    runs = Runs(home)
    runs.promote(runs.find("latest"))
    assert tracked_anchor(home.runs) == Anchor.of(ledger(home).entries())
    assert len(ledger(home).entries()) == 24


def test_it_is_never_set_back(home: Home) -> None:
    notes: list[str] = []
    recorded = record_ledger_head(home)
    path = home.forecasts / "ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:8]))
    (home.forecasts / "ledger.head").unlink()
    assert record_ledger_head(home, say=notes.append) is None
    (note,) = notes
    assert note.startswith("the ledger was not recorded in the MLflow store: ledger.jsonl: got '8 whole entries'")
    assert tracked_anchor(home.runs) == recorded


def test_a_damaged_ledger_does_not_lose_a_training(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    path = home.forecasts / "ledger.jsonl"
    path.write_text(path.read_text().replace('"p_up":0.', '"p_up":0.9', 1))
    trained = train_model(home, "base")
    assert Runs(home).find("latest").run_id == trained.run_id
    assert "note: the ledger was not recorded in the MLflow store: ledger.jsonl:1: " in capsys.readouterr().err
    assert tracked_anchor(home.runs) is None


def test_a_store_that_cannot_be_used_does_not_end_the_command(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere")
    assert record_ledger_head(home, say=notes.append) is None
    assert notes == [
        "the ledger was not recorded in the MLflow store: MLFLOW_TRACKING_URI: got 'nowhere'; allowed: the URI of an "
        "MLflow server or database; correct or unset MLFLOW_TRACKING_URI"
    ]


def test_without_a_forecast_there_is_nothing_to_record(home: Home) -> None:
    for name in ("ledger.jsonl", "ledger.head"):
        (home.forecasts / name).unlink()
    assert record_ledger_head(home) is None
    assert tracked_anchor(home.runs) is None


def test_homes_that_share_a_store_do_not_contradict_each_other(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    other = Home(tmp_path / "other")
    Ledger(other.forecasts / "ledger.jsonl").append({"n": 0}, identity=("n",))
    notes: list[str] = []
    recorded = [record_ledger_head(each, say=notes.append) for each in (home, other, home)]
    assert [each.count for each in recorded if each] == [16, 1, 16]
    assert notes == []
    client = connect(home.runs)
    tags = client.get_experiment(experiment_id(client)).tags
    assert sorted(tags.values()) == sorted(each.text() for each in recorded[:2] if each)


def test_a_store_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    assert tracked_anchor(tmp_path) is None
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER, name TEXT)")
    with pytest.raises(sqlite3.Error, match="no such table"):
        tracked_anchor(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.Error, match="not a database"):
        tracked_anchor(tmp_path)


@pytest.mark.parametrize("name", ["a b", "50%20off", "why?", "hash#tag"])
def test_a_path_with_special_characters_is_read(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    place.mkdir()
    _tagged(place, Anchor(3, "ab").text())
    assert tracked_anchor(place) == Anchor(3, "ab")


def test_a_tag_that_is_no_anchor_is_refused(tmp_path: Path) -> None:
    _tagged(tmp_path, "three")
    with pytest.raises(LedgerError, match=r"mlflow\.db, tag ledger\.head: got 'three'; allowed: "):
        tracked_anchor(tmp_path)


def _tagged(place: Path, value: str) -> None:
    plain = place.parent / f"{place.name.encode().hex()}.db"
    with sqlite3.connect(plain) as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER, name TEXT)")
        database.execute("CREATE TABLE experiment_tags (key TEXT, value TEXT, experiment_id INTEGER)")
        database.executemany("INSERT INTO experiments VALUES (?, ?)", [(0, "Default"), (1, "bullbear")])
        rows = [("ledger.head", Anchor(9, "cd").text(), 0), ("other", "x", 1), ("ledger.head", value, 1)]
        database.executemany("INSERT INTO experiment_tags VALUES (?, ?, ?)", rows)
    plain.rename(place / "mlflow.db")


def test_a_forecast_says_that_the_store_has_seen_entries_which_are_gone(home: Home) -> None:
    recorded = record_ledger_head(home)
    assert recorded is not None
    notes: list[str] = []
    issue(home, "2007-06-15", say=notes.append)
    assert notes == []
    for name in ("ledger.jsonl", "ledger.head"):
        (home.forecasts / name).unlink()
    issue(home, "2007-06-15", say=notes.append)
    assert len(notes) == 1
    assert notes[0].startswith(f"the ledger has 0 entries and the MLflow store recorded {recorded.count}: entries were")
