"""Runs read from the SQLite file itself are those that MLflow gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bullbear.errors import RunError
from bullbear.home import Home
from bullbear.tracking import stored_runs
from bullbear.tracking.mlflow_store import connect, tracking_uri


def test_the_file_holds_what_mlflow_tells(home: Home) -> None:
    client = connect(home.runs)
    newest, older = stored_runs.stored_runs(home.runs)
    assert (newest.tags["model"], older.tags["model"]) == ("small", "base")
    assert stored_runs._by_client(home.runs) == [newest, older]
    client.set_tag(older.run_id, "mlflow.parentRunId", "gone")  # a child whose training did not finish
    assert stored_runs.stored_runs(home.runs) == [newest]
    client.delete_run(newest.run_id)
    assert stored_runs.stored_runs(home.runs) == []


def test_a_server_is_asked_by_mlflow(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = stored_runs.stored_runs(home.runs)
    uri = tracking_uri(home.runs)
    elsewhere = home.root / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert stored_runs.stored_runs(elsewhere) == expected


def test_a_damaged_file_is_one_line(tmp_path: Path, trained_home: Home) -> None:
    assert stored_runs.stored_runs(tmp_path) == []
    shutil.copy(trained_home.runs / "mlflow.db", tmp_path / "mlflow.db")
    with open(tmp_path / "mlflow.db", "r+b") as file:
        file.write(b"no database at all")
    with pytest.raises(RunError, match=r"MLflow store .*mlflow\.db: got 'file is not a database'; .*restore the file"):
        stored_runs.stored_runs(tmp_path)
