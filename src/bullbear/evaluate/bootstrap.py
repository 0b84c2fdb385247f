"""Intervals for skill by the stationary bootstrap, honest about how few independent months there are.

A resample is kept as how often it drew each row, so that one set of draws serves every statistic: a ratio of means is
two dot products, and even the AUC needs no sorting per draw. Blocks average at least `horizon` rows. Plain percentile
intervals of a few dozen blocks cover too little (80 % instead of 90 % at 500 daily rows of monthly labels), so the
draws are spread about the estimate by a factor known in advance: see `widening`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.scores import Floats, Score, checked, losses, weighted_auc

LEVEL = 0.90
RESAMPLES = 2000
SEED = 20_070

_BATCH = 250


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap interval; ends are NaN where the draws do not determine them."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Resamples:
    """How often each resample drew each row: `counts` has shape `(resamples, n)`, and every row of it sums to n."""

    counts: NDArray[np.uint16]
    mean_block: int
    horizon: int

    def means(self, columns: Floats) -> Floats:
        """The mean of every column, shape `(n, k)`, under every resample, shape `(resamples, k)`."""
        return self.map(lambda weights: weights @ columns / len(columns))

    def map(self, statistic: Callable[[Floats], Floats]) -> Floats:
        """A statistic of the row weights, shape `(draws, n)` to `(draws, ...)`, in batches that fit the cache."""
        starts = range(0, len(self.counts), _BATCH)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return np.concatenate([statistic(self.counts[at : at + _BATCH].astype(np.float64)) for at in starts])


def resample(
    n: int, horizon: int, *, resamples: int = RESAMPLES, seed: int = SEED, mean_block: int | None = None
) -> Resamples:
    """Stationary-bootstrap resamples of `n` rows that stand one per session, in order.

    Block lengths are geometric with mean `mean_block`; blocks wrap around the end.

    Parameters
    ----------
    n
        Number of rows.
    horizon
        Sessions that a label spans.
    resamples
        Number of resamples.
    seed
        The same seed gives the same resamples.
    mean_block
        Mean length of a block in rows, at least `horizon`; None = `default_block(n, horizon)`.

    Returns
    -------
    The draws, to be shared by all statistics of the same rows.

    Raises
    ------
    HistoryError
        Fewer than `4 * horizon` rows (at least 8), too few blocks to say anything.
    InputError
        The block is shorter than the horizon or longer than a quarter of the rows, or a number is not positive.

    References
    ----------
    Politis and Romano (1994), Journal of the American Statistical Association 89(428),
    doi:10.1080/01621459.1994.10476870

    Example
    -------
    >>> draws = resample(100, horizon=5, resamples=3, seed=1)
    >>> draws.counts.shape, draws.counts.sum(axis=1).tolist(), draws.mean_block
    ((3, 100), [100, 100, 100], 10)
    """
    for where, value in (("horizon", horizon), ("resamples", resamples)):
        if value < 1:
            raise InputError(where, value, "at least 1", "give a positive number")
    least = max(8, 4 * horizon)
    if n < least:
        raise HistoryError("y", f"{n} rows", f"at least {least}, four horizons", "wait for more resolved forecasts")
    block = default_block(n, horizon) if mean_block is None else mean_block
    if not horizon <= block <= n // 4:
        allowed = f"{horizon} (the horizon) to {n // 4} (a quarter of the rows)"
        raise InputError("mean_block", block, allowed, "labels overlap over the horizon")
    from arch.bootstrap import StationaryBootstrap  # costs about two seconds, so only where it is needed

    rows = StationaryBootstrap(block, np.arange(n), seed=seed)
    counts = np.empty((resamples, n), dtype=np.uint16)
    for draw, (positional, _) in enumerate(rows.bootstrap(resamples)):
        counts[draw] = np.bincount(positional[0], minlength=n)
    return Resamples(counts, block, horizon)


def default_block(n: int, horizon: int) -> int:
    """Mean block for `n` rows: twice the horizon, at least 0.87 sqrt(n), and never above an eighth of the rows.

    The horizon covers the overlap of labels; the square root, what slow forecasts add (it leaves the degrees of
    freedom that `significance.default_lag` leaves). The horizon itself is kept even where an eighth is less.

    Example
    -------
    >>> default_block(4000, 21), default_block(1000, 21), default_block(1000, 1), default_block(200, 21)
    (55, 42, 27, 25)
    """
    return max(horizon, min(n // 8, max(2 * horizon, int(0.87 * np.sqrt(n)))))


def widening(n: int, horizon: int, mean_block: int, level: float = LEVEL) -> float:
    """The factor by which bootstrap draws are spread about the estimate, to undo three known shortfalls.

    factor = t_{n/b} / z * sqrt(1 / (1 - (2b - 1)/n)) * sqrt(sum_k (1 - |k|/h) / sum_k (1 - |k|/h) (1 - 1/b)^|k|)

    Blocks of mean length b see only part of the covariance of labels that overlap over h rows (the last factor);
    centring the sample on its own mean hides some more (the middle one); and the variance of about n / b blocks is
    itself uncertain (the first). It tends to 1 as n grows with b growing slower.

    Parameters
    ----------
    n
        Number of rows.
    horizon
        Sessions that a label spans (h).
    mean_block
        Mean block (b), at most a quarter of `n`.
    level
        Confidence of the interval, a fraction.

    Returns
    -------
    A factor of at least 1.

    Raises
    ------
    InputError
        The level is not between 0 and 1.

    References
    ----------
    Kiefer and Vogelsang (2005), Econometric Theory 21(6), doi:10.1017/S0266466605050565

    Example
    -------
    >>> round(widening(4000, 21, 42), 3), round(widening(500, 21, 42), 3)
    (1.106, 1.287)
    """
    if not 0.0 < level < 1.0:
        raise InputError("level", level, "between 0 and 1", "0.90 asks for a 90 % interval")
    tail = 0.5 + level / 2.0
    student = float(stdtrit(n / mean_block, tail) / ndtri(tail))
    centring = 1.0 / (1.0 - (2.0 * mean_block - 1.0) / n)
    k = np.arange(1, horizon)
    overlap = 1.0 - k / horizon
    seen = 1.0 + 2.0 * float(overlap @ (1.0 - 1.0 / mean_block) ** k)
    return student * float(np.sqrt(centring * (1.0 + 2.0 * overlap.sum()) / seen))


def skill_interval(
    y: ArrayLike, p: ArrayLike, reference: ArrayLike, draws: Resamples, *, score: Score = "brier", level: float = LEVEL
) -> Interval:
    """The skill score `1 - score(p) / score(reference)` with its bootstrap interval.

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`, one row per session in order.
    p
        P(y = 1) of the forecast, shape `(n,)`.
    reference
        P(y = 1) of the benchmark, shape `(n,)`.
    draws
        `resample(n, horizon, ...)`.
    score
        "brier" or "log_loss".
    level
        Confidence, a fraction.

    Returns
    -------
    The estimate and the ends of its interval.

    Raises
    ------
    InputError
        A value is missing or out of range, or lengths differ.

    Example
    -------
    >>> y, p = [1, 0, 1, 1, 0, 1, 1, 0] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7, 0.5, 0.3] * 5
    >>> got = skill_interval(y, p, [0.6] * 40, resample(40, horizon=2, resamples=500, seed=1))
    >>> round(got.estimate, 3), got.low < got.estimate < got.high
    (0.34, True)
    """
    columns = np.column_stack([losses(y, p, score), losses(y, reference, score)])
    return ratio_interval(columns, lambda means: 1.0 - means[:, 0] / means[:, 1], draws, level=level)


def ratio_interval(
    columns: Floats, statistic: Callable[[Floats], Floats], draws: Resamples, *, level: float = LEVEL
) -> Interval:
    """Any function of column means with its bootstrap interval.

    Parameters
    ----------
    columns
        Per-row quantities, shape `(n, k)`, in the order of time.
    statistic
        Maps means of shape `(m, k)` to values of shape `(m,)`.
    draws
        `resample(n, horizon, ...)`.
    level
        Confidence, a fraction.

    Returns
    -------
    The estimate and the ends of its interval.

    Raises
    ------
    InputError
        `columns` has another number of rows than the draws.

    Example
    -------
    >>> x = np.arange(40.0).reshape(-1, 1)
    >>> got = ratio_interval(x, lambda m: m[:, 0], resample(40, horizon=2, resamples=200, seed=1))
    >>> got.estimate, got.low < 19.5 < got.high
    (19.5, True)
    """
    _same_rows(len(columns), draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = float(statistic(columns.mean(axis=0, keepdims=True))[0])
        values = statistic(draws.means(columns))
    return spread(estimate, values, draws, level)


def auc_interval(y: ArrayLike, p: ArrayLike, draws: Resamples, *, level: float = LEVEL) -> Interval:
    """The area under the ROC curve with its bootstrap interval; draws without both outcomes are left out.

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`, one row per session in order.
    p
        P(y = 1), fractions in [0, 1], shape `(n,)`.
    draws
        `resample(n, horizon, ...)`.
    level
        Confidence, a fraction.

    Returns
    -------
    The estimate and the ends of its interval, within [0, 1]; all NaN when only one outcome occurred.

    Raises
    ------
    InputError
        A value is missing or out of range, or lengths differ.

    Example
    -------
    >>> y, p = [1, 0, 1, 1, 0, 1, 1, 0] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7, 0.5, 0.3] * 5
    >>> got = auc_interval(y, p, resample(40, horizon=2, resamples=500, seed=1))
    >>> round(got.estimate, 3), 0.5 < got.low < got.high <= 1.0
    (0.9, True)
    """
    outcomes, forecast = checked(y, p=p)
    _same_rows(len(outcomes), draws)
    with np.errstate(invalid="ignore"):
        estimate = float(weighted_auc(outcomes, forecast, np.ones((1, len(outcomes))))[0])
    values = draws.map(lambda weights: weighted_auc(outcomes, forecast, weights))
    both = values[np.isfinite(values)]
    interval = spread(estimate, both if len(both) >= len(values) // 2 else values, draws, level)
    return Interval(estimate, float(np.clip(interval.low, 0.0, 1.0)), float(np.clip(interval.high, 0.0, 1.0)))


def spread(estimate: float, values: Floats, draws: Resamples, level: float = LEVEL) -> Interval:
    """Percentile ends of the bootstrap `values`, spread about the estimate by `widening`; NaN if any value is."""
    factor = widening(draws.counts.shape[1], draws.horizon, draws.mean_block, level)
    if not (np.isfinite(estimate) and np.isfinite(values).all()):
        return Interval(estimate, float("nan"), float("nan"))
    low, high = np.quantile(values, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return Interval(estimate, float(estimate + factor * (low - estimate)), float(estimate + factor * (high - estimate)))


def _same_rows(rows: int, draws: Resamples) -> None:
    if rows != draws.counts.shape[1]:
        raise InputError("y", f"{rows} rows", f"{draws.counts.shape[1]} rows, as resampled", "resample these very rows")
