"""The champion's place: the folder that forecasts read, and its mark in MLflow's model registry.

The folder decides; the registry repeats it for whoever serves a model: a registered model for each question, with the
aliases `champion` and `challenger` and the verdicts as descriptions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bullbear.definitions import UP
from bullbear.files import copy_folder
from bullbear.forecasting.champion_history import FORCED, PROMOTED, install
from bullbear.home import Home
from bullbear.tracking.registered_names import CHAMPION, name_of
from bullbear.tracking.run import Run
from bullbear.tracking.stored_runs import MODEL
from bullbear.tracking.tries import TRIALS

CHALLENGER = "challenger"


def place_champion(
    home: Home,
    run: Run,
    *,
    instead_of: Path | None,
    skill: Mapping[str, float | None] | None,
    forced: Mapping[str, str] | None = None,
) -> None:
    """Put the bundle of `run` where the forecasts of its question read it; the parameters are those of `Runs.promote`.

    Raises
    ------
    RunError
        Another champion than `instead_of` stands there by now.
    """
    with home.staging() as folder:
        staged = folder / "bundle"
        copy_folder(run.bundle.root, staged)
        meta = json.loads((staged / "bundle.json").read_text(encoding="utf-8"))
        meta.pop("forced", None)
        added: dict[str, Any] = {"run_id": run.run_id}
        added |= {} if skill is None else {"skill": dict(skill)}
        added |= {} if run.trials is None else {TRIALS: run.trials}
        added |= {} if forced is None else {"forced": dict(forced)}
        (staged / "bundle.json").write_text(json.dumps(meta | added, indent=1), encoding="utf-8")
        install(
            home,
            run.question,
            staged,
            action=PROMOTED if forced is None else FORCED,
            reason="" if forced is None else forced["reason"],
            model=run.model,
            run_id=run.run_id,
            instead_of=instead_of,
        )


def registered_name(run: Run, question: str | None = None) -> str:
    """The registered model of a run's question, or of another: `bullbear` for `up`, `bullbear.NAME` for another one.

    Those of a simulated market are `bullbear-simulated` and `bullbear-simulated.NAME`, those of another fund
    `bullbear-QQQ` and so on, so that they are never taken for each other.
    """
    return name_of(question or run.question, run.bundle.definition.target.ticker, simulated=run.simulated)


def mark_champion(client: MlflowClient, run: Run) -> None:
    """Point the alias `champion` of the question's registered model to the version of `run`, which is made once."""
    name = registered_name(run)
    client.set_registered_model_alias(name, CHAMPION, _version(client, name, run))
    # Where all questions once shared a registered model, whoever still serves by its alias gets the new champion, too.
    first, alias = registered_name(run, UP.name), f"champion-{run.question}"
    if name != first and alias in _aliases(client, first):
        client.set_registered_model_alias(first, alias, _version(client, first, run))


def unmark_champion(client: MlflowClient, question: str, ticker: str, *, simulated: bool) -> None:
    """Remove the alias `champion` of a question's registered model, also where all questions once shared one."""
    name, first = (name_of(each, ticker, simulated=simulated) for each in (question, UP.name))
    for model, alias in ((name, CHAMPION), (first, f"champion-{question}")):
        if alias in _aliases(client, model):
            client.delete_registered_model_alias(model, alias)


def mark_challenger(client: MlflowClient, name: str, run: Run | None) -> None:
    """Point the alias `challenger` to the version of `run`; None removes it."""
    if run is not None:
        client.set_registered_model_alias(name, CHALLENGER, _version(client, name, run))
    elif CHALLENGER in _aliases(client, name):
        client.delete_registered_model_alias(name, CHALLENGER)


def describe(client: MlflowClient, name: str, sentence: str, verdicts: Mapping[str, str]) -> None:
    """Say why in the registry: each version with the verdict on its run, the model with those that have an alias.

    Parameters
    ----------
    sentence
        What is asked.
    verdicts
        By run id.
    """
    versions = {str(each.version): each for each in client.search_model_versions(f"name = '{name}'")}
    for version in versions.values():
        text = verdicts.get(str(version.run_id))
        if text is not None and version.description != text:
            client.update_model_version(name, version.version, text)
    lines = [sentence]
    aliases = _aliases(client, name)
    for alias in (CHAMPION, CHALLENGER):
        if (number := str(aliases.get(alias))) in versions:
            run_id = str(versions[number].run_id)
            lines.append(f"{alias.capitalize()}: version {number}, run {run_id[:8]}: {verdicts.get(run_id, '')}")
    client.update_registered_model(name, "\n\n".join(lines))


def _version(client: MlflowClient, name: str, run: Run) -> str:
    """The version of a run, made once."""
    try:
        client.create_registered_model(name)
    except MlflowException as bad:
        if bad.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'")
    if versions:
        return str(max(versions, key=lambda each: int(each.version)).version)
    model_id = run.tags.get(MODEL) or _model_of(client, run)
    source = f"models:/{model_id}" if model_id else f"runs:/{run.run_id}/model"
    return str(client.create_model_version(name, source, run.run_id, model_id=model_id).version)


def _model_of(client: MlflowClient, run: Run) -> str | None:
    experiment = client.get_run(run.run_id).info.experiment_id
    models = client.search_logged_models([experiment], filter_string=f"source_run_id = '{run.run_id}'")
    return str(models[0].model_id) if models else None


def _aliases(client: MlflowClient, name: str) -> Mapping[str, str]:
    try:
        return dict(client.get_registered_model(name).aliases)
    except MlflowException as bad:
        if bad.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
