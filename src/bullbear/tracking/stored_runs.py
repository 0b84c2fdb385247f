"""Finished runs as plain records, read without MLflow where the store is the home's own.

MLflow takes seconds to import and to connect; a table of runs needs a few tables of its SQLite file. Any other store is
asked through MLflow's client, and so is a file that is not as expected: MLflow says best what is wrong.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from bullbear.errors import Found, RunError
from bullbear.home import experiment_names
from bullbear.tracking.run import Run
from bullbear.tracking.tags import SEARCH
from bullbear.tracking.usable import RESTORE, VARIABLE, WAIT, is_locked, is_of_this_mlflow

PARENT = "mlflow.parentRunId"
MODEL = "model_id"
"""Among the tags of an opened run: the model that can be served."""
_DATABASE = "mlflow.db"
_PATIENCE = 30.0
"""Seconds to wait for another process that writes."""


@dataclass(frozen=True)
class StoredRun:
    """A finished run; `started` and `ended` are in milliseconds since 1970, `metrics` have the last value of each.

    A metric that is not a number is left out.
    """

    run_id: str
    started: int
    ended: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    artifact_uri: str = ""
    experiment_id: str = ""
    model_id: str | None = None
    """The model that can be served; None where it has none, or the client was not asked for it."""

    @property
    def parent(self) -> str | None:
        """The training of several questions that it belongs to."""
        return self.tags.get(PARENT)

    @property
    def place(self) -> Path | None:
        """The folder of its artifacts, if that is on this machine."""
        uri = urlsplit(self.artifact_uri)
        # A URI escapes blanks and letters beyond ASCII; a path does not.
        return Path(url2pathname(uri.path)) if uri.scheme in ("file", "") else None


def is_own(runs: Path) -> bool:
    """Whether the store is the home's own file."""
    return not os.environ.get(VARIABLE)


def stored_runs(runs: Path, *, deleted: bool = False) -> list[StoredRun]:
    """The finished runs of a home's experiments, the newest first; a child counts only with its finished parent.

    Searches for parameters, which are nested in their training, are left out.

    Parameters
    ----------
    runs
        `Home.runs`.
    deleted
        Deleted ones, too.

    Raises
    ------
    RunError
        The store cannot be read.
    """
    if is_own(runs) and any(runs.glob("spool/*/run.json")):
        from bullbear.tracking.mlflow_store import connect_to_read

        connect_to_read(runs)  # logs what waits
    found = _by_file(runs, deleted=deleted) if is_own(runs) else None
    if found is None:
        found = _by_client(runs, deleted=deleted)
    counted = [each for each in found if SEARCH not in each.tags]
    whole = {each.run_id for each in counted}
    return [each for each in counted if each.parent is None or each.parent in whole]


def _by_file(runs: Path, *, deleted: bool) -> list[StoredRun] | None:
    """From the SQLite file; None where the client must read it, or tell what is wrong.

    So it is with one of another MLflow, without an experiment, or that a killed writer left: a connection that only
    reads cannot take back what that had begun.
    """
    if not (runs / _DATABASE).exists():
        return []
    try:
        uri = f"file:{quote(str(runs / _DATABASE))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE)) as store:
            store.execute("BEGIN")  # one state for all that is read: a run that ends meanwhile is whole, or not there
            if not all(is_of_this_mlflow(str(each)) for (each,) in store.execute("SELECT * FROM alembic_version")):
                return None
            experiments = _experiments(store, runs)
            return None if experiments is None else _read(store, runs, experiments, deleted=deleted)
    except sqlite3.Error as bad:
        where, allowed = f"MLflow store {runs / _DATABASE}", "a tracking store as MLflow writes it"
        if is_locked(bad):
            raise RunError(where, Found("another process holds it"), "a store that is free", WAIT) from bad
        if getattr(bad, "sqlite_errorname", "") in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            raise RunError(where, str(bad), allowed, RESTORE) from bad
        return None


def _experiments(store: sqlite3.Connection, runs: Path) -> dict[int, str] | None:
    """Where the artifacts of each experiment were when it was written, by its id."""
    first, *_ = names = experiment_names(runs)
    marks = ", ".join("?" * len(names))
    rows = store.execute(
        f"SELECT experiment_id, name, lifecycle_stage, artifact_location FROM experiments WHERE name IN ({marks})",
        names,
    ).fetchall()
    if any(stage == "deleted" for _, _, stage, _ in rows) or first not in [name for _, name, _, _ in rows]:
        return None
    return {number: location for number, _, _, location in rows}


def _read(store: sqlite3.Connection, runs: Path, experiments: Mapping[int, str], *, deleted: bool) -> list[StoredRun]:
    finished = (
        f"SELECT run_uuid FROM runs WHERE experiment_id IN ({', '.join('?' * len(experiments))}) "
        "AND status = 'FINISHED'" + ("" if deleted else " AND lifecycle_stage = 'active'")
    )
    numbers = tuple(experiments)

    def by_run(query: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for run_id, key, value in store.execute(f"{query} ({finished})", numbers):
            found.setdefault(run_id, {})[key] = value
        return found

    tags = by_run("SELECT run_uuid, key, value FROM tags WHERE run_uuid IN")
    params = by_run("SELECT run_uuid, key, value FROM params WHERE run_uuid IN")
    metrics: dict[str, dict[str, float]] = {}
    query = f"SELECT run_uuid, key, value FROM latest_metrics WHERE NOT is_nan AND run_uuid IN ({finished})"
    for run_id, key, value in store.execute(query, numbers):
        metrics.setdefault(run_id, {})[key] = float(value)
    models = dict(
        store.execute(
            "SELECT source_run_id, model_id FROM logged_models WHERE lifecycle_stage = 'active' "
            f"AND source_run_id IN ({finished})",
            numbers,
        )
    )
    here = (runs / "artifacts").as_uri()
    rows = store.execute(
        "SELECT run_uuid, start_time, end_time, artifact_uri, experiment_id FROM runs "
        f"WHERE run_uuid IN ({finished}) ORDER BY end_time DESC, start_time DESC, run_uuid",
        numbers,
    ).fetchall()
    return [
        StoredRun(
            run_id,
            started or 0,
            ended or 0,
            tags.get(run_id, {}),
            params.get(run_id, {}),
            metrics.get(run_id, {}),
            _followed(artifacts, experiments[number], here),
            str(number),
            models.get(run_id),
        )
        for run_id, started, ended, artifacts, number in rows
    ]


def _followed(uri: str, written: str, here: str) -> str:
    """The place of a run's artifacts in a home that was moved since."""
    return here + uri.removeprefix(written) if uri.startswith(written) else uri


def _by_client(runs: Path, *, deleted: bool = False) -> list[StoredRun]:
    from mlflow.entities import ViewType

    from bullbear.tracking.mlflow_store import connect_to_read, exists, experiment_ids

    if not exists(runs):
        return []
    client = connect_to_read(runs)
    experiments, token, found = experiment_ids(client, runs), None, []
    while True:
        page = client.search_runs(
            experiments,
            "attributes.status = 'FINISHED'",
            run_view_type=ViewType.ALL if deleted else ViewType.ACTIVE_ONLY,
            order_by=["attributes.end_time DESC"],
            max_results=1000,
            page_token=token,
        )
        found += [_plain(each) for each in page]
        token = page.token
        if not token:
            return found


def _plain(run: object) -> StoredRun:
    # MLflow's Run, whose type would import MLflow, which this module does without where it can.
    info, data = run.info, run.data  # type: ignore[attr-defined]
    return StoredRun(
        info.run_id,
        info.start_time or 0,
        info.end_time or 0,
        dict(data.tags),
        dict(data.params),
        {name: value for name, value in data.metrics.items() if not math.isnan(value)},
        str(info.artifact_uri),
        str(info.experiment_id),
    )


def has_store(runs: Path) -> bool:
    """Whether there is a store to read; asking does not create one."""
    if is_own(runs):
        return (runs / _DATABASE).exists()
    from bullbear.tracking.mlflow_store import exists

    return exists(runs)


def opened(run: StoredRun, artifacts: Path) -> Run:
    """A run with the place of its artifacts."""
    tags = dict(run.tags) if run.model_id is None else {**run.tags, MODEL: run.model_id}
    return Run(run.run_id, tags.get("model", "?"), tags, run.params, artifacts)
