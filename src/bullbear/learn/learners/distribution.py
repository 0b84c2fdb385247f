"""The distribution of the coming path, from which the answer to any question follows.

Direction is close to unpredictable, volatility is not: how wide the month will be decides most questions. `scale` names
the method:

- `har`: a log-linear regression for the volatility times the standardised paths of history,
- `garch`: filtered historical simulation with a GJR-GARCH(1,1),
- `implied`: implied volatility read as that of a lognormal.

The signal of a question is the log-odds of its P(yes) less those of the mean P(yes) over the asset's training rows; the
base rate that it is added to is the asset's too. A method that is biased for a question, as a lognormal is where
history is skewed, thus loses its bias and keeps what it knows about today. If the distribution is the same every day,
the signal is zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bullbear.definitions import Name
from bullbear.errors import DefinitionError, HistoryError
from bullbear.learn.distribution import DistributionForecast
from bullbear.learn.learner import LEARNERS, Learner, TrainingSet
from bullbear.learn.log_odds import beyond
from bullbear.learn.paths.events import Event, event_of
from bullbear.learn.paths.filtered_simulation import FilteredSimulation
from bullbear.learn.paths.implied_lognormal import ImpliedLognormal
from bullbear.learn.paths.path_distribution import PathDistribution
from bullbear.learn.paths.scaled_history import ScaledHistory

_FEWEST = 21
_GRID = 17
"""Levels at which P(yes) is computed for its mean over the training rows."""
_WAYS: dict[str, Any] = {"har": ScaledHistory, "garch": FilteredSimulation, "implied": ImpliedLognormal}


@LEARNERS.register
class Distribution(Learner):
    """`[learner] kind = "distribution"`.

    `har` regresses on all factors, under a Gaussian prior of precision `penalty` (in independent labels) on each
    standardised coefficient. `garch` reads the factors `returns`_0, `returns`_1 ... , log returns of the session of the
    decision and those before it. `implied` reads the factor `implied`, the log of implied volatility as a fraction a
    year. The last two are about one asset: each has its own scale.
    """

    libraries: ClassVar[tuple[str, ...]] = ("arch",)
    reads_paths: ClassVar[bool] = True

    kind: Literal["distribution"]
    scale: Literal["har", "garch", "implied"] = "har"
    penalty: float = Field(default=3.0, gt=0)
    returns: Name = "daily_return"
    implied: Name = "log_vix"

    def imports(self) -> tuple[str, ...]:
        """`arch` where a GARCH model is fitted."""
        return self.libraries if self.scale == "garch" else ()

    def fit(self, training: TrainingSet) -> FittedDistribution:
        """Fit the distribution, and the bias of its answer to one question."""
        return self.fit_all([training])[0]

    def fit_all(self, trainings: Sequence[TrainingSet]) -> list[FittedDistribution]:  # type: ignore[override]
        """One distribution for all questions that know the same paths; it reads no row without one."""
        sets = [with_paths(training) for training in trainings]
        keys = [(seen.decided_at.asi8.tobytes(), tuple(seen.asset)) for seen in sets]
        fits: dict[Any, _Fit] = {}
        for key, seen in zip(keys, sets, strict=True):
            if key not in fits:
                alike = [each.question for own, each in zip(keys, sets, strict=True) if own == key]
                fits[key] = self._fit(seen, [event_of(question) for question in alike])
        return [self._answering(fits[key], event_of(seen.question)) for key, seen in zip(keys, sets, strict=True)]

    def refuses_inputs(self, names: Sequence[str], assets: Sequence[str]) -> tuple[str, str] | None:
        """`garch` and `implied` read a factor of one asset."""
        if self.scale == "har":
            return None
        if len(assets) > 1:
            return "scale", f'"har" for several assets, {", ".join(assets)}'
        needed = f"{self.returns}_0" if self.scale == "garch" else self.implied
        return None if needed in names else ("scale", f"{needed}, which the scale {self.scale} reads, in a feature set")

    def restore(self, state: Mapping[str, Any]) -> FittedDistribution:
        """From `state()`."""
        event = Event(**{name: _bound(name, value) for name, value in state["event"].items()})
        model = _WAYS[state["scale"]].restore(state["distribution"])
        shares = {str(asset): float(share) for asset, share in state["shares"].items()}
        return FittedDistribution(state["scale"], model, event, shares, float(state["independent"]))

    def _fit(self, seen: TrainingSet, events: Sequence[Event]) -> _Fit:
        model = self._distribution(seen, events)
        return _Fit(model, model.level(seen.X), seen.asset, float(_path_weights(seen).sum()))

    def _distribution(self, seen: TrainingSet, events: Sequence[Event]) -> PathDistribution:
        paths = _paths(seen)
        if len(paths) < _FEWEST:
            raise HistoryError(
                "distribution learner", f"{len(paths)} known paths", f"at least {_FEWEST}", "load more history"
            )
        if self.scale == "har":
            return ScaledHistory.fit(seen.X, _path_weights(seen), paths, self.penalty)
        if len(assets := np.unique(seen.asset)) > 1:
            value = f'scale = "{self.scale}" for {", ".join(assets)}'
            raise DefinitionError(
                "learner.scale", value, '"har" for several assets', "leave out [universe], or choose it"
            )
        if self.scale == "implied":
            return ImpliedLognormal.fit(seen.X[:, place := self._place(seen, self.implied)], paths, place)
        lags = self._lags(seen)
        newest = np.ascontiguousarray(seen.X[:, lags[0]])
        # The returns of the decisions, and of the sessions between the last of them and the fit.
        known = np.concatenate([newest[~np.isnan(newest)], paths[-1]])
        return FilteredSimulation.fit(known, horizon=paths.shape[1], seed=seen.seed, lags=lags, events=events)

    def _answering(self, fit: _Fit, event: Event) -> FittedDistribution:
        """With the mean P(event) over each asset's training rows, by linear interpolation between levels."""
        grid = np.linspace(fit.levels.min(), fit.levels.max(), _GRID)
        p = np.interp(fit.levels, grid, fit.model.probability(event, grid))
        shares = {str(asset): float(np.mean(p[fit.asset == asset])) for asset in np.unique(fit.asset)}
        return FittedDistribution(self.scale, fit.model, event, shares, fit.independent)

    def _place(self, training: TrainingSet, name: str) -> int:
        if name not in training.names:
            allowed = f"{name}, which the scale {self.scale} reads, among the factors"
            given = ", ".join(training.names[:5]) + (", ..." if len(training.names) > 5 else "")
            raise DefinitionError("learner.scale", given, allowed, "add the feature set that has it")
        return training.names.index(name)

    def _lags(self, training: TrainingSet) -> tuple[int, ...]:
        first = self._place(training, f"{self.returns}_0")
        lags = [first]
        while (name := f"{self.returns}_{len(lags)}") in training.names:
            lags.append(training.names.index(name))
        return tuple(lags)


@dataclass(frozen=True)
class _Fit:
    """A distribution with the levels and assets of its training rows, shape (n,), and what these are worth."""

    model: PathDistribution
    levels: np.ndarray
    asset: np.ndarray
    independent: float


@dataclass(frozen=True)
class FittedDistribution:
    """A distribution and one event.

    `shares` are the means of P(event) over the training rows of each asset; `independent` says how many independent
    labels those of one asset are worth. `asset` is what rows are about; without it, or for one that training has not
    seen, the mean of `shares` counts.
    """

    scale: str
    model: PathDistribution
    event: Event
    shares: Mapping[str, float]
    independent: float
    asset: str = ""

    @property
    def share(self) -> float:
        """The mean P(event) of the asset."""
        return self.shares.get(self.asset, sum(self.shares.values()) / len(self.shares))

    def of_asset(self, asset: str) -> FittedDistribution:
        """For rows about one asset."""
        return self if self.asset == asset else replace(self, asset=asset)

    def probability(self, X: np.ndarray) -> np.ndarray:
        """P(event) as the distribution has it, shape (n,)."""
        return self.model.probability(self.event, self.model.level(X))

    def signals(self, X: np.ndarray) -> np.ndarray:
        """The log-odds of P(event) less those of its mean in training, shape (n, 1)."""
        return self._signal(self.model.level(X))[:, None]

    def _signal(self, level: np.ndarray) -> np.ndarray:
        return beyond(self.model.probability(self.event, level), self.share, self.independent)

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """Each factor's share of the level times the slope of the signal there; zeros for `garch`; shape (n, k)."""
        shares = self.model.shares(X)
        if not shares.any():
            return shares
        level, step = self.model.level(X), 0.1
        slope = (self._signal(level + step) - self._signal(level - step)) / (2.0 * step)
        return np.asarray(shares * slope[:, None])

    def distribution(self, X: np.ndarray) -> DistributionForecast:
        """The distribution at each row of factors (n, k)."""
        return self.model.distribution(X)

    def state(self) -> dict[str, Any]:
        """JSON-ready; no bound is null."""
        event = {name: _bound_text(value) for name, value in asdict(self.event).items()}
        return {
            "scale": self.scale,
            "distribution": self.model.state(self.event),
            "event": event,
            "shares": dict(self.shares),
            "independent": self.independent,
        }


def with_paths(training: TrainingSet) -> TrainingSet:
    """The rows whose path is known.

    A question that reads two closes has labels on rows without a path too. A model of several questions would fit
    another distribution to these than a model of one.
    """
    paths, weights = _paths(training), _path_weights(training)
    known = ~np.isnan(paths).any(axis=1)
    if known.all():
        return training
    return replace(
        training,
        X=training.X[known],
        y=training.y[known],
        weights=training.weights[known],
        decided_at=training.decided_at[known],
        resolved_at=training.resolved_at[known],
        asset=training.asset[known],
        paths=paths[known],
        path_weights=weights[known],
    )


def _paths(training: TrainingSet) -> np.ndarray:
    if training.paths is None:
        raise HistoryError(
            "learner of paths", "no paths", "daily returns behind the labels", "train it by `learn.train`"
        )
    return training.paths


def _path_weights(training: TrainingSet) -> np.ndarray:
    if training.path_weights is None:
        raise HistoryError("learner of paths", "no weights of paths", "one for each", "train it by `learn.train`")
    return training.path_weights


def _bound_text(value: Any) -> Any:
    return None if isinstance(value, float) and math.isinf(value) else value


def _bound(name: str, value: Any) -> Any:
    return {"below": -math.inf, "above": math.inf}[name] if value is None else value
