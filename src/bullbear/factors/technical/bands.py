"""Bands around a moving average: where the price stands between them, and how far apart they are."""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import WINDOW, deviation, mean, ratio, unless_flat, wilder_settles


@factor(
    family="technical",
    unit="share of the band",
    limits={"window": WINDOW, "width": (0.1, 10.0)},
    lookback=lambda *, window, width: window,
    windowed=True,
)
def bollinger_position(bars: Bars, *, window: int = 20, width: float = 2.0) -> Array:
    """Bollinger's %b: 0 on the lower band, 1 on the upper one.

    (close - lower) / (upper - lower), bands at SMA +- width * population standard deviation

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions, the current one included.
    width
        Standard deviations from the middle to each band.

    Returns
    -------
    Shape (n_sessions,); missing where the close did not move.

    References
    ----------
    Bollinger (2002), Bollinger on Bollinger Bands.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> bollinger_position(bars_from([10, 10, 13]), window=3)[-1].round(4)
    np.float64(0.8536)
    """
    middle, reach = _bands(bars, window, width)
    return unless_flat(ratio(bars.close - (middle - reach), 2.0 * reach), bars.close, bars.close, window)


def _bands(bars: Bars, window: int, width: float) -> tuple[Array, Array]:
    """The middle of the bands, and how far above and below it they lie."""
    return mean(bars.close, window), width * deviation(bars.close, window)


@factor(
    family="technical",
    unit="ratio",
    bounds=(0.0, np.inf),
    limits={"window": WINDOW, "width": (0.1, 10.0)},
    lookback=lambda *, window, width: window,
    windowed=True,
)
def bollinger_width(bars: Bars, *, window: int = 20, width: float = 2.0) -> Array:
    """Width of the Bollinger bands as a share of their middle.

    (upper - lower) / SMA

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions, the current one included.
    width
        Standard deviations from the middle to each band.

    Returns
    -------
    Shape (n_sessions,), fraction.

    References
    ----------
    Bollinger (2002), Bollinger on Bollinger Bands.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> bollinger_width(bars_from([10, 10, 13]), window=3)[-1].round(4)
    np.float64(0.5143)
    """
    middle, reach = _bands(bars, window, width)
    return 2.0 * reach / middle


@factor(
    family="technical",
    unit="ratio",
    bounds=(0.0, np.inf),
    limits={"window": WINDOW},
    lookback=lambda *, window: wilder_settles(window),
)
def squeeze(bars: Bars, *, window: int = 20) -> Array:
    """Bollinger's width against Keltner's: below 1 the market is coiled.

    2 * population std(close) / (1.5 * ATR)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions of the standard deviation, and Wilder's smoothing length of the average true range.

    Returns
    -------
    Shape (n_sessions,); missing where the true range is zero.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> squeeze(bars_from([10, 12, 11, 12]), window=2)[-1].round(4)
    np.float64(0.5333)
    """
    spread = np.asarray(talib.STDDEV(bars.close, window, 1.0))
    return ratio(2.0 * spread, 1.5 * np.asarray(talib.ATR(bars.high, bars.low, bars.close, window)))
