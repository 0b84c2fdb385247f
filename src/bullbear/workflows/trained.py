"""What a training has found: its run, and of each question the forecasts, scores and account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bullbear.dataset import Examples
from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest
from bullbear.evaluate import Evaluation, PathScores
from bullbear.evaluate.distribution import DistributionEvaluation
from bullbear.learn import Training
from bullbear.learn.search.trial import Search, n_trials
from bullbear.model import Model
from bullbear.workflows.holdout_skill import HoldOutSkill
from bullbear.workflows.reuse import ReusedQuestion


@dataclass(frozen=True)
class TrainedQuestion:
    """What a training found for one question, and the run that holds it."""

    run_id: str
    model: Model
    """The definition of this question alone."""
    examples: Examples
    training: Training
    evaluation: Evaluation | PathScores
    """By path of a combinatorial splitter."""
    backtest: Backtest | None
    """None where no policy decides: of questions other than `up`, and without a walk-forward."""
    hold_out: HoldOutSkill | None = None
    """None where nothing is sealed, or no forecast lies inside."""

    @property
    def trials(self) -> int | None:
        """How many trials chose its parameters; None where they are those of the file."""
        return n_trials(self.searches) if self.searches else None

    @property
    def searches(self) -> tuple[Search, ...]:
        """Those that chose its parameters."""
        return self.training.searches

    @property
    def predictions(self) -> Predictions:
        """The reported forecasts of all assets and paths."""
        return self.training.predictions

    @property
    def weights(self) -> pd.DataFrame:
        """Of the members by fit."""
        return self.training.weights

    @property
    def fingerprint(self) -> str:
        """Of the data."""
        return self.examples.fingerprint


@dataclass(frozen=True)
class TrainedModel:
    """A finished training and its run: of several questions the parent of their runs."""

    run_id: str
    model: Model
    questions: Mapping[str, TrainedQuestion | ReusedQuestion]
    seconds: float
    simulated: bool
    notes: tuple[str, ...] = ()
    distribution: DistributionEvaluation | None = None
    """None if no member knows the whole distribution."""
    reused: bool = False
    """Whether it is a run that was there already."""

    @property
    def first(self) -> TrainedQuestion | ReusedQuestion:
        """That of the first question."""
        return next(iter(self.questions.values()))
