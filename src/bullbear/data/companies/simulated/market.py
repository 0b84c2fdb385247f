"""What all simulated companies share: the sessions, IWM's return and its surprise, volatility, and sector returns.

A company's beta multiplies the surprise of IWM's return, not its expectation, so that beta earns nothing: with
`signal = 0` every company expects the return of IWM, whatever its beta. The return of a sector is the noise of the
sector's fund, without the fund's tilt to the tide, less the average of all sectors; it has no expectation either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.simulated_prices import FUNDS, TYPICAL_VOLATILITY
from bullbear.data.simulated_process import (
    LEVERAGE,
    SHOCK_MEANS,
    SHOCK_WEIGHTS,
    Floats,
    Path,
    drifts,
    shock_widths,
    stream,
    volatilities,
    volatility_transitions,
)

SECTORS = {
    # Spelled as in the holdings lists of iShares: share of the companies, and the sector's fund.
    "Communication": (0.03, None),
    "Consumer Discretionary": (0.11, "XLY"),
    "Consumer Staples": (0.04, "XLP"),
    "Energy": (0.06, "XLE"),
    "Financials": (0.18, "XLF"),
    "Health Care": (0.20, "XLV"),
    "Industrials": (0.15, "XLI"),
    "Information Technology": (0.12, "XLK"),
    "Materials": (0.04, "XLB"),
    "Real Estate": (0.05, None),
    "Utilities": (0.02, "XLU"),
}
OWN_VOLATILITY = 0.006
"""Daily volatility of a sector without a fund."""


@dataclass(frozen=True)
class Market:
    """Simple returns per session; `surprise` is IWM's return less its expectation given the hidden state before.

    `scale` multiplies the own volatility of companies, as it does that of funds; `sectors` has shape (n_sessions, 11).
    """

    seed: int
    signal: float
    sessions: pd.DatetimeIndex
    returns: Floats
    surprise: Floats
    scale: Floats
    sectors: Floats


def market_of(path: Path, sessions: pd.DatetimeIndex, seed: int, signal: float) -> Market:
    """The market of a path of IWM."""
    returns = np.expm1(path.returns)
    expected = np.zeros_like(returns)
    expected[1:] = expected_returns(signal).ravel()[path.state[:-1]]
    scale = np.sqrt(path.volatility / TYPICAL_VOLATILITY)
    sectors = np.empty((len(sessions), len(SECTORS)))
    for place, (name, (_, fund)) in enumerate(SECTORS.items()):
        own = FUNDS[fund].own if fund else OWN_VOLATILITY
        # The stream of the fund: its companies rise and fall with it.
        sectors[:, place] = own * scale * stream(seed, f"{fund or name} own").standard_normal(len(sessions))
    sectors -= (sectors @ np.array([share for share, _ in SECTORS.values()]))[:, None]
    sectors[0] = 0.0
    return Market(seed, signal, sessions, returns, returns - expected, scale, sectors)


def expected_returns(signal: float) -> Floats:
    """E[exp(r[t+1]) - 1 | s[t]], IWM's expected simple return given each state; shape (15, 11)."""
    sigma = volatilities()
    turn = np.log(sigma[None, :] / sigma[:, None])
    shock = np.zeros_like(sigma)
    for weight, mean, width in zip(SHOCK_WEIGHTS, SHOCK_MEANS, shock_widths(), strict=True):
        shock += weight * np.exp(sigma * mean + 0.5 * (sigma * width) ** 2)
    step = shock[None, :] * np.exp(-LEVERAGE * sigma[None, :] * turn)
    growth = np.einsum("xvw,vw->vx", volatility_transitions(), step) * np.exp(drifts(signal))
    return np.asarray(growth - 1.0, dtype=np.float64)
