"""The funds that the two agents may hold, with what each gives (exposure) and takes (expenses, spread).

All are exchange-traded funds on the Russell 2000 or on bills. A geared fund promises its multiple of the index's
return over *one day* only: held longer, its return depends on the path (Cheng and Madhavan 2009), which is why the
backtest uses the funds' own prices and never multiplies the index. Expenses are already inside those prices; the ratio
is listed for information and is never charged twice. The half-spread is our assumption, on the careful side of what is
quoted at the open for a small account; commissions are zero, as at US retail brokers.

References
----------
Expense ratios (net of waivers) and inception dates: the issuers' prospectuses and fund pages. iShares (IWM), ProShares
Trust N-1A, SEC file 333-89822 (TWM, RWM, UWM, SRTY, URTY), Direxion Shares (TNA, TZA), SPDR Series Trust (BIL).
Cheng, M. and Madhavan, A. (2009), The dynamics of leveraged and inverse exchange-traded funds, Journal of Investment
Management 7(4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from bullbear.errors import InputError

CASH = "CASH"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable fund.

    `multiple` is the index exposure per unit of weight (daily reset beyond +1), `expense_ratio` a fraction per year,
    `half_spread_bp` the cost of crossing from mid to quote in basis points of the value traded, and `commission` a
    fraction of it.
    """

    ticker: str
    name: str
    multiple: float
    expense_ratio: float
    inception: date
    half_spread_bp: float
    commission: float = 0.0


INSTRUMENTS = MappingProxyType(
    {
        fund.ticker: fund
        for fund in (
            Instrument("IWM", "iShares Russell 2000", 1.0, 0.0019, date(2000, 5, 22), 1.0),
            Instrument("UWM", "ProShares Ultra Russell2000", 2.0, 0.0095, date(2007, 1, 23), 5.0),
            Instrument("TNA", "Direxion Daily Small Cap Bull 3X", 3.0, 0.0103, date(2008, 11, 5), 3.0),
            Instrument("URTY", "ProShares UltraPro Russell2000", 3.0, 0.0095, date(2010, 2, 9), 5.0),
            Instrument("RWM", "ProShares Short Russell2000", -1.0, 0.0095, date(2007, 1, 23), 4.0),
            Instrument("TWM", "ProShares UltraShort Russell2000", -2.0, 0.0095, date(2007, 1, 23), 5.0),
            Instrument("TZA", "Direxion Daily Small Cap Bear 3X", -3.0, 0.0104, date(2008, 11, 5), 5.0),
            Instrument("SRTY", "ProShares UltraPro Short Russell2000", -3.0, 0.0095, date(2010, 2, 9), 6.0),
            Instrument("BIL", "SPDR 1-3 Month T-Bill", 0.0, 0.0014, date(2007, 5, 25), 1.0),
            Instrument(CASH, "cash at the three-month bill", 0.0, 0.0, date(1900, 1, 1), 0.0),
        )
    }
)


def instrument(ticker: str) -> Instrument:
    """The fund called `ticker`.

    Raises
    ------
    InputError
        The ticker is none of `INSTRUMENTS`.

    Example
    -------
    >>> instrument("TWM").multiple
    -2.0
    """
    if ticker not in INSTRUMENTS:
        raise InputError("instrument", ticker, ", ".join(INSTRUMENTS), "choose a fund of this list")
    return INSTRUMENTS[ticker]
