"""Money flow: volume with the sign or the weight of what the price did, and what the holders paid.

Every sum of volume is divided by a sum of volume, because turnover grew a hundredfold over the years. Unknown volume
makes every window that touches it missing, and no other.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import lagged, mean, ratio, total


def _signed_volume(bars: Bars) -> Array:
    """Volume with the sign of the close's change, the increments of on-balance volume; the first row is missing."""
    return np.sign(bars.close - lagged(bars.close, 1)) * bars.volume


@factor(unit="average days' volume a session", limits={"window": (3, 1260)}, windowed=True)
def obv_slope(bars: Bars, *, window: int = 21) -> Array:
    """Least-squares slope of on-balance volume over the window, in average days' volume.

    slope of OBV on time / mean(volume); 1 when every session of the window advances on even volume

    References
    ----------
    Granville (1963), New Key to Stock Market Profits.

    Example
    -------
    >>> obv_slope(bars_from([10, 11, 12], volume=[5, 5, 5]), window=3)[-1]
    np.float64(1.0)
    """
    signed = _signed_volume(bars)
    result = np.full(len(signed), np.nan)
    if len(signed) >= window:
        # The slope is a weighted sum of the window's increments: OBV_k - OBV_0 summed by parts.
        times = np.arange(window) - (window - 1) / 2.0
        weights = np.cumsum(times[::-1])[::-1] / np.sum(times * times)
        result[window - 1 :] = np.correlate(signed, weights[1:], "valid")[1:]
    return ratio(result, mean(bars.volume, window))


@factor(
    unit="share, signed",
    bounds=(-1.0, 1.0),
    limits={"window": (1, 1260)},
    lookback=lambda window: window + 1,
    windowed=True,
)
def volume_balance(bars: Bars, *, window: int = 63) -> Array:
    """Volume of advancing less that of declining sessions, as a share of all volume.

    (OBV_t - OBV_{t - window}) / sum(volume); missing where no share traded

    Example
    -------
    >>> volume_balance(bars_from([10, 11, 10], volume=[9, 3, 1]), window=2)[-1]
    np.float64(0.5)
    """
    return ratio(total(_signed_volume(bars), window), total(bars.volume, window))


@factor(unit="share, signed", bounds=(-1.0, 1.0), limits={"window": (1, 1260)}, windowed=True)
def chaikin_money_flow(bars: Bars, *, window: int = 21) -> Array:
    """Chaikin money flow: volume weighted by where in its range each session closed.

    sum(volume * ((close - low) - (high - close)) / (high - low)) / sum(volume); missing where no share traded

    Example
    -------
    >>> chaikin_money_flow(bars_from([13], high=[14], low=[10], volume=[7]), window=1)[-1]
    np.float64(0.5)
    """
    span = bars.high - bars.low
    place = np.nan_to_num(ratio((bars.close - bars.low) - (bars.high - bars.close), span), nan=0.0)
    return ratio(total(place * bars.volume, window), total(bars.volume, window))


@factor(unit="points", bounds=(0.0, 100.0), lookback=lambda window: window + 1, windowed=True)
def money_flow_index(bars: Bars, *, window: int = 14) -> Array:
    """Money flow index: the share of the money traded that came with a rising typical price.

    100 * sum(MF where TP rose) / sum(MF where TP rose or fell), MF = TP * volume, TP = (high + low + close) / 3
    Missing where nothing flowed.

    Example
    -------
    >>> money_flow_index(bars_from([10, 12, 8], volume=[1, 1, 1]), window=2)[-1]
    np.float64(60.0)
    """
    typical = (bars.high + bars.low + bars.close) / 3.0
    change = np.diff(typical, prepend=np.nan)
    flow = typical * bars.volume
    rising = np.where(change > 0.0, flow, 0.0 * flow)
    either = np.where(change != 0.0, flow, 0.0 * flow) + 0.0 * change
    rising = rising + 0.0 * change
    return 100.0 * ratio(total(rising, window), total(either, window))


@factor(unit="ratio - 1", windowed=True)
def vwap_distance(bars: Bars, *, window: int = 63) -> Array:
    """Close against the volume-weighted average close: the mean holder's gain since the window began.

    close / (sum(close * volume) / sum(volume)) - 1; missing where no share traded

    Example
    -------
    >>> vwap_distance(bars_from([10, 12], volume=[1, 3]), window=2)[-1].round(4)
    np.float64(0.0435)
    """
    return ratio(bars.close * total(bars.volume, window), total(bars.close * bars.volume, window)) - 1.0
