"""Bootstrap intervals of skill scores and of the AUC; `statistics.bootstrap` draws the sessions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bullbear.evaluate.scores import Score, checked, losses, weighted_auc
from bullbear.statistics.bootstrap import Interval, Resamples
from bullbear.statistics.proportions import LEVEL


def skill_interval(
    y: ArrayLike, p: ArrayLike, reference: ArrayLike, draws: Resamples, *, score: Score = "brier", level: float = LEVEL
) -> Interval:
    """The skill score `1 - score(p) / score(reference)` with its bootstrap interval.

    Example
    -------
    >>> from bullbear.statistics.bootstrap import resample
    >>> y, p = [1, 0, 1, 1, 0, 1, 1, 0] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7, 0.5, 0.3] * 5
    >>> got = skill_interval(y, p, [0.6] * 40, resample(40, horizon=2, resamples=500, seed=1))
    >>> round(got.estimate, 3), got.low < got.estimate < got.high
    (0.34, True)
    """
    columns = np.column_stack([losses(y, p, score), losses(y, reference, score)])
    return draws.ratio(columns, lambda means: 1.0 - means[:, 0] / means[:, 1], level=level)


def auc_interval(y: ArrayLike, p: ArrayLike, draws: Resamples, *, level: float = LEVEL) -> Interval:
    """The area under the ROC curve with its bootstrap interval; all NaN when only one outcome occurred.

    Draws without both outcomes are left out, unless they are more than half of them.

    Example
    -------
    >>> from bullbear.statistics.bootstrap import resample
    >>> y, p = [1, 0, 1, 1, 0, 1, 1, 0] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7, 0.5, 0.3] * 5
    >>> got = auc_interval(y, p, resample(40, horizon=2, resamples=500, seed=1))
    >>> round(got.estimate, 3), 0.5 < got.low < got.high <= 1.0
    (0.9, True)
    """
    outcomes, forecast = checked(y, p=p)
    draws.require(len(outcomes))
    with np.errstate(invalid="ignore"):
        estimate = float(weighted_auc(outcomes, forecast, np.ones((1, len(outcomes))))[0])
    values = draws.map(lambda weights: weighted_auc(outcomes, forecast, weights))
    both = values[np.isfinite(values)]
    interval = draws.interval(estimate, both if len(both) >= len(values) // 2 else values, level=level)
    return Interval(estimate, float(np.clip(interval.low, 0.0, 1.0)), float(np.clip(interval.high, 0.0, 1.0)))
