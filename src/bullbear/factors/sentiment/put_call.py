"""Put/call ratios: volume of puts over volume of calls traded on a day.

The ratio of a day is public after its close, so the newest one at a decision is that of the session before. Its level
drifts with what is listed and who trades it: ranks and ratios to its own mean compare like with like.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, factor
from bullbear.factors.engine.trailing import log_positive
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import mean, percent_rank

_WINDOW = (1, 1260)


@factor(unit="ratio", bounds=(0.0, np.inf), limits={"window": _WINDOW}, windowed=True)
def put_call_ratio(ratio: Array, *, window: int = 1) -> Array:
    """Mean put/call ratio of the last `window` sessions.

    References
    ----------
    Pan and Poteshman (2006), Review of Financial Studies 19(3), 871-908, doi:10.1093/rfs/hhj024

    Example
    -------
    >>> put_call_ratio(np.array([0.8, 1.2]), window=2)
    array([nan,  1.])
    """
    return mean(np.where(ratio > 0.0, ratio, np.nan), window)


@factor(
    unit="log ratio",
    lookback=lambda short, long: in_order(short=short, long=long),
    limits={"short": _WINDOW, "long": _WINDOW},
    windowed=True,
)
def put_call_stretch(ratio: Array, *, short: int = 5, long: int = 63) -> Array:
    """Mean ratio of the last `short` sessions against that of the last `long` ones, in logarithms.

    Example
    -------
    >>> put_call_stretch(np.array([0.8, 1.2, 1.6]), short=1, long=3).round(4)
    array([   nan,    nan, 0.2877])
    """
    return log_positive(put_call_ratio(ratio, window=short)) - log_positive(put_call_ratio(ratio, window=long))


@factor(
    unit="share of sessions",
    bounds=(0.0, 1.0),
    lookback=lambda window, smooth: window + smooth,
    windowed=True,
)
def put_call_percentile(ratio: Array, *, window: int = 252, smooth: int = 5) -> Array:
    """Rank of the mean ratio of `smooth` sessions: the share of the `window` such means before that are lower.

    Example
    -------
    >>> put_call_percentile(np.array([0.8, 1.2, 1.0]), window=2, smooth=1)
    array([nan, nan, 0.5])
    """
    return percent_rank(put_call_ratio(ratio, window=smooth), window)
