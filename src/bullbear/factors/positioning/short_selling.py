"""Positioning: how much of the fund is sold short, how fast that changes, and how the daily short volume deviates.

Short interest is a stock, counted twice a month and published a week and a half later; short volume is the flow of one
day, and of the venues that report it. Neither is filled: before the first publication and where a share count is
unknown a factor is missing, not zero. Since the last published count stands until the next, changes are taken over
sessions: 21 are about a month, 252 a year.

Short interest as a share of market value is the same number as its share of the shares outstanding (price cancels), and
has no function of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bullbear.errors import InputError
from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, ShortInterest, ShortVolume, factor

_WINDOW = (1, 2520)
MEASURES = ("per_share_outstanding", "shares", "days_to_cover")
"""How much is sold short: what changes, scores and the index may be taken of."""


def _one_row(**_: object) -> int:
    return 1


@factor(
    family="positioning",
    unit="share of shares outstanding",
    lookback=_one_row,
    bounds=(0.0, float("inf")),
    windowed=True,
)
def short_interest_ratio(short_interest: ShortInterest) -> Array:
    """Shares short per share outstanding; for a fund it may exceed 1.

    Example
    -------
    >>> short_interest_ratio(_interest(2e6, 3e6))
    array([0.2, 0.3])
    """
    return windows.ratio(short_interest.shares_short, short_interest.shares_outstanding)


@factor(
    family="positioning",
    unit="days",
    lookback=_one_row,
    bounds=(0.0, float("inf")),
    windowed=True,
)
def days_to_cover(short_interest: ShortInterest) -> Array:
    """Days of average volume needed to buy back every share short: shares_short / avg_daily_volume.

    References
    ----------
    Hong, Li, Ni, Scheinkman and Yan (2015), "Days to cover and stock returns", doi:10.3386/w21166.

    Example
    -------
    >>> days_to_cover(_interest(2e6, 3e6))
    array([4., 6.])
    """
    computed = windows.ratio(short_interest.shares_short, short_interest.avg_daily_volume)
    return np.where(np.isnan(computed), short_interest.days_to_cover, computed)


def measured(short_interest: ShortInterest, measure: str) -> Array:
    """Short interest by one of `MEASURES`: per share outstanding, in shares, or in days of average volume.

    The number of shares is not adjusted for splits, and needs no count of the shares outstanding.

    Example
    -------
    >>> measured(_interest(2e6, 3e6), "shares")
    array([2000000., 3000000.])
    """
    match measure:
        case "per_share_outstanding":
            return short_interest_ratio(short_interest)
        case "shares":
            return short_interest.shares_short
        case "days_to_cover":
            return days_to_cover(short_interest)
        case _:
            raise InputError("measure", measure, ", ".join(MEASURES), "choose one of them")


@factor(
    family="positioning",
    unit="log change",
    lookback=lambda *, window, **_: window + 1,
    limits={"window": _WINDOW},
    choices={"measure": MEASURES},
    windowed=True,
)
def short_interest_change(
    short_interest: ShortInterest, *, window: int = 63, measure: str = "per_share_outstanding"
) -> Array:
    """Logarithmic change over `window` sessions of a measure of short interest.

    Example
    -------
    >>> short_interest_change(_interest(2e6, 3e6), window=1).round(4)
    array([   nan, 0.4055])
    """
    logs = trailing.log_positive(measured(short_interest, measure))
    return logs - windows.lagged(logs, window)


@factor(
    family="positioning",
    unit="standard deviations",
    lookback=lambda *, window, **_: window,
    limits={"window": (3, 2520)},
    choices={"measure": MEASURES},
    windowed=True,
)
def short_interest_zscore(
    short_interest: ShortInterest, *, window: int = 252, measure: str = "per_share_outstanding"
) -> Array:
    """A measure of short interest against the last `window` sessions, in their standard deviations (n - 1).

    Example
    -------
    >>> short_interest_zscore(_interest(2e6, 3e6, 4e6), window=3).round(6)
    array([nan, nan,  1.])
    """
    return windows.standard_score(measured(short_interest, measure), window)


@factor(
    family="positioning",
    unit="share of volume",
    lookback=lambda *, window: window,
    bounds=(0.0, 1.0),
    limits={"window": _WINDOW},
    windowed=True,
)
def short_volume_ratio(short_volume: ShortVolume, *, window: int = 1) -> Array:
    """Short sales as a share of the reported volume of the last `window` sessions: sum(short) / sum(total).

    Example
    -------
    >>> short_volume_ratio(ShortVolume(np.array([4.0, 6.0]), np.array([10.0, 10.0])), window=2)
    array([nan, 0.5])
    """
    short = windows.total(short_volume.short, window)
    return windows.ratio(short, windows.total(short_volume.total, window))


@factor(
    family="positioning",
    unit="standard deviations",
    lookback=lambda *, window: window,
    limits={"window": (3, 2520)},
    windowed=True,
)
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
    family="positioning",
    unit="log ratio",
    lookback=lambda *, short, long: max(short, long),
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
    family="positioning",
    unit="robust standard deviations",
    lookback=lambda *, window: window + 1,
    limits={"window": (5, 504)},
    windowed=True,
)
def short_volume_anomaly(short_volume: ShortVolume, *, window: int = 63) -> Array:
    """Distance of the day's short-volume ratio from the median of the `window` sessions before it.

    (r[t] - median) / (1.4826 median(|r - median|)), medians over t - window .. t - 1. The day itself stays outside, so
    that it cannot hide in its own yardstick; medians keep the last anomaly from hiding the next.

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


def _interest(*shares: float) -> ShortInterest:
    """Shares short of a fund with ten million shares and a volume of half a million; for examples."""
    short = np.array(shares)
    volume = np.full(len(short), 5e5)
    return ShortInterest(short, volume, short / volume, np.full(len(short), 1e7))
