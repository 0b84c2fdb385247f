"""What is audited: a model with all questions of its training, on one store, and its run if it was trained.

Everything that several checks need is computed once, here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from bullbear.data.changed import Change, ChangedStore
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.dataset import Examples, build_all
from bullbear.decide.rule import Rule
from bullbear.definitions import FactorSpec, FeatureSet, ModelDefinition, Target
from bullbear.factors import compute
from bullbear.factors.engine.registry import renew
from bullbear.forecasting.bundle import Bundle
from bullbear.home import Home
from bullbear.learn import Training, train_all
from bullbear.learn.search.tuning import tune_all


@dataclass(frozen=True)
class Effort:
    """How much a check looks at.

    Attributes
    ----------
    cuts
        Instants after which the future is taken away or replaced.
    series_cuts
        Such instants for each single series.
    years
        Years of forecasts in the trainings that a check makes; None for all that the model reports.
    seeds
        Random targets, permutations and the like.
    """

    cuts: int
    series_cuts: int
    years: int | None
    seeds: int

    @property
    def is_quick(self) -> bool:
        """Whether it is the effort of `--quick`."""
        return self.years is not None


FULL = Effort(cuts=12, series_cuts=3, years=None, seeds=5)
QUICK = Effort(cuts=3, series_cuts=1, years=3, seeds=2)
TRIALS = 3
"""Trials of a search in a training of the audit: enough to choose, few enough to wait for."""


@dataclass(frozen=True)
class Subject:
    """A model as it was trained, or as its file defines it.

    Attributes
    ----------
    definition
        With all questions that are trained together; with its `search` if its parameters are searched for.
    bundles
        Of each question that a run answers; empty for a model that was never trained.
    run_ids
        Those runs' ids, by question.
    beside
        Champions of other trainings that the policy of `up` reads, by question; they are audited with their own.
    start, end
        The reported span that the training was given instead of the definition's.
    same_code
        Whether the training was made by this version of Python, of the libraries and of bullbear; None if unknown.
    """

    home: Home
    store: Store
    definition: ModelDefinition
    feature_sets: tuple[FeatureSet, ...]
    rule: Rule
    bundles: Mapping[str, Bundle] = field(default_factory=dict)
    run_ids: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, Bundle] = field(default_factory=dict)
    start: str | None = None
    end: str | None = None
    same_code: bool | None = None

    def __getstate__(self) -> dict[str, Any]:
        # A worker opens the store anew: a view holds open files.
        return {name: value for name, value in self.__dict__.items() if name != "view"}

    @property
    def ticker(self) -> str:
        """The fund that is forecast."""
        return self.definition.ticker

    @property
    def targets(self) -> Sequence[Target]:
        """Its questions about the ticker."""
        return self.definition.targets

    @cached_property
    def specs(self) -> list[FactorSpec]:
        """Every factor of the model and of its policy, each once."""
        sets = [spec for each in self.feature_sets for spec in each.factor]
        return list({spec.name: spec for spec in [*sets, *self.rule.own]}.values())

    @cached_property
    def view(self) -> View:
        """All that is stored."""
        return self.store.as_of()

    @cached_property
    def examples(self) -> list[Examples]:
        """Of each question, from all that is stored."""
        renew()
        return build_all(self.view, self.feature_sets, self.targets)

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """The sessions of the ticker that have closed with a bar."""
        return pd.DatetimeIndex(self.view.bars(self.ticker).index)

    def changed(self, change: Change) -> ChangedStore:
        """The store with changed rows, for factors that remember nothing of others."""
        renew()
        return ChangedStore(self.store, change)

    @cached_property
    def factors(self) -> pd.DataFrame:
        """Every factor of the model and of its policy about the ticker, by session, from all that is stored."""
        renew()
        return compute(self.view, self.specs, self.index, self.ticker)

    def examples_from(self, store: Store, instant: pd.Timestamp | None = None) -> list[Examples]:
        """Of each question, from all of another store, or from what was known there at an instant."""
        renew()
        return build_all(store.as_of(instant), self.feature_sets, self.targets)

    def abridged(self, effort: Effort) -> Subject:
        """The same model fitted once a year, over the last years alone where the effort is quick.

        What leaks through a monthly walk-forward leaks through a yearly one; it takes a tenth of the time.
        """
        splitter: dict[str, Any] = dict(self.definition.splitter)
        if splitter.get("kind", "expanding") in ("expanding", "rolling"):
            splitter["refit"] = "year"
        start = self.start
        if effort.years is not None:
            last = self.index[-1] if self.end is None else pd.Timestamp(self.end)
            begin = str((last - pd.DateOffset(years=effort.years)).date())
            start = max(begin, start or begin)
        return replace(self, definition=self.definition.model_copy(update={"splitter": splitter}), start=start)

    def train(
        self, examples: Sequence[Examples] | None = None, *, end: str | None = None, jobs: int = 1
    ) -> list[Training]:
        """Train every question, on `examples` in the place of its own; as `learn.train_all` raises.

        Parameters
        ----------
        end
            The last reported day, instead of the subject's.
        """
        renew()
        fit = tune_all if self.definition.search is not None else train_all
        given = self.examples if examples is None else examples
        return fit(self.definition, self.feature_sets, list(given), start=self.start, end=end or self.end, jobs=jobs)
