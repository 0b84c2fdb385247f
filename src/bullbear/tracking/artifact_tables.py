"""Tables of an evaluation in the form in which MLflow's UI shows and compares them across runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from bullbear.evaluate import Evaluation

LOGGED = "mlflow.loggedArtifacts"
"""The tag by which MLflow finds the tables of a run."""
_FOLDER = "tables"


def write_tables(artifacts: Path, found: Evaluation) -> str:
    """Write the reliability table and the skill by year below `artifacts`; what the tag `LOGGED` says of them."""
    tables = {
        "reliability": pd.DataFrame([asdict(row) for row in found.calibration]),
        "skill_by_year": pd.DataFrame([asdict(row) for row in found.by_year]).rename(columns={"label": "year"}),
    }
    (artifacts / _FOLDER).mkdir()
    for name, table in tables.items():
        text = table.to_json(orient="split", index=False, double_precision=15)
        (artifacts / _FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
    return json.dumps([{"path": f"{_FOLDER}/{name}.json", "type": "table"} for name in tables])
