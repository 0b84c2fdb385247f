"""The sign of the return from a drift and a predictable volatility.

    P(r > 0) = 1 - F(-mu / sigma_t)

A constant drift `mu` is small beside a wild month and large beside a calm one: even if nothing foretells the return,
what foretells its volatility foretells its sign. `sigma_t` is the expected volatility of the path (`log_volatility`),
`F` the distribution of the returns that came, each less the drift and divided by its own expected volatility.

References
----------
Christoffersen and Diebold (2006), Financial asset returns, direction-of-change forecasting, and volatility dynamics,
doi:10.1287/mnsc.1060.0520.
Christoffersen, Diebold, Mariano, Tay and Tse (2007), Direction-of-change forecasts based on conditional variance,
skewness and kurtosis dynamics: international evidence, Journal of Financial Forecasting 1(2), 3-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bullbear.definitions import Question
from bullbear.learn.learner import LEARNERS, Learner, TrainingSet
from bullbear.learn.learners.logistic import LinearModel
from bullbear.learn.paths.end_of_path import ANSWERED, EndAnswer, Residuals, Tails, answers
from bullbear.learn.paths.events import marginals_of
from bullbear.learn.paths.known_paths import known_paths
from bullbear.learn.paths.scaled_history import log_volatility


@LEARNERS.register
class ChristoffersenDiebold(Learner):
    """`[learner] kind = "christoffersen_diebold"`.

    `penalty` is that of the volatility regression, in independent labels; `tails` says what `F` is: `empirical`,
    `normal` or `gram_charlier`. The drift of an asset is the mean of its returns.
    """

    reads_paths: ClassVar[bool] = True

    kind: Literal["christoffersen_diebold"]
    penalty: float = Field(default=3.0, gt=0)
    tails: Tails = "empirical"

    def fit(self, training: TrainingSet) -> FittedSign:
        """Fit the volatility, then the distribution of what is left."""
        seen = known_paths(training, "christoffersen_diebold")
        marginals = marginals_of(seen.paths)
        intercept, slopes = log_volatility(seen.X, seen.weights, marginals["volatility"], self.penalty)
        drifts = {str(name): float(np.mean(marginals["end"][seen.asset == name])) for name in np.unique(seen.asset)}
        mean = np.array([drifts[str(name)] for name in seen.asset])
        scale = np.exp(intercept + slopes.signals(seen.X)[:, 0])
        residuals = Residuals.of((marginals["end"] - mean) / scale, self.tails)
        answer = EndAnswer.of(training.question, residuals, mean, scale, seen.asset, seen.independent)
        return FittedSign(intercept, slopes, drifts, answer)

    def refuses_question(self, question: Question) -> str | None:
        """Only the return at the horizon has a sign."""
        return None if answers(question) else ANSWERED

    def restore(self, state: Mapping[str, Any]) -> FittedSign:
        """From `state()`."""
        drifts = {str(asset): float(drift) for asset, drift in state["drifts"].items()}
        slopes = LinearModel.restore(state["slopes"])
        return FittedSign(float(state["intercept"]), slopes, drifts, EndAnswer.restore(state["answer"]))


@dataclass(frozen=True)
class FittedSign:
    """A volatility regression, a drift for each asset, and the answer that follows.

    `asset` is what rows are about; without it, or for one that training has not seen, the mean drift counts.
    """

    intercept: float
    slopes: LinearModel
    drifts: Mapping[str, float]
    answer: EndAnswer
    asset: str | None = None

    def of_asset(self, asset: str) -> FittedSign:
        """For rows about one asset."""
        return replace(self, asset=asset)

    def probability(self, X: np.ndarray) -> np.ndarray:
        """P(yes) before anything is added to the base rate, shape (n,)."""
        level = self._level(X)
        return self.answer.probability(self._mean(level), np.exp(level))

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The log-odds of P(yes) less those of its mean in training, shape (n, 1)."""
        return self._signal(self._level(X))[:, None]

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Each factor's share of the log of the volatility times the slope of the signal there; shape (n, k)."""
        level, step = self._level(X), 0.1
        slope = (self._signal(level + step) - self._signal(level - step)) / (2.0 * step)
        return np.asarray(self.slopes.contributions(X) * slope[:, None])

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "intercept": self.intercept,
            "slopes": self.slopes.state(),
            "drifts": dict(self.drifts),
            "answer": self.answer.state(),
        }

    def _level(self, X: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self.intercept + self.slopes.signals(X)[:, 0])

    def _mean(self, level: np.ndarray) -> np.ndarray:
        drift = self.drifts.get(self.asset or "", sum(self.drifts.values()) / len(self.drifts))
        return np.full(len(level), drift)

    def _signal(self, level: np.ndarray) -> np.ndarray:
        return self.answer.signal(self._mean(level), np.exp(level), self.asset)
