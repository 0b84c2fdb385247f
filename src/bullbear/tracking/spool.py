"""Finished trainings on their way into the tracking store, and the spool of those that could not be logged.

A training is logged from a folder that holds all of it. If the store does not take it (a server is gone, a disk is
full), the folder is moved to `mlruns/spool/` of the home, and the next command that reaches the store and may write
there logs it: as the run that it would have been, with the times at which the training began and ended. A training is
logged once: its folder's name is a tag of its run.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Metric, Param
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from bullbear.errors import BullbearError
from bullbear.files import FileLock, copy_folder
from bullbear.tracking.package import PACKAGE, package
from bullbear.tracking.tags import QUESTION, QUESTIONS
from bullbear.tracking.usable import cause

RUN = "run.json"
USER_CODE = "user_code"
"""The folder of a staged training with the files of the home that the served model runs."""
_TAG = "spooled"


@dataclass(frozen=True)
class LoggedTraining:
    """A logged training: its run, and the child run of each question if it answers several."""

    run_id: str
    questions: Mapping[str, str]


class SpooledError(BullbearError):
    """A finished training that the tracking store did not take; it is kept, and logged later. Exit code 1."""

    def __init__(self, model: str, runs: Path, place: Path | None, reason: BaseException) -> None:
        self.place = place
        why = cause(reason)
        if place is None:
            what = "it could not be kept either: free some space and train again"
        elif place.is_relative_to(runs):
            what = f"it is kept in {place}; the next command that reaches the store (`bullbear evaluate`) logs it"
        else:
            what = f"it is kept in {place}; move that folder into {runs / 'spool'}, and the next command logs it"
        super().__init__(f"training {model} finished but was not logged: {why}; {what}")


def keep(runs: Path, staged: Path, model: str) -> Path | None:
    """Keep a staged training in the spool, or in the temporary folder if the home takes nothing; None if it is lost."""
    if not (staged / RUN).exists():
        return None
    name = f"{model}-{uuid4().hex[:12]}"
    for spool in (runs / "spool", Path(tempfile.gettempdir()) / "bullbear-spool"):
        hidden = spool / f".{name}"
        try:
            spool.mkdir(parents=True, exist_ok=True)
            copy_folder(staged, hidden)
            return hidden.rename(spool / name)
        except OSError:
            shutil.rmtree(hidden, ignore_errors=True)
    return None


def is_waiting(runs: Path) -> bool:
    """Whether a training waits in the spool of a home."""
    return any(file.parent.name[0] != "." for file in (runs / "spool").glob(f"*/{RUN}"))


def log_spooled(client: MlflowClient, experiment_for: Callable[[bool], str], runs: Path) -> None:
    """Log what waits in the spool, the oldest first; what fails again keeps waiting, and a line on stderr says so.

    Parameters
    ----------
    experiment_for
        The experiment for a training on the simulated market, or on real data.
    """
    if not is_waiting(runs):
        return
    spool = runs / "spool"
    with FileLock(spool / ".lock"):
        waiting = [folder for folder in spool.iterdir() if (folder / RUN).is_file() and folder.name[0] != "."]
        for folder in sorted(waiting, key=_started):
            try:
                experiment = experiment_for(_is_simulated(folder))
                if not _is_logged(client, experiment, folder.name):
                    log_staged(client, experiment, folder, {_TAG: folder.name})
            except Exception as bad:
                sys.stderr.write(f"bullbear: {folder} is still not logged: {cause(bad)}\n")
                return
            shutil.rmtree(folder)
            sys.stderr.write(f"note: logged the training that was kept in {folder}\n")


def _is_simulated(folder: Path) -> bool:
    return bool(json.loads((folder / RUN).read_text(encoding="utf-8"))["tags"].get("data") == "SIMULATED")


def _started(folder: Path) -> float:
    """When a staged training began; one whose file is damaged comes last, and prevents no other."""
    try:
        return float(json.loads((folder / RUN).read_text(encoding="utf-8"))["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return math.inf


def log_staged(
    client: MlflowClient, experiment: str, staged: Path, tags: Mapping[str, str] | None = None
) -> LoggedTraining:
    """Log a staged training; a failed attempt leaves runs marked as failed.

    A parent run is marked as finished after all of its children: a child without a finished parent does not count.
    """
    run = json.loads((staged / RUN).read_text(encoding="utf-8"))
    created = client.create_run(
        experiment, start_time=run["started"], run_name=run["name"], tags={**run["tags"], **(tags or {})}
    )
    run_id = str(created.info.run_id)
    questions: dict[str, str] = {}
    try:
        client.log_batch(run_id, params=[Param(key, value) for key, value in run["params"].items()])
        for folder in _children(staged):
            parent = {MLFLOW_PARENT_RUN_ID: run_id, QUESTION: folder.name}
            questions[folder.name] = log_staged(client, experiment, folder, parent).run_id
        for search in run.get("searches", []):  # an earlier version staged none
            _log_search(client, experiment, run_id, search, started=run["started"])
        with mlflow.start_run(run_id=run_id):
            if (staged / "inputs.parquet").exists():
                inputs = pd.read_parquet(staged / "inputs.parquet")
                mlflow.log_input(from_pandas(inputs, targets="y", name="examples", digest=run["digest"]), "training")
            mlflow.log_artifacts(str(staged / "artifacts"), run_id=run_id)
            model = _log_model(staged, run, inputs) if (staged / "model.json").exists() else None
            # After the model: MLflow would ask for the history of every metric, to hang it on the model.
            client.log_batch(run_id, metrics=[_metric(*each, model=model) for each in run["metrics"]])
        # MLflow's own context has just marked the run as finished: nothing but its true end may be logged after it.
        if "ended" in run:
            client.set_terminated(run_id, "FINISHED", run["ended"])
    except BaseException:
        with suppress(Exception):  # where logging fails, marking may fail, too, and must not hide the cause
            client.set_terminated(run_id, "FAILED")
        raise
    return LoggedTraining(run_id, questions)


def _log_search(client: MlflowClient, experiment: str, parent: str, search: Mapping[str, Any], started: int) -> None:
    """A child run without artifacts; one whose times are not known lasts no time, from the start of its training."""
    tags = {**search["tags"], MLFLOW_PARENT_RUN_ID: parent}
    began = search.get("started") or started
    created = client.create_run(experiment, start_time=began, run_name=search["name"], tags=tags)
    run_id = created.info.run_id
    params = [Param(key, value) for key, value in search["params"].items()]
    client.log_batch(run_id, metrics=[_metric(*each) for each in search["metrics"]], params=params)
    client.set_terminated(run_id, "FINISHED", search.get("ended") or began)


def _metric(name: str, value: float, step: int, time: int = 0, *, model: str | None = None) -> Metric:
    """A staged metric; one that an earlier version staged has no time. The model has what the run list shows."""
    return Metric(name, value, time, step, model_id=None if "/" in name else model)


def _children(staged: Path) -> list[Path]:
    """The staged training of each question, in the order in which the run names them; none of a single question."""
    if not (staged / QUESTIONS).is_dir():
        return []
    run = json.loads((staged / RUN).read_text(encoding="utf-8"))
    return [staged / QUESTIONS / name for name in run["tags"][QUESTIONS].split(",")]


def _is_logged(client: MlflowClient, experiment: str, name: str) -> bool:
    found = client.search_runs([experiment], f"attributes.status = 'FINISHED' and tags.{_TAG} = '{name}'")
    return len(found) > 0


def _log_model(staged: Path, run: dict[str, Any], inputs: pd.DataFrame) -> str:
    """Log the model to serve; its id."""
    code = staged / PACKAGE
    code.write_bytes(package())
    sample = inputs[run["sample"]].tail(3).reset_index(drop=True)
    answer = pd.DataFrame({name: np.zeros(3) for name in ("p", "p_low", "p_high")})
    logged = mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(__file__).with_name("served_model.py")),
        artifacts={path.stem: str(path) for path in (staged / "model.json", staged / USER_CODE) if path.exists()},
        code_paths=[str(code)],
        signature=ModelSignature(_either_of(sample), infer_signature(sample, answer).outputs),
        input_example=sample,
        pip_requirements=run["libraries"],
    )
    return str(logged.model_id)


def _either_of(sample: pd.DataFrame) -> Schema:
    """The inputs of a served model: `date` alone, or the factors; so MLflow may require none, and the model does."""
    factors = [ColSpec("double", str(name), required=False) for name in sample]
    return Schema([ColSpec("string", "date", required=False), *factors])
