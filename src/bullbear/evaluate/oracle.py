"""How much of the skill that was there was found: only a simulated market, whose true probabilities are known, can say.

A Brier skill of 2 % is poor where 20 % was possible and excellent where 2.5 % was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bullbear.evaluate.bootstrap import LEVEL, RESAMPLES, SEED, Interval, resample, spread
from bullbear.evaluate.scores import brier_skill, checked, losses


@dataclass(frozen=True)
class OracleShare:
    """How much of the possible Brier skill was had on a market whose true probabilities are known.

    `share` is realised and carries the luck of the outcomes; `expected` replaces outcomes by the truth and carries
    none. Both are NaN where the truth never left climatology, so that nothing was possible.
    """

    share: float
    low: float
    high: float
    expected: float
    bss: float
    oracle_bss: float


def share_of_oracle(
    y: ArrayLike,
    p: ArrayLike,
    truth: ArrayLike,
    climatology: ArrayLike,
    *,
    horizon: int = 21,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> OracleShare:
    """The forecast's Brier gain over climatology as a share of the gain of the true probabilities.

    share = mean((c - y)^2 - (p - y)^2) / mean((c - y)^2 - (q - y)^2);  expected = 1 - sum((p - q)^2) / sum((c - q)^2)

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`, one row per session in order.
    p
        P(y = 1) of the forecast, shape `(n,)`.
    truth
        True P(y = 1) given what was knowable (q), shape `(n,)`.
    climatology
        P(y = 1) of the benchmark (c), shape `(n,)`.
    horizon
        Sessions that a label spans.
    seed
        The same seed gives the same interval.
    resamples
        Number of bootstrap resamples.
    level
        Confidence of the interval, a fraction.

    Returns
    -------
    The share, 1 for the truth itself and 0 for climatology, with its interval. The realised share is NaN where the
    truth happened not to beat climatology, and its ends are NaN where that holds in over one draw in a hundred.

    Raises
    ------
    InputError
        A value is missing or out of range, lengths differ, or climatology is perfect.
    HistoryError
        Fewer than `4 * horizon` rows (at least 8).

    Example
    -------
    >>> y, q = [1, 0, 1, 1, 0, 1, 1, 0] * 5, [0.8, 0.3, 0.7, 0.8, 0.4, 0.7, 0.6, 0.2] * 5
    >>> p = [(x + 0.6) / 2 for x in q]
    >>> got = share_of_oracle(y, p, q, [0.6] * 40, horizon=2, resamples=200)
    >>> round(got.share, 3), round(got.expected, 3), got.low < got.share < got.high
    (0.583, 0.75, True)
    """
    outcomes, forecast, true, benchmark = checked(y, p=p, truth=truth, climatology=climatology)
    par = losses(outcomes, benchmark, "brier")
    gains = np.column_stack([par - losses(outcomes, forecast, "brier"), par - losses(outcomes, true, "brier")])
    draws = resample(len(outcomes), horizon, resamples=resamples, seed=seed)
    had, possible = gains.mean(axis=0)
    means = draws.means(gains)
    able = means[:, 1] > 0.0
    interval = Interval(float("nan"), float("nan"), float("nan"))
    if possible > 0.0:
        # A ratio whose divisor may be zero has no bounded interval (Fieller), so none is claimed then.
        values = means[able, 0] / means[able, 1] if able.mean() > 0.99 else np.array([np.nan])
        interval = spread(float(had / possible), values, draws, level)
    room = float(np.sum((benchmark - true) ** 2))
    expected = 1.0 - float(np.sum((forecast - true) ** 2)) / room if room > 0.0 else float("nan")
    return OracleShare(
        share=interval.estimate,
        low=interval.low,
        high=interval.high,
        expected=expected,
        bss=brier_skill(outcomes, forecast, benchmark),
        oracle_bss=brier_skill(outcomes, true, benchmark),
    )
