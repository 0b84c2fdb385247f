"""Breadth: how many of the nine sectors are strong, and how far apart they move, on their joint sessions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.sectors.sector_funds import SECTORS

_WINDOW = (1, 1260)


@factor(inputs=SECTORS, unit="share of sectors", bounds=(0.0, 1.0), limits={"window": (2, 1260)}, windowed=True)
def sectors_above_average(*sectors: Bars, window: int = 200) -> Array:
    """Share of the nine sectors that close above their own mean of the last `window` closes.

    Example
    -------
    >>> up, down = bars_from([1, 2]), bars_from([2, 1])
    >>> sectors_above_average(*[up] * 3, *[down] * 6, window=2).round(4)
    array([   nan, 0.3333])
    """
    return _above_average(_closes(sectors), window)


@factor(
    inputs=SECTORS,
    unit="log return",
    lookback=lambda window: window + 1,
    bounds=(0.0, float("inf")),
    limits={"window": _WINDOW},
    windowed=True,
)
def sector_dispersion(*sectors: Bars, window: int = 21) -> Array:
    """Cross-sectional standard deviation (n - 1) of the nine sectors' log returns over `window` sessions.

    Example
    -------
    >>> flat, up = bars_from([1, 1]), bars_from([1, 1.1])
    >>> sector_dispersion(*[flat] * 8, up, window=1).round(4)
    array([   nan, 0.0318])
    """
    returns = _returns(_closes(sectors), window)
    deviations = returns - _total(returns) / len(returns)
    return np.sqrt(_total(deviations * deviations) / (len(returns) - 1))


@factor(
    inputs={"benchmark": "bars", **SECTORS},
    unit="score",
    lookback=lambda trend, momentum: max(trend, momentum + 1),
    bounds=(0.0, 1.0),
    limits={"trend": (2, 1260), "momentum": _WINDOW},
    windowed=True,
)
def sector_weakness(benchmark: Bars, *sectors: Bars, trend: int = 200, momentum: int = 63) -> Array:
    """Weakness score: the mean over nine sectors of three marks, each 1 where the sector is weak.

    A sector is marked for a close at or below its mean of `trend` closes, for a fall over `momentum` sessions, and for
    a return over `momentum` sessions below the benchmark's.

    Parameters
    ----------
    trend
        Sessions of the moving average, the current one included.
    momentum
        Sessions over which returns are taken.

    Example
    -------
    >>> up, down, index = bars_from([1, 2]), bars_from([2, 1]), bars_from([1, 1.5])
    >>> sector_weakness(index, *[up] * 6, *[down] * 3, trend=2, momentum=1).round(4)
    array([   nan, 0.3333])
    """
    closes = _closes(sectors)
    returns = _returns(closes, momentum)
    falling = _share(returns < 0, returns)
    lead = returns - _returns(benchmark.close[np.newaxis], momentum)
    behind = _share(lead < 0, lead)
    return ((1 - _above_average(closes, trend)) + falling + behind) / 3


def _closes(sectors: Sequence[Bars]) -> Array:
    return np.stack([bars.close for bars in sectors])


def _returns(closes: Array, window: int) -> Array:
    logs = trailing.log_positive(closes)
    return logs - windows.lagged(logs, window)


def _above_average(closes: Array, window: int) -> Array:
    average = windows.mean(closes, window)
    return _share(closes > average, average)


def _share(marks: np.ndarray, known: Array) -> Array:
    """Share of the rows of `marks` that are set, missing where a row of `known` is."""
    return _total(np.where(np.isnan(known), np.nan, marks)) / len(marks)


def _total(rows: Array) -> Array:
    # Row by row: a reduction adds in another order where there is one column only.
    return np.asarray(np.cumsum(rows, axis=0)[-1])
