"""The logarithmic pool: a weighted sum of log-odds, whose weights have to be earned.

    logit(p) = logit(c) + sum_m w_m s_m,    w_m >= 0,    sum_m w_m <= 1

with `c` the climatology and `s_m` the signal of a member. The weights maximise the likelihood of the resolved past,
counted in independent labels rather than overlapping days, less a penalty that holds them to equal ones. Equal weights
are hard to beat: their error is small, that of learnt ones grows with the number of members.

References
----------
Satopaa et al. (2014), Combining multiple probability predictions using a simple logit model,
doi:10.1016/j.ijforecast.2013.09.009.
Smith & Wallis (2009), A simple explanation of the forecast combination puzzle, doi:10.1111/j.1468-0084.2008.00541.x.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from bullbear.learn.pool import POOLS, PastSignals, Pool
from bullbear.statistics import independent_number


@POOLS.register
class LogPool(Pool):
    """`[pool] kind = "log"`.

    `penalty` is the precision of the Gaussian prior on each weight, in units of independent labels; the prior's mean is
    the same for every member and leaves `base_rate`, a fraction, to the base rate.
    """

    kind: Literal["log"] = "log"
    penalty: float = Field(default=100.0, gt=0)
    base_rate: float = Field(default=0.0, ge=0, le=1)

    def weights(self, past: PastSignals) -> np.ndarray:
        """The weights of highest posterior density; the prior's mean where nothing has resolved."""
        from scipy.optimize import LinearConstraint, minimize  # only a fit needs it, no forecast

        n, n_members = past.signals.shape
        equal = np.full(n_members, (1.0 - self.base_rate) / n_members)
        if n == 0 or not np.any(past.signals):
            return equal
        evidence = float(independent_number(n, past.horizon))
        floor = 1e-6
        base = np.clip(past.climatology, floor, 1 - floor)
        base = np.log(base / (1 - base))
        sign = np.where(past.y > 0.5, 1.0, -1.0)

        def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
            """Per independent label, with its gradient."""
            margin = sign * (base + past.signals @ weights)
            missed = -sign / (1.0 + np.exp(np.minimum(margin, 700.0)))
            away = weights - equal
            prior = self.penalty / evidence
            value = float(np.mean(np.logaddexp(0.0, -margin)) + 0.5 * prior * np.sum(away**2))
            return value, missed @ past.signals / n + prior * away

        found = minimize(
            loss,
            equal,
            jac=True,
            method="SLSQP",
            bounds=[(0.0, 1.0)] * n_members,
            constraints=LinearConstraint(np.ones(n_members), -np.inf, 1.0),
            options={"ftol": 1e-14, "maxiter": 500},
        )
        # The search stops at the last bits of the loss, not always on this side of a bound.
        weights = np.clip(found.x, 0.0, 1.0)
        return np.asarray(weights / max(1.0, float(np.sum(weights))))
