"""Bars as traded, splits, dividends and halts.

A price is the total return less the dividends, divided by the splits so far. Companies split when their price has risen
far, and make a reverse split when it has fallen below a dollar. Prices are rounded to cents, below a dollar to
hundredths of a cent. A halt leaves no bar for some sessions; the return goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.data.companies.simulated.lives import BANKRUPT, WIDTH, Lives
from bullbear.data.companies.simulated.market import Market
from bullbear.data.companies.simulated.returns import Returns
from bullbear.data.companies.simulated.traits import Traits
from bullbear.data.simulated_prices import OVERNIGHT
from bullbear.data.simulated_process import Floats, stream

HIGH, VERY_HIGH, LOW, VERY_LOW = 90.0, 180.0, 1.5, 0.15
"""Prices above which a split by 2 or 3, below which a reverse split 1 for 10 or 1 for 50 may follow."""
HALTS = 0.1
"""Expected number per company and year."""
MOST_ACTIVE, SELL_OUT = 10.0, 1.5
"""Volatilities of a session's move above which volume grows no more, and what a bankruptcy adds to log volume."""
LOWEST = 0.0001
_YEAR = 252.0


@dataclass(frozen=True)
class Bars:
    """Tables of shape (n_sessions, n_places); prices NaN where no company is listed.

    Attributes
    ----------
    split, dividend
        New shares per old one (1 where none), and dollars per share, 0 where none.
    shares
        Shares outstanding in that session.
    traded
        Whether there is a bar.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    split: Floats
    dividend: Floats
    shares: Floats
    traded: NDArray[np.bool_]

    @property
    def value(self) -> Floats:
        """Market value in dollars."""
        return self.close * self.shares


def bars_of(market: Market, lives: Lives, traits: Traits, returns: Returns, number: int) -> Bars:
    """The bars of the companies of block `number`."""
    n, width = lives.who.shape
    who, listed = np.maximum(lives.who, 0), lives.who >= 0
    share = np.where(_ex_dates(market.sessions, lives, traits), traits.payout[who], 0.0)
    growth = np.log1p(returns.total) + np.log1p(-share)
    growth[0] = 0.0
    total = np.cumsum(growth, axis=0)
    # The price without splits, on the scale of the first one.
    whole = np.where(listed, traits.price[who] * np.exp(total - total[lives.first, lives.place][who]), np.nan)
    split = _splits(market, lives, whole, share > 0, number)
    rises = np.cumsum(np.log(split), axis=0)
    factor = np.round(np.exp(rises - rises[lives.first, lives.place][who]), 10)
    before = np.roll(whole, 1, axis=0)
    before[lives.first, lives.place] = traits.price
    draws = stream(market.seed, f"companies {number} bars")
    z, low, high, noise = (
        draw[:, :width]
        for draw in (
            draws.standard_normal((n, WIDTH)),
            *(stream(market.seed, f"companies {number} {name}").random((n, WIDTH)) for name in ("low", "high")),
            stream(market.seed, f"companies {number} volume").standard_normal((n, WIDTH)),
        )
    )
    # The market's part of a session's volatility is IWM's; see `simulated_prices` for the split into gap and day.
    spread = np.hypot(returns.volatility, 0.011 * market.scale[:, None] ** 2 * (returns.volatility > 0.005))
    usual = np.log1p(returns.total) - returns.overnight
    gap = returns.overnight + OVERNIGHT * usual + np.sqrt(OVERNIGHT * (1.0 - OVERNIGHT)) * spread * z
    gap[lives.first, lives.place] = 0.0
    opening = before * (1.0 - share) * np.exp(gap)
    top, bottom = _extremes(opening, whole, np.sqrt(1.0 - OVERNIGHT) * spread, high, low)
    prices = (_ticks(opening / factor), _ticks(top / factor), _ticks(bottom / factor), _ticks(whole / factor))
    years = np.maximum(np.arange(n)[:, None] - lives.first[who], 0) // 63 / 4.0
    shares = np.round(traits.value / traits.price, -3)[who] * factor * np.exp(traits.issuance[who] * years)
    activity = np.abs(np.log1p(returns.total)) / spread
    logs = 0.35 * (np.minimum(activity, MOST_ACTIVE) - 0.8) + np.log(market.scale)[:, None] + 0.45 * noise
    logs += np.where((lives.fate[who] == BANKRUPT) & (np.arange(n)[:, None] >= lives.news[who]), SELL_OUT, 0.0)
    volume = np.maximum(np.round(shares * traits.turnover[who] * np.exp(logs), -2), 100.0)
    dividend = np.where(listed & (share > 0), np.round(share * before / factor, 4), 0.0)
    traded = listed & ~_halts(market, lives, (share > 0) | (split != 1.0), number)
    return Bars(*prices, np.where(listed, volume, np.nan), split, dividend, np.round(shares), traded)


def _ex_dates(sessions: pd.DatetimeIndex, lives: Lives, traits: Traits) -> NDArray[np.bool_]:
    """A company's ex-dates: the first session from its day on, in every third month, until its end is announced."""
    months = (sessions.year * 12 + sessions.month - 1).to_numpy()
    monthday = sessions.day.to_numpy()
    found = np.zeros(lives.who.shape, dtype=np.bool_)
    for company in np.flatnonzero(traits.payout > 0):
        late = (months % 3 == traits.ex_month[company]) & (monthday >= traits.ex_day[company])
        late[1:] &= ~(late[:-1] & (months[1:] == months[:-1]))
        late[: lives.first[company] + 1] = False
        late[min(lives.last[company] + 1, lives.news[company]) :] = False
        found[late, lives.place[company]] = True
    return found


def _splits(market: Market, lives: Lives, whole: Floats, ex_dates: NDArray[np.bool_], number: int) -> Floats:
    """New shares per old one; decided on a month's last close, effective some sessions later, not on ex-dates."""
    n, width = whole.shape
    months = (market.sessions.year * 12 + market.sessions.month).to_numpy()
    starts = np.flatnonzero(months[1:] != months[:-1]) + 1
    draws = stream(market.seed, f"companies {number} splits").random((len(starts) + 1, WIDTH, 2))[:, :width]
    split = np.ones((n, width))
    factor = np.ones(lives.count)
    for month, row in enumerate(starts):
        who = lives.who[row - 1]
        price = whole[row - 1] / factor[who]
        chance, wait = draws[month, :, 0], 1 + (15 * draws[month, :, 1]).astype(np.int64)
        ratio = np.where(price > VERY_HIGH, 3.0, np.where(price > HIGH, 2.0, 1.0))
        ratio = np.where(price < VERY_LOW, 0.02, np.where(price < LOW, 0.1, ratio))
        effective = np.minimum(row + wait, n - 1)
        effective += ex_dates[effective, np.arange(width)]
        goes = (who >= 0) & (ratio != 1.0) & (chance < np.where(ratio > 1.0, 0.3, 0.5))
        goes &= (effective < n - 1) & (effective < np.minimum(lives.last[who], lives.news[who]))
        places = np.flatnonzero(goes)
        split[effective[places], places] = ratio[places]
        factor[who[places]] *= ratio[places]
    return split


def _halts(market: Market, lives: Lives, kept: NDArray[np.bool_], number: int) -> NDArray[np.bool_]:
    """Sessions without trade: one to four in a row, never those of a corporate action, a first or a last bar."""
    n, width = lives.who.shape
    u = stream(market.seed, f"companies {number} halts").random((n, WIDTH))[:, :width]
    chance = HALTS / _YEAR
    halted = np.zeros((n, width), dtype=np.bool_)
    for length in range(4):
        # A quarter of the halts last one session, a quarter two, and so on.
        begun = u < chance * (4 - length) / 4.0
        halted[length:] |= begun[: n - length]
    halted &= ~kept
    for edge in (lives.first, lives.last):
        halted[edge, lives.place] = False
    for company in np.flatnonzero(lives.news < n):
        halted[lives.news[company] : lives.last[company] + 1, lives.place[company]] = False
    return halted


def _extremes(opening: Floats, close: Floats, volatility: Floats, high: Floats, low: Floats) -> tuple[Floats, Floats]:
    """High and low of a Brownian bridge from open to close, by inversion of two uniform draws."""
    width = np.log(close / opening)
    reach = [np.sqrt(width**2 - 2.0 * volatility**2 * np.log1p(-u)) for u in (high, low)]
    top = opening * np.exp((width + reach[0]) / 2.0)
    bottom = opening * np.exp((width - reach[1]) / 2.0)
    return np.maximum(top, np.maximum(opening, close)), np.minimum(bottom, np.minimum(opening, close))


def _ticks(price: Floats) -> Floats:
    """Rounded to cents, below a dollar to hundredths of a cent; monotonic, so the order of a bar's prices stays."""
    return np.asarray(np.where(price >= 1.0, np.round(price, 2), np.maximum(np.round(price, 4), LOWEST)))
