"""Finished trainings: found by id, prefix, `latest` or `champion`, and read back.

Only runs marked as finished count; a killed or failed training is as if it had never been.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException

from bullbear.bundle import Bundle, read_bundle, read_predictions
from bullbear.errors import RunError
from bullbear.home import Home, replace_directory
from bullbear.tracking.ledger_anchor import record_ledger_head
from bullbear.tracking.mlflow_store import connect, exists, experiment_id

_NEWEST = ["attributes.start_time DESC"]


@dataclass(frozen=True)
class Run:
    """A finished training in the tracking store."""

    run_id: str
    model: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    artifacts: Path

    @property
    def simulated(self) -> bool:
        """Whether it was trained on the simulated market."""
        return self.tags.get("data") == "SIMULATED"

    @property
    def horizon(self) -> int:
        """Sessions from decision to resolution."""
        return self.bundle.definition.target.horizon

    @property
    def predictions(self) -> pd.DataFrame:
        """The reported out-of-sample forecasts."""
        return read_predictions(self.read_text("predictions.csv"))

    @property
    def evaluation(self) -> dict[str, Any]:
        """The evaluation as it was logged."""
        return json.loads(self.read_text("evaluation.json"))  # type: ignore[no-any-return]

    @cached_property
    def bundle(self) -> Bundle:
        """What a forecast needs."""
        return read_bundle(self.artifacts / "bundle", of=f"run {self.run_id[:8]}")

    def read_text(self, artifact: str) -> str:
        """The text of one artifact.

        Raises
        ------
        RunError
            The artifact is gone.
        """
        try:
            return (self.artifacts / artifact).read_text(encoding="utf-8")
        except OSError as bad:
            raise RunError(
                f"run {self.run_id[:8]}", f"no {artifact}", "a run with its artifacts", "train the model again"
            ) from bad


class Runs:
    """The trainings of a home."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @cached_property
    def _client(self) -> Any:
        # Reading must not leave an empty store behind in a folder that has none.
        if not exists(self.home.runs):
            remedy = "run `bullbear train MODEL` first"
            raise RunError("run", "no tracked run in this home", "a finished training", remedy)
        return connect(self.home.runs)

    def find(self, name: str) -> Run:
        """The run that `name` means: an id, a unique prefix of one, `latest` or `champion`.

        Raises
        ------
        RunError
            There is no such run, or there are several.
        """
        if name == "champion":
            name = str(read_bundle(self.home.champion).meta["run_id"])
        found = self._finished()
        if name == "latest":
            if not found:
                raise RunError("run", "latest", "a finished training", "run `bullbear train MODEL` first")
            return self._open(found[0])
        matching = [run for run in found if name and run.info.run_id.startswith(name)]
        if len(matching) == 1:
            return self._open(matching[0])
        if not matching:
            newest = [f"{run.info.run_id[:8]} ({run.data.tags.get('model')})" for run in found[:5]]
            known = ", ".join(newest) or "none yet"
            raise RunError("run", name, f"latest, champion, or one of: {known}", "give an id or a unique prefix")
        raise RunError(
            "run", name, f"a unique prefix ({len(matching)} runs start with it)", "give more characters of the id"
        )

    def promote(self, run: Run) -> None:
        """Make `run` the champion: the forecasts' bundle first, then the mark in MLflow's registry."""
        self.home.forecasts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".promote-", dir=self.home.forecasts) as folder:
            staged = Path(folder) / "bundle"
            shutil.copytree(run.artifacts / "bundle", staged)
            meta = json.loads((staged / "bundle.json").read_text(encoding="utf-8"))
            (staged / "bundle.json").write_text(json.dumps({**meta, "run_id": run.run_id}, indent=1), encoding="utf-8")
            replace_directory(staged, self.home.champion)
        self._register(run)
        record_ledger_head(self.home)

    def _register(self, run: Run) -> None:
        try:
            self._client.create_registered_model("bullbear")
        except MlflowException as bad:
            if bad.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        model_id = run.tags.get("model_id")
        source = f"models:/{model_id}" if model_id else f"runs:/{run.run_id}/model"
        version = self._client.create_model_version("bullbear", source, run.run_id, model_id=model_id)
        self._client.set_registered_model_alias("bullbear", "champion", version.version)

    def _finished(self) -> list[Any]:
        found: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs(
                [experiment_id(self._client)],
                "attributes.status = 'FINISHED'",
                order_by=_NEWEST,
                max_results=1000,
                page_token=token,
            )
            found += page
            token = page.token
            if not token:
                return found

    def _open(self, run: Any) -> Run:
        uri = urlsplit(str(run.info.artifact_uri))
        # A URI escapes blanks and letters beyond ASCII; a path does not.
        local = url2pathname(uri.path) if uri.scheme in ("file", "") else None
        # Artifacts on a remote store are fetched once into the home's cache, by run id, and never change.
        place = Path(local) if local else self._fetched(run.info.run_id)
        models = self._client.search_logged_models(
            [run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'"
        )
        tags = dict(run.data.tags)
        if models:
            tags["model_id"] = str(models[0].model_id)
        return Run(str(run.info.run_id), tags.get("model", "?"), tags, dict(run.data.params), place)

    def _fetched(self, run_id: str) -> Path:
        place = self.home.runs / "fetched" / run_id
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=place.parent) as folder:
                staged = Path(folder) / run_id
                staged.mkdir()
                mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(staged))
                # Whole or not at all; another process may have been quicker, and its copy is as good.
                if not place.exists():
                    os.replace(staged, place)
        return place
