"""Regimes found by a statistical jump model and forecast by gradient boosting.

A jump model divides the sessions of the training set into two regimes; looking back it knows what came after each. The
trees learn to forecast the regime of the next session from all factors of a session. With `P(1)` their probability of
regime 1, and the shares of yes of a question after sessions that were followed by either regime,

    P(yes) = (1 - P(1)) * share_0 + P(1) * share_1

which serves every question that regimes decide. The jump penalty, the price of a change of regime, is the one that
would have forecast best inside the training set, on purged walk-forward splits.

Two things differ from the paper. The daily probability is not smoothed: it serves a forecast of a month and not a
daily switch of positions, and a forecast reads the factors of its own session only. The penalty is chosen by log loss
and not by the Sharpe ratio of a strategy.

References
----------
Shu, Yu and Mulvey (2025), Annals of Operations Research 346, 285-318, arXiv:2406.09578
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from bullbear.definitions import Name
from bullbear.errors import DefinitionError
from bullbear.learn.learner import LEARNERS, FittedLearner, TrainingSet, bag_mean
from bullbear.learn.learners.lightgbm import BoostedModel, Boosting
from bullbear.learn.learners.logistic import standardise
from bullbear.learn.log_odds import hedged, logit
from bullbear.statistics.jump_model import JumpFit, fit_jump_model

if TYPE_CHECKING:
    import lightgbm

_CLIP = 3.0
"""Standard deviations beyond which a session is no further from the centre of a regime."""
_FEWEST = 126
"""Sessions with a known regime below which there is nothing to choose a penalty by."""


@LEARNERS.register
class JumpBoosting(Boosting):
    """`[learner] kind = "jump_boosting"`; the trees have the parameters of `lightgbm`.

    `regime` names the factors that tell regimes apart, the one that is high in regime 1 first. `penalties` are the
    candidates: the sum of half a squared distance, in standard deviations, that a change of regime must save. `starts`
    are the descents of a jump model, `splits` those by which the penalty is chosen.
    """

    kind: Literal["jump_boosting"]
    regime: tuple[Name, ...] = Field(
        default=("log_downside_10", "sortino_20", "sortino_60", "sortino_120"), min_length=1, strict=False
    )
    penalties: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        default=(3.0, 10.0, 30.0, 100.0), min_length=1, strict=False
    )
    starts: int = Field(default=5, ge=1, le=100)
    splits: int = Field(default=3, ge=1, le=20)
    monotone: Literal[False] = False
    """What theory says of the direction of prices says nothing of regimes."""

    def refuses_inputs(self, names: Sequence[str], assets: Sequence[str]) -> tuple[str, str] | None:
        """The factors of a regime must be there, and the regime be that of one asset."""
        if missing := [name for name in self.regime if name not in names]:
            return "regime", f"factors of the model's feature sets, which lack {', '.join(missing)}"
        return ("kind", f"another for several assets, {', '.join(assets)}") if len(assets) > 1 else None

    def fit(self, training: TrainingSet) -> RegimeForecast:
        """Choose the penalty, then fit on the whole training set."""
        return self._fit(_Regimes(self, training), training)

    def fit_all(self, trainings: Sequence[TrainingSet]) -> list[FittedLearner]:
        """As `fit`, to the last bit; questions with labels on the same rows share the regimes and their forecasts."""
        shared: dict[int, _Regimes] = {}
        for training in trainings:
            shared.setdefault(id(training.X), _Regimes(self, training))
        return [self._fit(shared[id(training.X)], training) for training in trainings]

    def restore(self, state: Mapping[str, Any]) -> RegimeForecast:
        """From `state()`."""
        regime = None if state["regime"] is None else BoostedModel.restore(state["regime"])
        low, high = state["shares"]
        return RegimeForecast(
            regime, (float(low), float(high)), float(state["base"]), float(state["penalty"]), int(state["n_factors"])
        )

    def _fit(self, regimes: _Regimes, training: TrainingSet) -> RegimeForecast:
        penalty = self._chosen(regimes, training) if len(self.penalties) > 1 else self.penalties[0]
        return _forecast_of(regimes.of(None, penalty), training, np.arange(len(training.y)), penalty)

    def _chosen(self, regimes: _Regimes, training: TrainingSet) -> float:
        """The penalty of the lowest log loss on the inner splits; of equal ones, and without a split, the highest."""
        loss = dict.fromkeys(sorted(self.penalties, reverse=True), 0.0)
        for number, (train, test) in enumerate(training.inner_splits(self.splits)):
            if len(regimes.known(train)) < _FEWEST or not len(test):
                continue
            for penalty in loss:
                answer = _forecast_of(regimes.of(number, penalty), training, train, penalty)
                p = answer.probability(training.X[test])
                right = np.where(training.y[test] > 0, p, 1.0 - p)
                loss[penalty] -= float(np.sum(training.weights[test] * np.log(right)))
        return min(loss, key=lambda penalty: round(loss[penalty], 9))


@dataclass(frozen=True)
class _RegimeFit:
    """Trees that forecast the next regime, and the rows (m,) they learnt from with the regime (m,) that followed."""

    regime: BoostedModel | None
    rows: np.ndarray
    followed_by: np.ndarray


@dataclass(frozen=True)
class _Regimes:
    """The regimes of the rows that some questions share, and the trees that forecast them, each made once."""

    learner: JumpBoosting
    training: TrainingSet
    _made: dict[tuple[int | None, float], _RegimeFit] = field(default_factory=dict)
    _bins: dict[int | None, lightgbm.Dataset] = field(default_factory=dict)

    @property
    def _places(self) -> list[int]:
        names = self.training.names
        if missing := [name for name in self.learner.regime if name not in names]:
            allowed = f"factors of the model's feature sets, which lack {', '.join(missing)}"
            raise DefinitionError(
                "learner.regime", list(self.learner.regime), allowed, "add the feature set that has it"
            )
        return [names.index(name) for name in self.learner.regime]

    def known(self, rows: np.ndarray) -> np.ndarray:
        """Those of the rows on which every factor of the regime is known."""
        return np.asarray(rows[~np.isnan(self.training.X[rows][:, self._places]).any(axis=1)])

    def of(self, split: int | None, penalty: float) -> _RegimeFit:
        """Fitted to the training rows of an inner split, or to all rows for None."""
        if (split, penalty) not in self._made:
            self._made[split, penalty] = self._fit_regimes(split, penalty)
        return self._made[split, penalty]

    def _fit_regimes(self, split: int | None, penalty: float) -> _RegimeFit:
        everything = np.arange(len(self.training.y))
        splits = self.training.inner_splits(self.learner.splits)
        rows = self.known(everything if split is None else [train for train, _ in splits][split])
        if len(rows) < 2:
            return _RegimeFit(None, rows[:0], rows[:0])
        states = self._jump_fit(rows, penalty).states
        # The last session has no next one.
        seen = replace(_rows(self.training, rows[:-1]), y=states[1:].astype(np.float64))
        if seen.y.min() == seen.y.max():
            return _RegimeFit(None, rows[:-1], states[1:])
        if split not in self._bins:
            self._bins[split] = self.learner.dataset(seen)
        else:
            self._bins[split].set_label(seen.y)
        return _RegimeFit(self.learner.classified(seen, self._bins[split]), rows[:-1], states[1:])

    def _jump_fit(self, rows: np.ndarray, penalty: float) -> JumpFit:
        X = self.training.X[rows][:, self._places]
        centre, spread = X.mean(axis=0), X.std(axis=0)
        scaled = standardise(X, centre, np.where(spread > 0, spread, np.inf), _CLIP)
        return fit_jump_model(scaled, penalty, starts=self.learner.starts, seed=self.training.seed)


def _rows(training: TrainingSet, rows: np.ndarray) -> TrainingSet:
    return replace(
        training,
        X=training.X[rows],
        y=training.y[rows],
        weights=training.weights[rows],
        decided_at=training.decided_at[rows],
        resolved_at=training.resolved_at[rows],
        asset=training.asset[rows],
        paths=None,
        path_weights=None,
    )


def _forecast_of(fit: _RegimeFit, training: TrainingSet, rows: np.ndarray, penalty: float) -> RegimeForecast:
    """With the shares of yes after either regime; each counts one independent label of the base rate more."""
    base = float(np.clip(np.average(training.y[rows], weights=training.weights[rows]), 1e-3, 1.0 - 1e-3))
    y, shares = training.y[fit.rows], []
    for number in (0, 1):
        weights = training.weights[fit.rows] * (fit.followed_by == number)
        total = float(weights.sum())
        shares.append(float(hedged(float(np.sum(weights * y)) / total if total else base, base, total)))
    # Labels without a contrast say nothing of regimes.
    regime = fit.regime if training.y[rows].min() < training.y[rows].max() else None
    return RegimeForecast(regime, (shares[0], shares[1]), base, penalty, training.X.shape[1])


@dataclass(frozen=True)
class RegimeForecast:
    """Trees for the log-odds of regime 1, and what the regimes mean for a question.

    Attributes
    ----------
    regime
        None if the past knew one regime or one answer only.
    shares
        P(yes) after a session that was followed by regime 0, and by regime 1.
    base
        P(yes) of the training set.
    penalty
        The jump penalty that was chosen.
    """

    regime: BoostedModel | None
    shares: tuple[float, float]
    base: float
    penalty: float
    n_factors: int

    def regime_probability(self, X: np.ndarray) -> np.ndarray:
        """P(the next session is in regime 1), a column per bag; shape (n, n_bags)."""
        if self.regime is None:
            return np.zeros((len(X), 1))
        return np.asarray(1.0 / (1.0 + np.exp(-(self.regime.signals(X) + self.regime.base))))

    def probability(self, X: np.ndarray) -> np.ndarray:
        """P(yes) by the mean signal of the bags, before any calibration; shape (n,)."""
        return np.asarray(1.0 / (1.0 + np.exp(-(bag_mean(self.signals(X)) + logit(np.array(self.base))))))

    def signals(self, X: np.ndarray) -> np.ndarray:
        """Log-odds of P(yes) beyond those of the training set, shape (n, n_bags)."""
        if self.regime is None:
            return np.zeros((len(X), 1))
        return np.asarray(logit(self._mixed(self.regime_probability(X))) - logit(np.array(self.base)))

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """SHAP values of the regime's log-odds times the slope of the signal there, shape (n, k)."""
        if self.regime is None:
            return np.zeros((len(X), self.n_factors))
        q = bag_mean(self.regime_probability(X))
        p = self._mixed(q)
        slope = q * (1.0 - q) * (self.shares[1] - self.shares[0]) / (p * (1.0 - p))
        return np.asarray(self.regime.contributions(X) * slope[:, None])

    def _mixed(self, q: np.ndarray) -> np.ndarray:
        return np.asarray((1.0 - q) * self.shares[0] + q * self.shares[1])

    def state(self) -> dict[str, Any]:
        """The boosters' text and five numbers."""
        return {
            "regime": None if self.regime is None else self.regime.state(),
            "shares": list(self.shares),
            "base": self.base,
            "penalty": self.penalty,
            "n_factors": self.n_factors,
        }
