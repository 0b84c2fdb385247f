"""Short interest: how much of a fund is sold short, how fast that changes, and its distance from its own trend.

Short interest is a stock, counted twice a month and published a week and a half later. It is not filled: before the
first publication and where a share count is unknown a factor is missing, not zero. Since the last published count
stands until the next, changes are taken over sessions: 21 are about a month, 252 a year. As a share of market value it
is the same number as a share of the shares outstanding (the price cancels).

`measure` says what is taken: short interest per share outstanding, in shares (as reported, so a split inside a window
breaks it), or in days of average volume.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bullbear.errors import InputError
from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, ShortInterest, factor

MEASURES = ("per_share_outstanding", "shares", "days_to_cover")
_WINDOW = (1, 2520)
_CHUNK = 128
"""Windows handled at once: bounds the memory, changes no result."""


@factor(unit="share of shares outstanding", bounds=(0.0, float("inf")), windowed=True)
def short_interest_ratio(short_interest: ShortInterest) -> Array:
    """Shares short per share outstanding; for a fund it may exceed 1."""
    return windows.ratio(short_interest.shares_short, short_interest.shares_outstanding)


@factor(unit="days", bounds=(0.0, float("inf")), windowed=True)
def days_to_cover(short_interest: ShortInterest) -> Array:
    """Days of average volume needed to buy back every share short: shares_short / avg_daily_volume.

    Computed, since the published figure is raised to 1 where it is less; the published one is taken where the average
    volume is unknown.

    References
    ----------
    Hong, Li, Ni, Scheinkman and Yan (2015), "Days to cover and stock returns", doi:10.3386/w21166.
    """
    computed = windows.ratio(short_interest.shares_short, short_interest.avg_daily_volume)
    return np.where(np.isnan(computed), short_interest.days_to_cover, computed)


def measured(short_interest: ShortInterest, measure: str) -> Array:
    """Short interest by one of `MEASURES`."""
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
    unit="log change",
    lookback=lambda window: window + 1,
    limits={"window": _WINDOW},
    choices={"measure": MEASURES},
    windowed=True,
)
def short_interest_change(
    short_interest: ShortInterest, *, window: int = 63, measure: str = "per_share_outstanding"
) -> Array:
    """Logarithmic change over `window` sessions of a measure of short interest."""
    logs = trailing.log_positive(measured(short_interest, measure))
    return logs - windows.lagged(logs, window)


@factor(unit="standard deviations", limits={"window": (3, 2520)}, choices={"measure": MEASURES}, windowed=True)
def short_interest_zscore(
    short_interest: ShortInterest, *, window: int = 252, measure: str = "per_share_outstanding"
) -> Array:
    """A measure of short interest against the last `window` sessions, in their standard deviations (n - 1)."""
    return windows.standard_score(measured(short_interest, measure), window)


def detrended_score(x: Array) -> Array:
    """Residuals of a linear trend fitted by least squares, divided by their standard deviation.

    e[t] = x[t] - a - b t,    score[t] = e[t] / sqrt(sum(e**2) / (n - 1))

    It looks at the whole of `x`: give it what was known at a date, and use the last value as that date's index.
    Missing where x lies on a line; rows of a batch, shape (..., n), are treated one by one.

    Example
    -------
    >>> detrended_score(np.array([0.0, 2.0, 1.0])).round(4)
    array([-0.5774,  1.1547, -0.5774])
    """
    n = x.shape[-1]
    time = np.arange(n) - (n - 1) / 2
    centred = x - x.mean(axis=-1, keepdims=True)
    slope = (centred * time).sum(axis=-1, keepdims=True) / (time * time).sum() if n > 1 else 0.0
    residual = centred - slope * time
    deviation = np.sqrt((residual * residual).sum(axis=-1, keepdims=True) / max(n - 1, 1))
    # On a line the residuals are rounding errors, and their ratio to themselves would look like a signal.
    on_a_line = deviation <= 1e-12 * np.abs(x).max(axis=-1, keepdims=True)
    return np.asarray(residual / np.where(on_a_line, np.nan, deviation), dtype=np.float64)


@factor(unit="standard deviations", limits={"window": (10, 2520)}, choices={"measure": MEASURES}, windowed=True)
def short_interest_index(
    short_interest: ShortInterest, *, window: int = 1260, measure: str = "per_share_outstanding"
) -> Array:
    """The Rapach-Ringgenberg-Zhou index: log short interest, detrended within a trailing window.

    The last value of `detrended_score(ln(measure))` over the last `window` sessions; 1260 are five years. An index
    detrended once over the full sample (`shtint` in the file of Goyal, Welch and Zafirov) knows in 1990 how the trend
    went on until 2014; the paper's own sample grows from 1973. High where shorts are crowded against their trend; the
    paper finds low returns thereafter. Of `shares` alone the trend takes out a fund's steady growth.

    References
    ----------
    Rapach, Ringgenberg and Zhou (2016), "Short interest and aggregate stock returns", Journal of Financial Economics
    121, 46-65, doi:10.1016/j.jfineco.2016.03.004.

    Example
    -------
    >>> short = np.array([1e6, 1.2e6, 1.1e6, 1.5e6, 1.3e6, 1.6e6, 1.4e6, 1.5e6, 1.9e6, 2.4e6])
    >>> known = ShortInterest(short, short, short, np.full(10, 1e7))
    >>> short_interest_index(known, window=10).round(3)[-1]
    np.float64(1.428)
    """
    return _last_scores(trailing.log_positive(measured(short_interest, measure)), window)


def _last_scores(logs: Array, window: int) -> Array:
    result = np.full(len(logs), np.nan)
    if len(logs) < window:
        return result
    every = sliding_window_view(logs, window)
    whole = np.flatnonzero(~np.isnan(windows.total(logs, window))) - (window - 1)
    for start in range(0, len(whole), _CHUNK):
        rows = whole[start : start + _CHUNK]
        # A contiguous copy: numpy then adds each window in the same order, whatever the number of windows.
        result[rows + window - 1] = detrended_score(np.ascontiguousarray(every[rows]))[:, -1]
    return result
