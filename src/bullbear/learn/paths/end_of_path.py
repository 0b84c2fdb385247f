"""Questions about the end of a path, answered from a forecast of its mean and scale.

    P(yes) = P(m + s e beyond the event's bounds)

with `m` the expected log return over the horizon, `s` its scale, and `e` the residual, whose distribution is that of
the training rows (`empirical`), a normal one (`normal`), or a normal one with the skewness and the kurtosis of the
training rows (`gram_charlier`, type A, cut off at 0 and 1).

References
----------
Jondeau and Rockinger (2001), Gram-Charlier densities, doi:10.1016/S0165-1889(99)00082-2
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from bullbear.definitions import Question
from bullbear.learn.log_odds import beyond
from bullbear.learn.paths.events import Event, event_of
from bullbear.learn.paths.scaled_history import share_below

Tails = Literal["empirical", "normal", "gram_charlier"]
ANSWERED = "a question about the return at the horizon: return_above, return_below or move"
_KINDS = ("return_above", "return_below", "move")
_NODES = 400
_DIGITS = 6


def answers(question: Question) -> bool:
    """Whether a question is about the end of the path."""
    return question.kind in _KINDS


@dataclass(frozen=True)
class Residuals:
    """The distribution of the residuals `e`.

    `quantiles` are empirical, in equal steps of probability, and empty for the other kinds; the moments are about zero
    mean: standard deviation, skewness and excess kurtosis.
    """

    tails: Tails
    deviation: float
    skewness: float
    kurtosis: float
    quantiles: tuple[float, ...] = ()

    @classmethod
    def of(cls, e: np.ndarray, tails: Tails) -> Residuals:
        """From residuals, shape (n,)."""
        centred = e - e.mean()
        deviation = float(np.sqrt(np.mean(centred**2)))
        z = centred / deviation if deviation > 0 else centred
        found: tuple[float, ...] = ()
        if tails == "empirical":
            found = tuple(np.round(np.quantile(e, np.linspace(0.0, 1.0, _NODES)), _DIGITS).tolist())
        return cls(tails, deviation, float(np.mean(z**3)), float(np.mean(z**4)) - 3.0, found)

    def below(self, at: np.ndarray) -> np.ndarray:
        """P(e <= at), shape of `at`.

        Example
        -------
        Phi(1) - phi(1) * (0.6 / 6 * (1 - 1) + 1.2 / 24 * (1 - 3)) = 0.8413 + 0.0242.

        >>> Residuals("gram_charlier", 2.0, 0.6, 1.2).below(np.array([2.0])).round(4).item()
        0.8655
        """
        if self.tails == "empirical":
            return share_below(np.array(self.quantiles), at)
        z = np.asarray(at) / max(self.deviation, 1e-12)
        # Not SciPy's: its import takes longer than a daily forecast spends on all factors.
        p = np.array([0.5 * math.erfc(-each / math.sqrt(2.0)) for each in z.ravel()]).reshape(z.shape)
        if self.tails == "gram_charlier":
            density = np.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi)
            p = p - density * (self.skewness / 6.0 * (z**2 - 1.0) + self.kurtosis / 24.0 * (z**3 - 3.0 * z))
        return np.asarray(np.clip(p, 0.0, 1.0))


@dataclass(frozen=True)
class EndAnswer:
    """The answer to one question, whatever gives the mean and the scale.

    `shares` are the means of P(yes) over the training rows of each asset; `independent` says how many independent
    labels those of one asset are worth.
    """

    event: Event
    residuals: Residuals
    shares: Mapping[str, float]
    independent: float

    @classmethod
    def of(
        cls,
        question: Question,
        residuals: Residuals,
        mean: np.ndarray,
        scale: np.ndarray,
        asset: np.ndarray,
        independent: float,
    ) -> EndAnswer:
        """With the mean P(yes) over the training rows, whose mean, scale and asset have shape (n,)."""
        made = cls(event_of(question), residuals, {}, independent)
        p = made.probability(mean, scale)
        return cls(
            made.event,
            residuals,
            {str(name): float(np.mean(p[asset == name])) for name in np.unique(asset)},
            independent,
        )

    def probability(self, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """P(yes), shape (n,)."""
        p = np.zeros(len(mean))
        if np.isfinite(self.event.below):
            p = p + self.residuals.below((self.event.below - mean) / scale)
        if np.isfinite(self.event.above):
            p = p + (1.0 - self.residuals.below((self.event.above - mean) / scale))
        return p

    def signal(self, mean: np.ndarray, scale: np.ndarray, asset: str | None) -> np.ndarray:
        """The log-odds of P(yes) beyond those of its mean over the asset's training rows, shape (n,).

        An asset that training has not seen, or none, is taken by the mean over the assets.
        """
        share = self.shares.get(asset or "", sum(self.shares.values()) / len(self.shares))
        return beyond(self.probability(mean, scale), share, self.independent)

    def state(self) -> dict[str, Any]:
        """JSON-ready; no bound is null."""
        event: dict[str, Any] = {
            name: None if isinstance(value, float) and math.isinf(value) else value
            for name, value in asdict(self.event).items()
        }
        return {
            "event": event,
            "residuals": {**asdict(self.residuals), "quantiles": list(self.residuals.quantiles)},
            "shares": dict(self.shares),
            "independent": self.independent,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> EndAnswer:
        """From `state()`."""
        open_ends = {"below": -math.inf, "above": math.inf}
        ends: dict[str, Any] = {
            key: open_ends[key] if value is None else value for key, value in state["event"].items()
        }
        event = Event(**ends)
        residuals = Residuals(**{**state["residuals"], "quantiles": tuple(state["residuals"]["quantiles"])})
        shares = {str(asset): float(share) for asset, share in state["shares"].items()}
        return cls(event, residuals, shares, float(state["independent"]))
