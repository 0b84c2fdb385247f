"""Shallow, bagged, monotone gradient boosting (LightGBM).

The bins are built once per fold and shared by all bags and questions; each bag draws rows and factors with a seed of
its own. One thread per fit: folds run in processes, and oversubscribed threads make LightGBM ten times slower. Where
theory gives a factor a direction, the trees must respect it. Factors are read in single precision, so that no split can
fall between two numbers that differ by rounding alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bullbear.errors import FitError
from bullbear.learn.learner import LEARNERS, FittedLearner, Learner, TrainingSet, varies
from bullbear.statistics import rows_per_label

if TYPE_CHECKING:
    import lightgbm

_ROWS = rows_per_label(21)
"""Daily rows worth one independent label at the usual horizon."""
_UNUSED = re.compile(r"^(?:tree_sizes|split_gain|leaf_weight|internal_value|internal_weight)=.*\n", re.MULTILINE)
_END = "end of trees\n"


class Boosting(Learner):
    """What every kind that boosts trees may set; the names are LightGBM's own where it has one.

    `min_data_in_leaf` and `lambda_l2` are counted in daily rows of the usual labels over 21 sessions, 15.3 of which are
    worth one independent label. At another horizon both are scaled, so that as many independent labels stand behind a
    leaf and against a penalty: at horizon 1, `min_data_in_leaf = 200` asks for 13 rows.
    """

    libraries: ClassVar[tuple[str, ...]] = ("lightgbm",)

    bags: int = Field(default=4, ge=1, le=64)
    num_iterations: int = Field(default=60, ge=1, le=5000)
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    num_leaves: int = Field(default=4, ge=2, le=256)
    min_data_in_leaf: int = Field(default=200, ge=1)
    feature_fraction: float = Field(default=0.3, gt=0, le=1)
    bagging_fraction: float = Field(default=0.5, gt=0, le=1)
    lambda_l2: float = Field(default=10.0, ge=0)
    max_bin: int = Field(default=63, ge=2, le=1023)
    monotone: bool = True

    def refuses(self, least_rows: int) -> tuple[str, str] | None:
        """A bag of the smallest training set would hold no row, which LightGBM refuses."""
        if int(self.bagging_fraction * least_rows) >= 1:
            return None
        return "bagging_fraction", f"at least one of splitter.min_train = {least_rows} rows in a bag"

    def parameters(self, training: TrainingSet, bag: int, objective: str = "binary") -> dict[str, Any]:
        """LightGBM's parameters for one bag."""
        return {
            "objective": objective,
            "num_iterations": self.num_iterations,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": max(1, round(self.min_data_in_leaf * rows_per_label(training.horizon) / _ROWS)),
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1 if self.bagging_fraction < 1 else 0,
            "lambda_l2": self.lambda_l2 / _ROWS,
            "monotone_constraints": list(training.signs) if self.monotone and any(training.signs) else None,
            "seed": training.seed * 1_000 + bag,
            **self._binning(),
        }

    def _binning(self) -> dict[str, Any]:
        # Constant across bags, so that the bins are built once. Deterministic and row-wise: the same bits on every run.
        return {
            "max_bin": self.max_bin,
            "feature_pre_filter": False,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def dataset(self, training: TrainingSet) -> lightgbm.Dataset:
        """The binned training set, to be shared by the bags."""
        import lightgbm

        return lightgbm.Dataset(
            _single(np.where(varies(training.X), training.X, np.nan)),
            training.y,
            weight=training.weights,
            feature_name=list(training.names),
            params=self._binning(),
            free_raw_data=False,
        ).construct()

    def boosters(
        self, training: TrainingSet, bins: lightgbm.Dataset, objective: str = "binary"
    ) -> list[lightgbm.Booster]:
        """A fitted booster for each bag, from `dataset(training)`.

        Raises
        ------
        FitError
            LightGBM refuses the training set.
        """
        import lightgbm

        found = []
        for bag in range(self.bags):
            parameters = {k: v for k, v in self.parameters(training, bag, objective).items() if v is not None}
            try:
                found.append(lightgbm.train(parameters, bins))
            except lightgbm.basic.LightGBMError as bad:
                raise FitError(" ".join(str(bad).split())) from bad
        return found

    def classified(self, training: TrainingSet, bins: lightgbm.Dataset) -> BoostedModel:
        """A fit of the log-odds of `training.y`, from `dataset(training)`."""
        boosters = self.boosters(training, bins)
        if training.y.min() == training.y.max():
            # Without a contrast there is nothing to learn, but LightGBM is then certain: 34 log-odds.
            base = float(np.asarray(boosters[0].predict(_single(training.X[:1]), raw_score=True, num_threads=1))[0])
        else:
            share = float(np.average(training.y, weights=training.weights))
            base = float(np.log(share / (1 - share)))
        return BoostedModel.of(boosters, base)


@LEARNERS.register
class GradientBoosting(Boosting):
    """`[learner] kind = "lightgbm"`: trees for the log-odds of a question."""

    kind: Literal["lightgbm"]

    def fit(self, training: TrainingSet) -> BoostedModel:
        """Fit every bag on the same bins."""
        return self.classified(training, self.dataset(training))

    def fit_all(self, trainings: Sequence[TrainingSet]) -> list[FittedLearner]:
        """As `fit`, to the last bit; questions with labels on the same rows share the bins too."""
        bins: dict[int, lightgbm.Dataset] = {}
        fitted: list[FittedLearner] = []
        for training in trainings:
            rows = id(training.X)
            if rows not in bins:
                bins[rows] = self.dataset(training)
            else:
                bins[rows].set_label(training.y).set_weight(training.weights)
            fitted.append(self.classified(training, bins[rows]))
        return fitted

    def restore(self, state: Mapping[str, Any]) -> BoostedModel:
        """Boosters from their text."""
        return BoostedModel.restore(state)


@dataclass(frozen=True)
class BoostedModel:
    """Fitted boosters as LightGBM's own text, which keeps every bit, and what their scores are measured from.

    For a classification that is the log-odds of the training set. Of the text only what scores and contributions read
    is kept, two thirds of it (`bare`); earlier versions kept it all.
    """

    texts: tuple[str, ...]
    base: float

    @classmethod
    def of(cls, boosters: Sequence[lightgbm.Booster], base: float) -> BoostedModel:
        """From fitted boosters."""
        fitted = cls(tuple(bare(booster.model_to_string()) for booster in boosters), base)
        # The text gives the same bits (a test says so); reading it back now would only cost time.
        fitted.__dict__["_boosters"] = list(boosters)
        return fitted

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> BoostedModel:
        """From `state()`."""
        return cls(tuple(state["boosters"]), float(state["base"]))

    @cached_property
    def _boosters(self) -> list[lightgbm.Booster]:
        import lightgbm

        return [lightgbm.Booster(model_str=text) for text in self.texts]

    def signals(self, X: np.ndarray) -> np.ndarray:
        """Raw scores less `base`, shape (n, n_bags)."""
        rounded = _single(X)
        scores = [np.asarray(b.predict(rounded, raw_score=True, num_threads=1)) for b in self._boosters]
        return np.column_stack(scores) - self.base

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """SHAP values averaged over the bags, in the unit of the scores, shape (n, k)."""
        rounded, total = _single(X), np.zeros((len(X), X.shape[1]))
        for booster in self._boosters:
            total += np.asarray(booster.predict(rounded, pred_contrib=True, num_threads=1))[:, :-1]
        return total / len(self._boosters)

    def state(self) -> dict[str, Any]:
        """The boosters' texts and the base."""
        return {"boosters": list(self.texts), "base": self.base}


def bare(text: str) -> str:
    """A booster's text without what neither scores nor contributions read: gains, weights, importances, parameters.

    LightGBM takes a missing line as zeros, and without `tree_sizes` reads one tree after the other.
    """
    trees, end, _ = text.partition(_END)
    return _UNUSED.sub("", trees) + end


def _single(X: np.ndarray) -> np.ndarray:
    # Beyond what single precision holds, a value is as large as it can be.
    most = float(np.finfo(np.float32).max)
    rounded: np.ndarray = np.clip(X, -most, most).astype(np.float32).astype(np.float64)
    return rounded


def import_without_sklearn() -> None:
    """Import LightGBM with scikit-learn kept out: its optional wrappers cost more than the booster itself.

    For the daily forecast only, where nothing needs the wrappers. Does nothing if either is loaded already.
    """
    if "lightgbm" in sys.modules or "sklearn" in sys.modules:
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # makes `import sklearn` an ImportError
    try:
        import lightgbm  # noqa: F401
    finally:
        del sys.modules["sklearn"]
