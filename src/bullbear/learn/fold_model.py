"""The model of one fold: its members, their weights, and the one place where signals become a forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bullbear import user_code
from bullbear.learn.calibrator import CALIBRATORS, FittedCalibrator
from bullbear.learn.combining import Issued, combine
from bullbear.learn.distribution import DistributionForecast, DistributionModel
from bullbear.learn.learner import LEARNERS, FittedLearner, FittedPerAsset, bag_mean, factor_matrix, signals_of

BASE_RATE = "base rate"
"""What the rest of the weights is called beside the members' names."""


@dataclass(frozen=True)
class Member:
    """A fitted learner; `learner` is the table of its definition."""

    name: str
    learner: Mapping[str, Any]
    learner_state: Mapping[str, Any]
    factors: tuple[str, ...]

    @cached_property
    def fitted(self) -> FittedLearner:
        """The learner, ready to answer."""
        learner = LEARNERS.read(self.learner)
        return user_code.call(f"learner {self.learner['kind']}", learner.restore, self.learner_state)

    def of_asset(self, asset: str) -> FittedLearner:
        """The learner for rows about one asset."""
        return self.fitted.of_asset(asset) if isinstance(self.fitted, FittedPerAsset) else self.fitted

    def signals(self, X: np.ndarray, asset: np.ndarray) -> np.ndarray:
        """The learner's signals, shape (n, n_bags), for rows about `asset`, shape (n,)."""
        return signals_of(str(self.learner["kind"]), self.fitted, X, asset)

    def state(self) -> dict[str, Any]:
        """JSON-ready; `restore` brings back the same bits."""
        return {
            "name": self.name,
            "learner": dict(self.learner),
            "learner_state": dict(self.learner_state),
            "factors": list(self.factors),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Member:
        """From `state()`."""
        return cls(state["name"], state["learner"], state["learner_state"], tuple(state["factors"]))


@dataclass(frozen=True)
class FoldModel:
    """Fitted at the close `trained_through`, used from the next session on, for one question about one asset.

    `weights` sum to at most 1; the rest is the base rate's. With a single calibrator they weigh the members' signals,
    and it turns the sum into a forecast. Otherwise they weigh probabilities: `calibrators` has that of the base rate
    first, then one for each member.
    """

    trained_through: pd.Timestamp
    n_train: int
    asset: str
    question: str
    horizon: int
    members: tuple[Member, ...]
    weights: tuple[float, ...]
    calibrators: tuple[FittedCalibrator, ...]

    @property
    def mixes(self) -> bool:
        """Whether probabilities are weighed, not signals."""
        return len(self.calibrators) > 1

    @property
    def rest(self) -> float:
        """The weight of the base rate."""
        return max(0.0, 1.0 - sum(self.weights))

    @property
    def calibrator(self) -> FittedCalibrator:
        """That of the pooled signal; of a mixture the base rate's."""
        return self.calibrators[0]

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors that any member reads, each once."""
        return tuple(dict.fromkeys(name for member in self.members for name in member.factors))

    def signals(self, X: pd.DataFrame, asset: np.ndarray | None = None) -> np.ndarray:
        """The mean signal of each member, shape (n, n_members), from a column per factor.

        `asset` says what each row of a panel is about, shape (n,); by default all are about the model's own.
        """
        about = np.full(len(X), self.asset) if asset is None else asset
        return np.column_stack(
            [bag_mean(member.signals(factor_matrix(X, member.factors), about)) for member in self.members]
        )

    def forecast(self, X: pd.DataFrame, climatology: np.ndarray, n_independent: np.ndarray) -> pd.DataFrame:
        """Probabilities with their intervals.

        Parameters
        ----------
        X
            A column per factor, n rows.
        climatology, n_independent
            Base rate at each decision and the independent labels behind it, shape (n,).

        Returns
        -------
        DataFrame
            Columns p, p_low, p_high, climatology; n rows.
        """
        return pd.DataFrame(self.issue(self.signals(X), climatology, n_independent).columns)

    def issue(self, signals: np.ndarray, climatology: np.ndarray, n_independent: np.ndarray) -> Issued:
        """The forecast from the members' `signals`, shape (n, n_members); see `combine`."""
        return combine(self.weights, self.calibrators, signals, climatology, n_independent)

    def distribution(self, X: pd.DataFrame) -> DistributionForecast | None:
        """The distribution by the first member that knows one; None if none does."""
        for member in self.members:
            if isinstance(member.fitted, DistributionModel):
                return member.fitted.distribution(factor_matrix(X, member.factors))
        return None

    def contributions(self, X: pd.DataFrame, climatology: np.ndarray) -> np.ndarray:
        """Each factor's share of the forecast in log-odds, in the order of `factors`; shape (n, k).

        A mixture is not a sum in log-odds; its shares are those of a small change of a factor's part in a signal.
        """
        place = {name: number for number, name in enumerate(self.factors)}
        total = np.zeros((len(X), len(place)))
        for member, worth in zip(self.members, self._worth(X, climatology), strict=True):
            if np.any(worth != 0.0):
                shares = member.of_asset(self.asset).contributions(factor_matrix(X, member.factors))
                total[:, [place[name] for name in member.factors]] += worth[:, None] * shares
        return total

    def parts(self, X: pd.DataFrame, climatology: np.ndarray) -> np.ndarray:
        """Each member's part of the forecast in log-odds, shape (n, n_members): what its `contributions` add up to.

        A member that credits no factor, such as a simulation of past returns, still has its part.
        """
        return np.asarray(self.signals(X) * np.column_stack(self._worth(X, climatology)))

    def _worth(self, X: pd.DataFrame, climatology: np.ndarray) -> list[np.ndarray]:
        """Log-odds of the forecast per unit of each member's signal; shape (n,) each."""
        if not self.mixes:
            return [np.full(len(X), weight * self.calibrator.slope) for weight in self.weights]
        issued = self.issue(self.signals(X), climatology, np.ones(len(X)))
        assert issued.p is not None
        variance = issued.columns["p"] * (1.0 - issued.columns["p"])
        worth = [
            weight * each.slope * p * (1.0 - p)
            for weight, each, p in zip(self.weights, self.calibrators[1:], issued.p.T, strict=True)
        ]
        # Where the base rate is 0 or 1 so is every probability, and no factor moves any.
        return [np.divide(each, variance, out=np.zeros(len(X)), where=variance > 0.0) for each in worth]

    @property
    def believed(self) -> float:
        """How far the signals are believed: log-odds of the forecast per unit of signal, near the base rate."""
        one = self.calibrator.slope
        slopes = [each.slope for each in self.calibrators[1:]] if self.mixes else [one] * len(self.weights)
        return float(sum(weight * slope for weight, slope in zip(self.weights, slopes, strict=True)))

    @property
    def kinds(self) -> tuple[type, ...]:
        """The kinds of learner and calibrator that restore it."""
        learners = [LEARNERS[str(member.learner["kind"])] for member in self.members]
        return (*learners, *(CALIBRATORS[str(each.state()["kind"])] for each in self.calibrators))

    def require_restorable(self) -> None:
        """Raise whatever a member raises whose state is of another version."""
        for member in self.members:
            _ = member.fitted

    def state(self) -> dict[str, Any]:
        """JSON-ready; `restore` brings back the same bits."""
        return {
            "trained_through": self.trained_through.isoformat(),
            "n_train": self.n_train,
            "asset": self.asset,
            "question": self.question,
            "horizon": self.horizon,
            "members": [member.state() for member in self.members],
            "weights": list(self.weights),
            "calibrators": [each.state() for each in self.calibrators],
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> FoldModel:
        """From `state()`."""
        return cls(
            trained_through=pd.Timestamp(state["trained_through"]).as_unit("us"),
            n_train=int(state["n_train"]),
            asset=str(state["asset"]),
            question=str(state["question"]),
            horizon=int(state["horizon"]),
            members=tuple(Member.restore(member) for member in state["members"]),
            weights=tuple(float(weight) for weight in state["weights"]),
            calibrators=tuple(CALIBRATORS[each["kind"]].restore(each) for each in state["calibrators"]),
        )


def weights_by_fit(models: Sequence[FoldModel]) -> pd.DataFrame:
    """The members' weights and the rest, which is the base rate's, a row for each fit by the close it was made at.

    Without rows where a single member leaves nothing to weigh.
    """
    several = [model for model in models if len(model.members) > 1]
    rows = [
        {**dict(zip((member.name for member in model.members), model.weights, strict=True)), BASE_RATE: model.rest}
        for model in several
    ]
    at = pd.DatetimeIndex([model.trained_through for model in several], name="trained_through")
    return pd.DataFrame(rows, index=at)
