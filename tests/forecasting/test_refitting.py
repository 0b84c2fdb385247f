"""A refit asks for the libraries that its fits import, before any work."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bullbear.definitions import ModelDefinition
from bullbear.errors import MissingExtraError
from bullbear.forecasting.refitting import continued


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
