"""Sectors and breadth: who leads, who lags, and whether the market moves as one.

Relative factors read two tickers on the sessions on which both traded. The cross-section is the nine sector funds of
1998 (energy, financials, industrials, technology, health care, staples, utilities, materials, discretionary): younger
funds would cut the joint history to their own. Regional banks and retailers, which matter to small caps, are therefore
read one against one. Prices are total-return, so a ratio of them is a relative performance.

Missing data: a session on which one of the tickers did not trade is not a row; nothing is filled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.sectors.sector_funds import SECTORS

_WINDOW = (1, 1260)


@factor(
    family="sectors",
    unit="log return",
    lookback=lambda *, window: window + 1,
    limits={"window": _WINDOW},
    windowed=True,
)
def relative_strength(asset: Bars, benchmark: Bars, *, window: int = 63) -> Array:
    """Total log return of one ticker less that of another over `window` sessions.

    ln(a[t] / a[t - window]) - ln(b[t] / b[t - window])

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> relative_strength(bars_from([10, 11]), bars_from([50, 50]), window=1).round(4)
    array([   nan, 0.0953])
    """
    ratio = _log_ratio(asset, benchmark)
    return ratio - windows.lagged(ratio, window)


@factor(
    family="sectors",
    unit="log ratio",
    lookback=lambda *, window: window,
    limits={"window": (2, 1260)},
    windowed=True,
)
def relative_trend(asset: Bars, benchmark: Bars, *, window: int = 200) -> Array:
    """Distance of the price ratio from its own moving average: r[t] - mean(r over `window` sessions), r = ln(a / b).

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> relative_trend(bars_from([10, 11]), bars_from([50, 50]), window=2).round(4)
    array([   nan, 0.0477])
    """
    ratio = _log_ratio(asset, benchmark)
    return ratio - windows.mean(ratio, window)


@factor(
    family="sectors",
    unit="standard deviations",
    lookback=lambda *, window: window,
    limits={"window": (3, 1260)},
    windowed=True,
)
def relative_zscore(asset: Bars, benchmark: Bars, *, window: int = 252) -> Array:
    """Position of the log price ratio within its last `window` sessions, in their standard deviations (n - 1).

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> relative_zscore(bars_from([1, 2, 4]), bars_from([5, 5, 5]), window=3).round(6)
    array([nan, nan,  1.])
    """
    return windows.standard_score(_log_ratio(asset, benchmark), window)


@factor(
    family="sectors",
    unit="log ratio",
    lookback=lambda *, window: window,
    bounds=(float("-inf"), 0.0),
    limits={"window": _WINDOW},
    windowed=True,
)
def relative_drawdown(asset: Bars, benchmark: Bars, *, window: int = 252) -> Array:
    """Distance of the log price ratio below its high of the last `window` sessions.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> relative_drawdown(bars_from([10, 9]), bars_from([50, 50]), window=2).round(4)
    array([    nan, -0.1054])
    """
    ratio = _log_ratio(asset, benchmark)
    return ratio - trailing.highest(ratio, window)


@factor(
    family="sectors",
    inputs=SECTORS,
    unit="share of sectors",
    lookback=lambda *, window: window,
    bounds=(0.0, 1.0),
    limits={"window": (2, 1260)},
    windowed=True,
)
def sectors_above_average(*sectors: Bars, window: int = 200) -> Array:
    """Share of the nine sectors that close above their own mean of the last `window` closes.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> up, down = bars_from([1, 2]), bars_from([2, 1])
    >>> sectors_above_average(*[up] * 3, *[down] * 6, window=2).round(4)
    array([   nan, 0.3333])
    """
    return _above_average(_closes(sectors), window)


@factor(
    family="sectors",
    inputs=SECTORS,
    unit="log return",
    lookback=lambda *, window: window + 1,
    bounds=(0.0, float("inf")),
    limits={"window": _WINDOW},
    windowed=True,
)
def sector_dispersion(*sectors: Bars, window: int = 21) -> Array:
    """Cross-sectional standard deviation (n - 1) of the nine sectors' log returns over `window` sessions.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> flat, up = bars_from([1, 1]), bars_from([1, 1.1])
    >>> sector_dispersion(*[flat] * 8, up, window=1).round(4)
    array([   nan, 0.0318])
    """
    returns = _returns(_closes(sectors), window)
    deviations = returns - _sum(returns) / len(returns)
    return np.sqrt(_sum(deviations * deviations) / (len(returns) - 1))


@factor(
    family="sectors",
    inputs={"benchmark": "bars", **SECTORS},
    unit="score",
    lookback=lambda *, trend, momentum: max(trend, momentum + 1),
    bounds=(0.0, 1.0),
    limits={"trend": (2, 1260), "momentum": _WINDOW},
    windowed=True,
)
def sector_weakness(benchmark: Bars, *sectors: Bars, trend: int = 200, momentum: int = 63) -> Array:
    """Weakness score: the mean over nine sectors of three marks, each 1 where the sector is weak.

    A sector is marked for a close at or below its mean of `trend` closes, for a fall over `momentum` sessions, and for
    a return over `momentum` sessions below the benchmark's.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
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


def _log_ratio(asset: Bars, benchmark: Bars) -> Array:
    return trailing.log_positive(asset.close) - trailing.log_positive(benchmark.close)


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
    return _sum(np.where(np.isnan(known), np.nan, marks)) / len(marks)


def _sum(rows: Array) -> Array:
    # Row by row: a reduction might add in another order on a shorter array and so change the last bit.
    result: Array = rows[0].copy()
    for row in rows[1:]:
        result += row
    return result
