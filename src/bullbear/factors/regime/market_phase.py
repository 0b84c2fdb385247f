"""Market phase: where the price stands against its long average, and where that average is going."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.factors.engine.inputs import joint_bars
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import lagged, mean, run_length

PHASES = ("downtrend", "accumulation", "distribution", "uptrend")
_LIMITS = {"window": (2.0, 1000.0)}


@factor(
    windowed=True,
    unit="0 downtrend, 1 accumulation, 2 distribution, 3 uptrend",
    lookback=lambda window, slope_window: window + slope_window,
    bounds=(0, 3),
    limits=_LIMITS,
)
def market_phase(bars: Bars, *, window: int = 200, slope_window: int = 21) -> Array:
    """Market phase from the price against its long average and that average's direction.

    Uptrend (3): close above a rising average. Distribution (2): close at or below a rising one. Accumulation (1): close
    above an average that does not rise. Downtrend (0): neither. `slope_window` sessions decide whether it rises.

    Example
    -------
    >>> market_phase(bars_from([1, 2, 3, 4, 2, 1, 2.5]), window=2, slope_window=1)
    array([nan, nan,  3.,  3.,  0.,  0.,  3.])
    """
    average = mean(bars.close, window)
    before = lagged(average, slope_window)
    phase = 2.0 * (average > before) + (bars.close > average)
    return np.where(np.isnan(before), np.nan, phase)


@factor(
    windowed=True,
    unit="sessions",
    bounds=(1, float("inf")),
    limits={**_LIMITS, "cap": (2, 504)},
    lookback=lambda window, slope_window, cap: window + slope_window + cap - 1,
)
def market_phase_age(bars: Bars, *, window: int = 200, slope_window: int = 21, cap: int = 126) -> Array:
    """Sessions for which the market phase has been what it is, the current one included, at most `cap`."""
    return run_length(market_phase(bars, window=window, slope_window=slope_window), cap)


def phase_of(bars: pd.DataFrame) -> str:
    """The phase on the last session of a ticker's stored bars; "unknown" while the history is too short."""
    (adjusted,), _ = joint_bars([bars])
    phase = market_phase(adjusted)
    return "unknown" if not len(phase) or np.isnan(phase[-1]) else PHASES[int(phase[-1])]
