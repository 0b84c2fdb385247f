"""MLflow's store of a home: SQLite and artifacts under `mlruns/`, or whatever MLFLOW_TRACKING_URI names.

The URI is always set: left alone, MLflow may fall back to its old file store. The schema is created here, once, under
a lock and beside its place, because two processes that create it at the same time break each other, and a killed one
leaves half of it. Artifact locations are stored absolute; when a home has been moved, they are mended before anything
is read.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

# Silent, single-process defaults; set before MLflow reads them, never over the user's own.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    # A remote store makes MLflow print links on stdout, where a program expects our data.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}.items():
    os.environ.setdefault(_name, _value)

import mlflow  # noqa: E402  (after its environment)
from mlflow import MlflowClient  # noqa: E402

from bullbear.errors import RunError  # noqa: E402

EXPERIMENT = "bullbear"
_DATABASE = "mlflow.db"
_STAGED = ".mlflow-"
_URI = "MLFLOW_TRACKING_URI"


def tracking_uri(runs: Path) -> str:
    """The URI of the store: MLFLOW_TRACKING_URI, else the home's SQLite file."""
    return os.environ.get(_URI) or f"sqlite:///{runs / _DATABASE}"


def is_local(runs: Path) -> bool:
    """Whether the store is the home's own."""
    return tracking_uri(runs) == f"sqlite:///{runs / _DATABASE}"


def connect(runs: Path) -> MlflowClient:
    """A client on the store of a home, created and mended as needed, with MLflow's global URI set to it."""
    uri = tracking_uri(runs)
    for name in ("alembic", "mlflow", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    _point_mlflow_to(uri)
    runs.mkdir(parents=True, exist_ok=True)
    with _locked(runs):
        if is_local(runs):
            if not (runs / _DATABASE).exists():
                _create(runs)
            _follow_move(runs)
        client = MlflowClient(uri)
        if client.get_experiment_by_name(EXPERIMENT) is None:
            # A server has its own place for artifacts; a mere database would put them into the current directory.
            place = None if uri.startswith(("http:", "https:")) else (runs / "artifacts").as_uri()
            client.create_experiment(EXPERIMENT, artifact_location=place)
    return client


def exists(runs: Path) -> bool:
    """Whether there is a store to read; asking does not create one."""
    return not is_local(runs) or (runs / _DATABASE).exists()


def experiment_id(client: MlflowClient) -> str:
    """The experiment that holds the trainings; `connect` has created it."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        raise RunError("MLflow store", "no experiment", EXPERIMENT, "run `bullbear train MODEL` to create it")
    return str(found.experiment_id)


def _point_mlflow_to(uri: str) -> None:
    # MLflow writes the URI into the environment, where the next home in this process would take it for the user's.
    chosen = os.environ.get(_URI)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    if chosen is None:
        os.environ.pop(_URI, None)


def _create(runs: Path) -> None:
    # MLflow takes seconds for its schema and cannot go on with half of one: killed in between, the home would be lost.
    for leftover in runs.glob(f"{_STAGED}*"):
        leftover.unlink()
    staged = runs / f"{_STAGED}{uuid4().hex}"
    client = MlflowClient(f"sqlite:///{staged}")
    client.create_experiment(EXPERIMENT, artifact_location=(runs / "artifacts").as_uri())
    os.replace(staged, runs / _DATABASE)


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
