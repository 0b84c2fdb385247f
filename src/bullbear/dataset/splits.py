"""Splitters: which examples each model is fitted on, and which it is judged on.

They follow scikit-learn's protocol (`split`, `get_n_splits`). All rows of one session, of however many assets, fall on
the same side. Walk-forward splitters refit at the last close before a period begins and forecast every session of it;
an example may be trained on only if its label had resolved by then, less an embargo, and the gap this leaves before the
test sessions is the purge. The combinatorial splitter trains on the future, too: it shows how much a result owes to one
path of history, and yields no model that could be promoted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from bullbear import sessions
from bullbear.dataset.examples import Examples
from bullbear.definitions import Day, Definition, Kinds, ModelDefinition, Source
from bullbear.errors import Found, HistoryError, InputError

_PERIOD = {"month": "M", "quarter": "Q", "year": "Y"}
_LONGEST = {"month": 23, "quarter": 64, "year": 254}
"""The most sessions of a month, a quarter and a year since 1993."""


@dataclass(frozen=True)
class Fold:
    """Row numbers to train and test on, the close at which the fit is made, and the path of each test row.

    `path` is 0 everywhere for walk-forward; a combinatorial fit is made at the last close of all.
    """

    train: np.ndarray
    test: np.ndarray
    trained_through: pd.Timestamp
    path: np.ndarray


class Splitter(Definition):
    """What all splitters share; `is_walk_forward` says whether every fit precedes the sessions it forecasts."""

    kind: str
    first: Day = "2005-01-01"
    """The first day whose forecast is reported."""
    embargo: int = Field(default=0, ge=0, le=252)
    """Further sessions between training labels and test sessions."""
    min_train: int = Field(default=252, ge=21)
    """Resolved examples without which no model is fitted."""

    is_walk_forward: ClassVar[bool] = True

    @property
    def longest(self) -> int:
        """Sessions that one fit serves at most; a year unless a splitter says otherwise."""
        return _LONGEST["year"]

    def folds(
        self, X: Examples | pd.DataFrame, *, groups: Any = None, start: str | None = None, end: str | None = None
    ) -> list[Fold]:
        """The folds in order.

        Parameters
        ----------
        X
            Examples, the labels of `resolve`, or any frame indexed by session (or session and asset) in order.
        groups
            For a frame without a column `resolved_at`: the instant at which each row's label resolves; shape (n,).
        start, end
            Override `first`; drop test sessions after `end`.

        Raises
        ------
        HistoryError
            There is too little history.
        InputError
            A frame without sessions in order, or without `groups`.
        """
        rows = _Rows.of(X, groups)
        first = sessions.day(start or self.first)
        last = sessions.day(end) if end else rows.days[-1]
        return self._folds(rows, first, last)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers of each training and test set, as scikit-learn asks for them; `groups` as in `folds`."""
        for fold in self.folds(X, groups=groups):
            yield fold.train, fold.test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds there are."""
        return len(self.folds(X, groups=groups))

    def _folds(self, rows: _Rows, first: pd.Timestamp, last: pd.Timestamp) -> list[Fold]:
        raise NotImplementedError


SPLITTERS = Kinds[Splitter]("splitter", folder="splitters", default="expanding")


def splitter_of(definition: ModelDefinition, source: Source | None = None) -> Splitter:
    """The splitter that a model's `[splitter]` table describes; the expanding one without a `kind`.

    Raises
    ------
    DefinitionError
        The kind is unknown or a value does not fit.
    """
    return SPLITTERS.read(definition.splitter, source, below=("splitter",))


@SPLITTERS.register
class Expanding(Splitter):
    """Walk-forward on all of the past: a refit at the last close before every month, quarter or year."""

    kind: Literal["expanding"] = "expanding"
    burn_in_months: int = Field(default=24, ge=0, le=120)
    """Months before `first` that are forecast too, only so that the calibrator has a past when reporting starts."""
    refit: Literal["month", "quarter", "year"] = "month"

    @property
    def longest(self) -> int:
        """The sessions of the longest month, quarter or year."""
        return _LONGEST[self.refit]

    def _folds(self, rows: _Rows, first: pd.Timestamp, last: pd.Timestamp) -> list[Fold]:
        begin = first - pd.DateOffset(months=self.burn_in_months)
        tested = np.flatnonzero((rows.session >= begin) & (rows.session <= last) & rows.decidable)
        folds = []
        if len(tested):
            periods = rows.session[tested].to_period(_PERIOD[self.refit]).astype("int64")
            for test in np.split(tested, np.flatnonzero(np.diff(periods)) + 1):
                # The fit is made at the close before the first test session, so that its first forecast has it at hand.
                opening = rows.number[test[0]]
                fitted = max(opening - 1, 0)
                edge = max(fitted - self.embargo, 0)
                past = rows.start[opening]
                train = np.flatnonzero(rows.resolved[:past] <= rows.decided[rows.start[edge]])
                if (oldest := self._oldest(fitted)) > 0:
                    train = train[train >= rows.start[oldest]]
                if len(train) >= self.min_train:
                    through = rows.closes[rows.start[fitted]]
                    folds.append(Fold(train, test, through, np.zeros(len(test), dtype=np.int64)))
        if not folds:
            raise HistoryError(
                "walk-forward",
                f"{len(rows.days)} sessions to {rows.days[-1].date()}",
                f"at least {self.min_train} resolved labels before a forecast in {first.date()} or later",
                "load more history, or choose a later span",
            )
        return folds

    def _oldest(self, fitted: int) -> int:
        """The number of the first session that may be trained on by a fit at the session `fitted`."""
        return 0


@SPLITTERS.register
class Rolling(Expanding):
    """Walk-forward on the last `window` sessions before each fit, of which the newest have not resolved."""

    kind: Literal["rolling"] = "rolling"  # type: ignore[assignment]
    window: int = Field(default=2520, ge=63)

    def _oldest(self, fitted: int) -> int:
        return fitted - self.window + 1


@SPLITTERS.register
class Combinatorial(Splitter):
    """Combinatorial purged cross-validation: each choice of `n_test_groups` out of `n_groups` stretches is tested once.

    The sessions from `first` on are cut into groups of equal length; earlier ones are trained on throughout. A training
    label is purged if its life from `decided_at` to `resolved_at` touches that of a test group, or if it was decided
    within `embargo` sessions after. The tests make up `C(n_groups - 1, n_test_groups - 1)` paths, each of which covers
    every session once.

    References
    ----------
    Lopez de Prado, M. (2018). Advances in Financial Machine Learning, ch. 12. Wiley. ISBN 978-1-119-48208-6.
    """

    kind: Literal["combinatorial"] = "combinatorial"
    n_groups: int = Field(default=6, ge=2, le=20)
    n_test_groups: int = Field(default=2, ge=1)
    is_walk_forward: ClassVar[bool] = False

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> Combinatorial:
        if self.n_test_groups >= self.n_groups:
            raise ValueError(f"n_test_groups below n_groups = {self.n_groups}")
        return self

    @property
    def n_paths(self) -> int:
        """How many whole paths the tests make up."""
        return comb(self.n_groups - 1, self.n_test_groups - 1)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds there are."""
        return comb(self.n_groups, self.n_test_groups)

    def _folds(self, rows: _Rows, first: pd.Timestamp, last: pd.Timestamp) -> list[Fold]:
        days = np.flatnonzero((rows.days >= first) & (rows.days <= last))
        if len(days) < self.n_groups:
            allowed = f"at least {self.n_groups} sessions from {first.date()} on"
            raise HistoryError("combinatorial splitter", len(days), allowed, "load more history, or use fewer groups")
        group_of_day = np.full(len(rows.days), -1)
        for group, part in enumerate(np.array_split(days, self.n_groups)):
            group_of_day[part] = group
        group = group_of_day[rows.number]
        admissible = [self._outside(rows, group == each) for each in range(self.n_groups)]
        paths = [0] * self.n_groups
        folds = []
        for chosen in combinations(range(self.n_groups), self.n_test_groups):
            path = np.zeros(len(group), dtype=np.int64)
            for each in chosen:
                path[group == each] = paths[each]
                paths[each] += 1
            test = np.flatnonzero(np.isin(group, chosen) & rows.decidable)
            train = np.flatnonzero(np.all([admissible[each] for each in chosen], axis=0) & (rows.session <= last))
            if len(train) < self.min_train:
                value, allowed = f"{len(train)} examples left by the purge", f"at least {self.min_train}"
                raise HistoryError("combinatorial splitter", value, allowed, "load more history, or test fewer groups")
            folds.append(Fold(train, test, rows.closes[-1], path[test]))
        return folds

    def _outside(self, rows: _Rows, tested: np.ndarray) -> np.ndarray:
        """Which rows' labels are clear of those of a test group; shape (n,)."""
        begin, end = rows.decided[tested].min(), rows.resolved[tested].max()
        last = np.searchsorted(rows.decided[rows.start], end, side="right") - 1  # in which the last label resolves
        return np.asarray((rows.resolved < begin) | (rows.number > last + self.embargo))


@dataclass(frozen=True)
class _Rows:
    """The rows to split: their sessions and instants.

    `number` counts each row's session among `days`, the distinct ones; `start` is the first row of each of these.
    `decided` and `resolved` are bare instants: there are hundreds of folds, and each daily forecast asks for them.
    """

    session: pd.DatetimeIndex
    days: pd.DatetimeIndex
    number: np.ndarray
    start: np.ndarray
    closes: pd.DatetimeIndex
    decided: np.ndarray
    resolved: np.ndarray
    decidable: np.ndarray

    @classmethod
    def of(cls, X: Examples | pd.DataFrame, groups: Any) -> _Rows:
        if isinstance(X, Examples):
            return cls._of(X.session, X.decided_at, X.resolved_at, X.decidable)
        index = X.index.get_level_values(0) if isinstance(X, pd.DataFrame) else None
        if not isinstance(index, pd.DatetimeIndex) or not len(index) or not index.is_monotonic_increasing:
            value = "no rows" if index is not None and not len(index) else "another index"
            raise InputError("X", value, "a frame indexed by session, in order", "set and sort the index")
        if "resolved_at" in X and groups is None:
            groups = X["resolved_at"]
        if groups is None or len(groups) != len(index):
            value = Found("missing") if groups is None else f"{len(groups)} instants for {len(index)} rows"
            raise InputError("groups", value, "the instant at which each label resolves", "give groups=resolved_at")
        days = pd.DatetimeIndex(index).as_unit("us")
        resolved = pd.DatetimeIndex(groups).as_unit("us")
        decidable = X["decidable"].to_numpy() if "decidable" in X else np.ones(len(days), dtype=bool)
        closes = pd.DatetimeIndex(X["decided_at"]) if "decided_at" in X else sessions.closes(days)
        return cls._of(days, closes, resolved, decidable)

    @classmethod
    def _of(
        cls, session: pd.DatetimeIndex, closes: pd.DatetimeIndex, resolved: pd.DatetimeIndex, decidable: np.ndarray
    ) -> _Rows:
        is_first = np.append(True, session[1:] != session[:-1])
        return cls(
            session=session,
            days=session[is_first],
            number=np.cumsum(is_first) - 1,
            start=np.flatnonzero(is_first),
            closes=closes,
            decided=closes.to_numpy("datetime64[us]"),
            resolved=resolved.to_numpy("datetime64[us]"),
            decidable=decidable,
        )
