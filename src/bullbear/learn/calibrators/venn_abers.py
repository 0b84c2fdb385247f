"""Venn-Abers calibration: isotonic curves with the day's outcome supposed to be a no, and then a yes.

    p = p1 / (1 - p0 + p1)

with `p0` and `p1` the isotonic probabilities at `logit(c) + s`, where `c` is the climatology and `s` the signal, when
the day itself is added to the past as a no or as a yes. That needs independent labels, so the past is cut into
`horizon` sets of labels that do not overlap, and their `p1` and `1 - p0` are averaged geometrically, as in cross
Venn-Abers prediction. What is kept of a fit is the two averages as step functions.

References
----------
Vovk and Petej (2014), Venn-Abers predictors, arXiv:1211.0025; Vovk, Petej and Fedorova (2015), Large-scale
probabilistic predictors with and without guarantees of validity, arXiv:1511.00213.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from bullbear.learn.calibration_curves import Curve, interval_of_share, log_odds, mean_slope, usable_past
from bullbear.learn.calibrator import CALIBRATORS, FittedCalibrator, History
from bullbear.learn.calibrators.shrinkage import of_base_rate


@CALIBRATORS.register
class VennAbers(Curve):
    """`[calibration] kind = "venn_abers"`; the base rate until there are `least` independent labels."""

    libraries: ClassVar[tuple[str, ...]] = ("venn_abers",)

    kind: Literal["venn_abers"]

    def fit(self, history: History) -> FittedCalibrator:
        """The two averages over the sets of labels that do not overlap."""
        past = usable_past(history, self.least)
        if past is None:
            return of_base_rate(history.resolved, history.horizon)
        x = past.base + past.signal
        sets = [
            _steps(x[first :: history.horizon], past.y[first :: history.horizon]) for first in range(history.horizon)
        ]
        at = np.unique(np.concatenate([each[2] for each in sets]))
        none, yes = np.zeros(len(at) + 1), np.zeros(len(at) + 1)
        for p0, p1, c in sets:
            none += np.log1p(-p0[np.searchsorted(c, np.concatenate([[-np.inf], at]), "right")])
            yes += np.log(p1[np.searchsorted(c, np.concatenate([at, [np.inf]]), "left")])
        lower, upper = _step(at, -np.expm1(none / len(sets))), _step(at, np.exp(yes / len(sets)))
        found = VennAbersModel(*lower, *upper, 0.0, past.evidence / past.persistence)
        p = found.probability(history.climatology, past.signal)
        return VennAbersModel(*lower, *upper, mean_slope(past.signal, p, past.base), found.evidence)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> VennAbersModel:
        """From `state()`."""
        x0, p0, x1, p1 = (tuple(map(float, state[name])) for name in ("x0", "p0", "x1", "p1"))
        return VennAbersModel(x0, p0, x1, p1, float(state["slope"]), float(state["evidence"]))


def _steps(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`p0` from a threshold on and `p1` up to it, shape (k + 1,) each, and the thresholds, shape (k,)."""
    from venn_abers import VennAbers as Library  # only a fit needs it, no forecast

    # Ranks have the same order as x, and two log-odds that differ in their last bits stay apart.
    levels, rank = np.unique(x, return_inverse=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # its own searches divide by zero at the first point
        found = Library().fit(np.column_stack([-rank, rank]).astype(np.float64), y)
    return found.p0[:, 1], found.p1[:, 1], levels


def _step(at: np.ndarray, values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A step function without the thresholds at which nothing changes."""
    kept = np.flatnonzero(np.diff(values) != 0.0)
    return tuple(at[kept].tolist()), tuple(values[np.append(kept, len(values) - 1)].tolist())


@dataclass(frozen=True)
class VennAbersModel:
    """Two step functions of log-odds: `p0` changes at `x0`, `p1` just after `x1`, each with one value more than steps.

    `evidence` counts labels as if each outlived its times; `slope` is a mean over the past.
    """

    x0: tuple[float, ...]
    p0: tuple[float, ...]
    x1: tuple[float, ...]
    p1: tuple[float, ...]
    slope: float
    evidence: float

    def both(self, climatology: np.ndarray, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The probabilities `p0` and `p1`; shape (n,) each."""
        x = log_odds(climatology) + signal
        lower = np.array(self.p0)[np.searchsorted(np.array(self.x0), x, "right")]
        return lower, np.array(self.p1)[np.searchsorted(np.array(self.x1), x, "left")]

    def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """P(yes); shape (n,)."""
        lower, upper = self.both(climatology, signal)
        return np.asarray(upper / (1.0 - lower + upper))

    def interval(
        self, climatology: np.ndarray, n_independent: np.ndarray, signal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A central 90% interval of the long-run frequency around both, as if a tenth of the past spoke of the day."""
        return interval_of_share(self.probability(climatology, signal), *self.both(climatology, signal), self.evidence)

    def state(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "kind": "venn_abers",
            **{name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()},
        }
