"""What stays the same in the life of a company: sector, beta, volatility, size, dividends, accounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from bullbear.data.companies.simulated.lives import Integers, Lives, keys_of
from bullbear.data.companies.simulated.market import SECTORS, Market
from bullbear.data.simulated_process import Floats, stream

# Per sector in the order of SECTORS: typical net margin, and liabilities over equity.
_MARGINS = np.array([0.06, 0.05, 0.05, 0.06, 0.18, 0.04, 0.06, 0.07, 0.07, 0.14, 0.11])
_LEVERAGE = np.array([1.5, 1.2, 1.0, 1.0, 6.0, 0.6, 1.2, 0.7, 1.0, 1.3, 2.0])


@dataclass(frozen=True)
class Traits:
    """One entry per company; volatilities are daily, shares are fractions.

    Attributes
    ----------
    value, price
        Market value in dollars and price at the first session.
    payout
        Share of the price paid as a dividend each quarter, 0 for most.
    fiscal_month
        The month in which the fiscal year ends.
    issuance
        Growth of the number of shares a year.
    leverage
        Liabilities over equity.
    price_to_sales, book_to_sales
        Where market value and equity, over a year's sales, return to.
    """

    sector: Integers
    beta: Floats
    volatility: Floats
    value: Floats
    price: Floats
    payout: Floats
    ex_month: Integers
    ex_day: Integers
    fiscal_month: Integers
    issuance: Floats
    turnover: Floats
    margin: Floats
    leverage: Floats
    price_to_sales: Floats
    book_to_sales: Floats


def traits_of(market: Market, lives: Lives, number: int) -> Traits:
    """The traits of the companies of block `number`."""
    u = stream(market.seed, f"companies {number} traits").random((keys_of(len(market.sessions)), 16))[lives.key]
    z = ndtri(np.clip(u, 1e-9, 1.0 - 1e-9))
    sector = np.searchsorted(np.cumsum([share for share, _ in SECTORS.values()])[:-1], u[:, 0], side="right")
    size = z[:, 3]
    pays = u[:, 5] < 0.35
    margin = _MARGINS[sector] * np.exp(0.3 * z[:, 11])
    return Traits(
        sector=sector.astype(np.int64),
        beta=np.clip(1.0 + 0.3 * z[:, 1], 0.3, 2.0),
        # The larger the company, the calmer.
        volatility=np.clip(0.020 * np.exp(0.22 * z[:, 2] - 0.10 * size), 0.010, 0.040),
        value=6e8 * np.exp(0.8 * size),
        price=np.round(18.0 * np.exp(0.75 * z[:, 4] + 0.15 * size), 2),
        payout=np.where(pays, 0.0025 + 0.0075 * u[:, 6], 0.0),
        ex_month=(3 * u[:, 7]).astype(np.int64),
        ex_day=(5 + 20 * u[:, 8]).astype(np.int64),
        fiscal_month=_pick(u[:, 9], (12, 3, 6, 9), (0.76, 0.06, 0.10, 0.08)),
        issuance=0.015 + 0.02 * z[:, 10],
        turnover=0.007 * np.exp(0.5 * z[:, 12]),
        margin=margin,
        leverage=_LEVERAGE[sector] * np.exp(0.4 * z[:, 13]),
        price_to_sales=16.0 * margin * np.exp(0.20 * z[:, 15]),
        book_to_sales=8.0 * margin * np.exp(0.30 * z[:, 14]),
    )


def _pick(u: Floats, values: tuple[int, ...], shares: tuple[float, ...]) -> NDArray[np.int64]:
    return np.asarray(np.array(values)[np.searchsorted(np.cumsum(shares)[:-1], u, side="right")], dtype=np.int64)
