"""Isotonic calibration: any curve that rises, by pooling neighbours that do not.

The log-odds `logit(c) + s` of the past, with `c` the climatology and `s` the signal, are sorted, and neighbours are
pooled until the shares of yes rise; between two pools the curve is a straight line. A pool of a few overlapping labels
would say 0 or 1, so `prior` independent labels at the mean of the past are added to each.

References
----------
Zadrozny and Elkan (2002), Transforming classifier scores into accurate multiclass probability estimates,
doi:10.1145/775047.775151.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bullbear.learn.calibration_curves import Curve, interval_of_share, log_odds, mean_slope, usable_past
from bullbear.learn.calibrator import CALIBRATORS, FittedCalibrator, History
from bullbear.learn.calibrators.shrinkage import of_base_rate


@CALIBRATORS.register
class Isotonic(Curve):
    """`[calibration] kind = "isotonic"`; the base rate until there are `least` independent labels."""

    libraries: ClassVar[tuple[str, ...]] = ("sklearn",)

    kind: Literal["isotonic"]
    prior: float = Field(default=2.0, ge=0)

    def fit(self, history: History) -> FittedCalibrator:
        """The pools with what is added to each, pooled again where that has put them out of order."""
        from sklearn.isotonic import IsotonicRegression, isotonic_regression  # only a fit needs it, no forecast

        past = usable_past(history, self.least)
        if past is None:
            return of_base_rate(history.resolved, history.horizon)
        x = past.base + past.signal
        raw = IsotonicRegression(out_of_bounds="clip").fit(x, past.y)
        levels = np.unique(raw.y_thresholds_)
        # Every row lies in a pool, whose level it has but for rounding.
        of_row = np.argmin(np.abs(raw.predict(x)[:, None] - levels), axis=1)
        labels = np.bincount(of_row, minlength=len(levels)) * past.evidence / len(x)
        eased = (levels * labels + self.prior * np.mean(past.y)) / (labels + self.prior)
        risen = isotonic_regression(eased, sample_weight=labels + self.prior)
        y = risen[np.searchsorted(levels, raw.y_thresholds_)]
        slope = mean_slope(past.signal, np.interp(x, raw.X_thresholds_, y), past.base)
        independent = past.evidence / past.persistence
        return IsotonicModel(tuple(raw.X_thresholds_.tolist()), tuple(y.tolist()), slope, independent)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> IsotonicModel:
        """From `state()`."""
        x, y = (tuple(map(float, state[name])) for name in ("x", "y"))
        return IsotonicModel(x, y, float(state["slope"]), float(state["evidence"]))


@dataclass(frozen=True)
class IsotonicModel:
    """P(yes) `y` at the log-odds `x`, straight in between; `evidence` counts labels as if each outlived its times."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    slope: float
    evidence: float

    def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """P(yes); shape (n,)."""
        return np.asarray(np.interp(log_odds(climatology) + signal, self.x, self.y))

    def interval(
        self, climatology: np.ndarray, n_independent: np.ndarray, signal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A central 90% interval of the long-run frequency, as if a tenth of the past spoke of this day."""
        p = self.probability(climatology, signal)
        return interval_of_share(p, p, p, self.evidence)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "kind": "isotonic",
            "x": list(self.x),
            "y": list(self.y),
            "slope": self.slope,
            "evidence": self.evidence,
        }
