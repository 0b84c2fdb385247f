"""One training, one MLflow run: what was defined, on what data, by which code, with what result.

A training of several questions is a parent run, which shows all of them beside each other, and a nested child run for
each question, which holds everything that the run of a single question holds.

Everything to be logged is written into a folder first (`tracking.spool` logs it from there), and the run is marked as
finished last: every reader asks for finished runs, so the run of a killed training is ignored.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, splitter_of
from bullbear.definitions import ModelDefinition, Question
from bullbear.evaluate import Evaluation, PathScores
from bullbear.evaluate.scored_model import NOT_JUDGED
from bullbear.forecasting.belief import Belief, belief_of
from bullbear.forecasting.bundle_writing import write_bundle
from bullbear.learn import Training, pool_of
from bullbear.model import Model
from bullbear.tracking.artifact_tables import LOGGED, write_tables
from bullbear.tracking.checkout import Checkout, read_checkout
from bullbear.tracking.metrics import Point, belief_points, metrics_of, plain, weights_by_month
from bullbear.tracking.mlflow_store import connect, experiment_for, require_ready
from bullbear.tracking.search_runs import TABLE, search_metrics, search_params, search_runs, search_tags, trials_csv
from bullbear.tracking.spool import (
    RUN,
    USER_CODE,
    LoggedTraining,
    SpooledError,
    keep,
    log_staged,
)
from bullbear.tracking.tags import QUESTION, QUESTIONS, VERDICT
from bullbear.tracking.usable import limited_patience
from bullbear.tracking.view import save_views
from bullbear.user_code import named_files, sources

__all__ = ["JointRecord", "TrainingRecord", "log_joint_training", "log_training", "require_ready"]

_LIBRARIES = ("lightgbm", "numpy", "pandas", "pydantic", "scikit-learn", "exchange-calendars", "pyarrow", "ta-lib")


@dataclass(frozen=True)
class TrainingRecord:
    """What `log_training` writes down."""

    model: Model
    examples: Examples
    training: Training
    evaluation: Evaluation | PathScores
    plots: Mapping[str, bytes]
    backtest: Mapping[str, Any]
    backtest_metrics: Mapping[str, float]
    """Those of the policy."""
    started: float
    """When the training began, in seconds since 1970."""
    seconds: float
    simulated: bool
    options: Mapping[str, Any]
    documents: Mapping[str, Any] = field(default_factory=dict)
    """Further JSON artifacts by file name."""
    pages: Mapping[str, str] = field(default_factory=dict)
    """Text artifacts by file name."""
    baselines: Mapping[str, str] = field(default_factory=dict)
    """What is the same for every run on the same data, as parameters."""
    questions: Sequence[Question] = ()
    """All that were trained together; the model's own alone without."""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Tags by which the same training is found again."""


@dataclass(frozen=True)
class JointRecord:
    """A training of several questions: what its parent run shows, and the record of each question."""

    model: Model
    questions: Mapping[str, TrainingRecord]
    metrics: Mapping[str, float]
    plots: Mapping[str, bytes]
    documents: Mapping[str, Any]
    """JSON artifacts by file name."""
    started: float
    seconds: float
    pages: Mapping[str, str] = field(default_factory=dict)
    """Text artifacts by file name."""


def log_training(runs: Path, record: TrainingRecord) -> LoggedTraining:
    """Log a training of one question; one that cannot be logged is kept in the spool.

    Raises
    ------
    SpooledError
        The store did not take it; the message says where the training is kept and what logs it.
    """
    questions = [record.model.definition.target.question.name]
    return _log(
        runs,
        record.model.definition.name,
        questions,
        lambda folder: _stage(folder, record, read_checkout()),
        simulated=record.simulated,
    )


def log_joint_training(runs: Path, record: JointRecord) -> LoggedTraining:
    """Log a training of several questions, all or nothing; see `log_training`."""
    return _log(
        runs,
        record.model.definition.name,
        list(record.questions),
        lambda folder: _stage_joint(folder, record, read_checkout()),
        simulated=next(iter(record.questions.values())).simulated,
    )


def _log(
    runs: Path, name: str, questions: Sequence[str], stage: Callable[[Path], None], *, simulated: bool
) -> LoggedTraining:
    staged = None
    try:
        staged = _staged(runs, stage)
        client = connect(runs)
        with limited_patience():
            experiment = experiment_for(client, runs, simulated=simulated)
            logged = log_staged(client, experiment, staged)
            save_views(client, experiment, questions, simulated=simulated)
        return logged
    except BaseException as bad:
        place = keep(runs, staged, name) if staged else None
        if not isinstance(bad, Exception):
            raise  # an interrupt stays one; what was finished is kept all the same
        raise SpooledError(name, runs, place, bad) from bad
    finally:
        if staged:
            shutil.rmtree(staged, ignore_errors=True)


def _staged(runs: Path, stage: Callable[[Path], None]) -> Path:
    """The training as files in a folder of its own: a temporary one, or in the home if there is no room for that."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="bullbear-"))
    except OSError:
        folder = _in_home(runs)
    try:
        stage(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        folder = _in_home(runs)
        stage(folder)
    return folder


def _in_home(runs: Path) -> Path:
    runs.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=".staged-", dir=runs))


def _stage(staged: Path, record: TrainingRecord, checkout: Checkout) -> None:
    """All that is logged, as files: the run's fields, its artifacts, and the inputs that describe its data."""
    _stage_artifacts(staged / "artifacts", record)
    _stage_pages(staged / "artifacts", record.pages, checkout)
    tables = {}
    if isinstance(record.evaluation, Evaluation):
        tables[LOGGED] = write_tables(staged / "artifacts", record.evaluation)
    run = {
        "name": record.model.definition.name,
        **_times(record),
        "tags": _tags(record, checkout) | tables,
        "params": _params(record),
        "metrics": [*metrics_of(record.evaluation, record.training.predictions), *_further_metrics(record)],
        "digest": record.examples.fingerprint[:36],
        "libraries": [f"{name}=={version(name)}" for name in _LIBRARIES],
        "searches": search_runs(record.training.searches),
    }
    if record.training.models:  # a combinatorial training has none to serve
        newest = record.training.models[-1]
        run["sample"] = [*newest.factors, "climatology", "n_resolved"]
        (staged / "model.json").write_text(json.dumps(newest.state()), encoding="utf-8")
        for name, source in sources(newest.kinds).items():  # it is served where there is no home
            path = staged / USER_CODE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
    _inputs(record.examples).assign(y=record.examples.y).to_parquet(staged / "inputs.parquet")
    # Written last: a folder without it was cut short and is no training.
    (staged / RUN).write_text(json.dumps(run, indent=1), encoding="utf-8")


def _stage_joint(staged: Path, record: JointRecord, checkout: Checkout) -> None:
    """The parent's part, and a folder for each question below `questions/`."""
    for name, each in record.questions.items():
        _stage(staged / QUESTIONS / name, each, replace(checkout, diff=""))  # the parent has it
    artifacts = staged / "artifacts"
    _stage_definitions(artifacts, record.model)
    _stage_plots(artifacts, record.plots)
    _stage_documents(artifacts, record.documents)
    _stage_pages(artifacts, record.pages, checkout)
    one = next(iter(record.questions.values()))
    names = ",".join(record.questions)
    searches = [search for each in record.questions.values() for search in each.training.searches]
    tags = {
        **_tags(one, checkout),
        **search_tags(searches),
        "definition_hash": record.model.definition_hash,
        QUESTIONS: names,
    }
    del tags[QUESTION]
    run = {
        "name": record.model.definition.name,
        **_times(record),
        "tags": tags,
        "params": {**_params(one), QUESTIONS: names},
        "metrics": plain({**record.metrics, "time/seconds": record.seconds}),
    }
    (staged / RUN).write_text(json.dumps(run, indent=1), encoding="utf-8")


def _stage_definitions(artifacts: Path, model: Model) -> None:
    definitions = artifacts / "definitions"
    (definitions / "features").mkdir(parents=True)
    (definitions / model.source.path.name).write_text(model.source.text, encoding="utf-8")
    for path in (*model.feature_paths, *model.rule.feature_paths):
        (definitions / "features" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    if (path_of_policy := model.rule.path) is not None:
        (definitions / "policies").mkdir()
        (definitions / "policies" / path_of_policy.name).write_text(
            path_of_policy.read_text(encoding="utf-8"), encoding="utf-8"
        )


def _stage_documents(artifacts: Path, documents: Mapping[str, Any]) -> None:
    for name, document in documents.items():
        (artifacts / name).write_text(json.dumps(document, indent=1), encoding="utf-8")


def _stage_plots(artifacts: Path, plots: Mapping[str, bytes]) -> None:
    (artifacts / "plots").mkdir()
    for name, picture in plots.items():
        (artifacts / "plots" / f"{name}.png").write_bytes(picture)


def _stage_pages(artifacts: Path, pages: Mapping[str, str], checkout: Checkout) -> None:
    texts = {**pages, **({"diff.patch": checkout.diff} if checkout.diff else {})}
    for name, text in texts.items():
        (artifacts / name).write_text(text, encoding="utf-8")


def _stage_artifacts(staged: Path, record: TrainingRecord) -> None:
    """Everything that becomes an artifact, in the layout that the run shows."""
    model = record.model
    _stage_definitions(staged, model)
    _stage_plots(staged, record.plots)
    _stage_documents(staged, record.documents)
    if searches := record.training.searches:
        (staged / TABLE).write_text(trials_csv(searches), encoding="utf-8")
    by_path = isinstance(record.evaluation, PathScores)
    made = record.training.predictions
    csv = made.to_csv() if by_path else made.select(asset=model.definition.target.ticker).interface_csv()
    (staged / "predictions.csv").write_text(csv, encoding="utf-8")
    if len(weights := record.training.weights):
        (staged / "weights.csv").write_text(weights.to_csv(date_format="%Y-%m-%dT%H:%M:%SZ"), encoding="utf-8")
    (staged / "evaluation.json").write_text(json.dumps(record.evaluation.as_dict(), indent=1), encoding="utf-8")
    (staged / "backtest.json").write_text(json.dumps(record.backtest, indent=1), encoding="utf-8")
    write_bundle(
        staged / "bundle",
        definition=model.definition,
        feature_sets=model.feature_sets,
        rule=model.rule,
        definition_hash=model.definition_hash,
        fingerprint=record.examples.fingerprint,
        simulated=record.simulated,
        training=record.training,
        start=record.options.get("start"),
        questions=record.questions,
    )


def _tags(record: TrainingRecord, checkout: Checkout) -> dict[str, str]:
    return {
        "mlflow.note.content": record.model.definition.intent,
        "mlflow.source.name": "bullbear train",
        "mlflow.source.type": "LOCAL",
        "model": record.model.definition.name,
        "definition_hash": record.model.definition_hash,
        "data_fingerprint": record.examples.fingerprint,
        "question": record.model.definition.target.question.name,
        "data": "SIMULATED" if record.simulated else "real",
        VERDICT: NOT_JUDGED,
        **record.provenance,
        **({USER_CODE: named_files(own)} if (own := record.model.user_code) else {}),
        **search_tags(record.training.searches),
        **checkout.tags,
    }


def _params(record: TrainingRecord) -> dict[str, str]:
    definition = record.model.definition
    flat = {
        "model": definition.name,
        "seed": definition.seed,
        "target": f"{definition.target.ticker} {definition.target.horizon} sessions",
        "features": ",".join(definition.features) or "none",
        "n_factors": record.examples.X.shape[1],
        **{f"splitter.{key}": value for key, value in splitter_of(definition).model_dump().items()},
        **_learner_params(definition),
        **search_params(definition),
        **{f"calibration.{key}": value for key, value in definition.calibration.items()},
        **{f"policy.{key}": value for key, value in record.model.policy.model_dump().items()},
        **record.baselines,
        **{f"option.{key}": value for key, value in record.options.items() if value is not None},
    }
    return {key: str(value) for key, value in flat.items()}


def _learner_params(definition: ModelDefinition) -> dict[str, Any]:
    if definition.learner is not None:
        return {f"learner.{key}": value for key, value in definition.learner.items()}
    return {
        **{f"member.{each.name}.{key}": value for each in definition.member for key, value in each.learner.items()},
        **{f"pool.{key}": value for key, value in pool_of(definition).model_dump().items()},
    }


def _further_metrics(record: TrainingRecord) -> list[Point]:
    seconds = {"time/seconds": record.seconds, "time/fit_seconds": record.training.fit_seconds}
    return [
        *plain({**seconds, **record.backtest_metrics, **search_metrics(record.training.searches)}),
        *weights_by_month(record.training.models),
        *belief_points(_belief(record)),
    ]


def _belief(record: TrainingRecord) -> Belief | None:
    definition, training = record.model.definition, record.training
    predictions = training.predictions.select(asset=definition.target.ticker)
    return belief_of(definition, training.models, training.signals, predictions)


def _times(record: TrainingRecord | JointRecord) -> dict[str, int]:
    """Milliseconds since 1970, as MLflow counts."""
    return {"started": round(record.started * 1000), "ended": round((record.started + record.seconds) * 1000)}


def _inputs(examples: Examples) -> pd.DataFrame:
    # A DatetimeIndex would be dropped from the signature in silence.
    frame = examples.X.reset_index(drop=True)
    return frame.assign(climatology=examples.climatology, n_resolved=examples.n_resolved.astype(np.float64))
