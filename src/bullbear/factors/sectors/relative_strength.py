"""Relative strength: one ticker against another on the sessions on which both traded.

Prices are total-return, so a ratio of them is a relative performance, whatever their scales. Nothing is filled.
"""

from __future__ import annotations

from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.registry import Array, Bars, factor

_WINDOW = (1, 1260)


@factor(unit="log return", lookback=lambda window: window + 1, limits={"window": _WINDOW}, windowed=True)
def relative_strength(asset: Bars, benchmark: Bars, *, window: int = 63) -> Array:
    """Total log return of one ticker less that of another over `window` sessions.

    ln(a[t] / a[t - window]) - ln(b[t] / b[t - window])

    Example
    -------
    >>> relative_strength(bars_from([10, 11]), bars_from([50, 50]), window=1).round(4)
    array([   nan, 0.0953])
    """
    ratio = _log_ratio(asset, benchmark)
    return ratio - windows.lagged(ratio, window)


@factor(unit="log ratio", limits={"window": (2, 1260)}, windowed=True)
def relative_trend(asset: Bars, benchmark: Bars, *, window: int = 200) -> Array:
    """Distance of the price ratio from its own moving average: r[t] - mean(r over `window` sessions), r = ln(a / b).

    Example
    -------
    >>> relative_trend(bars_from([10, 11]), bars_from([50, 50]), window=2).round(4)
    array([   nan, 0.0477])
    """
    ratio = _log_ratio(asset, benchmark)
    return ratio - windows.mean(ratio, window)


@factor(unit="standard deviations", limits={"window": (3, 1260)}, windowed=True)
def relative_zscore(asset: Bars, benchmark: Bars, *, window: int = 252) -> Array:
    """Position of the log price ratio within its last `window` sessions, in their standard deviations (n - 1).

    Example
    -------
    >>> relative_zscore(bars_from([1, 2, 4]), bars_from([5, 5, 5]), window=3).round(6)
    array([nan, nan,  1.])
    """
    return windows.standard_score(_log_ratio(asset, benchmark), window)


@factor(unit="log ratio", bounds=(float("-inf"), 0.0), limits={"window": _WINDOW}, windowed=True)
def relative_drawdown(asset: Bars, benchmark: Bars, *, window: int = 252) -> Array:
    """Distance of the log price ratio below its high of the last `window` sessions.

    Example
    -------
    >>> relative_drawdown(bars_from([10, 9]), bars_from([50, 50]), window=2).round(4)
    array([    nan, -0.1054])
    """
    ratio = _log_ratio(asset, benchmark)
    return ratio - trailing.highest(ratio, window)


@factor(
    unit="correlation",
    bounds=(-1.0, 1.0),
    lookback=lambda window: window + 1,
    limits={"window": (3, 1260)},
    windowed=True,
)
def return_correlation(asset: Bars, benchmark: Bars, *, window: int = 252) -> Array:
    """Correlation of the daily log returns of two tickers over `window` sessions; missing where one stood still.

    References
    ----------
    Connolly, Stivers and Sun (2005), "Stock market uncertainty and the stock-bond return relation", Journal of
    Financial and Quantitative Analysis 40, 161-194, doi:10.1017/S0022109000001782.

    Example
    -------
    >>> return_correlation(bars_from([10, 11, 10, 12]), bars_from([10, 9, 10, 8]), window=3)[-1].round(3)
    np.float64(-0.999)
    """
    return windows.correlation(windows.log_returns(asset.close), windows.log_returns(benchmark.close), window)


def _log_ratio(asset: Bars, benchmark: Bars) -> Array:
    return trailing.log_positive(asset.close) - trailing.log_positive(benchmark.close)
