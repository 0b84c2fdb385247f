"""Evaluations of pickers and of the rotation as MLflow runs, in an experiment of their own.

No model can be promoted from it. The artifacts are the whole document, the table of quantiles and the scores.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.entities import Metric, Param

from bullbear.definitions.reading import digest
from bullbear.documents import json_ready
from bullbear.tracking.mlflow_store import connect, experiment_of, require_ready

EXPERIMENT = "bullbear-picking"


def require_ready_for_picking(runs: Path) -> None:
    """Check, before anything is computed, that it can be logged; see `require_ready`."""
    require_ready(runs, EXPERIMENT)


def log_picking(
    runs: Path,
    name: str,
    document: Mapping[str, Any],
    *,
    params: Mapping[str, object],
    definition: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
) -> str:
    """Log an evaluation and return its run id; a failed attempt leaves a run marked as failed.

    Parameters
    ----------
    name
        Of the run.
    document
        The result as `--json` prints it; its numbers become metrics, named by their path.
    definition
        The picker or the rotation; its digest tells one try from another.
    tables
        CSV files by name.
    """
    client = connect(runs)
    tags = {
        "mlflow.note.content": "Past rankings, each made with what was known then.",
        "mlflow.source.name": "bullbear pick --evaluate",
        "data": "SIMULATED" if document["simulated"] else "real",
        "definition_hash": digest(definition),
    }
    run = client.create_run(experiment_of(client, EXPERIMENT, runs), run_name=name, tags=tags)
    run_id = str(run.info.run_id)
    try:
        client.log_batch(
            run_id,
            metrics=[Metric(path, value, 0, 0) for path, value in metrics(document).items()],
            params=[Param(key, str(value)) for key, value in params.items()],
        )
        with tempfile.TemporaryDirectory(prefix="bullbear-") as folder:
            staged = Path(folder)
            for path, content in (("definition", definition), ("evaluation", document)):
                (staged / f"{path}.json").write_text(json.dumps(json_ready(content), indent=1), encoding="utf-8")
            for path, table in tables.items():
                (staged / f"{path}.csv").write_text(table.to_csv(), encoding="utf-8")
            client.log_artifacts(run_id, str(staged))
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return run_id


def tried(runs: Path, group: str, data: str) -> int:
    """How many different pickers were evaluated on a group, this one included, and are still in the store.

    Parameters
    ----------
    data
        `real` or `SIMULATED`.
    """
    client, found, token = connect(runs), set[str](), None
    experiment = experiment_of(client, EXPERIMENT, runs)
    wanted = f"params.`group` = '{group}' and tags.`data` = '{data}' and attributes.status = 'FINISHED'"
    while True:
        page = client.search_runs([experiment], wanted, page_token=token)
        found |= {run.data.tags["definition_hash"] for run in page}
        if not (token := page.token):
            return len(found)


def metrics(document: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The finite numbers of a document by their path, those of a list by the name of its element.

    Example
    -------
    >>> metrics({"ic": 0.1, "on": True, "none": None, "quantiles": [{"name": "best", "net": 0.05}]})
    {'ic': 0.1, 'quantiles/best/net': 0.05}
    """
    found: dict[str, float] = {}
    for key, value in document.items():
        path = f"{prefix}{_plain(key)}"
        if isinstance(value, Mapping):
            found |= metrics(value, f"{path}/")
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, Mapping) and isinstance(each.get("name", each.get("rule")), str):
                    found |= metrics(each, f"{path}/{_plain(each.get('name', each.get('rule')))}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[path] = float(value)
    return found


def _plain(name: object) -> str:
    """A name as MLflow allows it."""
    return "".join(each if each.isalnum() or each in "_-. " else "_" for each in str(name))
