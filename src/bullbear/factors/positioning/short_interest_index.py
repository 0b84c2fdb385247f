"""The short-interest index of Rapach, Ringgenberg and Zhou, as it could have been read at each date.

The index is the logarithm of short interest, freed of its linear trend and divided by its standard deviation. What
makes it honest is that trend and deviation are estimated anew at each date, on what was known by then: an index
detrended once over the full sample (`shtint` in the file of Goyal, Welch and Zafirov) knows in 1990 how the trend went
on until 2014.

Paper and factor share `detrended_score`. The paper's sample grows from 1973; the factor's trails over a fixed window,
so that its value today depends on a stated number of rows and not on where a store happens to begin.

Missing data: a window with a missing value is missing. Short interest that starts late is missing before, never zero.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, ShortInterest, factor
from bullbear.factors.positioning.short_selling import MEASURES, measured

_CHUNK = 128
"""Windows handled at once: bounds the memory, changes no result."""


def detrended_score(x: Array) -> Array:
    """Residuals of a linear trend fitted by least squares, divided by their standard deviation.

    e[t] = x[t] - a - b t,    score[t] = e[t] / sqrt(sum(e**2) / (n - 1))

    It looks at the whole of `x`: give it what was known at a date, and use the last value as that date's index. A
    predictive regression estimated at that date uses the whole result.

    References
    ----------
    Rapach, Ringgenberg and Zhou (2016), "Short interest and aggregate stock returns", Journal of Financial Economics
    121, 46-65, doi:10.1016/j.jfineco.2016.03.004.

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


@factor(
    family="positioning",
    unit="standard deviations",
    lookback=lambda *, window, **_: window,
    limits={"window": (10, 2520)},
    choices={"measure": MEASURES},
    windowed=True,
)
def short_interest_index(
    short_interest: ShortInterest, *, window: int = 1260, measure: str = "per_share_outstanding"
) -> Array:
    """The Rapach-Ringgenberg-Zhou index: log short interest, detrended within a trailing window.

    The last value of `detrended_score(ln(shares_short / shares_outstanding))` over the last `window` sessions. Of the
    shares alone, for stores that do not know the shares outstanding, the trend takes out a fund's steady growth; a
    split inside the window then breaks it, since shares short are as reported.

    References
    ----------
    Rapach, Ringgenberg and Zhou (2016), doi:10.1016/j.jfineco.2016.03.004.

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
