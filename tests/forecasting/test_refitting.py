"""A refit asks for the libraries that its fits import, before any work; one that a hold-out forbids is named."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bullbear.definitions import ModelDefinition
from bullbear.definitions.holdout import HoldOut
from bullbear.errors import MissingExtraError
from bullbear.forecasting.holdout import Lock
from bullbear.forecasting.refitting import HeldBack, continued


@pytest.mark.parametrize(
    ("calibration", "missing"),
    [
        ({"kind": "isotonic"}, "sklearn"),
        ({"kind": "chosen", "among": [{"kind": "shrinkage"}, {"kind": "venn_abers"}]}, "venn_abers"),
    ],
)
def test_a_calibrators_library_that_is_missing_is_named(
    calibration: dict[str, Any], missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"name": "tiny", "intent": "A model for a test.", "learner": {"kind": "climatology", "window": 21}}
    definition = ModelDefinition.model_validate({**table, "calibration": calibration})
    refuses_without(definition, missing, tmp_path, monkeypatch)


def refuses_without(definition: ModelDefinition, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle: Any = SimpleNamespace(definition=definition, factors=list)
    view: Any = None
    monkeypatch.setattr("bullbear.extras.find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(MissingExtraError, match=r"^a refit of tiny needs the extra \[train\]: pip install"):
        continued(bundle, view, tmp_path)


def test_a_library_that_only_a_searched_value_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = {"kind": "distribution", "scale": "har"}
    search = {"trials": 2, "space": {"learner.scale": {"choices": ["har", "garch"]}}}
    table = {
        "name": "tiny",
        "intent": "A model for a test.",
        "features": ["tiny"],
        "learner": learner,
        "search": search,
    }
    refuses_without(ModelDefinition.model_validate(table), "arch", tmp_path, monkeypatch)


def test_one_line_names_all_questions_of_a_model_whose_refits_are_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    period = HoldOut(first="2018-01-01", why="The last word on every model.")
    overdue = {"up": 20, "dip5": 20, "vol20": 20, "dip8": 0}
    monkeypatch.setattr("bullbear.forecasting.refitting.refit_overdue", lambda bundle, labels: overdue[bundle.question])
    held, labels = HeldBack(), pd.DataFrame()
    for question, model, through in (
        ("up", "line", "2017-11-30"),
        ("dip5", "line", "2017-11-30"),
        ("dip8", "line", "2017-11-30"),
        ("vol20", "trees", "2017-12-29"),
    ):
        bundle: Any = SimpleNamespace(question=question, trained_through=lambda through=through: [through])
        held.add(bundle, labels, Lock(model, period))
        held.add(bundle, labels, Lock(model, period, is_open=True))
        held.add(bundle, labels, Lock(model))
    why = "a refit would read 2018-01-01 on, sealed by models/holdout.toml; `bullbear holdout open"
    once = "--reason TEXT` opens it, once and on record"
    assert held.notes() == [
        f"up, dip5 keep the model fitted through 2017-11-30: {why} line {once}",
        f"vol20 keeps the model fitted through 2017-12-29: {why} trees {once}",
    ]
