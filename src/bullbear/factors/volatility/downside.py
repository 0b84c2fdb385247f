"""Downside risk and the return for it, with weights that fade: what a statistical jump model tells regimes by.

A weight halves every `halflife` sessions and ends after `window`, so that a row follows from its own window to the last
bit; four half-lives hold 94 % of the weight that an endless past would have. Returns are logarithmic and total, not in
excess of the bill rate: over these spans the rate moves too slowly to change a regime.

References
----------
Shu, Yu and Mulvey (2024), Journal of Asset Management 25, doi:10.1057/s41260-024-00376-x
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.trailing import comoments
from bullbear.factors.engine.windows import SESSIONS_A_YEAR, log_returns
from bullbear.factors.volatility.realised import STILL

_LIMITS = {"halflife": (1.0, 504.0), "window": (2.0, 2520.0)}


@factor(unit="log", limits=_LIMITS, lookback=lambda window: window + 1, windowed=True)
def log_downside_deviation(bars: Bars, *, halflife: float = 10.0, window: int = 63) -> Array:
    """Log of the downside deviation a year, recent sessions weighing more.

    ln(sqrt(252 * EWM(min(r, 0)^2))), a fraction a year, at least 1 %

    Parameters
    ----------
    halflife
        Sessions after which a weight has halved.

    Example
    -------
    >>> log_downside_deviation(bars_from([100, 98, 99]), halflife=1, window=2)[-1].round(4)
    np.float64(-1.6865)
    """
    return np.log(_deviation(log_returns(bars.close), halflife, window))


@factor(unit="ratio", limits=_LIMITS, lookback=lambda window: window + 1, windowed=True)
def sortino_ratio(bars: Bars, *, halflife: float = 20.0, window: int = 126) -> Array:
    """Mean return over downside deviation, both a year, recent sessions weighing more.

    252 * EWM(r) / sqrt(252 * EWM(min(r, 0)^2)), the deviation at least 1 %

    Parameters
    ----------
    halflife
        Sessions after which a weight has halved.

    References
    ----------
    Sortino and van der Meer (1991), Journal of Portfolio Management 17(4), doi:10.3905/jpm.1991.409343

    Example
    -------
    >>> sortino_ratio(bars_from([100, 98, 99]), halflife=1, window=2)[-1].round(4)
    np.float64(0.0463)
    """
    returns = log_returns(bars.close)
    return SESSIONS_A_YEAR * _fading_mean(returns, halflife, window) / _deviation(returns, halflife, window)


def _deviation(returns: Array, halflife: float, window: int) -> Array:
    squares = np.square(np.minimum(returns, 0.0))
    return np.maximum(np.sqrt(SESSIONS_A_YEAR * _fading_mean(squares, halflife, window)), STILL)


def _fading_mean(x: Array, halflife: float, window: int) -> Array:
    return comoments(x[None], window, decay=0.5 ** (1.0 / halflife))[0][0]
