"""The share of the possible skill that a forecast has, on a simulated market whose true probabilities are known.

A Brier skill of 2 % is poor where 20 % was possible and excellent where 2.5 % was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bullbear.evaluate.scores import brier_skill, checked
from bullbear.statistics.bootstrap import RESAMPLES, SEED, resample
from bullbear.statistics.overlap import Array
from bullbear.statistics.proportions import LEVEL


@dataclass(frozen=True)
class OracleShare:
    """The share of the possible Brier gain on a market whose true probabilities are known.

    `share` and its interval put the truth in the place of the outcomes; `realised` is the ratio of the two realised
    skills, `bss / oracle_bss`. NaN where nothing was possible, or the truth happened not to beat climatology.
    `truth_error` is the mean standard error of the true probabilities, 0 where they are exact.
    """

    share: float
    low: float
    high: float
    realised: float
    bss: float
    oracle_bss: float
    truth_error: float = 0.0


def share_of_oracle(
    y: ArrayLike,
    p: ArrayLike,
    truth: ArrayLike,
    climatology: ArrayLike,
    *,
    truth_error: ArrayLike | None = None,
    horizon: int = 21,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> OracleShare:
    """The forecast's expected Brier gain over climatology as a share of the gain of the true probabilities.

    share = 1 - sum((p - q)^2) / sum((c - q)^2)

    Given what was knowable, E (p - y)^2 = (p - q)^2 + q (1 - q), so the ratio of expected gains needs no outcomes. The
    ratio of realised gains has the same target, but in twenty years of monthly labels its divisor is often luck.

    The share is 1 for the truth itself, 0 for climatology, and below 0 for a forecast farther from the truth than that.

    Parameters
    ----------
    truth
        True P(y = 1) given all that was knowable (q), shape `(n,)`.
    climatology
        P(y = 1) of the benchmark (c), shape `(n,)`.
    truth_error
        Standard error (s) of a `truth` that was itself estimated, shape `(n,)`: the mean of (p - q)^2 is too large by
        s^2, which is taken off. None = the truth is exact.

    Raises
    ------
    InputError
        Climatology is perfect.
    HistoryError
        Fewer than `4 * horizon` rows (at least 8).

    Example
    -------
    >>> y, q = [1, 0, 1, 1, 0, 1, 1, 0] * 5, [0.8, 0.3, 0.7, 0.8, 0.4, 0.7, 0.6, 0.2] * 5
    >>> p = [x - 0.1 for x in q]
    >>> got = share_of_oracle(y, p, q, [0.6] * 40, horizon=2, resamples=200)
    >>> round(got.share, 3), round(got.realised, 3), got.low < got.share < got.high
    (0.795, 0.846, True)
    """
    outcomes, forecast, true, benchmark = checked(y, p=p, truth=truth, climatology=climatology)
    error = np.zeros(len(true)) if truth_error is None else checked(outcomes, truth_error=truth_error)[1]
    draws = resample(len(outcomes), horizon, resamples=resamples, seed=seed)
    distances = np.column_stack([(forecast - true) ** 2, (benchmark - true) ** 2]) - error[:, None] ** 2
    interval = draws.ratio(distances, _share, level=level)
    bss, oracle_bss = brier_skill(outcomes, forecast, benchmark), brier_skill(outcomes, true, benchmark)
    return OracleShare(
        share=interval.estimate,
        low=interval.low,
        high=interval.high,
        realised=bss / oracle_bss if oracle_bss > 0.0 else float("nan"),
        bss=bss,
        oracle_bss=oracle_bss,
        truth_error=float(error.mean()),
    )


def _share(distances: Array) -> Array:
    room = np.where(distances[:, 1] > 0.0, distances[:, 1], np.nan)
    return np.asarray(1.0 - distances[:, 0] / room, dtype=np.float64)
