"""Runs read from the SQLite file itself are those that MLflow gives."""

from __future__ import annotations

import math
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tracking.killed_writer import leave_journal

from bullbear.errors import RunError
from bullbear.home import Home
from bullbear.tracking import stored_runs
from bullbear.tracking.mlflow_store import connect, experiment_id, tracking_uri


def test_the_file_holds_what_mlflow_tells(home: Home) -> None:
    client = connect(home.runs)
    newest, older = stored_runs.stored_runs(home.runs)
    assert (newest.tags["model"], older.tags["model"]) == ("small", "base")
    told = stored_runs._by_client(home.runs)
    assert [replace(each, model_id=None) for each in (newest, older)] == told
    assert {newest.model_id, older.model_id} == {
        model.model_id for model in client.search_logged_models([newest.experiment_id])
    }
    client.set_tag(older.run_id, "mlflow.parentRunId", "gone")  # a child whose training did not finish
    assert stored_runs.stored_runs(home.runs) == [newest]
    client.delete_run(newest.run_id)
    assert stored_runs.stored_runs(home.runs) == []
    assert stored_runs.stored_runs(home.runs, deleted=True) == [newest]


def test_what_is_written_meanwhile_is_read_whole_or_not_at_all(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(home.runs)  # follows the copied home
    expected, begun = stored_runs.stored_runs(home.runs), stored_runs._experiments

    def written_meanwhile(*arguments: Any) -> Any:
        found = begun(*arguments)
        with closing(sqlite3.connect(home.runs / "mlflow.db", timeout=0)) as other, suppress(sqlite3.OperationalError):
            other.execute("DELETE FROM tags")
            other.commit()
        return found

    monkeypatch.setattr(stored_runs, "_experiments", written_meanwhile)
    assert stored_runs.stored_runs(home.runs) == expected


def test_a_server_is_asked_by_mlflow(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(home.runs)  # follows the copied home
    expected = stored_runs.stored_runs(home.runs)
    uri = tracking_uri(home.runs)
    elsewhere = home.root / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert stored_runs.stored_runs(elsewhere) == [replace(each, model_id=None) for each in expected]


def test_a_home_that_was_moved_is_read_where_it_is(home: Home, tmp_path: Path) -> None:
    moved = Path(shutil.move(home.root, tmp_path / "moved"))
    for run in stored_runs.stored_runs(moved / "mlruns"):
        assert run.place == moved / "mlruns" / "artifacts" / run.run_id / "artifacts"
        assert (run.place / "predictions.csv").exists()


def test_both_experiments_are_read(home: Home) -> None:
    client = connect(home.runs)
    simulated = stored_runs.stored_runs(home.runs)
    assert {client.get_experiment(each.experiment_id).name for each in simulated} == {"bullbear-simulated"}
    run = client.create_run(experiment_id(client, home.runs), tags={"model": "of real data"})
    client.set_terminated(run.info.run_id)
    assert stored_runs.stored_runs(home.runs)[0].run_id == run.info.run_id
    assert [each.run_id for each in stored_runs._by_client(home.runs)] == [
        run.info.run_id,
        *(s.run_id for s in simulated),
    ]


def test_a_damaged_file_is_one_line(tmp_path: Path, trained_home: Home) -> None:
    assert stored_runs.stored_runs(tmp_path) == []
    shutil.copy(trained_home.runs / "mlflow.db", tmp_path / "mlflow.db")
    with open(tmp_path / "mlflow.db", "r+b") as file:
        file.write(b"no database at all")
    with pytest.raises(RunError, match=r"MLflow store .*mlflow\.db: got 'file is not a database'; .*restore the file"):
        stored_runs.stored_runs(tmp_path)


def test_what_a_killed_writer_left_is_taken_back(home: Home) -> None:
    expected = [replace(each, model_id=None) for each in stored_runs.stored_runs(home.runs)]
    journal = leave_journal(home.runs / "mlflow.db")
    assert [replace(each, model_id=None) for each in stored_runs.stored_runs(home.runs)] == expected
    assert not journal.exists()


def test_a_store_that_another_process_holds_is_waited_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_runs, "_PATIENCE", 0.01)
    with closing(sqlite3.connect(home.runs / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RunError, match=r"mlflow\.db: another process holds it; .*wait until it has ended"):
            stored_runs.stored_runs(home.runs)


def test_a_metric_that_is_no_number_is_left_out_by_both(home: Home) -> None:
    client = connect(home.runs)
    newest = stored_runs.stored_runs(home.runs)[0]
    client.log_metric(newest.run_id, "bss", math.nan)
    told = stored_runs._by_client(home.runs)[0]
    assert "bss" in newest.metrics
    assert "bss" not in told.metrics
    assert stored_runs.stored_runs(home.runs)[0].metrics == told.metrics
