"""What traders read from two lines at once, as one signed number: up when positive, down when negative.

An event is then the moment at which that number passes a level, as it is for any other factor.
"""

from __future__ import annotations

import numpy as np
import talib

from bullbear.factors.registry import Array, Bars, factor
from bullbear.factors.trend import adx, directional_spread
from bullbear.factors.windows import WINDOW, highest, lagged, lowest, mean, ratio, wilder_settles


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="1 uptrend, -1 downtrend, 0 neither",
    bounds=(-1.0, 1.0),
    limits={"window": WINDOW, "strong": (50.0, 100.0), "weak": (0.0, 50.0)},
    lookback=lambda *, window, strong, weak: window + 1,
    windowed=True,
)
def aroon_trend(bars: Bars, *, window: int = 14, strong: float = 70.0, weak: float = 30.0) -> Array:
    """Aroon's trend: one line above `strong` while the other lies below `weak`.

    Aroon up = 100 * (window - sessions since the high) / window over the last `window` + 1 sessions; down by the low

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions looked back, the current one not counted.
    strong, weak
        Points that the leading line must exceed and the other must stay below.

    Returns
    -------
    Shape (n_sessions,); of several equal extremes the latest counts.

    References
    ----------
    Chande (1995), The Time Price Oscillator, Technical Analysis of Stocks and Commodities 13(9).

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> aroon_trend(bars_from([10, 11, 12, 13, 12, 10, 9]), window=3)
    array([nan, nan, nan,  1.,  0.,  0., -1.])
    """
    down, up = (np.asarray(line) for line in talib.AROON(bars.high, bars.low, window))
    rising, falling = (up > strong) & (down < weak), (down > strong) & (up < weak)
    return np.where(np.isnan(up), np.nan, rising.astype(np.float64) - falling)


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="points",
    bounds=(-100.0, 100.0),
    limits={"window": WINDOW},
    lookback=lambda *, window: wilder_settles(window, stages=2),
)
def directed_adx(bars: Bars, *, window: int = 14) -> Array:
    """Strength of the trend with its direction: above 25 a strong rise, below -25 a strong fall.

    ADX * sign(+DI - -DI)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Wilder's smoothing length.

    Returns
    -------
    Shape (n_sessions,); missing while prices have not moved at all.

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> directed_adx(bars_from([14, 13, 12, 11, 10]), window=2)[-1]
    np.float64(-100.0)
    """
    return adx(bars, window=window) * np.sign(directional_spread(bars, window=window))


@factor(
    family="technical",
    inputs={"bars": "bars"},
    unit="times the usual volume",
    limits={"window": WINDOW},
    lookback=lambda *, window: window + 1,
    windowed=True,
)
def volume_break(bars: Bars, *, window: int = 20) -> Array:
    """Volume of a close that leaves the earlier range, signed by the side on which it leaves.

    b * volume / mean(volume of the `window` sessions before), b = 1 where the close is above their highest high, -1
    where it is below their lowest low, 0 inside

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions of the range and of the usual volume, the current one not counted.

    Returns
    -------
    Shape (n_sessions,); missing where the volume is, or where none was usual.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> volume_break(bars_from([10, 11, 12, 11, 9], volume=[1, 3, 4, 2, 6]), window=2)
    array([nan, nan,  2.,  0., -2.])
    """
    above = bars.close > lagged(highest(bars.high, window), 1)
    below = bars.close < lagged(lowest(bars.low, window), 1)
    return (above.astype(np.float64) - below) * ratio(bars.volume, lagged(mean(bars.volume, window), 1))
