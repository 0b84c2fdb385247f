"""Boosted regression of returns in units of their forecast volatility, and the probability that follows from it.

    z = log return over the horizon / (forecast volatility * sqrt(horizon / 252))
    P(return < c) = F(c / (forecast volatility * sqrt(horizon / 252)) - mean of z)

The volatility is the log-linear regression of `learn.paths.scaled_history` on some of the factors, the mean of `z` is
boosted on all of them, and F is the distribution of what the two left unexplained on purged walk-forward splits inside
the training set: a forecast error, not the smaller error of a fit. Divided by its volatility a wild month counts no
more than a calm one. It answers questions about the end of the horizon; what happens on the way there it does not know.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bullbear.definitions import Name, Question
from bullbear.errors import DefinitionError
from bullbear.learn.learner import LEARNERS, FittedLearner, TrainingSet, bag_mean
from bullbear.learn.learners.distribution import with_paths
from bullbear.learn.learners.lightgbm import BoostedModel, Boosting
from bullbear.learn.learners.logistic import LinearModel
from bullbear.learn.paths.end_of_path import ANSWERED, EndAnswer, Residuals, answers
from bullbear.learn.paths.events import SESSIONS_A_YEAR
from bullbear.learn.paths.scaled_history import ScaledHistory

_FEWEST = 63
"""Rows below which an inner split is left out, and errors below which those of the fit itself serve."""
_STEP = 1e-3


@LEARNERS.register
class ScaledRegression(Boosting):
    """`[learner] kind = "scaled_regression"`; the trees have the parameters of `lightgbm`.

    `volatility` names the factors of the forecast volatility, whose standardised coefficients have a Gaussian prior of
    precision `penalty`, in independent labels. With the `loss` "huber" an error counts linearly beyond `huber` standard
    deviations. `splits` are those that show the forecast errors.
    """

    reads_paths: ClassVar[bool] = True

    kind: Literal["scaled_regression"]
    volatility: tuple[Name, ...] = Field(
        default=("log_realised_1", "log_realised_5", "log_realised_21", "log_realised_252", "log_vix"),
        min_length=1,
        strict=False,
    )
    penalty: float = Field(default=3.0, gt=0)
    loss: Literal["huber", "l2"] = "huber"
    huber: float = Field(default=1.345, gt=0)
    splits: int = Field(default=3, ge=1, le=20)

    def refuses_inputs(self, names: Sequence[str], assets: Sequence[str]) -> tuple[str, str] | None:
        """The factors of the volatility must be there, and be those of one asset."""
        if missing := [name for name in self.volatility if name not in names]:
            return "volatility", f"factors of the model's feature sets, which lack {', '.join(missing)}"
        return ("kind", f"another for several assets, {', '.join(assets)}") if len(assets) > 1 else None

    def refuses_question(self, question: Question) -> str | None:
        """It knows the return at the end of the horizon only."""
        return None if answers(question) else ANSWERED

    def parameters(self, training: TrainingSet, bag: int, objective: str = "binary") -> dict[str, Any]:
        """LightGBM's parameters for one bag."""
        found = super().parameters(training, bag, objective)
        return {**found, "alpha": self.huber} if objective == "huber" else found

    def fit(self, training: TrainingSet) -> ScaledReturn:
        """Fit volatility, mean and errors, and the answer to one question."""
        return self._answering(self._fit(_of_returns(training)), training.question)

    def fit_all(self, trainings: Sequence[TrainingSet]) -> list[FittedLearner]:
        """As `fit`, to the last bit; questions that know the same paths share the fit if they share their signs."""
        fits: dict[Any, _Fit] = {}
        found: list[FittedLearner] = []
        for training in trainings:
            seen = _of_returns(training)
            key = seen.decided_at.asi8.tobytes(), seen.signs
            if key not in fits:
                fits[key] = self._fit(seen)
            found.append(self._answering(fits[key], training.question))
        return found

    def restore(self, state: Mapping[str, Any]) -> ScaledReturn:
        """From `state()`."""
        return ScaledReturn(
            mean=BoostedModel.restore(state["mean"]),
            intercept=float(state["intercept"]),
            slopes=LinearModel.restore(state["slopes"]),
            places=tuple(state["places"]),
            answer=EndAnswer.restore(state["answer"]),
        )

    def _fit(self, seen: TrainingSet) -> _Fit:
        places = self._places(seen)
        errors = []
        for train, test in seen.inner_splits(self.splits):
            if len(train) >= _FEWEST and len(test):
                past, later = _rows(seen, train), _rows(seen, test)
                intercept, slopes = self._volatility(past, places)
                mean = self._mean(past, _scaled(past, intercept, slopes, places))
                errors.append(_scaled(later, intercept, slopes, places) - bag_mean(mean.signals(later.X)))
        intercept, slopes = self._volatility(seen, places)
        z = _scaled(seen, intercept, slopes, places)
        mean = self._mean(seen, z)
        left = np.concatenate(errors) if errors else np.zeros(0)
        if len(left) < _FEWEST:
            left = z - bag_mean(mean.signals(seen.X))
        bare = ScaledReturn(mean, intercept, slopes, places, None)
        return _Fit(bare, Residuals.of(left, "empirical"), seen, float(_known(seen.path_weights).sum()))

    def _volatility(self, seen: TrainingSet, places: Sequence[int]) -> tuple[float, LinearModel]:
        X, weights, paths = seen.X[:, places], _known(seen.path_weights), _known(seen.paths)
        history = ScaledHistory.fit(X, weights, paths, self.penalty)
        # Per year to the standard deviation of the whole horizon.
        return history.intercept + 0.5 * math.log(paths.shape[1] / SESSIONS_A_YEAR), history.slopes

    def _mean(self, seen: TrainingSet, z: np.ndarray) -> BoostedModel:
        training = replace(seen, y=z, weights=_known(seen.path_weights))
        return BoostedModel.of(self.boosters(training, self.dataset(training), self.loss), 0.0)

    def _places(self, seen: TrainingSet) -> tuple[int, ...]:
        if missing := [name for name in self.volatility if name not in seen.names]:
            allowed = f"factors of the model's feature sets, which lack {', '.join(missing)}"
            given = ", ".join(self.volatility)
            raise DefinitionError("learner.volatility", given, allowed, "add the feature set that has it")
        return tuple(seen.names.index(name) for name in self.volatility)

    def _answering(self, fit: _Fit, question: Question) -> ScaledReturn:
        if wanted := self.refuses_question(question):
            given = f"{question.name}, of the kind {question.kind}"
            raise DefinitionError("scaled_regression (question)", given, wanted, "choose another learner for it")
        level, mean = fit.bare.log_volatility(fit.seen.X), bag_mean(fit.bare.mean.signals(fit.seen.X))
        scale = np.exp(level)
        answer = EndAnswer.of(question, fit.errors, mean * scale, scale, fit.seen.asset, fit.independent)
        return replace(fit.bare, answer=answer)


@dataclass(frozen=True)
class _Fit:
    """A fit without an answer, its errors, and the rows that it saw, worth `independent` labels."""

    bare: ScaledReturn
    errors: Residuals
    seen: TrainingSet
    independent: float


@dataclass(frozen=True)
class ScaledReturn:
    """A forecast return in units of its forecast volatility, and the answer to one question about it.

    Attributes
    ----------
    mean
        Trees for the mean of `z`.
    intercept, slopes, places
        The log of the standard deviation over the horizon, from the factors at `places`.
    answer
        With the distribution of `z` less its mean; None before there is a question.
    """

    mean: BoostedModel
    intercept: float
    slopes: LinearModel
    places: tuple[int, ...]
    answer: EndAnswer | None

    def probability(self, X: np.ndarray) -> np.ndarray:
        """P(yes) by the mean of the bags, before any calibration; shape (n,)."""
        scale = np.exp(self.log_volatility(X))
        return self._known_answer.probability(bag_mean(self.mean.signals(X)) * scale, scale)

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The log-odds of P(yes) less those of its mean in training, shape (n, n_bags)."""
        level, means = self.log_volatility(X), self.mean.signals(X)
        return np.column_stack([self._signal(means[:, bag], level) for bag in range(means.shape[1])])

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """SHAP values of the mean and shares of the log volatility, times the slopes of the signal; shape (n, k)."""
        level, mean = self.log_volatility(X), bag_mean(self.mean.signals(X))
        by_mean = (self._signal(mean + _STEP, level) - self._signal(mean - _STEP, level)) / (2.0 * _STEP)
        by_level = (self._signal(mean, level + _STEP) - self._signal(mean, level - _STEP)) / (2.0 * _STEP)
        shares = self.mean.contributions(X) * by_mean[:, None]
        shares[:, self.places] += self.slopes.contributions(X[:, self.places]) * by_level[:, None]
        return np.asarray(shares)

    def state(self) -> dict[str, Any]:
        """JSON-ready; no bound is null."""
        return {
            "mean": self.mean.state(),
            "intercept": self.intercept,
            "slopes": self.slopes.state(),
            "places": list(self.places),
            "answer": self._known_answer.state(),
        }

    def log_volatility(self, X: np.ndarray) -> np.ndarray:
        """The log of the forecast standard deviation over the horizon, shape (n,)."""
        return np.asarray(self.intercept + self.slopes.signals(X[:, self.places])[:, 0])

    def _signal(self, mean: np.ndarray, level: np.ndarray) -> np.ndarray:
        scale = np.exp(level)
        return self._known_answer.signal(mean * scale, scale, None)

    @property
    def _known_answer(self) -> EndAnswer:
        assert self.answer is not None  # a fit without a question never leaves its learner
        return self.answer


def _of_returns(training: TrainingSet) -> TrainingSet:
    """Rows whose path is known, with the signs of the return instead of those of the question."""
    direction = training.question.direction
    return replace(with_paths(training), signs=tuple(sign * direction for sign in training.signs))


def _scaled(seen: TrainingSet, intercept: float, slopes: LinearModel, places: Sequence[int]) -> np.ndarray:
    level = intercept + slopes.signals(seen.X[:, places])[:, 0]
    return np.asarray(_known(seen.paths).sum(axis=1) / np.exp(level))


def _rows(seen: TrainingSet, rows: np.ndarray) -> TrainingSet:
    return replace(
        seen,
        X=seen.X[rows],
        y=seen.y[rows],
        weights=seen.weights[rows],
        decided_at=seen.decided_at[rows],
        resolved_at=seen.resolved_at[rows],
        asset=seen.asset[rows],
        paths=_known(seen.paths)[rows],
        path_weights=_known(seen.path_weights)[rows],
    )


def _known(values: np.ndarray | None) -> np.ndarray:
    assert values is not None  # `with_paths` has seen to it
    return values
