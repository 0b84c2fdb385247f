"""A training that was made before: the same definition on the same data by the same code, found again as its run.

What would come out is known to the last bit, so that training it again only costs time and fills the run list. That is
not known of a model that runs a home's own Python files: they may read, beside the store, whatever they like.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from bullbear.data.derived import DERIVED
from bullbear.dataset import splitter_of
from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest
from bullbear.definitions import UP
from bullbear.definitions.models import FactorSpec
from bullbear.documents import json_ready
from bullbear.errors import BullbearError
from bullbear.evaluate import Evaluation, PathScores
from bullbear.evaluate.distribution import DistributionEvaluation
from bullbear.execution.environment import environment
from bullbear.factors import registered
from bullbear.factors.engine.registry import kind_of
from bullbear.forecasting.holdout import TAG, Lock
from bullbear.home import Home
from bullbear.learn.search.trial import Search
from bullbear.model import Model
from bullbear.workflows.backtesting import backtest_run
from bullbear.workflows.comparison import evaluate_run
from bullbear.workflows.holdout_skill import HoldOutSkill, holdout_skill

if TYPE_CHECKING:
    from bullbear.tracking import Run
    from bullbear.tracking.stored_runs import StoredRun

CODE, STORE = "code", "store"
"""The tags of a training with the digests of what computed it and of all that was stored."""


@dataclass(frozen=True)
class ReusedQuestion:
    """What a tracked run holds of one question, as `training.TrainedQuestion` has it of a new one."""

    home: Home
    run: Run
    model: Model

    @property
    def run_id(self) -> str:
        """Of the run."""
        return self.run.run_id

    @cached_property
    def evaluation(self) -> Evaluation | PathScores:
        """Its scores."""
        return evaluate_run(self.run)

    @cached_property
    def backtest(self) -> Backtest | None:
        """The account of its policy; None where no policy decides."""
        walks_forward = splitter_of(self.model.definition).is_walk_forward
        return backtest_run(self.home, self.run) if walks_forward and self.run.question == UP.name else None

    @cached_property
    def hold_out(self) -> HoldOutSkill | None:
        """The skill inside a hold-out; None where nothing is sealed, or no forecast lies inside."""
        return (
            holdout_skill(self.home, self.predictions) if splitter_of(self.model.definition).is_walk_forward else None
        )

    @property
    def trials(self) -> int | None:
        """How many trials chose its parameters."""
        return self.run.trials

    @property
    def searches(self) -> tuple[Search, ...]:
        """None are kept with a run."""
        return ()

    @property
    def predictions(self) -> Predictions:
        """The reported forecasts of all assets and paths."""
        return self.run.predictions

    @property
    def weights(self) -> pd.DataFrame:
        """Of the members by fit."""
        return self.run.bundle.weights()

    @property
    def fingerprint(self) -> str:
        """Of the data."""
        return str(self.run.bundle.meta["data_fingerprint"])


@dataclass(frozen=True)
class Reused:
    """A training found again."""

    run_id: str
    questions: Mapping[str, ReusedQuestion]
    distribution: DistributionEvaluation | None


def provenance(home: Home, specs: Iterable[FactorSpec] = ()) -> dict[str, str]:
    """The tags by which a training with these factors is found again.

    Companies count only for factors that are computed from them: they change every evening.
    """
    return {CODE: code_digest(), STORE: stored_now(home, companies=reads_companies(specs))}


def specs_of(model: Model) -> list[FactorSpec]:
    """The factors of a model, those of its policy among them."""
    return [*(spec for each in model.feature_sets for spec in each.factor), *model.rule.own]


def stored_now(home: Home, *, companies: bool) -> str:
    """The digest of all that is stored of the market, with companies or without."""
    return _digest([*_segments(home), *(_company_segments(home) if companies else ())])


def reads_companies(specs: Iterable[FactorSpec]) -> bool:
    """Whether a factor is computed from series that are derived, as breadth is from the bars of companies."""
    known = registered()
    kinds = {kind for spec in specs if spec.function in known for kind in known[spec.function].inputs.values()}
    return any(kind_of(kind).stored in DERIVED for kind in kinds)


def code_digest() -> str:
    """The digest of the Python, libraries and code that run now."""
    return _digest(sorted(environment().items()))


def trained_before(
    home: Home, model: Model, start: str | None, end: str | None, lock: Lock | None = None
) -> Reused | None:
    """The newest run of the very training that is asked for; None if there is none, or if it cannot be read.

    None, too, for a model that runs Python files of the home.

    All that is stored must be the same: equal factors and labels alone, a run's data fingerprint, would leave the
    prices of its account open. So must be what could be read of a hold-out: outcomes of the last days before it
    resolve inside.
    """
    from bullbear.tracking.stored_runs import stored_runs
    from bullbear.tracking.tags import QUESTION, QUESTIONS, SEARCH, USED_AGAIN

    def used(run: StoredRun) -> int:
        return max(run.ended, int(run.tags.get(USED_AGAIN, 0)))

    if model.user_code:
        return None
    sealed = None if lock is None else lock.tags.get(TAG)
    now, names = provenance(home, specs_of(model)), [each.name for each in model.definition.questions]
    try:
        stored = [each for each in stored_runs(home.runs) if SEARCH not in each.tags]
    except BullbearError:
        return None  # what is wrong with the store is told where it is needed
    trainings = [each for each in stored if each.parent is None]
    latest = max(trainings, key=used, default=None)
    for each in trainings:
        span = {"option.start": start, "option.end": end}
        asked = each.tags.get(QUESTIONS, each.tags.get(QUESTION, UP.name)).split(",")
        if (
            asked != names
            or each.tags.get("model") != model.definition.name
            or each.tags.get("definition_hash") != model.definition_hash
            or any(each.tags.get(tag) != digest for tag, digest in now.items())
            or each.tags.get(TAG) != sealed
            or any(each.params.get(key) != value for key, value in span.items())
        ):
            continue
        of_question = {name: each for name in names}
        if QUESTIONS in each.tags:
            children = [run for run in stored if run.parent == each.run_id]
            of_question = {run.tags[QUESTION]: run for run in children if QUESTION in run.tags}
        if set(of_question) == set(names):
            reused = _opened(home, model, each.run_id, is_latest=each is latest)
            if reused is not None:
                return reused
    return None


def _opened(home: Home, model: Model, run_id: str, *, is_latest: bool) -> Reused | None:
    from bullbear.tracking import Runs

    try:
        runs = Runs(home)
        questions = {}
        for each in model.definition.questions:
            run = runs.find(run_id, each.name)
            _ = run.predictions
            questions[each.name] = ReusedQuestion(home, run, model.only(each.name, together=True))
        document = runs.distribution(run_id)
        distribution = None if document is None else DistributionEvaluation.restore(document)
        if not is_latest:
            runs.use_again(run_id)
    except (BullbearError, OSError):
        return None
    return Reused(run_id, questions, distribution)


def _segments(home: Home) -> list[str]:
    # The name of a segment has a digest of what it holds.
    return sorted(path.relative_to(home.data).as_posix() for path in home.data.glob("*/*.parquet"))


def _company_segments(home: Home) -> list[str]:
    files = home.store().companies.reader_by(None).files()
    # With a word of its own: a store without companies is not one whose companies do not count.
    return ["companies", *sorted(path.relative_to(home.data).as_posix() for paths in files.values() for path in paths)]


def _digest(value: object) -> str:
    return hashlib.sha256(repr(json_ready(value)).encode()).hexdigest()[:32]
