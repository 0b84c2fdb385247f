"""Whether a tracking store can be used: asked once, within seconds, before any work is spent on a result for it.

MLflow itself asks a silent server for minutes and a broken database ten times. Here a server is asked with short
timeouts (unless the user has set MLflow's own), and the schema of a database is compared with that of the installed
MLflow. Every refusal is one line with the command to type.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bullbear.errors import BullbearError, RunError

VARIABLE = "MLFLOW_TRACKING_URI"
_SECONDS = 5
_SHORT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(_SECONDS), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
_LIMITED = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
_MIGRATION = re.compile(r"^(revision|down_revision)\b.*=\s*[\"\'](\w+)[\"\']", re.MULTILINE)
WAIT = "wait until it has ended, then run the command again"
RESTORE = "restore the file from a copy, or move it away and train again"
"""The remedies for a store that is locked, and for one that is damaged."""
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def is_server(uri: str) -> bool:
    """Whether a URI names an MLflow server."""
    return uri.startswith(("http:", "https:"))


def require_usable(uri: str) -> None:
    """Refuse a store that does not answer, is no store, or has another version's schema.

    Raises
    ------
    RunError
        What is wrong and what to do. A password in the URI is not shown.
    """
    try:
        if is_server(uri):
            _ask_server(uri)
        elif "://" in uri:
            _check_database(uri)
        else:
            raise RunError(VARIABLE, uri, "the URI of an MLflow server or database", f"correct or unset {VARIABLE}")
    except RunError:
        raise
    except Exception as bad:
        raise RunError(
            _owner(uri), without_password(uri), f"a tracking store that answers ({cause(bad)})", _remedy(uri, bad)
        ) from bad


def without_password(uri: str) -> str:
    """The URI as it may be shown."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@", 1)))


def shell_command(uri: str, command: str) -> str:
    """A command of MLflow as it is typed for this store."""
    return f"{VARIABLE}={shlex.quote(without_password(uri))} {command}"


def _ask_server(uri: str) -> None:
    from mlflow import MlflowClient

    with _patience(_SHORT):
        MlflowClient(uri).search_experiments(max_results=1)


def limited_patience() -> AbstractContextManager[None]:
    """While something is logged: a server that is gone costs seconds, since what is not logged is kept.

    MLflow itself tries again for four minutes, at each call. What the user has set stays.
    """
    return _patience(_LIMITED)


@contextmanager
def _patience(limits: Mapping[str, str]) -> Iterator[None]:
    ours = [name for name in limits if name not in os.environ]
    os.environ.update({name: limits[name] for name in ours})
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _check_database(uri: str) -> None:
    import sqlalchemy
    from sqlalchemy.pool import NullPool

    url = sqlalchemy.make_url(uri)
    kind = url.get_backend_name()
    if kind == "sqlite":
        if url.database and url.database != ":memory:" and not Path(url.database).exists():
            return
    elif url.host:
        # Database drivers have no common timeout.
        socket.create_connection((url.host, url.port or _PORTS.get(kind, 5432)), timeout=_SECONDS).close()
    engine = sqlalchemy.create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        if "alembic_version" not in sqlalchemy.inspect(connection).get_table_names():
            return
        found = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None:
        _compare_schema(uri, str(found))


@cache
def _schemas() -> tuple[str, ...]:
    """The schemas that the installed MLflow knows, the newest first; none without it or where they branch."""
    # Each migration names itself and the one before; alembic would import them all, and MLflow itself is not needed.
    found = find_spec("mlflow")
    if found is None or found.origin is None:
        return ()
    folder = Path(found.origin).parent / "store" / "db_migrations" / "versions"
    before = {}
    for path in folder.glob("*.py"):
        names = dict(_MIGRATION.findall(path.read_text(encoding="utf-8")))
        if "revision" in names:
            before[names["revision"]] = names.get("down_revision")
    newest = before.keys() - set(before.values())
    if len(newest) != 1:
        return ()
    schemas = list(newest)
    while (earlier := before.get(schemas[-1])) is not None:
        schemas.append(earlier)
    return tuple(schemas)


def is_of_this_mlflow(schema: str) -> bool:
    """Whether a database has the schema of the installed MLflow, as far as that can be told."""
    return schema in _schemas()[:1] or not _schemas()


def _compare_schema(uri: str, found: str) -> None:
    import mlflow

    if is_of_this_mlflow(found):
        return
    wanted, *earlier = _schemas()
    shown = without_password(uri)
    older = found in earlier
    remedy = (
        f"back the database up, then run `mlflow db upgrade {shlex.quote(shown)}`"
        if older
        else "it was written by a newer MLflow: upgrade with `pip install -U mlflow`"
    )
    raise RunError(
        f"MLflow store {shown}", f"schema {found}", f"schema {wanted} of MLflow {mlflow.__version__}", remedy
    )


def store_errors() -> tuple[type[Exception], ...]:
    """What reading or writing a store may raise; MLflow's own error only where MLflow is loaded."""
    loaded = sys.modules.get("mlflow.exceptions")
    return (BullbearError, OSError, sqlite3.Error, *([loaded.MlflowException] if loaded else []))


def cause(bad: BaseException) -> str:
    """What is at the bottom of an error, in a few words: MLflow and SQLAlchemy wrap it in pages."""
    while (deeper := bad.__cause__ or bad.__context__) is not None:
        bad = deeper
    text = " ".join(str(getattr(bad, "strerror", None) or bad).split())
    return text[:200] or type(bad).__name__


def _owner(uri: str) -> str:
    return VARIABLE if os.environ.get(VARIABLE) else "MLflow store"


def is_locked(bad: BaseException) -> bool:
    """Whether SQLite gave up waiting for another process."""
    codes = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(bad, sqlite3.Error) and getattr(bad, "sqlite_errorcode", 0) & 0xFF in codes


def _remedy(uri: str, bad: BaseException) -> str:
    while (deeper := bad.__cause__ or bad.__context__) is not None:
        bad = deeper
    if is_locked(bad):
        return f"another process holds it: {WAIT}"
    if os.environ.get(VARIABLE):
        return f"start it, or correct or unset {VARIABLE} (without it the home's own store serves)"
    return RESTORE
