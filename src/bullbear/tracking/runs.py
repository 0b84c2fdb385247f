"""Finished trainings: found by id, prefix, model, `latest` or `champion`, and read back.

Only runs marked as finished count; a killed or failed training is ignored.
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
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from bullbear.dataset.predictions import COMBINED, Predictions
from bullbear.definitions import UP
from bullbear.errors import Found, RunError
from bullbear.files import replace_folder
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.home import Home
from bullbear.tracking.ledger_anchor import record_ledger_head
from bullbear.tracking.mlflow_store import connect_to_read, exists, experiment_id, require_ready

REGISTERED = "bullbear"
"""The registered model whose alias `champion` is the champion on real data."""
SIMULATED = "bullbear-simulated"
"""The same on a simulated market, so that the two are never taken for each other."""
_NEWEST = ["attributes.start_time DESC"]


@dataclass(frozen=True)
class Run:
    """A finished training in the tracking store."""

    run_id: str
    model: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    artifacts: Path
    bundle_at: Path | None = None
    """Where its bundle is, if not among the artifacts."""

    @property
    def simulated(self) -> bool:
        """Whether it was trained on the simulated market."""
        return self.tags.get("data") == "SIMULATED"

    @property
    def horizon(self) -> int:
        """Sessions from decision to resolution."""
        return self.bundle.definition.target.horizon

    @property
    def predictions(self) -> Predictions:
        """The reported out-of-sample forecasts of all assets and paths."""
        return self.bundle.predictions

    @property
    def of_target(self) -> Predictions:
        """Those of the target alone."""
        return self.predictions.select(asset=self.bundle.definition.target.ticker)

    def predictions_of(self, question: str | None = None, *, path: int | None = None) -> Predictions:
        """Those of the target, one question, and one path of a combinatorial splitter.

        Parameters
        ----------
        question
            None for `up` where the run answers it, else for the only one that it answers.

        Raises
        ------
        RunError
            The run answers another question, or several of which none is named; or has several paths or not this one.
        """
        answered = list(dict.fromkeys(self.of_target.table["question"].astype(str)))
        if question is None and (UP.name in answered or len(answered) == 1):
            question = UP.name if UP.name in answered else answered[0]
        if question not in answered:
            value: str = Found("no --question") if question is None else f"--question {question}"
            allowed = " or ".join(answered)
            raise RunError(f"run {self.run_id[:8]}", value, allowed, "name a question that it answers")
        found = self.of_target.select(question=question, member=COMBINED)
        paths = sorted(set(found.table["path"].tolist()))
        if (path is not None and path not in paths) or (path is None and len(paths) > 1):
            value = Found("no --path") if path is None else f"--path {path}"
            raise RunError(f"run {self.run_id[:8]}", value, f"paths {paths[0]} to {paths[-1]}", "name one with --path")
        return found.select(path=path)

    @property
    def evaluation(self) -> dict[str, Any]:
        """The evaluation as it was logged."""
        return json.loads(self.read_text("evaluation.json"))  # type: ignore[no-any-return]

    @cached_property
    def bundle(self) -> Bundle:
        """What a forecast needs."""
        return read_bundle(self.bundle_at or self.artifacts / "bundle", label=f"run {self.run_id[:8]}")

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
            raise self._lacking(artifact) from bad

    def _lacking(self, artifact: str) -> RunError:
        return RunError(
            f"run {self.run_id[:8]}", Found(f"no {artifact}"), "a run with its artifacts", "train the model again"
        )


class Runs:
    """The trainings of a home."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @cached_property
    def _client(self) -> Any:
        # Reading must not leave an empty store behind in a folder that has none.
        if not exists(self.home.runs):
            remedy = "run `bullbear train MODEL` first"
            raise RunError("run", Found("no tracked run in this home"), "a finished training", remedy)
        return connect_to_read(self.home.runs)

    def find(self, name: str) -> Run:
        """The run that `name` means: an id, a unique prefix of one, a model (its latest run), `latest` or `champion`.

        Raises
        ------
        RunError
            There is no such run, or there are several.
        """
        if name == "champion":
            return self._champion()
        found = self._finished()
        if name == "latest":
            if not found:
                raise RunError("run", "latest", "a finished training", "run `bullbear train MODEL` first")
            return self._open(found[0])
        if of_model := [run for run in found if run.data.tags.get("model") == name]:
            return self._open(of_model[0])
        matching = [run for run in found if name and run.info.run_id.startswith(name)]
        if len(matching) == 1:
            return self._open(matching[0])
        if not matching:
            newest = [f"{run.info.run_id[:8]} ({run.data.tags.get('model')})" for run in found[:5]]
            known = ", ".join(newest) or "none yet"
            raise RunError(
                "run", name, f"latest, champion, or one of: {known}", "give an id, a unique prefix or a model"
            )
        raise RunError(
            "run", name, f"a unique prefix ({len(matching)} runs start with it)", "give more characters of the id"
        )

    def tried(self, run: Run) -> int:
        """How many models were tried on `run`'s kind of data, itself included.

        A model is a definition, of whatever ticker and horizon, together with the first and last day asked for: a
        choice among horizons or among spans is one among tries, too. Climatology is the benchmark, not a try. Runs
        that were deleted since count: what has been looked at cannot be unseen.
        """
        tried = {_try(run.tags, run.params)}
        for each in self._finished(ViewType.ALL):
            tags, params = each.data.tags, each.data.params
            if tags.get("data") == run.tags.get("data") and params.get("learner.kind") != "climatology":
                tried.add(_try(tags, params))
        return len(tried)

    def promote(self, run: Run, *, instead_of: Path | None = None) -> None:
        """Make `run` the champion: the forecasts' bundle first, then the mark in MLflow's registry.

        The registered model is `bullbear`, for a run on a simulated market `bullbear-simulated`; its alias `champion`
        points to the version of the run, which is made once.

        Parameters
        ----------
        run
            What becomes champion.
        instead_of
            The folder of the champion that the run was compared with (`Home.champion`, resolved); None replaces any.

        Raises
        ------
        RunError
            Another champion stands there by now.
        """
        require_ready(self.home.runs)  # reading has not needed a store that can be written
        with self.home.staging() as folder:
            staged = folder / "bundle"
            shutil.copytree(run.bundle.root, staged)
            meta = json.loads((staged / "bundle.json").read_text(encoding="utf-8"))
            (staged / "bundle.json").write_text(json.dumps({**meta, "run_id": run.run_id}, indent=1), encoding="utf-8")
            with self.home.champion_lock():
                if instead_of is not None and self.home.champion.resolve() != instead_of:
                    raise RunError(
                        "champion", "replaced during the comparison", "one promotion at a time", "run the command again"
                    )
                replace_folder(staged, self.home.champion)
        if run.bundle_at is not None:  # the champion, promoted again; it is marked again if its run is still there
            for tracked in self._finished():
                if tracked.info.run_id == run.run_id:
                    self._register(self._open(tracked))
            return
        self._register(run)
        record_ledger_head(self.home)

    def _champion(self) -> Run:
        # From its own bundle alone: the run may have been deleted, or the tracking store be another one by now.
        bundle = read_bundle(self.home.champion)
        tags = {
            "model": bundle.definition.name,
            "definition_hash": str(bundle.meta["definition_hash"]),
            "data": "SIMULATED" if bundle.meta["simulated"] else "real",
        }
        return Run(str(bundle.meta["run_id"]), bundle.definition.name, tags, {}, bundle.root, bundle.root)

    def _register(self, run: Run) -> None:
        model_id = run.tags.get("model_id")
        name = SIMULATED if run.simulated else REGISTERED
        try:
            self._client.create_registered_model(name)
        except MlflowException as bad:
            if bad.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        versions = self._client.search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'")
        if versions:
            version = max(versions, key=lambda each: int(each.version))
        else:
            source = f"models:/{model_id}" if model_id else f"runs:/{run.run_id}/model"
            version = self._client.create_model_version(name, source, run.run_id, model_id=model_id)
        self._client.set_registered_model_alias(name, "champion", version.version)

    def _finished(self, view: int = ViewType.ACTIVE_ONLY) -> list[Any]:
        found: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs(
                [experiment_id(self._client)],
                "attributes.status = 'FINISHED'",
                run_view_type=view,
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


def _try(tags: Mapping[str, str], params: Mapping[str, str]) -> tuple[str | None, ...]:
    """What makes a training a try of its own."""
    return (tags.get("definition_hash"), params.get("option.start"), params.get("option.end"))
