"""How long ago the market's behaviour changed: the posterior of one change in the returns of a trailing window.

Before and after the change, returns are normal with a mean and a variance of their own, both unknown (conjugate prior,
so the mathematics is exact). A change of volatility shows within days; one of the mean hardly ever does, and the prior
says so: means are small beside the spread. A priori the chances are even that the window holds a change, and all places
are alike. Returns beyond three spreads of the window count as three: one wild day is not a new market. Only the last
change in the window is modelled.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import NOISE, log_returns

SHAPE, RATE, PULL = 2.0, 1.0, 100.0
"""Prior of a stretch of returns in units of the window's spread: variance from an inverse gamma of this shape and rate,
mean from a normal around zero whose variance is that of a return divided by `PULL`."""
LEAST = 5
"""Returns on either side of a change."""
WILDEST = 3.0
"""Spreads of the window beyond which a return counts no further."""
_CHUNK = 512
_LIMITS = {"window": (21.0, 1260.0)}


@cached_by_bars(1)
def change_posterior(bars: Bars, *, window: int = 252) -> tuple[Array, Array]:
    """Posterior of the number of returns since the change, and the log ratio of the spreads after and before it.

    Returns
    -------
    Two arrays of shape (n_sessions, window + 1). In column a: the probability that the last a returns are those since
    the change (column `window`: that there was none), and the log ratio that this change would mean.

    References
    ----------
    Smith (1975), Biometrika 62(2), 407-416, doi:10.1093/biomet/62.2.407

    Example
    -------
    >>> random = np.random.default_rng(0)
    >>> returns = np.concatenate([random.normal(0.0, 0.005, 40), random.normal(0.0, 0.03, 12)])
    >>> posterior, _ = change_posterior(bars_from(np.exp(np.cumsum(returns))), window=50)
    >>> int(posterior[-1].argmax()), posterior[-1].sum().round(9)
    (12, np.float64(1.0))
    """
    n = len(bars.close)
    posterior, ratio = np.full((n, window + 1), np.nan), np.full((n, window + 1), np.nan)
    if n > window:
        recent_first = sliding_window_view(log_returns(bars.close)[1:], window)[:, ::-1]
        # Chunks bound the memory; every row is computed from itself alone, so they change no bit.
        for start in range(0, len(recent_first), _CHUNK):
            rows = slice(window + start, min(window + start + _CHUNK, n))
            posterior[rows], ratio[rows] = _posterior(recent_first[start : start + _CHUNK])
    return posterior, ratio


def _posterior(y: Array) -> tuple[Array, Array]:
    """`change_posterior` of windows with the newest return first, shape (n_windows, window)."""
    window = y.shape[1]
    # Cumulative sums add from left to right whatever the shape of the array; other sums need not.
    centre = np.cumsum(y, axis=1)[:, -1:] / window
    spread = np.sqrt(np.cumsum((y - centre) ** 2, axis=1)[:, -1:] / window)
    x = np.clip((y - centre) / np.where(spread > NOISE, spread, np.nan), -WILDEST, WILDEST)
    total, square = np.cumsum(x, axis=1), np.cumsum(x * x, axis=1)
    since = np.arange(LEAST, window - LEAST + 1)
    past = total[:, -1:] - total[:, since - 1], square[:, -1:] - square[:, since - 1]
    after, spread_after = _evidence(since, total[:, since - 1], square[:, since - 1])
    before, spread_before = _evidence(window - since, *past)
    weight = np.full((len(y), window + 1), -np.inf)
    weight[:, since] = after + before - math.log(len(since))
    weight[:, [window]], _ = _evidence(np.array([window]), total[:, -1:], square[:, -1:])
    weight = np.exp(weight - weight.max(axis=1, keepdims=True))
    ratio = np.zeros((len(y), window + 1))
    ratio[:, since] = 0.5 * (spread_after - spread_before)
    return weight / np.cumsum(weight, axis=1)[:, -1:], ratio


def _evidence(count: NDArray[np.int64], total: Array, square: Array) -> tuple[Array, Array]:
    """Log density of `count` returns with this sum and sum of squares, up to what cancels, and their log variance."""
    shape = SHAPE + count / 2.0
    constant = [
        math.lgamma(SHAPE + n / 2.0) - math.lgamma(SHAPE) + SHAPE * math.log(RATE) - 0.5 * math.log1p(n / PULL)
        for n in count.tolist()
    ]
    log_rate = np.log(RATE + 0.5 * (square - total * total / (PULL + count)))
    return constant - shape * log_rate, log_rate - np.log(shape)


def _expected(values: Array) -> Array:
    """Sum along the columns, from the left to the right."""
    return np.asarray(np.cumsum(values, axis=1)[:, -1])


@factor(windowed=True, unit="sessions", bounds=(0.0, float("inf")), limits=_LIMITS, lookback=lambda window: window + 1)
def change_point_age(bars: Bars, *, window: int = 252) -> Array:
    """Expected number of sessions since the behaviour of returns changed, `window` standing for "not in the window".

    sum over a of a * P(the change was a sessions ago | returns of the window); missing where these are all equal
    """
    posterior, _ = change_posterior(bars, window=window)
    return _expected(posterior * np.arange(window + 1))


@factor(
    windowed=True,
    unit="probability",
    bounds=(0.0, 1.0),
    limits={**_LIMITS, "recent": (5.0, 252.0)},
    lookback=lambda window, recent: in_order(recent=recent, window=window) + 1,
)
def change_point_recent(bars: Bars, *, window: int = 252, recent: int = 21) -> Array:
    """Probability that the behaviour of returns changed within the last `recent` sessions.

    Parameters
    ----------
    recent
        Sessions that count as recent, the newest included; a change needs five sessions to be seen.
    """
    posterior, _ = change_posterior(bars, window=window)
    return np.minimum(_expected(posterior[:, : recent + 1]), 1.0)


@factor(windowed=True, unit="log ratio", limits=_LIMITS, lookback=lambda window: window + 1)
def change_point_shift(bars: Bars, *, window: int = 252) -> Array:
    """Expected change of volatility at the change: ln(spread after / spread before), 0 where there was none.

    sum over a of P(the change was a sessions ago) * ln(s_after / s_before), s**2 the posterior rate / shape. Positive
    where the market became wilder.
    """
    posterior, ratio = change_posterior(bars, window=window)
    return _expected(posterior * ratio)
