"""MLflow's store of a home: SQLite and artifacts under `mlruns/`, or whatever MLFLOW_TRACKING_URI names.

The URI is always set: left alone, MLflow may fall back to its old file store. The schema is created here, once, under
a lock and beside its place, because two processes that create it at the same time break each other, and a killed one
leaves half of it. Artifact locations are stored absolute; when a home has been moved, they are mended before anything
is read. A home that cannot be written is read through a private copy of its database, because MLflow needs to write
even where it only reads. Whether the store can be used at all is checked by `tracking.usable`.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote
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
from mlflow.exceptions import MlflowException  # noqa: E402
from sqlalchemy import URL, make_url  # noqa: E402

from bullbear.errors import Found, InputError, RunError  # noqa: E402
from bullbear.files import FileLock  # noqa: E402
from bullbear.home import EXPERIMENT, experiment_name, experiment_names  # noqa: E402
from bullbear.tracking.spool import is_waiting, log_spooled  # noqa: E402
from bullbear.tracking.usable import VARIABLE, is_server, limited_patience, require_usable, shell_command  # noqa: E402

_DATABASE = "mlflow.db"
_STAGED = ".mlflow-"


def tracking_uri(runs: Path) -> str:
    """The URI of the store: MLFLOW_TRACKING_URI, else the home's SQLite file.

    Raises
    ------
    InputError
        The installed SQLAlchemy has no URI for this path.
    """
    return os.environ.get(VARIABLE) or _sqlite_uri(runs / _DATABASE)


def is_local(runs: Path) -> bool:
    """Whether the store is the home's own."""
    named = os.environ.get(VARIABLE)
    file = _sqlite_file(named) if named else runs / _DATABASE
    return file is not None and file.resolve() == (runs / _DATABASE).resolve()


def connect(runs: Path) -> MlflowClient:
    """A client on the store of a home, created and mended as needed, with MLflow's global URI set to it.

    Raises
    ------
    RunError, InputError
        The store cannot be used or written; see `require_usable`.
    """
    uri = tracking_uri(runs)
    _quiet()
    require_usable(uri)
    runs.mkdir(parents=True, exist_ok=True)
    with FileLock(runs / ".lock"), _full_disk_named(runs):
        if is_local(runs):
            _require_writable(runs)
            if not (runs / _DATABASE).exists():
                _create(runs)
            _follow_move(runs / _DATABASE, runs)
        client = _client(uri)
        experiment_of(client, experiment_name(runs), runs)
    with limited_patience():
        log_spooled(client, lambda simulated: experiment_for(client, runs, simulated=simulated), runs)
    return client


def connect_to_read(runs: Path) -> MlflowClient:
    """A client for reading only: it also serves a home that cannot be written, and creates nothing elsewhere.

    Raises
    ------
    RunError, InputError
        The store cannot be used; see `require_usable`.
    """
    if is_local(runs):
        return connect(runs) if _is_writable(runs) else _connect_to_copy(runs)
    if is_waiting(runs) and os.access(runs / "spool", os.W_OK):
        return connect(runs)
    uri = tracking_uri(runs)
    _quiet()
    require_usable(uri)
    return _client(uri)


def require_ready(runs: Path, experiment: str | None = None) -> None:
    """Check within seconds, before long work, that its result can be logged; a first store is not created for that.

    Raises
    ------
    RunError, InputError, OSError
        The store cannot be used, or the home cannot be written.
    """
    if exists(runs):
        experiment_of(connect(runs), experiment or experiment_name(runs), runs)
        return
    require_usable(tracking_uri(runs))
    if is_local(runs):
        _require_writable(runs)


def exists(runs: Path) -> bool:
    """Whether there is a store to read; asking does not create one."""
    file = _sqlite_file(tracking_uri(runs))
    return file is None or file.exists()


def experiment_id(client: MlflowClient, runs: Path | None = None) -> str:
    """The experiment that holds the trainings on real data; see `experiment_ids`.

    Raises
    ------
    RunError
        There is none, or it was deleted.
    """
    name = EXPERIMENT if runs is None else experiment_name(runs)
    found = client.get_experiment_by_name(name)
    if found is None:
        raise RunError("MLflow store", Found("no experiment"), name, "run `bullbear train MODEL` to create it")
    return _not_deleted(found, client.tracking_uri)


def experiment_for(client: MlflowClient, runs: Path, *, simulated: bool) -> str:
    """The id of the experiment for a training on this kind of data, created where it is absent."""
    return experiment_of(client, experiment_names(runs)[simulated], runs)


def experiment_ids(client: MlflowClient, runs: Path) -> list[str]:
    """The experiments that hold the trainings of a home; that of the simulated market where there is one.

    Raises
    ------
    RunError
        There is none, or one was deleted.
    """
    simulated = client.get_experiment_by_name(experiment_names(runs)[1])
    others = [] if simulated is None else [_not_deleted(simulated, client.tracking_uri)]
    return [experiment_id(client, runs), *others]


def experiment_of(client: MlflowClient, name: str, runs: Path) -> str:
    """The id of an experiment, created where it is absent.

    Raises
    ------
    RunError
        It was deleted: MLflow keeps its name until it is restored or removed for good.
    """
    uri = tracking_uri(runs)
    found = client.get_experiment_by_name(name)
    if found is None:
        # A server has its own place for artifacts; a mere database would put them into the current directory.
        place = None if is_server(uri) else (runs / "artifacts").as_uri()
        try:
            return str(client.create_experiment(name, artifact_location=place))
        except MlflowException as bad:
            if bad.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)  # another process was quicker
    return _not_deleted(found, uri)


def _not_deleted(experiment: Any, uri: str) -> str:
    number = str(experiment.experiment_id)
    if experiment.lifecycle_stage == "deleted":
        raise RunError(
            "MLflow experiment",
            f"{experiment.name}, deleted",
            "an experiment that is not deleted",
            f"run `{shell_command(uri, 'mlflow experiments restore -x ' + number)}`",
        )
    return number


def _sqlite_uri(database: Path) -> str:
    plain = f"sqlite:///{database}"
    if not set("?%") & set(str(database)):
        return plain
    # A query and an escape to whoever reads a URI. The driver is named because MLflow would otherwise create the
    # folder of the escaped path.
    uri = URL.create("sqlite+pysqlite", database=str(database)).render_as_string()
    if make_url(uri).database != str(database):  # SQLAlchemy before 2.1 escapes nothing
        raise InputError("--home", str(database.parent.parent), "a path without ? and %", "name another place")
    return uri


def _sqlite_file(uri: str) -> Path | None:
    """The file of an SQLite store; None for a store of another kind."""
    if not uri.startswith("sqlite"):
        return None
    database = make_url(uri).database
    return Path(database) if database and database != ":memory:" else None


def _quiet() -> None:
    for name in ("alembic", "mlflow", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a page for an error that is raised, too


@contextmanager
def _full_disk_named(runs: Path) -> Iterator[None]:
    """Turn an error of SQLite for want of space, however MLflow has wrapped it, into that of a file that is full."""
    try:
        yield
    except Exception as bad:
        deepest: BaseException = bad
        while (deeper := deepest.__cause__ or deepest.__context__) is not None:
            deepest = deeper
        if isinstance(deepest, sqlite3.Error) and deepest.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(runs / _DATABASE)) from bad
        raise


def _client(uri: str) -> MlflowClient:
    _point_mlflow_to(uri)
    return MlflowClient(uri)


def _connect_to_copy(runs: Path) -> MlflowClient:
    folder = tempfile.mkdtemp(prefix="bullbear-read-")
    copy = Path(folder) / _DATABASE
    source = f"file:{quote(str(runs / _DATABASE))}?mode=ro"
    _quiet()
    require_usable(tracking_uri(runs))
    with closing(sqlite3.connect(source, uri=True, timeout=30)) as theirs, closing(sqlite3.connect(copy)) as ours:
        theirs.backup(ours)
    _follow_move(copy, runs)
    client = _client(_sqlite_uri(copy))
    weakref.finalize(client, shutil.rmtree, folder, ignore_errors=True)
    _not_deleted_there(client, runs)
    return client


def _not_deleted_there(client: MlflowClient, runs: Path) -> None:
    found = client.get_experiment_by_name(experiment_name(runs))
    if found is not None:
        _not_deleted(found, tracking_uri(runs))


def _is_writable(runs: Path) -> bool:
    wanted = [path for path in (runs, runs / _DATABASE, runs / ".lock") if path.exists()]
    return all(os.access(path, os.W_OK) for path in wanted)


def _require_writable(runs: Path) -> None:
    place = next(path for path in (runs, *runs.parents) if path.exists())
    if not os.access(place, os.W_OK) or not _is_writable(runs):
        raise PermissionError(errno.EACCES, "no permission to write", str(runs))


def _point_mlflow_to(uri: str) -> None:
    # MLflow writes the URI into the environment, where the next home in this process would take it for the user's.
    chosen = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    if chosen is None:
        os.environ.pop(VARIABLE, None)


def _create(runs: Path) -> None:
    # MLflow takes seconds for its schema and cannot go on with half of one: killed in between, the home would be lost.
    for leftover in runs.glob(f"{_STAGED}*"):
        leftover.unlink()
    staged = runs / f"{_STAGED}{uuid4().hex}"
    client = MlflowClient(_sqlite_uri(staged))
    client.create_experiment(experiment_name(runs), artifact_location=(runs / "artifacts").as_uri())
    os.replace(staged, runs / _DATABASE)


def _follow_move(database: Path, runs: Path) -> None:
    here = (runs / "artifacts").as_uri()
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "experiments" not in tables:
            return
        rows = connection.execute(
            "SELECT artifact_location FROM experiments WHERE name IN (?, ?)", experiment_names(runs)
        ).fetchall()
        moved = {row[0] for row in rows} - {here}
        if not moved:
            return
        places = {
            "experiments": "artifact_location",
            "runs": "artifact_uri",
            "logged_models": "artifact_location",
            "model_versions": "storage_location",
        }
        for there, (table, column) in product(moved, places.items()):
            if table in tables:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (here, len(there) + 1, len(there), there),
                )
