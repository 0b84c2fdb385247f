"""The store behind the trainings: whose it is, who creates it, and what moving a home does to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, exists, experiment_id, is_local, tracking_uri


def test_the_store_is_the_homes_own_unless_the_user_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    assert is_local(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5001")
    assert tracking_uri(tmp_path) == "http://127.0.0.1:5001"
    assert not is_local(tmp_path)


def test_connecting_leaves_the_environment_as_it_was(trained_home: Home) -> None:
    # MLflow exports its URI; the next home of the same process would take it for the user's.
    connect(trained_home.runs)
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_two_homes_in_one_process_do_not_mix(trained_home: Home, home: Home) -> None:
    theirs, ours = Runs(trained_home).find("latest"), Runs(home).find("latest")
    assert theirs.run_id == ours.run_id
    assert theirs.artifacts.is_relative_to(trained_home.root)
    assert ours.artifacts.is_relative_to(home.root)


def test_asking_whether_there_is_a_store_creates_none(tmp_path: Path) -> None:
    assert not exists(tmp_path / "mlruns")
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.slow
def test_two_processes_may_create_the_store_at_once(tmp_path: Path) -> None:
    runs = str(tmp_path / "mlruns")
    code = f"from pathlib import Path; from bullbear.tracking.mlflow_store import connect; connect(Path({runs!r}))"
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    with sqlite3.connect(tmp_path / "mlruns" / "mlflow.db") as database:
        assert database.execute("SELECT count(*) FROM experiments WHERE name = 'bullbear'").fetchone() == (1,)


def test_a_leftover_of_the_old_file_store_does_not_flip_the_store(home: Home) -> None:
    (home.runs / "0").mkdir()
    (home.runs / "0" / "meta.yaml").write_text("name: Default\n")
    assert Runs(home).find("latest").model == "small"


def test_every_stored_place_follows_a_moved_home(home: Home, tmp_path: Path) -> None:
    connect(home.runs)
    moved = Home(tmp_path / "another größe")
    shutil.move(home.root, moved.root)
    client = connect(moved.runs)
    place = (moved.runs / "artifacts").as_uri()
    assert client.get_experiment(experiment_id(client)).artifact_location == place
    with sqlite3.connect(moved.runs / "mlflow.db") as database:
        for table, column in [
            ("runs", "artifact_uri"), ("logged_models", "artifact_location"), ("model_versions", "storage_location"),
        ]:  # fmt: skip
            found = [value for (value,) in database.execute(f"SELECT {column} FROM {table}") if value]
            assert found, table
            assert all(value.startswith(place + "/") for value in found), table
    run = Runs(moved).find("latest")
    assert run.artifacts.is_relative_to(moved.root)
    assert len(run.predictions) == 1258
