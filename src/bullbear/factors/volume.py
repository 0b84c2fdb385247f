"""Volume: whether the crowd confirms what the price does, or stays away.

All measures compare volume with volume of the same ticker nearby in time, because turnover grew a hundredfold over
the years. Unknown volume makes every window that touches it missing, and no other; zero volume is unknown where a
logarithm or a ratio is taken of it.
"""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.registry import Array, Bars, factor
from bullbear.factors.windows import (
    WINDOW,
    correlation,
    highest,
    in_order,
    lagged,
    log_returns,
    lowest,
    mean,
    positive_part,
    ratio,
    standard_score,
    total,
)


def _log_volume(bars: Bars) -> Array:
    return np.log(np.where(bars.volume > 0.0, bars.volume, np.nan))


def _signed_volume(bars: Bars) -> Array:
    """Volume with the sign of the close's change, the increments of on-balance volume; the first row is missing."""
    return np.sign(bars.close - lagged(bars.close, 1)) * bars.volume


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="average days' volume a session",
    limits={"window": (3, 1260)},
    lookback=lambda *, window: window,
    windowed=True,
)
def obv_slope(bars: Bars, *, window: int = 21) -> Array:
    """Least-squares slope of on-balance volume over the window, in average days' volume.

    slope of OBV on time / mean(volume)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions fitted. The line is fitted inside the window, so the start of the running total does not matter.

    Returns
    -------
    Shape (n_sessions,); 1 when every session of the window advances on even volume.

    References
    ----------
    Granville (1963), New Key to Stock Market Profits.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> obv_slope(bars_from([10, 11, 12], volume=[5, 5, 5]), window=3)[-1]
    np.float64(1.0)
    """
    signed = _signed_volume(bars)
    n, result = len(signed), np.full(len(signed), np.nan)
    if n < window:
        return result
    # The slope is a weighted sum of the window's increments: OBV_k - OBV_0 summed by parts.
    times = np.arange(window) - (window - 1) / 2.0
    weights = np.cumsum(times[::-1])[::-1] / np.sum(times * times)
    slope = np.zeros(n - window + 1)
    for k in range(1, window):
        slope += weights[k] * signed[k : n - window + 1 + k]
    result[window - 1 :] = slope
    return ratio(result, mean(bars.volume, window))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="share, signed",
    bounds=(-1.0, 1.0),
    limits={"window": (1, 1260)},
    lookback=lambda *, window: window + 1,
    windowed=True,
)
def volume_balance(bars: Bars, *, window: int = 63) -> Array:
    """Volume of advancing less that of declining sessions, as a share of all volume.

    (OBV_t - OBV_{t - window}) / sum(volume)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions added up.

    Returns
    -------
    Shape (n_sessions,); missing where no share traded.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> volume_balance(bars_from([10, 11, 10], volume=[9, 3, 1]), window=2)[-1]
    np.float64(0.5)
    """
    return ratio(total(_signed_volume(bars), window), total(bars.volume, window))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="standard deviations",
    limits={"window": (3, 1260)},
    lookback=lambda *, window: window,
    windowed=True,
)
def volume_z(bars: Bars, *, window: int = 63) -> Array:
    """Standard score of the logarithm of today's volume.

    (log v - mean(log v)) / std(log v), std with window - 1 degrees of freedom

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions, the current one included.

    Returns
    -------
    Shape (n_sessions,); missing where volume never changed.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> volume_z(bars_from([1, 1, 1], volume=[1, 1, 8]), window=3)[-1].round(4)
    np.float64(1.1547)
    """
    return standard_score(_log_volume(bars), window)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="ratio",
    bounds=(0.0, np.inf),
    limits={"fast": (1, 252), "slow": WINDOW},
    lookback=lambda *, fast, slow: in_order(fast=fast, slow=slow),
    windowed=True,
)
def volume_ratio(bars: Bars, *, fast: int = 5, slow: int = 63) -> Array:
    """Recent mean volume against the usual one.

    mean(volume, fast) / mean(volume, slow)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    fast, slow
        Sessions averaged, `fast` fewer than `slow`.

    Returns
    -------
    Shape (n_sessions,); missing where no share traded.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> volume_ratio(bars_from([1, 1], volume=[1, 3]), fast=1, slow=2)[-1]
    np.float64(1.5)
    """
    return ratio(mean(bars.volume, fast), mean(bars.volume, slow))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="share, signed",
    bounds=(-1.0, 1.0),
    limits={"window": (1, 1260)},
    lookback=lambda *, window: window,
    windowed=True,
)
def chaikin_money_flow(bars: Bars, *, window: int = 21) -> Array:
    """Chaikin money flow: volume weighted by where in its range each session closed.

    sum(volume * ((close - low) - (high - close)) / (high - low)) / sum(volume)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions added up. A session without a range counts in the volume only.

    Returns
    -------
    Shape (n_sessions,); missing where no share traded.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> chaikin_money_flow(bars_from([13], high=[14], low=[10], volume=[7]), window=1)[-1]
    np.float64(0.5)
    """
    span = bars.high - bars.low
    place = np.nan_to_num(ratio((bars.close - bars.low) - (bars.high - bars.close), span), nan=0.0)
    return ratio(total(place * bars.volume, window), total(bars.volume, window))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="ratio - 1",
    limits={"window": WINDOW},
    lookback=lambda *, window: window,
    windowed=True,
)
def vwap_distance(bars: Bars, *, window: int = 63) -> Array:
    """Close against the volume-weighted average close: the mean holder's gain since the window began.

    close / (sum(close * volume) / sum(volume)) - 1

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions averaged.

    Returns
    -------
    Shape (n_sessions,), fraction; missing where no share traded.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> vwap_distance(bars_from([10, 12], volume=[1, 3]), window=2)[-1].round(4)
    np.float64(0.0435)
    """
    return ratio(bars.close * total(bars.volume, window), total(bars.close * bars.volume, window)) - 1.0


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="per cent, volume-weighted",
    limits={"window": WINDOW, "memory": (1, 252)},
    lookback=lambda *, window, memory: window + memory,
    windowed=True,
)
def volume_breakout(bars: Bars, *, window: int = 63, memory: int = 5) -> Array:
    """Breakouts from the earlier range, each weighted by how unusual its volume was.

    Sum over `memory` sessions of 100 * b * volume / mean(volume of the `window` sessions before), where b is
    close / max(earlier highs) - 1 above the range, close / min(earlier lows) - 1 below it, and 0 inside.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions of the earlier range and of the usual volume, the breaking session not included.
    memory
        Sessions whose breakouts are added up.

    Returns
    -------
    Shape (n_sessions,); positive after breakouts upward, 0 where the price stayed in its range.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> volume_breakout(bars_from([10, 10, 11], volume=[1, 1, 3]), window=2, memory=1)[-1].round(4)
    np.float64(30.0)
    """
    above = positive_part(bars.close / lagged(highest(bars.high, window), 1) - 1.0)
    below = positive_part(1.0 - bars.close / lagged(lowest(bars.low, window), 1))
    usual = lagged(mean(bars.volume, window), 1)
    return total(100.0 * (above - below) * ratio(bars.volume, usual), memory)


def _dryness(bars: Bars, extreme: Array, window: int, memory: int) -> Array:
    """Mean over `memory` of extreme * log(usual volume / volume); a quiet session without an extreme adds nothing."""
    usual = lagged(mean(bars.volume, window), 1)
    thin = np.log(np.where(usual > 0.0, usual, np.nan)) - _log_volume(bars)
    return mean(extreme * thin, memory)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="log ratio",
    limits={"window": WINDOW, "memory": (1, 252)},
    lookback=lambda *, window, memory: window + memory,
    windowed=True,
)
def dry_new_lows(bars: Bars, *, window: int = 21, memory: int = 21) -> Array:
    """Volume drying up on new lows: positive when sellers make new closing lows on ever fewer shares.

    Mean over `memory` sessions of 1{close < min(the `window` closes before)} * log(mean volume before / volume)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions before that define a new low and the usual volume.
    memory
        Sessions averaged.

    Returns
    -------
    Shape (n_sessions,); 0 without new lows, negative when they come on heavy volume.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> dry_new_lows(bars_from([10, 10, 9], volume=[4, 4, 2]), window=2, memory=1)[-1].round(4)
    np.float64(0.6931)
    """
    earlier = lagged(lowest(bars.close, window), 1)
    new_low = np.where(np.isnan(earlier), np.nan, bars.close < earlier)
    return _dryness(bars, new_low, window, memory)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="log ratio",
    limits={"window": WINDOW, "memory": (1, 252)},
    lookback=lambda *, window, memory: window + memory,
    windowed=True,
)
def dry_new_highs(bars: Bars, *, window: int = 21, memory: int = 21) -> Array:
    """Volume drying up on new highs: positive when the advance goes on with ever fewer shares.

    Mean over `memory` sessions of 1{close > max(the `window` closes before)} * log(mean volume before / volume)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions before that define a new high and the usual volume.
    memory
        Sessions averaged.

    Returns
    -------
    Shape (n_sessions,); 0 without new highs, negative when they come on heavy volume.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> dry_new_highs(bars_from([10, 10, 11], volume=[4, 4, 2]), window=2, memory=1)[-1].round(4)
    np.float64(0.6931)
    """
    earlier = lagged(highest(bars.close, window), 1)
    new_high = np.where(np.isnan(earlier), np.nan, bars.close > earlier)
    return _dryness(bars, new_high, window, memory)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="log ratio",
    limits={"fast": (1, 252), "slow": WINDOW},
    lookback=lambda *, fast, slow: in_order(fast=fast, slow=slow) + 1,
    windowed=True,
)
def illiquidity_ratio(bars: Bars, *, fast: int = 21, slow: int = 252) -> Array:
    """Amihud's illiquidity, recent against usual: positive when a dollar traded moves the price more than it did.

    log(mean(a, fast) / mean(a, slow)), a = abs(return) / (close * volume)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    fast, slow
        Sessions averaged, `fast` fewer than `slow`.

    Returns
    -------
    Shape (n_sessions,); missing where a session had no volume, or where the price did not move.

    References
    ----------
    Amihud (2002), Journal of Financial Markets 5(1), doi:10.1016/S1386-4181(01)00024-6

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> illiquidity_ratio(bars_from([1, 2, 4], volume=[1, 1, 1]), fast=1, slow=2)[-1].round(4)
    np.float64(-0.4055)
    """
    impact = np.abs(talib.ROCP(bars.close, 1)) / np.where(bars.volume > 0.0, bars.close * bars.volume, np.nan)
    level = ratio(mean(impact, fast), mean(impact, slow))
    return np.log(np.where(level > 0.0, level, np.nan))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="correlation",
    bounds=(-1.0, 1.0),
    limits={"window": (3, 1260)},
    lookback=lambda *, window: window + 1,
    windowed=True,
)
def volume_return_correlation(bars: Bars, *, window: int = 63) -> Array:
    """Correlation of daily returns with log volume: negative when declines, not advances, draw the crowd.

    corr(log(close_t / close_{t-1}), log(volume_t))

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Pairs used.

    Returns
    -------
    Shape (n_sessions,); missing where returns or volume did not vary.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> volume_return_correlation(bars_from([10, 11, 10, 11], volume=[1, 1, 2, 1]), window=3)[-1].round(4)
    np.float64(-1.0)
    """
    return correlation(log_returns(bars.close), _log_volume(bars), window)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="share of sessions",
    bounds=(0.0, 1.0),
    limits={"window": (1, 252), "drop": (0.0, 10.0)},
    lookback=lambda *, window, drop: window + 1,
    windowed=True,
)
def distribution_days(bars: Bars, *, window: int = 25, drop: float = 0.2) -> Array:
    """Share of sessions that fell on more volume than the session before: institutions selling.

    mean over the window of 1{100 * (close_t / close_{t-1} - 1) <= -drop and volume_t > volume_{t-1}}

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions looked at.
    drop
        Smallest decline that counts, in per cent.

    Returns
    -------
    Shape (n_sessions,), fraction.

    References
    ----------
    O'Neil (2009), How to Make Money in Stocks.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> distribution_days(bars_from([10, 9, 8], volume=[1, 2, 1]), window=2)[-1]
    np.float64(0.5)
    """
    change, more = np.asarray(talib.ROC(bars.close, 1)), bars.volume - lagged(bars.volume, 1)
    counted = np.where((change <= -drop) & (more > 0.0), 1.0, 0.0)
    return mean(np.where(np.isnan(change) | np.isnan(more), np.nan, counted), window)
