"""Calibration by shrinkage: how much of a learner's signal has its own past earned.

    logit(p) = logit(c) + a * s

with `c` the climatology at the decision, `s` the learner's signal and `a >= 0` estimated on the learner's *own past
out-of-sample* signals whose labels have resolved. A Gaussian prior, by default with mean 0, holds `a` down until the
evidence, counted in independent labels rather than overlapping days, speaks. With no evidence, or evidence against the
learner, `a = 0` and the forecast *is* the base rate: this is how the product does no harm.

The interval beside a forecast is one of a long-run frequency: of all days with this base rate and this signal, how many
end up. The true chance of the single day scatters about that frequency with everything that the learner does not see.
By how much cannot be read from the labels of twenty years: the share of their variance that persists has a standard
error of 0.05 where nothing is predictable, and is 0.01 and 0.06 where the true chances of a rise have standard
deviations of 0.06 and 0.12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bullbear.learn.calibrator import CALIBRATORS, Calibrator, History
from bullbear.statistics import independent_number, variance_inflation

Z90 = 1.6448536269514722
"""Standard normal quantile of a central 90% interval."""
_FLOOR = 1e-6


@CALIBRATORS.register
class Shrinkage(Calibrator):
    """`[calibration]`: the slope `a` has a Gaussian prior, `prior_mean` and `prior_sd`, cut off at 0 and `ceiling`.

    Before there is evidence the slope is the prior's mode. A `prior_sd` of 0 keeps it there for ever: with the default
    `prior_mean` of 0 that switches the signal off.
    """

    kind: Literal["shrinkage"] = "shrinkage"
    prior_sd: float = Field(default=0.5, ge=0)
    prior_mean: float = Field(default=0.0, ge=0)
    ceiling: float = Field(default=1.0, gt=0)
    """The slope never exceeds it."""

    @property
    def is_silent(self) -> bool:
        """Without width and mean the prior allows no slope but 0."""
        return self.prior_sd == 0 and self.prior_mean == 0

    def fit(self, history: History) -> ShrinkageModel:
        """The slope of the forecasts and that of the intervals."""
        y, signal = history.y, history.signal
        evidence = float(independent_number(len(y), history.horizon))
        persistence = variance_inflation(history.resolved, history.horizon)
        mean, ceiling = min(self.prior_mean, self.ceiling), self.ceiling
        if self.prior_sd == 0.0:
            return ShrinkageModel(mean, mean, 0.0, evidence, persistence)
        if len(y) == 0 or not np.any(signal):
            return ShrinkageModel(mean, mean, max(self.prior_sd, ceiling) ** 2, evidence, persistence)
        wide = max(self.prior_sd, ceiling, 1.0 / float(np.sqrt(np.mean(signal**2)))) ** 2
        past = _Past(y, _logit(history.climatology), signal, evidence / len(y))
        # The likelihood pulls with at most the sum of all weighted signals: the unbounded mode lies no further away.
        reach = wide * past.weight * float(np.sum(np.abs(signal)))
        slope = _mode(past, self.prior_mean, self.prior_sd**2, 0.0, ceiling)
        frequency_slope = _mode(past, self.prior_mean, wide, self.prior_mean - reach, self.prior_mean + reach)
        variance = 1.0 / past.curvature(frequency_slope, wide)
        return ShrinkageModel(slope, frequency_slope, variance, evidence, persistence)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ShrinkageModel:
        """From `state()`."""
        return ShrinkageModel(**{field.name: float(state[field.name]) for field in fields(ShrinkageModel)})


def of_base_rate(resolved: np.ndarray, horizon: int) -> ShrinkageModel:
    """The base rate with the interval that a model without a signal gives it; `resolved` are the labels behind it."""
    none = resolved[:0]
    return Shrinkage(prior_sd=0.0).fit(History(none, none, none, horizon, resolved))


@dataclass(frozen=True)
class ShrinkageModel:
    """A fitted slope with its posterior, the independent labels it rests on, and how the base rate scatters.

    Attributes
    ----------
    slope
        What forecasts use: the posterior mode on [0, ceiling].
    frequency_slope, variance
        What intervals use: the posterior mode without bounds and its variance, under a prior as wide as the ceiling and
        wide enough for a typical signal to be worth one log-odds. The slope of forecasts leans to the base rate on
        purpose; how often days like these end up does not.
    evidence
        Independent labels behind the slope.
    persistence
        Variance of the base rate over what the overlap of labels explains (see `statistics.persistence`); 1 or more.
    """

    slope: float
    frequency_slope: float
    variance: float
    evidence: float
    persistence: float

    def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """`sigma(logit(climatology) + slope * signal)`; exactly the climatology where the slope is 0. Shape (n,)."""
        if self.slope == 0.0:
            return climatology.copy()
        return _sigmoid(_logit(climatology) + self.slope * signal)

    def interval(
        self, climatology: np.ndarray, n_independent: np.ndarray, signal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A central 90% interval of the long-run frequency of ups on days like this one, and so of E[truth | signal].

        logit = logit(c) + b s -+ 1.645 sqrt(v);  v = persistence / (n c (1 - c)) + s^2 var(b)

        with `b` the frequency slope. It holds what is not known of the base rate and of the slope. It is *not* an
        interval of the true chance of the single day: that also depends on what the learner does not see, and past
        labels cannot show by how much. The forecast itself always lies in it.

        Parameters
        ----------
        climatology
            Base rate at each decision, shape (n,).
        n_independent
            Independent resolved labels behind it, shape (n,).
        signal
            Learner's signal, the mean over its bags, shape (n,).
        """
        c = np.clip(climatology, 0.02, 0.98)
        var = self.persistence / (np.maximum(n_independent, 1.0) * c * (1 - c)) + signal**2 * self.variance
        p = self.probability(climatology, signal)
        center, width = _logit(climatology) + self.frequency_slope * signal, Z90 * np.sqrt(var)
        # The prior, the ceiling and the cut of log-odds next to 0 or 1 may leave the forecast outside.
        return np.minimum(_sigmoid(center - width), p), np.maximum(_sigmoid(center + width), p)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"kind": "shrinkage", **asdict(self)}


@dataclass(frozen=True)
class _Past:
    """Labels, log-odds of the base rate and signals, and what each row counts in independent labels."""

    y: np.ndarray
    base: np.ndarray
    signal: np.ndarray
    weight: float

    def pull(self, a: float, mean: float, variance: float) -> float:
        """Gradient of the log posterior at a slope."""
        p = _sigmoid(self.base + a * self.signal)
        return float(np.sum((self.y - p) * self.signal)) * self.weight - (a - mean) / variance

    def curvature(self, a: float, variance: float) -> float:
        """Negative curvature of the log posterior at a slope."""
        p = _sigmoid(self.base + a * self.signal)
        return float(np.sum(p * (1 - p) * self.signal**2)) * self.weight + 1.0 / variance


def _mode(past: _Past, mean: float, variance: float, low: float, high: float) -> float:
    """The posterior mode of the slope on [low, high]."""
    from scipy.optimize import brentq  # only a fit needs it, no forecast

    # The gradient falls all the way, so its sign tells the side of the mode. Newton's steps may leap to and fro between
    # the flat ends when signals are large; a bracketing search does not.
    if past.pull(low, mean, variance) <= 0.0:
        return low
    if past.pull(high, mean, variance) >= 0.0:
        return high
    return float(brentq(lambda a: past.pull(a, mean, variance), low, high, xtol=1e-13, rtol=1e-14, maxiter=500))


def _logit(p: np.ndarray) -> np.ndarray:
    q = np.clip(p, _FLOOR, 1 - _FLOOR)
    odds: np.ndarray = np.log(q / (1 - q))
    return odds


def _sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # far below 0 the exponential is infinite, and p is 0
        p: np.ndarray = 1.0 / (1.0 + np.exp(-x))
    return p
