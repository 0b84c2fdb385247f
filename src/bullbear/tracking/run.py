"""A finished training: its forecasts, scores and bundle, read from the artifacts of its run or a champion's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bullbear.dataset.predictions import COMBINED, Predictions
from bullbear.definitions import UP
from bullbear.errors import Found, RunError
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.tracking.tags import QUESTION
from bullbear.tracking.tries import trials_of


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
    def question(self) -> str:
        """The question that it answers."""
        return self.tags.get(QUESTION, UP.name)

    @property
    def simulated(self) -> bool:
        """Whether it was trained on the simulated market."""
        return self.tags.get("data") == "SIMULATED"

    @property
    def trials(self) -> int | None:
        """How many trials chose its parameters; None where they are those of the file."""
        return trials_of(self.tags)

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

    def known_at(self, instant: pd.Timestamp) -> Run:
        """The same run with those of its forecasts alone whose outcomes were known at an instant."""
        found = replace(self)
        found.__dict__["bundle"] = replace(self.bundle, through=instant)
        return found

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
