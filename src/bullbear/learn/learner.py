"""What a learner is: factors in, a signal out.

The *signal* is the log-odds of a yes beyond those of the learner's own training set. Zero adds nothing to the base
rate; calibration, not the learner, decides how much of the signal is believed. A fitted learner is plain data:
`state()` goes into a JSON bundle and `restore` brings it back to the same bits, so that the daily forecast needs no
training library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from bullbear import user_code
from bullbear.definitions import Definition, Kinds, Question
from bullbear.errors import DefinitionError

_ROUNDING = 1e-10


@dataclass(frozen=True)
class TrainingSet:
    """What a learner may see: n examples of k factors whose labels had resolved at the fit.

    Attributes
    ----------
    X, y
        Factors (n, k) with NaN for missing, and labels (n,), 0 or 1.
    weights
        Shape (n,). Labels span `horizon` sessions and overlap: the weights sum to the number of independent labels that
        the rows are worth, so that a penalty means the same at every horizon.
    decided_at, resolved_at, asset
        Of each example, in order of decision; shape (n,).
    names, signs
        Of the factors; a sign is the direction in which theory says that the factor moves P(yes), 0 if it says nothing.
    question
        What the labels answer.
    paths
        For a learner that `reads_paths`: daily log total returns of the coming sessions as known at the fit, shape
        (n, horizon). A row is NaN where a close was missing or not known.
    path_weights
        With `paths`: the weights of the rows that have one, as if there were no others; shape (n,), 0 for the others.
        Rows with a path are the same for all questions over a horizon, rows with a label are not.
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    decided_at: pd.DatetimeIndex
    resolved_at: pd.DatetimeIndex
    asset: np.ndarray
    names: tuple[str, ...]
    signs: tuple[int, ...]
    seed: int
    horizon: int
    question: Question
    paths: np.ndarray | None = None
    path_weights: np.ndarray | None = None

    def inner_splits(self, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """`n` purged walk-forward splits into row numbers to train and to test on, for choices inside a fit.

        The decisions are cut into `n + 1` blocks of about equal length; each block but the first is tested by what had
        resolved at its first decision.
        """
        decided = self.decided_at.as_unit("us").asi8
        resolved = self.resolved_at.as_unit("us").asi8
        for block in np.array_split(np.unique(decided), n + 1)[1:]:
            test = np.flatnonzero((decided >= block[0]) & (decided <= block[-1]))
            yield np.flatnonzero(resolved <= block[0]), test


class FittedLearner(Protocol):
    """A fitted learner."""

    def signals(self, X: np.ndarray) -> np.ndarray:
        """Log-odds beyond the training base rate, one column per bag; shape (n, n_bags)."""

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Each factor's share of the mean signal, log-odds; shape (n, k)."""

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs, as JSON-ready data."""


@runtime_checkable
class FittedPerAsset(FittedLearner, Protocol):
    """A fitted learner whose signal depends on the asset as well as on its factors."""

    def of_asset(self, asset: str) -> FittedLearner:
        """The learner for rows about one asset."""


class Learner(Definition):
    """A kind of learner with its parameters; subclasses have `kind: Literal["..."]` and are registered.

    `uses_factors` says whether a fit without factors makes no sense; `libraries` which modules a worker process should
    have imported before its first fit; `reads_paths` whether it asks for the daily returns behind the labels.
    """

    uses_factors: ClassVar[bool] = True
    reads_paths: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ()

    @property
    def is_silent(self) -> bool:
        """Whether it can never say anything but the base rate; default: it sees neither factors nor paths."""
        return not (self.uses_factors or self.reads_paths)

    def imports(self) -> tuple[str, ...]:
        """The optional modules that a fit with these parameters imports; default `libraries`."""
        return self.libraries

    def fit(self, training: TrainingSet) -> FittedLearner:
        """Fit on one fold's training set; the same input gives the same bits."""
        raise NotImplementedError(f"{type(self).__name__}.fit")

    def fit_all(self, trainings: Sequence[TrainingSet]) -> list[FittedLearner]:
        """A fit for each of several questions about the same examples, as `fit` makes it; override it to share work.

        The sets have the same factors, horizon and seed, and nearly the same rows: each lacks the examples whose own
        label is missing.
        """
        return [self.fit(training) for training in trainings]

    def restore(self, state: Mapping[str, Any]) -> FittedLearner:
        """A fitted learner from its `state()`."""
        raise NotImplementedError(f"{type(self).__name__}.restore")

    def refuses(self, least_rows: int) -> tuple[str, str] | None:
        """The parameter that does not go with a training set of `least_rows`, and what would; None if all do."""
        return None

    def refuses_inputs(self, names: Sequence[str], assets: Sequence[str]) -> tuple[str, str] | None:
        """The parameter that does not go with these factors and assets, and what would; None if all do."""
        return None

    def refuses_question(self, question: Question) -> str | None:
        """Which questions it can answer, if this is none of them; None if it is."""
        return None


LEARNERS = Kinds[Learner]("learner", package="bullbear.learn.learners", folder="learners")


def fit_learners(learner: Learner, trainings: Sequence[TrainingSet]) -> list[FittedLearner]:
    """`learner.fit_all(trainings)`; an error in a user's file is named with its line."""
    kind = str(learner.model_dump()["kind"])
    found = user_code.call(f"learner {kind}", learner.fit_all, trainings)
    if not isinstance(found, list | tuple) or len(found) != len(trainings):
        given = f"{len(found)}" if isinstance(found, list | tuple) else type(found).__name__
        where = f"{user_code.place_of(learner.fit_all)} (learner {kind})"
        raise DefinitionError(where, given, f"a list of {len(trainings)} fitted learners", "correct what it returns")
    for fitted in found:
        if missing := [name for name in ("signals", "contributions", "state") if not hasattr(fitted, name)]:
            where = f"{user_code.place_of(learner.fit)} (learner {kind})"
            allowed = f"a fitted learner, with {', '.join(missing)}"
            raise DefinitionError(where, type(fitted).__name__, allowed, "correct what `fit` returns")
    return list(found)


def signals_of(kind: str, fitted: FittedLearner, X: np.ndarray, asset: np.ndarray | None = None) -> np.ndarray:
    """`fitted.signals(X)`, shape (n, n_bags); an error in a user's file is named with its line.

    `asset` of each row, shape (n,), matters to a `FittedPerAsset`.
    """
    if asset is not None and len(asset) and isinstance(fitted, FittedPerAsset):
        parts = {str(name): np.flatnonzero(asset == name) for name in np.unique(asset)}
        own = {name: user_code.call(f"learner {kind}", fitted.of_asset, name) for name in parts}
        signals = [signals_of(kind, own[name], X[rows]) for name, rows in parts.items()]
        joined: np.ndarray = np.concatenate(signals)[np.argsort(np.concatenate([*parts.values()]))]
        return joined
    found = user_code.call(f"learner {kind}", fitted.signals, X)
    if not isinstance(found, np.ndarray) or found.ndim != 2 or len(found) != len(X) or not found.shape[1]:
        given = f"shape {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        where = f"{user_code.place_of(fitted.signals)} (learner {kind})"
        allowed = f"an array of shape ({len(X)}, bags)"
        raise DefinitionError(where, given, allowed, "return a column of signals for each bag")
    return found


def varies(X: np.ndarray) -> np.ndarray:
    """Which factors vary by more than rounding over the rows where they are known; shape (k,).

    A column whose values differ by less than 1e-10 of their size is constant: 0.3 and 0.1 + 0.2 are one number.

    Example
    -------
    >>> varies(np.array([[0.3, 1.0, np.nan], [0.1 + 0.2, 2.0, np.nan]])).tolist()
    [False, True, False]
    """
    known = ~np.isnan(X)
    highest = np.max(np.where(known, X, -np.inf), axis=0, initial=-np.inf)
    lowest = np.min(np.where(known, X, np.inf), axis=0, initial=np.inf)
    size = np.maximum(np.abs(highest), np.abs(lowest))
    with np.errstate(invalid="ignore"):  # a factor that is never known: -inf less inf
        return np.asarray(known.any(axis=0) & (highest - lowest > _ROUNDING * size))


def bag_mean(signals: np.ndarray) -> np.ndarray:
    """The mean over bags, added in a fixed order so that one row and many give the same bits; shape (n,)."""
    total = np.zeros(len(signals))
    for bag in range(signals.shape[1]):
        total = total + signals[:, bag]
    mean: np.ndarray = total / signals.shape[1]
    return mean


def factor_matrix(X: Any, names: Sequence[str]) -> np.ndarray:
    """The columns `names` of a frame as one C-ordered float64 array, so that every row is summed in the same order."""
    return np.ascontiguousarray(X[list(names)].to_numpy(dtype=np.float64))
