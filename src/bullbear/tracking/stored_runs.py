"""Finished runs as plain records, read without MLflow where the store is the home's own.

MLflow takes seconds to import and to connect; a table of runs needs five tables of its SQLite file. Any other store is
asked through MLflow's client.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bullbear.errors import RunError
from bullbear.home import experiment_name
from bullbear.tracking.usable import VARIABLE

PARENT = "mlflow.parentRunId"
_DATABASE = "mlflow.db"


@dataclass(frozen=True)
class StoredRun:
    """A finished run; `started` and `ended` are in milliseconds since 1970, `metrics` have the last value of each."""

    run_id: str
    started: int
    ended: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def parent(self) -> str | None:
        """The training of several questions that it belongs to."""
        return self.tags.get(PARENT)


def stored_runs(runs: Path) -> list[StoredRun]:
    """The finished runs of a home's experiment, the newest first; a child counts only with its finished parent.

    Parameters
    ----------
    runs
        `Home.runs`.

    Raises
    ------
    RunError
        The store cannot be read.
    """
    if os.environ.get(VARIABLE) or any(runs.glob("spool/*/run.json")):
        found = _by_client(runs)
    elif not (runs / _DATABASE).exists():
        found = []
    else:
        found = _by_file(runs)
    whole = {each.run_id for each in found}
    return [each for each in found if each.parent is None or each.parent in whole]


def _by_file(runs: Path) -> list[StoredRun]:
    finished = (
        "SELECT run_uuid FROM runs JOIN experiments USING (experiment_id) "
        "WHERE experiments.name = ? AND status = 'FINISHED' AND runs.lifecycle_stage = 'active'"
    )
    name = (experiment_name(runs),)
    try:
        uri = f"file:{quote(str(runs / _DATABASE))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as store:

            def pairs(table: str) -> dict[str, dict[str, str]]:
                by_run: dict[str, dict[str, str]] = {}
                rows = store.execute(f"SELECT run_uuid, key, value FROM {table} WHERE run_uuid IN ({finished})", name)
                for run_id, key, value in rows:
                    by_run.setdefault(run_id, {})[key] = value
                return by_run

            tags, params = pairs("tags"), pairs("params")
            metrics: dict[str, dict[str, float]] = {}
            query = f"SELECT run_uuid, key, value FROM latest_metrics WHERE NOT is_nan AND run_uuid IN ({finished})"
            for run_id, key, value in store.execute(query, name):
                metrics.setdefault(run_id, {})[key] = float(value)
            times = store.execute(
                f"SELECT run_uuid, start_time, end_time FROM runs WHERE run_uuid IN ({finished}) "
                "ORDER BY end_time DESC, start_time DESC, run_uuid",
                name,
            ).fetchall()
    except sqlite3.Error as bad:
        remedy = "restore the file from a copy, or move it away and train again"
        raise RunError(
            f"MLflow store {runs / _DATABASE}", str(bad), "a tracking store as MLflow writes it", remedy
        ) from bad
    return [
        StoredRun(
            run_id, started or 0, ended or 0, tags.get(run_id, {}), params.get(run_id, {}), metrics.get(run_id, {})
        )
        for run_id, started, ended in times
    ]


def _by_client(runs: Path) -> list[StoredRun]:
    from bullbear.tracking.mlflow_store import connect_to_read, exists, experiment_id

    if not exists(runs):
        return []
    client = connect_to_read(runs)
    experiment, token, found = experiment_id(client, runs), None, []
    while True:
        page = client.search_runs(
            [experiment],
            "attributes.status = 'FINISHED'",
            order_by=["attributes.end_time DESC"],
            max_results=1000,
            page_token=token,
        )
        found += [_plain(each) for each in page]
        token = page.token
        if not token:
            return found


def _plain(run: object) -> StoredRun:
    info, data = run.info, run.data  # type: ignore[attr-defined]
    return StoredRun(
        info.run_id, info.start_time or 0, info.end_time or 0, dict(data.tags), dict(data.params), dict(data.metrics)
    )
