"""Writing a bundle, of a training or continued by a refit; `forecasting.bundle` says what one holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.decide.rule import Rule
from bullbear.definitions import FeatureSet, ModelDefinition, Question
from bullbear.forecasting.bundle import BELIEF, VERSION, Bundle
from bullbear.forecasting.kept_models import write_models
from bullbear.forecasting.user_files import user_code_of
from bullbear.learn import FoldModel, Training
from bullbear.learn.refit import Continuation
from bullbear.sessions import day


def write_bundle(
    root: Path,
    *,
    definition: ModelDefinition,
    feature_sets: tuple[FeatureSet, ...],
    rule: Rule,
    definition_hash: str,
    fingerprint: str,
    simulated: bool,
    training: Training,
    start: str | None = None,
    questions: Sequence[Question] = (),
) -> None:
    """Write a bundle into the empty folder `root`.

    Parameters
    ----------
    start
        The first reported day, if the training was given one.
    questions
        All that were trained together, in order; the training's own alone without.
    """
    fits = write_models(root, training.models)
    (root / "predictions.csv").write_text(training.predictions.to_csv(), encoding="utf-8")
    (root / "signals.csv").write_text(_signals_csv(training.signals), encoding="utf-8")
    _write_belief(root, training.models)
    table = rule.policy.model_dump(mode="json")
    meta = {
        "version": VERSION,
        "question": _one_question(training.predictions),
        "questions": [each.model_dump(mode="json") for each in questions or definition.questions],
        "definition": definition.model_dump(mode="json"),
        "feature_sets": [each.model_dump(mode="json") for each in feature_sets],
        "user_code": user_code_of(definition, (*feature_sets, *rule.feature_sets), table),
        "policy": table,
        "policy_feature_sets": [each.model_dump(mode="json") for each in rule.feature_sets],
        "definition_hash": definition_hash,
        "data_fingerprint": fingerprint,
        "simulated": simulated,
        "start": start,
        "fits": fits,
    }
    (root / "bundle.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")


def write_continued(root: Path, bundle: Bundle, continuation: Continuation) -> None:
    """Write into the empty folder `root` what `bundle` holds, and a refit."""
    fits = bundle.continue_models(root, continuation.models)
    signals = bundle.signals
    if len(continuation.signals):
        signals = pd.concat([signals, continuation.signals])
    whole = Predictions.concat([bundle.predictions, continuation.predictions])
    (root / "predictions.csv").write_text(whole.to_csv(), encoding="utf-8")
    (root / "signals.csv").write_text(_signals_csv(signals), encoding="utf-8")
    if known := bundle.believed():  # of a bundle that keeps none it would take opening all its models
        _write_belief(root, continuation.models, known)
    meta = bundle.meta | {"version": VERSION, "fits": fits}
    (root / "bundle.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")


def _write_belief(root: Path, models: Sequence[FoldModel], earlier: Mapping[str, float] = MappingProxyType({})) -> None:
    later = {str(day(each.trained_through).date()): each.believed for each in models}
    (root / BELIEF).write_text(json.dumps({"a": {**earlier, **later}}, indent=1), encoding="utf-8")


def _one_question(predictions: Predictions) -> str:
    (question,) = predictions.table["question"].unique()
    return str(question)


def _signals_csv(signals: pd.DataFrame) -> str:
    decided = pd.DatetimeIndex(signals.index).strftime("%Y-%m-%dT%H:%M:%SZ")
    return signals.reset_index(drop=True).assign(decided_at=decided)[["decided_at", *signals]].to_csv(index=False)
