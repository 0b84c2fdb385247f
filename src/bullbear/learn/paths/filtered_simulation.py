"""Filtered historical simulation: shocks of the past, drawn anew and scaled by a GJR-GARCH(1,1) variance as they go.

    v' = omega + (alpha + gamma [r < 0]) r^2 + beta v,  r in per cent

The parameters are fitted by `arch` under Student's t; forecasts need only this recursion. The variance of the next
session follows from a row of lagged daily returns, because the weight of older ones, beta to the power of the number of
lags, is negligible. The draws are the same for every row and question: each session takes every quantile of the
residuals equally often, in an order that the seed fixes for good.

References
----------
Glosten, Jagannathan and Runkle (1993), Journal of Finance 48(5), doi:10.1111/j.1540-6261.1993.tb05128.x
Barone-Adesi, Giannopoulos and Vosper (1999), Journal of Futures Markets 19(5),
doi:10.1002/(SICI)1096-9934(199908)19:5<583::AID-FUT5>3.0.CO;2-S
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bullbear.learn.distribution import FAN_LEVELS, DistributionForecast
from bullbear.learn.paths.events import SESSIONS_A_YEAR, Event
from bullbear.learn.paths.scaled_history import LEVELS

PER_CENT = 100.0
"""Returns are fitted in per cent: in fractions the variance is too small for the optimiser."""
_RESIDUALS = 400
_REPEATS = 5
_ROUNDING = 1e-6
"""By which the optimiser may miss a bound."""


@dataclass(frozen=True)
class FilteredSimulation:
    """A fitted recursion and the shocks that it scales.

    Attributes
    ----------
    omega, alpha, gamma, beta
        Of the recursion, returns in per cent.
    start
        Variance with which a row of lags begins.
    residuals
        Quantiles of the standardised residuals, shape (400,).
    horizon, seed
        Of the simulation.
    lags
        Places of the returns in a row of factors, the newest first.
    converged
        Whether the recursion could be fitted; if not, the variance is the constant `omega`.
    """

    omega: float
    alpha: float
    gamma: float
    beta: float
    start: float
    residuals: np.ndarray
    horizon: int
    seed: int
    lags: tuple[int, ...]
    converged: bool = True
    _answers: dict[Event, dict[float, float]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def fit(
        cls, returns: np.ndarray, *, horizon: int, seed: int, lags: tuple[int, ...], events: Sequence[Event] = ()
    ) -> FilteredSimulation:
        """Fit to daily log returns in order of time, fractions, shape (n,).

        One simulation of a row answers all `events`; another event costs another simulation.
        """
        answers: dict[Event, dict[float, float]] = {event: {} for event in events}
        series = PER_CENT * returns
        levels = (np.arange(_RESIDUALS) + 0.5) / _RESIDUALS
        variance = float(np.mean(series**2))
        if np.ptp(series) == 0.0:  # a price that stood still has no variance to be modelled
            return cls(variance, 0.0, 0.0, 0.0, variance, np.zeros(_RESIDUALS), horizon, seed, lags, True, answers)
        from arch import arch_model  # two seconds, and only a fit needs it

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = arch_model(series, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
            fitted = model.fit(disp="off", show_warning=False)
        omega, alpha, gamma, beta = (
            float(fitted.params[name]) for name in ("omega", "alpha[1]", "gamma[1]", "beta[1]")
        )  # fmt: skip
        residuals, converged = fitted.std_resid, True
        if fitted.convergence_flag != 0 or not _is_stationary(omega, alpha, gamma, beta):
            omega, alpha, gamma, beta = variance, 0.0, 0.0, 0.0
            residuals, converged = series / np.sqrt(variance), False
        residuals = np.round(np.quantile(residuals, levels), 5)
        return cls(omega, alpha, gamma, beta, variance, residuals, horizon, seed, lags, converged, answers)

    def level(self, X: np.ndarray) -> np.ndarray:
        """The log of the next session's variance (per cent squared), shape (n,); a missing return is as expected."""
        variance = np.full(len(X), self.start)
        for place in reversed(self.lags):
            r = PER_CENT * np.ascontiguousarray(X[:, place])
            variance = np.where(np.isnan(r), self._expected(variance), self._next(variance, r))
        return np.asarray(np.log(np.maximum(variance, 1e-12)))

    def shares(self, X: np.ndarray) -> np.ndarray:
        """Zeros: the variance is not a sum over returns that a reader could tell apart; shape (n, k)."""
        return np.zeros(X.shape)

    def probability(self, event: Event, level: np.ndarray) -> np.ndarray:
        """P(event) at each level, by one simulation each; shape (n,)."""
        self._answers.setdefault(event, {})
        return np.array([self._answer(event, each) for each in level.tolist()])

    def distribution(self, X: np.ndarray) -> DistributionForecast:
        """The distribution at each row."""
        quantiles, volatility, fans = [], [], []
        for level in self.level(X).tolist():
            daily = self._daily(level)
            path = np.cumsum(daily, axis=0) / PER_CENT
            quantiles.append(np.quantile(path[-1], LEVELS))
            # A path that stands still has no logarithm, and must not make the mean of all the others zero.
            moving = (each := _volatility(daily))[each > 0.0]
            volatility.append(np.exp(np.mean(np.log(moving))) if len(moving) else 0.0)
            fans.append(np.quantile(path, FAN_LEVELS, axis=1))
        k, h = len(LEVELS), self.horizon
        return DistributionForecast(
            LEVELS,
            np.expm1(np.array(quantiles).reshape(-1, k)),
            np.array(volatility, dtype=np.float64),
            np.expm1(np.array(fans).reshape(-1, len(FAN_LEVELS), h)),
        )

    def _next(self, variance: np.ndarray, r: np.ndarray) -> np.ndarray:
        return np.asarray(self.omega + (self.alpha + self.gamma * (r < 0.0)) * (r * r) + self.beta * variance)

    def _expected(self, variance: np.ndarray) -> np.ndarray:
        return np.asarray(self.omega + (self.alpha + 0.5 * self.gamma + self.beta) * variance)

    @cached_property
    def _shocks(self) -> np.ndarray:
        """Every residual equally often in each session, in an order of its own; shape (horizon, 2000)."""
        # The raw stream of a bit generator is promised to stay as it is over versions; that of its methods is not.
        raw = np.random.PCG64(self.seed).random_raw(self.horizon * _RESIDUALS * _REPEATS)
        order = np.argsort(raw.reshape(self.horizon, -1), axis=1, kind="stable")
        return np.asarray(self.residuals[order % _RESIDUALS])

    def _daily(self, level: float) -> np.ndarray:
        """Daily returns in per cent from a level of the next variance; shape (horizon, 2000)."""
        variance = np.full(self._shocks.shape[1], np.exp(level))
        daily = np.empty(self._shocks.shape)
        for session, shock in enumerate(self._shocks):
            daily[session] = np.sqrt(variance) * shock
            variance = self._next(variance, daily[session])
        return daily

    def _answer(self, event: Event, level: float) -> float:
        # One row at a time: the sums of a row must not depend on how many rows are asked for.
        if level not in self._answers[event]:
            daily = self._daily(level)
            path = np.cumsum(daily, axis=0) / PER_CENT
            marginals = {
                "end": path[-1],
                "lowest": path.min(axis=0),
                "highest": path.max(axis=0),
                "volatility": _volatility(daily),
            }
            for asked, known in list(self._answers.items()):
                known[level] = asked.share(marginals[asked.marginal])
        return self._answers[event][level]

    def state(self, event: Event) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            **{name: getattr(self, name) for name in ("omega", "alpha", "gamma", "beta", "start", "horizon", "seed")},
            "residuals": self.residuals.tolist(),
            "lags": list(self.lags),
            "converged": self.converged,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> FilteredSimulation:
        """From `state()`."""
        return cls(
            omega=float(state["omega"]),
            alpha=float(state["alpha"]),
            gamma=float(state["gamma"]),
            beta=float(state["beta"]),
            start=float(state["start"]),
            residuals=np.array(state["residuals"]),
            horizon=int(state["horizon"]),
            seed=int(state["seed"]),
            lags=tuple(state["lags"]),
            converged=bool(state["converged"]),
        )


def _volatility(daily: np.ndarray) -> np.ndarray:
    """Realised volatility a year of paths of daily returns in per cent, shape (horizon, n); (n,)."""
    return np.asarray(np.sqrt(SESSIONS_A_YEAR * np.mean(daily**2, axis=0)) / PER_CENT)


def _is_stationary(omega: float, alpha: float, gamma: float, beta: float) -> bool:
    """Whether the variance stays positive and returns to its mean."""
    if not np.isfinite([omega, alpha, gamma, beta]).all():
        return False
    never_negative = omega > 0.0 and min(alpha, alpha + gamma, beta) >= -_ROUNDING
    return bool(never_negative and alpha + 0.5 * gamma + beta < 1.0)
