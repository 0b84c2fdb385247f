"""The least skill that the evidence supports: one-sided lower bounds, at any confidence, of overlapping forecasts.

The bootstrap's intervals of `evaluate` serve for reading. A bound that must hold after many models have been tried asks
for quantiles far out, where two thousand resamples hold a handful: Student's law has them in closed form. At 90 % the
two agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.scores import Score, checked, losses
from bullbear.statistics.long_run import default_lag, long_run_variance


@dataclass(frozen=True)
class Bound:
    """A mean gain over a rival, its one-sided lower bound, and the p-value against no gain.

    `skill` and `skill_low` are the same two as fractions of the rival's mean loss.
    """

    gain: float
    low: float
    p_value: float
    skill: float
    skill_low: float


def lower_bound(
    y: ArrayLike, p: ArrayLike, rival: ArrayLike, horizon: int, *, error: float = 0.10, score: Score = "brier"
) -> Bound:
    """How much better than its rival a forecast is at least, but for a chance of `error`.

    d = loss(rival) - loss(p);  low = mean(d) - t * sqrt(LRV(d) / n) / H

    with t Student's quantile of `1 - error` at `min(n - 1, 3n / 2L)` degrees of freedom, LRV the Newey-West variance
    over `default_lag` lags (L), and H Harvey's correction for overlap: the one-sided Diebold-Mariano test,
    turned into a bound.

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`, one row per session in order.
    p
        P(y = 1) of the forecast, shape `(n,)`.
    rival
        P(y = 1) of what it must beat, shape `(n,)`.
    horizon
        Sessions that a label spans.
    error
        Chance that the bound lies above the truth, a fraction between 0 and 1/2.
    score
        "brier" or "log_loss".

    Returns
    -------
    The bound. Forecasts that never differ in loss have a bound of 0 and a p-value of 1.

    Raises
    ------
    InputError
        A value is missing or out of range, lengths differ, or `error` is out of range.
    HistoryError
        Fewer than `4 * horizon` rows (at least 20).

    References
    ----------
    Diebold and Mariano (1995), doi:10.1080/07350015.1995.10524599;
    Harvey, Leybourne and Newbold (1997), doi:10.1016/S0169-2070(96)00719-4

    Example
    -------
    >>> y, p = [1, 0, 1, 1, 0, 1] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7] * 5
    >>> got = lower_bound(y, p, [0.6] * 30, horizon=2)
    >>> round(got.gain, 4), 0 < got.low < got.gain, got.p_value < 0.01
    (0.0767, True, True)
    """
    if not 0.0 < error < 0.5:
        raise InputError("error", error, "between 0 and 0.5", "0.10 asks for a 90 % bound")
    outcomes, forecast, benchmark = checked(y, p=p, rival=rival)
    n, least = len(outcomes), max(20, 4 * horizon)
    if n < least:
        raise HistoryError("y", f"{n} resolved rows", f"at least {least}", "wait for more resolved forecasts")
    par = losses(outcomes, benchmark, score)
    with np.errstate(invalid="ignore"):
        difference = par - losses(outcomes, forecast, score)
    gain, mean_par = float(difference.mean()), float(par.mean())
    if not np.isfinite(difference).all():
        # A certainty that failed, of the forecast or of its rival; neither makes this one better.
        return Bound(gain, float("-inf"), 1.0, float("-inf"), float("-inf"))
    lag = default_lag(n, horizon)
    harvey = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    error_of_mean = float(np.sqrt(long_run_variance(difference, lag) / n / harvey))
    freedom = min(n - 1.0, 1.5 * n / lag)
    low = gain - float(stdtrit(freedom, 1.0 - error)) * error_of_mean
    p_value = 1.0 if gain <= 0.0 else 0.0
    if error_of_mean > 0.0:
        p_value = float(stdtr(freedom, -gain / error_of_mean))
    relative = 1.0 / mean_par if mean_par > 0.0 else float("nan")
    return Bound(gain, low, p_value, gain * relative, low * relative)
