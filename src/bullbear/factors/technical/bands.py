"""Bands around a moving average: where the price stands between them, and how far apart they are."""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import wilder_settles
from bullbear.factors.engine.windows import deviation, mean, ratio, unless_flat


@factor(unit="share of the band", windowed=True)
def bollinger_position(bars: Bars, *, window: int = 20, width: float = 2.0) -> Array:
    """Bollinger's %b: 0 on the lower band, 1 on the upper one.

    (close - lower) / (upper - lower), bands at SMA +- width * population standard deviation
    Missing where the close did not move.

    References
    ----------
    Bollinger (2002), Bollinger on Bollinger Bands.

    Example
    -------
    >>> bollinger_position(bars_from([10, 10, 13]), window=3)[-1].round(4)
    np.float64(0.8536)
    """
    middle, reach = _bands(bars, window, width)
    return unless_flat(ratio(bars.close - (middle - reach), 2.0 * reach), bars.close, bars.close, window)


def _bands(bars: Bars, window: int, width: float) -> tuple[Array, Array]:
    """The middle of the bands, and how far above and below it they lie."""
    return mean(bars.close, window), width * deviation(bars.close, window)


@factor(unit="ratio", bounds=(0.0, np.inf), windowed=True)
def bollinger_width(bars: Bars, *, window: int = 20, width: float = 2.0) -> Array:
    """Width of the Bollinger bands as a share of their middle.

    (upper - lower) / SMA

    Example
    -------
    >>> bollinger_width(bars_from([10, 10, 13]), window=3)[-1].round(4)
    np.float64(0.5143)
    """
    middle, reach = _bands(bars, window, width)
    return 2.0 * reach / middle


@factor(unit="ratio", bounds=(0.0, np.inf), lookback=wilder_settles)
def squeeze(bars: Bars, *, window: int = 20) -> Array:
    """Bollinger's width against Keltner's: below 1 the market is coiled.

    2 * population std(close) / (1.5 * ATR); missing where the true range is zero

    Example
    -------
    >>> squeeze(bars_from([10, 12, 11, 12]), window=2)[-1].round(4)
    np.float64(0.5333)
    """
    spread = talib.STDDEV(bars.close, window, 1.0)
    return ratio(2.0 * spread, 1.5 * talib.ATR(bars.high, bars.low, bars.close, window))
