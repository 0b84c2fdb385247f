"""Short volume: the share of a day's reported trades that were short sales, and how it deviates.

It is the flow of one day at the venues that report it. It is not filled: a session without a report is missing.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, ShortVolume, factor

_WINDOW = (1, 2520)


@factor(unit="share of volume", bounds=(0.0, 1.0), limits={"window": _WINDOW}, windowed=True)
def short_volume_ratio(short_volume: ShortVolume, *, window: int = 1) -> Array:
    """Short sales as a share of the reported volume of the last `window` sessions: sum(short) / sum(total).

    Example
    -------
    >>> short_volume_ratio(ShortVolume(np.array([4.0, 6.0]), np.array([10.0, 10.0])), window=2)
    array([nan, 0.5])
    """
    short = windows.total(short_volume.short, window)
    return windows.ratio(short, windows.total(short_volume.total, window))


@factor(unit="standard deviations", limits={"window": (3, 2520)}, windowed=True)
def short_volume_zscore(short_volume: ShortVolume, *, window: int = 63) -> Array:
    """The day's short-volume ratio against the last `window` sessions, in their standard deviations (n - 1).

    Example
    -------
    >>> total = np.array([10.0, 10.0, 10.0])
    >>> short_volume_zscore(ShortVolume(np.array([4.0, 5.0, 6.0]), total), window=3).round(6)
    array([nan, nan,  1.])
    """
    return windows.standard_score(_share_sold(short_volume), window)


@factor(
    unit="log ratio",
    lookback=lambda short, long: max(short, long),
    limits={"short": _WINDOW, "long": _WINDOW},
    windowed=True,
)
def short_volume_shift(short_volume: ShortVolume, *, short: int = 5, long: int = 63) -> Array:
    """Short-volume ratio of the last `short` sessions against that of the last `long` ones, in logarithms.

    Example
    -------
    >>> volume = ShortVolume(np.array([4.0, 4.0, 7.0]), np.array([10.0, 10.0, 10.0]))
    >>> short_volume_shift(volume, short=1, long=3).round(4)
    array([   nan,    nan, 0.3365])
    """
    recent = short_volume_ratio(short_volume, window=short)
    return trailing.log_positive(windows.ratio(recent, short_volume_ratio(short_volume, window=long)))


@factor(
    unit="robust standard deviations", lookback=lambda window: window + 1, limits={"window": (5, 504)}, windowed=True
)
def short_volume_anomaly(short_volume: ShortVolume, *, window: int = 63) -> Array:
    """Distance of the day's short-volume ratio from the median of the `window` sessions before it.

    (r[t] - median) / (1.4826 median(|r - median|)), medians over t - window .. t - 1. The day itself is left out, so
    that it does not widen its own scale; medians keep one anomaly from masking the next.

    Example
    -------
    >>> volume = ShortVolume(np.array([4.0, 5.0, 6.0, 5.0, 4.0, 8.0]), np.full(6, 10.0))
    >>> short_volume_anomaly(volume, window=5).round(3)[-1]
    np.float64(2.023)
    """
    ratio = _share_sold(short_volume)
    result = np.full(len(ratio), np.nan)
    if len(ratio) > window:
        before = sliding_window_view(ratio, window)[:-1]
        whole = np.flatnonzero(~np.isnan(windows.total(ratio, window))[window - 1 : -1])
        known = before[whole]
        median = _medians(known)
        spread = _medians(np.abs(known - median[:, np.newaxis]))
        result[whole + window] = windows.ratio(ratio[whole + window] - median, 1.4826 * spread)
    return result


def _medians(rows: Array) -> Array:
    # NumPy's own looks for missing values first and averages afterwards, which takes longer than to find the median.
    lower, upper = (rows.shape[1] - 1) // 2, rows.shape[1] // 2
    middle = np.partition(rows, (lower, upper), axis=1)
    return np.asarray((middle[:, lower] + middle[:, upper]) / 2.0)


def _share_sold(short_volume: ShortVolume) -> Array:
    return windows.ratio(short_volume.short, short_volume.total)
