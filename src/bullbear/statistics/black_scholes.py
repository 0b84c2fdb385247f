"""A European call on an asset with a continuous dividend yield (Black and Scholes 1973, Merton 1973)."""

from __future__ import annotations

import math
from typing import NamedTuple


class Call(NamedTuple):
    """Value of a call in the units of its strike, and what it gains for a gain of one of the spot."""

    price: float
    delta: float


def call(
    spot: float, strike: float, years: float, volatility: float, *, rate: float = 0.0, dividend_yield: float = 0.0
) -> Call:
    """Price and delta; what it would pay at once where no time or no volatility is left.

    price = S e^(-q T) N(d1) - K e^(-r T) N(d1 - v sqrt(T)),  d1 = (ln(S / K) + (r - q + v^2 / 2) T) / (v sqrt(T))

    Parameters
    ----------
    spot, strike
        Positive prices.
    volatility, rate, dividend_yield
        Fractions a year, the latter two continuously compounded.

    References
    ----------
    Black, F. and Scholes, M. (1973), Journal of Political Economy 81(3), doi:10.1086/260062.
    Merton, R. (1973), Bell Journal of Economics and Management Science 4(1), doi:10.2307/3003143.

    Example
    -------
    >>> round(call(42.0, 40.0, 0.5, 0.2, rate=0.1).price, 2)  # Hull, Options, Futures and Other Derivatives, ch. 15
    4.76
    """
    if years <= 0.0 or volatility <= 0.0:
        ahead = spot * math.exp(-dividend_yield * max(years, 0.0)) - strike * math.exp(-rate * max(years, 0.0))
        return Call(max(ahead, 0.0), 1.0 if ahead > 0.0 else 0.0)
    spread = volatility * math.sqrt(years)
    d1 = (math.log(spot / strike) + (rate - dividend_yield) * years) / spread + spread / 2.0
    held = math.exp(-dividend_yield * years) * _normal(d1)
    return Call(spot * held - strike * math.exp(-rate * years) * _normal(d1 - spread), held)


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))
