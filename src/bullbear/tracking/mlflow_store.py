"""MLflow's store of a home: SQLite and artifacts under `mlruns/`, or whatever MLFLOW_TRACKING_URI names.

The URI is always set: left alone, MLflow may fall back to its old file store. The schema is created here, once, under
a lock, because two processes that create it at the same time break each other. Artifact locations are stored absolute;
when a home has been moved, they are mended before anything is read.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

# Silent, single-process defaults; set before MLflow reads them, never over the user's own.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_name, _value)

import mlflow  # noqa: E402  (after its environment)
from mlflow import MlflowClient  # noqa: E402

EXPERIMENT = "bullbear"
_DATABASE = "mlflow.db"


def tracking_uri(runs: Path) -> str:
    """The URI of the store: MLFLOW_TRACKING_URI, else the home's SQLite file."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{runs / _DATABASE}"


def is_local(runs: Path) -> bool:
    """Whether the store is the home's own."""
    return tracking_uri(runs) == f"sqlite:///{runs / _DATABASE}"


def connect(runs: Path) -> MlflowClient:
    """A client on the store of a home, created and mended as needed, with MLflow's global URI set to it."""
    uri = tracking_uri(runs)
    for name in ("alembic", "mlflow", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    if not is_local(runs):
        return MlflowClient(uri)
    runs.mkdir(parents=True, exist_ok=True)
    with _locked(runs):
        _follow_move(runs)
        client = MlflowClient(uri)
        if client.get_experiment_by_name(EXPERIMENT) is None:
            client.create_experiment(EXPERIMENT, artifact_location=(runs / "artifacts").as_uri())
    return client


def experiment_id(client: MlflowClient) -> str:
    """The experiment that holds the trainings; created on a foreign store when missing."""
    found = client.get_experiment_by_name(EXPERIMENT)
    return str(found.experiment_id) if found else str(client.create_experiment(EXPERIMENT))


def _follow_move(runs: Path) -> None:
    database = runs / _DATABASE
    if not database.exists():
        return
    here = (runs / "artifacts").as_uri()
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "experiments" not in tables:
            return
        row = connection.execute("SELECT artifact_location FROM experiments WHERE name = ?", (EXPERIMENT,)).fetchone()
        if row is None or row[0] == here:
            return
        places = {
            "experiments": "artifact_location",
            "runs": "artifact_uri",
            "logged_models": "artifact_location",
            "model_versions": "storage_location",
        }
        for table, column in places.items():
            if table in tables:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (here, len(row[0]) + 1, len(row[0]), row[0]),
                )


@contextmanager
def _locked(runs: Path) -> Iterator[None]:
    with open(runs / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
