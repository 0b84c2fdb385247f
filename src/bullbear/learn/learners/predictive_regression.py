"""The predictive regression of the literature: the coming return on one lagged factor.

    r_{t, t+h} = a + b x_t + e

and P(yes) from the distribution of `e`. Two restrictions of Campbell and Thompson make it robust out of sample: a slope
against theory's sign is zero, and an expected return below zero is zero. Theirs is of the excess return; here the bound
is that of the total return. With `response = "answer"` the regression is of the answer itself, in log-odds, for any
question.

References
----------
Campbell and Thompson (2008), Predicting excess stock returns out of sample, doi:10.1093/rfs/hhm055.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator

from bullbear.definitions import Question
from bullbear.learn.learner import LEARNERS, FittedLearner, Learner, TrainingSet
from bullbear.learn.paths.end_of_path import ANSWERED, EndAnswer, Residuals, Tails, answers
from bullbear.learn.paths.known_paths import known_paths
from bullbear.learn.univariate import Response, UnivariateModels, fit_univariate


@LEARNERS.register
class PredictiveRegression(Learner):
    """`[learner] kind = "predictive_regression"`, on a feature set of one factor.

    `restrict_sign` sets a slope against the factor's `sign` to zero, `truncate` an expected return below zero; `tails`
    is the distribution of the residuals. Where the factor is missing it says the base rate.
    """

    reads_paths: ClassVar[bool] = True

    kind: Literal["predictive_regression"]
    response: Response = "return"
    restrict_sign: bool = False
    truncate: bool = False
    tails: Tails = "empirical"

    @field_validator("truncate")
    @classmethod
    def _of_returns(cls, truncate: bool, info: ValidationInfo) -> bool:
        if truncate and info.data.get("response") == "answer":
            raise ValueError('false with response = "answer", which has no expected return')
        return truncate

    def fit(self, training: TrainingSet) -> FittedLearner:
        """Fit by weighted least squares, or the linear discriminant."""
        if self.response == "answer":
            models = fit_univariate(training.X, training.y, training.weights, "answer")
            return FittedLogOdds(self._restricted(models, np.array(training.signs)))
        seen = known_paths(training, "predictive_regression")
        returns = seen.paths.sum(axis=1)
        # The signs speak of P(yes): of a fall, they are those of the return turned round.
        signs = np.array(training.signs) * training.question.direction
        models = self._restricted(fit_univariate(seen.X, returns, seen.weights, "return"), signs)
        drifts = drifts_of(returns, seen.asset)
        means = np.array([drifts[str(name)] for name in seen.asset]) + models.deviations(seen.X)[:, 0]
        mean = np.maximum(means, 0.0) if self.truncate else means
        residuals = Residuals.of(returns - mean, self.tails)
        answer = EndAnswer.of(training.question, residuals, mean, np.ones(len(mean)), seen.asset, seen.independent)
        return FittedReturn(models, drifts, self.truncate, answer)

    def _restricted(self, models: UnivariateModels, signs: np.ndarray) -> UnivariateModels:
        if not self.restrict_sign:
            return models
        return replace(models, slopes=np.where(models.slopes * signs < 0, 0.0, models.slopes))

    def refuses_inputs(self, names: Sequence[str], assets: Sequence[str]) -> tuple[str, str] | None:
        """Exactly one factor."""
        if len(names) == 1:
            return None
        return "kind", f"a regression on one factor, not {len(names)}; combination_forecast takes several"

    def refuses_question(self, question: Question) -> str | None:
        """Returns decide questions about the return at the horizon alone."""
        return None if self.response == "answer" or answers(question) else f'{ANSWERED}, or response = "answer"'

    def restore(self, state: Mapping[str, Any]) -> FittedLearner:
        """From `state()`."""
        models = UnivariateModels.restore(state["models"])
        if "answer" not in state:
            return FittedLogOdds(models)
        drifts = {str(asset): float(drift) for asset, drift in state["drifts"].items()}
        return FittedReturn(models, drifts, bool(state["truncate"]), EndAnswer.restore(state["answer"]))


def drifts_of(returns: np.ndarray, asset: np.ndarray) -> dict[str, float]:
    """The mean return of each asset."""
    return {str(name): float(np.mean(returns[asset == name])) for name in np.unique(asset)}


@dataclass(frozen=True)
class FittedLogOdds:
    """The discriminant of one factor."""

    models: UnivariateModels

    def signals(self, X: np.ndarray) -> np.ndarray:
        """Log-odds, shape (n, 1)."""
        return self.contributions(X)

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """The same, shape (n, 1)."""
        return self.models.deviations(X)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"models": self.models.state()}


@dataclass(frozen=True)
class FittedReturn:
    """A regression of the return and the answer that follows.

    `asset` is what rows are about; without it, or for one that training has not seen, the mean drift counts.
    """

    models: UnivariateModels
    drifts: Mapping[str, float]
    truncate: bool
    answer: EndAnswer
    asset: str | None = None

    def of_asset(self, asset: str) -> FittedReturn:
        """For rows about one asset."""
        return replace(self, asset=asset)

    def expected(self, X: np.ndarray) -> np.ndarray:
        """The expected log return over the horizon, shape (n,)."""
        drift = self.drifts.get(self.asset or "", sum(self.drifts.values()) / len(self.drifts))
        mean = drift + self.models.deviations(X)[:, 0]
        return np.maximum(mean, 0.0) if self.truncate else mean

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The log-odds of P(yes) less those of its mean in training, zero where the factor is missing; shape (n, 1)."""
        mean = self.expected(X)
        signal = self.answer.signal(mean, np.ones(len(mean)), self.asset)
        # Without a slope all rows say the same, and a missing factor says what no factor would.
        silent = np.isnan(X[:, 0]) | (self.models.slopes[0] == 0.0)
        return np.asarray(np.where(silent, 0.0, signal))[:, None]

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """The signal, which is all of the one factor; shape (n, 1)."""
        return self.signals(X)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "models": self.models.state(),
            "drifts": dict(self.drifts),
            "truncate": self.truncate,
            "answer": self.answer.state(),
        }
