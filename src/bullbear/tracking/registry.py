"""The champion's place: the folder that forecasts read, and its mark in MLflow's model registry.

The folder decides; the registry repeats it for whoever serves a model.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bullbear.definitions import UP
from bullbear.errors import RunError
from bullbear.files import replace_folder
from bullbear.home import Home
from bullbear.tracking.run import Run

REGISTERED = "bullbear"
"""The registered model of real data: its alias `champion` is the champion of `up`, `champion-NAME` that of another
question."""
SIMULATED = "bullbear-simulated"
"""The same on a simulated market, so that the two are never taken for each other."""


def place_champion(home: Home, run: Run, *, instead_of: Path | None, skill: Mapping[str, float | None] | None) -> None:
    """Put the bundle of `run` where the forecasts of its question read it; the parameters are those of `Runs.promote`.

    Raises
    ------
    RunError
        Another champion than `instead_of` stands there by now.
    """
    place = home.champion_of(run.question)
    with home.staging() as folder:
        staged = folder / "bundle"
        shutil.copytree(run.bundle.root, staged)
        meta = json.loads((staged / "bundle.json").read_text(encoding="utf-8"))
        added = {"run_id": run.run_id} | ({} if skill is None else {"skill": dict(skill)})
        (staged / "bundle.json").write_text(json.dumps(meta | added, indent=1), encoding="utf-8")
        with home.champion_lock():
            if instead_of is not None and place.resolve() != instead_of:
                raise RunError(
                    "champion", "replaced during the comparison", "one promotion at a time", "run the command again"
                )
            replace_folder(staged, place)


def mark_champion(client: MlflowClient, run: Run) -> None:
    """Point the alias of the run's question to the version of `run`, which is made once.

    The registered model is `bullbear`, for a run on a simulated market `bullbear-simulated`; the alias is `champion`
    for `up`, `champion-NAME` for another question.
    """
    model_id = run.tags.get("model_id")
    name = SIMULATED if run.simulated else REGISTERED
    try:
        client.create_registered_model(name)
    except MlflowException as bad:
        if bad.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'")
    if versions:
        version = max(versions, key=lambda each: int(each.version))
    else:
        source = f"models:/{model_id}" if model_id else f"runs:/{run.run_id}/model"
        version = client.create_model_version(name, source, run.run_id, model_id=model_id)
    alias = "champion" if run.question == UP.name else f"champion-{run.question}"
    client.set_registered_model_alias(name, alias, version.version)
