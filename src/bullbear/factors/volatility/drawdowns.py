"""Drawdowns: how deep the price has fallen from its highs, and how long it stayed there."""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import Blocks, fold, highest, mean


@factor(unit="per cent", bounds=(-100.0, 0.0), windowed=True)
def max_drawdown(bars: Bars, *, window: int = 252) -> Array:
    """Worst decline from a close to a later close within the window.

    100 * min over s <= t of (close_t / close_s - 1); 0 in a window without a decline

    Example
    -------
    >>> max_drawdown(bars_from([10, 12, 9, 11]), window=4)[-1].round(4)
    np.float64(-25.0)
    """
    result, close = np.full(len(bars.close), np.nan), bars.close
    if len(close) >= window:
        worst, _, _ = fold((np.ones(len(close)), close, close), window, _deeper)
        result[window - 1 :] = 100.0 * (worst - 1.0)
    return result


def _deeper(older: Blocks, newer: Blocks, *_: int) -> Blocks:
    """Worst fall, top and bottom of two neighbouring pieces: a fall is in one, or from the first to the second."""
    across = newer[2] / older[1]
    worst = np.minimum(np.minimum(older[0], newer[0]), across)
    return [worst, np.maximum(older[1], newer[1]), np.minimum(older[2], newer[2])]


@factor(unit="per cent", bounds=(0.0, 100.0), lookback=lambda window: 2 * window - 1, windowed=True)
def ulcer_index(bars: Bars, *, window: int = 63) -> Array:
    """Depth and length of drawdowns in one number.

    sqrt(mean(d^2)), d = 100 * (close / max of the last `window` closes - 1)

    References
    ----------
    Martin and McCann (1989), The Investor's Guide to Fidelity Funds.

    Example
    -------
    >>> ulcer_index(bars_from([10, 10, 9]), window=2)[-1].round(4)
    np.float64(7.0711)
    """
    depth = 100.0 * (bars.close / highest(bars.close, window) - 1.0)
    return np.sqrt(mean(depth * depth, window))
