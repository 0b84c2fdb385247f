"""The combination of predictive regressions on one factor each.

    f = sum over j of w_j (a_j + b_j x_j)

A regression on many factors overfits; the mean of many regressions on one factor each hardly can, and errors of
different factors cancel. `combine` says how:

- `mean`: equal weights,
- `trimmed_mean`: equal weights without the highest and the lowest forecast of the day,
- `dmspe`: weights in inverse proportion to the discounted mean squared error of each factor's past forecasts.

References
----------
Rapach, Strauss and Zhou (2010), Out-of-sample equity premium prediction, doi:10.1093/rfs/hhp063.
Stock and Watson (2004), Combination forecasts of output growth, doi:10.1002/for.928 (the discount).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bullbear.definitions import Question
from bullbear.learn.learner import LEARNERS, FittedLearner, Learner, TrainingSet
from bullbear.learn.learners.logistic import standardise
from bullbear.learn.learners.predictive_regression import drifts_of
from bullbear.learn.paths.end_of_path import ANSWERED, EndAnswer, Residuals, Tails, answers
from bullbear.learn.paths.known_paths import known_paths
from bullbear.learn.univariate import CLIP, Response, Sums, UnivariateModels, fit_univariate

Combine = Literal["mean", "trimmed_mean", "dmspe"]
_BLOCKS = 20


@LEARNERS.register
class CombinationForecast(Learner):
    """`[learner] kind = "combination_forecast"`.

    `response` is the return, or the answer in log-odds for any question; `tails` the distribution of what the combined
    return misses; `discount` the weight of a squared error relative to one a horizon later (`dmspe` only). A factor
    that is missing on a day forecasts the base rate; one that was hardly ever there has no part.
    """

    reads_paths: ClassVar[bool] = True

    kind: Literal["combination_forecast"]
    response: Response = "return"
    combine: Combine = "mean"
    discount: float = Field(default=1.0, gt=0, le=1)
    tails: Tails = "empirical"

    def fit(self, training: TrainingSet) -> FittedLearner:
        """One pass over all factors; a second for past errors."""
        if self.response == "answer":
            models = fit_univariate(training.X, training.y, training.weights, "answer")
            return CombinedLogOdds(self._combination(models, training, training.X, training.y, training.weights))
        seen = known_paths(training, "combination_forecast")
        returns = seen.paths.sum(axis=1)
        models = fit_univariate(seen.X, returns, seen.weights, "return")
        of_paths = replace(
            training,
            decided_at=training.decided_at[seen.rows],
            resolved_at=training.resolved_at[seen.rows],
        )
        combination = self._combination(models, of_paths, seen.X, returns, seen.weights)
        drifts = drifts_of(returns, seen.asset)
        mean = np.array([drifts[str(name)] for name in seen.asset]) + combination.deviation(seen.X)
        residuals = Residuals.of(returns - mean, self.tails)
        answer = EndAnswer.of(training.question, residuals, mean, np.ones(len(mean)), seen.asset, seen.independent)
        return CombinedReturn(combination, drifts, answer)

    def refuses_inputs(self, names: Sequence[str], assets: Sequence[str]) -> tuple[str, str] | None:
        """Without the highest and the lowest of two forecasts nothing is left."""
        if self.combine == "trimmed_mean" and len(names) < 3:
            return "combine", f"mean or dmspe for fewer than three factors; there are {len(names)}"
        return None

    def refuses_question(self, question: Question) -> str | None:
        """Returns decide questions about the return at the horizon alone."""
        return None if self.response == "answer" or answers(question) else f'{ANSWERED}, or response = "answer"'

    def restore(self, state: Mapping[str, Any]) -> FittedLearner:
        """From `state()`."""
        combination = Combination.restore(state["combination"])
        if "answer" not in state:
            return CombinedLogOdds(combination)
        drifts = {str(asset): float(drift) for asset, drift in state["drifts"].items()}
        return CombinedReturn(combination, drifts, EndAnswer.restore(state["answer"]))

    def _combination(
        self, models: UnivariateModels, training: TrainingSet, X: np.ndarray, t: np.ndarray, weights: np.ndarray
    ) -> Combination:
        used = models.is_used
        share = used / max(int(used.sum()), 1)
        if self.combine == "dmspe" and used.any():
            errors = past_errors(models, training, X, t, weights, self.response, self.discount)
            inverse = np.where(used & (errors > 0), 1.0 / np.where(errors > 0, errors, 1.0), 0.0)
            share = inverse / inverse.sum() if inverse.any() else share
        return Combination(models, share, self.combine == "trimmed_mean")


def past_errors(
    models: UnivariateModels,
    training: TrainingSet,
    X: np.ndarray,
    t: np.ndarray,
    weights: np.ndarray,
    response: Response,
    discount: float,
) -> np.ndarray:
    """The discounted sum of squared errors of each factor's forecasts of the past, by what had resolved then; (k,).

    The rows are cut into twenty blocks of decisions (`TrainingSet.inner_splits`); each but the first is forecast by the
    slopes of the rows that had resolved at its first decision, from sums that grow block by block. The squared error of
    a probability is the Brier score. Factors are standardised as of the fit, which no slope depends on but by the clip.
    """
    Z, known = standardise(X, models.center, models.scale, CLIP), ~np.isnan(X)
    decided, horizon = training.decided_at.as_unit("us").asi8, training.horizon
    sessions = np.searchsorted(np.unique(decided), decided)
    age = (sessions.max() - sessions) / horizon
    errors = np.zeros(X.shape[1])
    grown, done = Sums.of(Z[:0], known[:0], t[:0], weights[:0]), 0
    for train, test in training.inner_splits(_BLOCKS):
        # In order of decision labels resolve in that order too: what had resolved is a beginning of the rows.
        fresh = train[done:]
        grown, done = grown + Sums.of(Z[fresh], known[fresh], t[fresh], weights[fresh]), len(train)
        if not done:
            continue
        slopes, middle = grown.slopes(response)
        base = float(weights[train] @ t[train] / weights[train].sum())
        deviations = np.where(known[test], (Z[test] - middle) * slopes, 0.0)
        if response == "answer":
            base = min(max(base, 1e-3), 1.0 - 1e-3)
            forecast = 1.0 / (1.0 + (1.0 - base) / base * np.exp(-deviations))
        else:
            forecast = base + deviations
        errors += (weights[test] * discount ** age[test]) @ (t[test, None] - forecast) ** 2
    return errors


@dataclass(frozen=True)
class Combination:
    """Models of one factor each and the weight of each, shape (k,), which sum to 1.

    `trimmed` leaves out the highest and the lowest of each row.
    """

    models: UnivariateModels
    share: np.ndarray
    trimmed: bool

    def parts(self, X: np.ndarray) -> np.ndarray:
        """What each factor adds to the forecast, shape (n, k)."""
        deviations = self.models.deviations(X)
        used = np.flatnonzero(self.models.is_used)
        if not self.trimmed or len(used) < 3:
            return np.ascontiguousarray(deviations * self.share)
        kept = np.zeros(deviations.shape)
        kept[:, used] = 1.0
        rows, among = np.arange(len(X)), deviations[:, used]
        kept[rows, used[np.argmin(among, axis=1)]] = 0.0
        # The last of the highest: where all are equal, another than the first of the lowest.
        kept[rows, used[len(used) - 1 - np.argmax(among[:, ::-1], axis=1)]] = 0.0
        return np.ascontiguousarray(deviations * kept / (len(used) - 2))

    def deviation(self, X: np.ndarray) -> np.ndarray:
        """How far the forecast lies from that of no factor, shape (n,)."""
        # A sum per row, not a matrix product: BLAS may add in another order for one row than for many.
        total: np.ndarray = np.add.reduce(self.parts(X), axis=1)
        return total

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"models": self.models.state(), "share": self.share.tolist(), "trimmed": self.trimmed}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Combination:
        """From `state()`."""
        return cls(UnivariateModels.restore(state["models"]), np.array(state["share"]), bool(state["trimmed"]))


@dataclass(frozen=True)
class CombinedLogOdds:
    """A combination of log-odds."""

    combination: Combination

    def signals(self, X: np.ndarray) -> np.ndarray:
        """Log-odds, shape (n, 1)."""
        return self.combination.deviation(X)[:, None]

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """What each factor adds, shape (n, k)."""
        return self.combination.parts(X)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"combination": self.combination.state()}


@dataclass(frozen=True)
class CombinedReturn:
    """A combination of expected returns and the answer that follows.

    `asset` is what rows are about; without it, or for one that training has not seen, the mean drift counts.
    """

    combination: Combination
    drifts: Mapping[str, float]
    answer: EndAnswer
    asset: str | None = None

    def of_asset(self, asset: str) -> CombinedReturn:
        """For rows about one asset."""
        return replace(self, asset=asset)

    def expected(self, X: np.ndarray) -> np.ndarray:
        """The expected log return over the horizon, shape (n,)."""
        drift = self.drifts.get(self.asset or "", sum(self.drifts.values()) / len(self.drifts))
        return drift + self.combination.deviation(X)

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The log-odds of P(yes) less those of its mean in training, shape (n, 1)."""
        return self._signal(self.expected(X))[:, None]

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """What each factor adds to the return times the slope of the signal there; shape (n, k)."""
        mean, step = self.expected(X), 0.01
        slope = (self._signal(mean + step) - self._signal(mean - step)) / (2.0 * step)
        return np.asarray(self.combination.parts(X) * slope[:, None])

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "combination": self.combination.state(),
            "drifts": dict(self.drifts),
            "answer": self.answer.state(),
        }

    def _signal(self, mean: np.ndarray) -> np.ndarray:
        return self.answer.signal(mean, np.ones(len(mean)), self.asset)
