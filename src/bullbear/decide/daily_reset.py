"""A fund that resets its index exposure every day, priced from its index where it has no price of its own.

Over one session that follows the last by `d` days, with the index return R, the bill rate f and the multiple L,

    r = L R + (1 - L) f d/365 - (s k + fee) d/365,    k = |L| if L < 0, else max(L - 1, 0)

(Cheng and Madhavan 2009; Avellaneda and Zhang 2010): the exposure is reset at each close, what is not invested earns
the bill, and each unit that is borrowed (an L above 1) or lent out short (an L below 0) pays the spread `s`. Opens,
highs and lows of the fund are those of the index in the same formula; an inverse fund is lowest when its index is
highest.

All parameters are stated before the fund existed or are its prospectus's: nothing fitted on a later price marks an
earlier day. How well the formula then follows the real fund is measured, not used (`tracking`).

References
----------
Avellaneda, M. and Zhang, S. (2010), Path-dependence of leveraged ETF returns, SIAM Journal on Financial Mathematics 1,
doi:10.1137/090760805.
Cheng, M. and Madhavan, A. (2009), The dynamics of leveraged and inverse exchange-traded funds, Journal of Investment
Management 7(4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from bullbear.definitions import Definition

Floats = NDArray[np.float64]
LISTING_DAYS = 31
"""Days after a fund's inception by which its bars should have begun: it is seeded, then listed, then traded."""
START = 100.0
"""Price of a modelled fund at the first close of its index; only returns have a meaning."""


_NEVER = "2262-01-01"  # about the last day of a Timestamp in nanoseconds


class DailyReset(Definition):
    """The `[instrument.model]` table of a fund.

    `index` is the ticker whose total return the fund multiplies, `financing_spread` what a unit of exposure borrowed or
    sold short costs beyond the bill rate, a fraction a year.
    """

    index: str = Field(min_length=1)
    financing_spread: float = Field(default=0.0, ge=0, lt=0.2)


class ResetFund(NamedTuple):
    """What the formula needs of a fund: the ticker of its index, its multiple, costs as fractions a year, first day."""

    tracks: str
    multiple: float
    expense_ratio: float = 0.0
    financing_spread: float = 0.0
    inception: str = _NEVER

    @property
    def financed(self) -> float:
        """Units of exposure that pay the spread, per unit of the fund."""
        return -self.multiple if self.multiple < 0.0 else max(self.multiple - 1.0, 0.0)

    def carry(self, rate: Floats, days: Floats) -> Floats:
        """Return over `days` calendar days at the bill `rate` (a fraction a year) while the index stands still."""
        paid = self.financing_spread * self.financed + self.expense_ratio
        return ((1.0 - self.multiple) * rate - paid) * days / 365.0


class Modelled(NamedTuple):
    """The rows of a market at which a fund's price is modelled: those before `first_bar`, its first real one.

    From `listed` on it should have had bars. Its modelled price there serves to sell what is held; for a decision it
    has none.
    """

    first_bar: int
    listed: int


class Prices(NamedTuple):
    """Total-return prices by session, (n_sessions,); NaN where unknown."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


def daily_reset(fund: ResetFund, index: Prices, sessions: pd.DatetimeIndex, rates: Sequence[float]) -> Prices:
    """Prices of the fund at the sessions on which its index has a close.

    A fund that has lost all is worth zero from then on. A row is the same whether later rows are there or not.

    Parameters
    ----------
    index
        Prices of the index at `sessions`.
    rates
        Bill rate known at each close, a fraction a year; the time to the next close earns it.

    Example
    -------
    >>> days = pd.DatetimeIndex(["2008-10-14", "2008-10-15", "2008-10-16"])
    >>> index = np.array([100.0, 90.0, 99.0])
    >>> daily_reset(ResetFund("IWM", -2.0), Prices(index, index, index, index), days, [0.0] * 3).close.round(2).tolist()
    [100.0, 120.0, 96.0]
    """
    found = Prices(*(np.full(len(sessions), np.nan) for _ in Prices._fields))
    there = np.flatnonzero(np.isfinite(index.close))
    if not len(there):
        return found
    before, now = there[:-1], there[1:]
    days = np.diff(sessions.to_numpy()[there]) / np.timedelta64(1, "D")
    carry = fund.carry(np.asarray(rates, dtype=float)[before], days)
    base = index.close[before]

    def growth(price: Floats) -> Floats:
        return np.maximum(1.0 + fund.multiple * (price[now] / base - 1.0) + carry, 0.0)

    close = START * np.cumprod(np.concatenate([[1.0], growth(index.close)]))
    high, low = (index.high, index.low) if fund.multiple >= 0.0 else (index.low, index.high)
    for own, price in ((found.open, index.open), (found.high, high), (found.low, low)):
        own[there[0]] = START
        own[now] = close[:-1] * growth(price)
    found.close[there] = close
    return found


def joined(modelled: Prices, real: pd.DataFrame | None, sessions: pd.DatetimeIndex) -> tuple[pd.DataFrame, int]:
    """The fund's own bars, and before the first of them the modelled ones.

    The model sets the level: the real total-return prices are multiplied by one factor, so that the first real close
    stands where the model does on that day. An earlier row is then the same whether the real bars are there or not.

    Parameters
    ----------
    real
        Bars by event_date: open, high, low, close, adj_close, volume; None for none.

    Returns
    -------
    The bars, and the number of sessions before the first real one.
    """
    bars = pd.DataFrame(modelled._asdict(), index=sessions).assign(adj_close=modelled.close, volume=np.nan)
    bars = bars[bars["close"].notna()]
    if real is None or real.empty:
        return bars, len(sessions)
    first = int(sessions.searchsorted(real.index[0]))
    earlier, until = bars[bars.index < real.index[0]], bars["close"][bars.index <= real.index[0]]
    if earlier.empty:
        return real, 0
    level = until.iloc[-1] / real["adj_close"].iloc[0]
    later = real.assign(adj_close=real["adj_close"] * level)
    return pd.concat([earlier.reindex(columns=real.columns), later]).rename_axis(real.index.name), first
