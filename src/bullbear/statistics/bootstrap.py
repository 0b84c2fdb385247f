"""Intervals by the stationary bootstrap, honest about how few independent months there are.

A resample is kept as how often it drew each row, so that one set of draws serves every statistic: a ratio of means is
two dot products, and even the AUC needs no sorting per draw. Whole sessions are drawn: the rows of several assets on
one session stay together. Blocks average at least `horizon` sessions. Plain percentile intervals of a few dozen blocks
cover too little (80 % instead of 90 % at 500 daily rows of monthly labels), so the draws are spread about the estimate
by a factor known in advance: see `widening`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from bullbear.errors import HistoryError, InputError
from bullbear.statistics.overlap import Array, Rows
from bullbear.statistics.proportions import LEVEL

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
    """How often each resample drew each session: `counts` has shape `(resamples, n)`, and every row of it sums to n.

    `session` gives the session of every row that is scored, from 0 to n - 1; None where a session has one row.
    """

    counts: NDArray[np.uint16]
    mean_block: int
    horizon: int
    session: Rows | None = None

    @property
    def rows(self) -> int:
        """Number of rows that are scored."""
        return self.counts.shape[1] if self.session is None else len(self.session)

    def means(self, columns: Array) -> Array:
        """The mean of every column, shape `(rows, k)`, under every resample, shape `(resamples, k)`."""
        return self.map(lambda weights: weights @ columns / weights.sum(axis=1, keepdims=True))

    def map(self, statistic: Callable[[Array], Array]) -> Array:
        """A statistic of the row weights, shape `(draws, rows)` to `(draws, ...)`, in batches that fit the cache."""
        starts = range(0, len(self.counts), _BATCH)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return np.concatenate([statistic(self._weights(at)) for at in starts])

    def ratio(self, columns: Array, statistic: Callable[[Array], Array], *, level: float = LEVEL) -> Interval:
        """Any function of column means, shape `(m, k)` to `(m,)`, with its interval.

        Example
        -------
        >>> x = np.arange(40.0).reshape(-1, 1)
        >>> got = resample(40, horizon=2, resamples=200, seed=1).ratio(x, lambda m: m[:, 0])
        >>> got.estimate, got.low < 19.5 < got.high
        (19.5, True)
        """
        self.require(len(columns))
        with np.errstate(invalid="ignore", divide="ignore"):
            estimate = float(statistic(columns.mean(axis=0, keepdims=True))[0])
            values = statistic(self.means(columns))
        return self.interval(estimate, values, level=level)

    def interval(self, estimate: float, values: Array, *, level: float = LEVEL) -> Interval:
        """Percentile ends of the bootstrap `values`, spread about the estimate by `widening`; NaN if any value is."""
        factor = widening(self.counts.shape[1], self.horizon, self.mean_block, level)
        if not (np.isfinite(estimate) and np.isfinite(values).all()):
            return Interval(estimate, float("nan"), float("nan"))
        low, high = (float(end) for end in np.quantile(values, [0.5 - level / 2.0, 0.5 + level / 2.0]))
        return Interval(estimate, estimate + factor * (low - estimate), estimate + factor * (high - estimate))

    def require(self, rows: int) -> None:
        """Refuse data with another number of rows than was resampled."""
        if rows != self.rows:
            raise InputError("y", f"{rows} rows", f"{self.rows} rows, as resampled", "resample these very rows")

    def _weights(self, at: int) -> Array:
        drawn = self.counts[at : at + _BATCH].astype(np.float64)
        return drawn if self.session is None else drawn[:, self.session]


def stationary_rows(n: int, mean_block: int, *, resamples: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """Row numbers of each resample: blocks of geometric length with mean `mean_block` that wrap around the end.

    References
    ----------
    Politis and Romano (1994), Journal of the American Statistical Association 89(428),
    doi:10.1080/01621459.1994.10476870
    """
    # The draws of `arch.bootstrap.StationaryBootstrap`, which takes a second to import, to the last bit.
    rng, at = np.random.default_rng(seed), np.arange(n)
    for _ in range(resamples):
        start = rng.integers(n, size=n, dtype=np.int64)
        begins = rng.random(n) <= 1.0 / mean_block
        begins[0] = True
        since = np.maximum.accumulate(np.where(begins, at, 0))
        yield np.asarray((start[since] + at - since) % n, dtype=np.intp)


def resample(
    n: int,
    horizon: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    mean_block: int | None = None,
    session: Rows | None = None,
) -> Resamples:
    """Stationary-bootstrap resamples of `n` consecutive sessions, to be shared by all statistics of their rows.

    Parameters
    ----------
    horizon
        Sessions that a label spans.
    mean_block
        Mean length of a block in sessions, at least `horizon`; None = `default_block(n, horizon)`.
    session
        The session of every row, where a session has rows of several assets.

    Raises
    ------
    HistoryError
        Fewer than `4 * horizon` sessions (at least 8), too few blocks to say anything.
    InputError
        The block is shorter than the horizon or longer than a quarter of the sessions, or a number is not positive.

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
    counts = _counts(n, block, resamples, seed)
    return Resamples(counts, block, horizon, session)


@lru_cache(maxsize=2)
def _counts(n: int, mean_block: int, resamples: int, seed: int) -> NDArray[np.uint16]:
    """How often each resample draws each session; the questions of one training share them."""
    counts = np.empty((resamples, n), dtype=np.uint16)
    for draw, rows in enumerate(stationary_rows(n, mean_block, resamples=resamples, seed=seed)):
        counts[draw] = np.bincount(rows, minlength=n)
    counts.flags.writeable = False
    return counts


def default_block(n: int, horizon: int) -> int:
    """Mean block for `n` sessions: twice the horizon, at least 0.87 sqrt(n), and never above an eighth of them.

    The horizon covers the overlap of labels; the square root, what slow forecasts add (it leaves the degrees of
    freedom that `long_run.default_lag` leaves). The horizon itself is kept even where an eighth is less.

    Example
    -------
    >>> default_block(4000, 21), default_block(1000, 21), default_block(1000, 1), default_block(200, 21)
    (55, 42, 27, 25)
    """
    return max(horizon, min(n // 8, max(2 * horizon, int(0.87 * np.sqrt(n)))))


def widening(n: int, horizon: int, mean_block: int, level: float = LEVEL) -> float:
    """The factor, at least 1, by which bootstrap draws are spread about the estimate, to undo three known shortfalls.

    factor = t_{n/b} / z * sqrt(1 / (1 - (2b - 1)/n)) * sqrt(sum_k (1 - |k|/h) / sum_k (1 - |k|/h) (1 - 1/b)^|k|)

    Blocks of mean length b see only part of the covariance of labels that overlap over h rows (the last factor);
    centring the sample on its own mean hides some more (the middle one); and the variance of about n / b blocks is
    itself uncertain (the first). It tends to 1 as n grows with b growing slower.

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
