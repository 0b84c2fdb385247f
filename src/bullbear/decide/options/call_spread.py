"""A call spread on a fund, made by a policy on the day: long a call, short one of a higher strike.

The store has no option prices, so every mark is a model's. Each leg is a Black-Scholes call on the fund's price, with
the trailing year's dividend yield and the implied volatility

    ratio * index * (1 + skew * ln(K / F) / (index * ratio * sqrt(T)))        (at least half of ratio * index)

from a volatility index as last published at the mark: the skew in standard deviations, at which the smiles of short
maturities look alike (Gatheral 2006, ch. 3). An index such as VIX lies above the volatility at the money, and the short
strike is the cheaper one: both are on the careful side for a buyer.

Marks are per cent of the underlying's close on the day it was made, which no split moves; strikes are fractions of that
close. Listed strikes are a dollar apart: the rounding is ignored, since it would depend on splits to come.

The calls are American. On an ex-date before which the short one was in the money and had less time value than the
dividend, its holder exercises; the spread is then closed at that open: its long call at what it would pay, less the
short one and the dividend owed. That the long leg might be worth more is ignored. At expiry the spread pays what lies
between its strikes.

References
----------
Gatheral, J. (2006), The Volatility Surface, Wiley.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import pandas as pd
from pydantic import Field, model_validator

from bullbear.decide.instruments import INSTRUMENT_KINDS, At, Instrument
from bullbear.definitions import Definition
from bullbear.definitions.models import Day
from bullbear.sessions import between
from bullbear.statistics.black_scholes import call

if TYPE_CHECKING:
    from bullbear.decide.market import Market
    from bullbear.decide.policy import State

_YEAR = 252
_MONTH = 21
_SESSION = 6.5 / 24  # days from an open to its close
_LEAST_DIVIDEND = 1e-4  # of the price; adjusted closes are rounded, and smaller steps of theirs are no dividends
_DECIMALS = 10  # of quotients of prices: beyond lies the rounding of a division by a split ratio
_NAN = float("nan")


class _Seen(NamedTuple):
    """What a mark reads: the underlying relative to its close on the day of making, and rates, fractions a year."""

    spot: float
    years: float
    volatility: float
    rate: float
    dividend_yield: float


class OptionTerms(Definition):
    """How calls on `underlying` are priced: by the factor `volatility`, in per cent a year, times `volatility_ratio`.

    The Russell 2000's own index, RVX, has mostly stood a fifth to a third above VIX. A `skew` of -0.15 lowers the
    volatility of a strike by 15 % for each standard deviation above the forward. `leg_spread_bp` is half the spread
    between bid and ask of one leg, in basis points of the underlying: 2 are 3 cents at 150 dollars, whatever the option
    costs.
    """

    underlying: str = Field(min_length=1)
    volatility: str = Field(min_length=1)
    volatility_ratio: float = Field(default=1.25, gt=0)
    skew: float = Field(default=-0.15, ge=-0.5, le=0.5)
    leg_spread_bp: float = Field(default=2.0, ge=0)


@INSTRUMENT_KINDS.register
class CallSpread(Instrument):
    """Long a call, short another; strikes are fractions of the underlying's close on the day `opened`."""

    kind: Literal["call_spread"] = "call_spread"
    half_spread_bp: float = Field(default=0.0, ge=0)
    terms: OptionTerms
    opened: Day
    expires: Day
    long_strike: float = Field(gt=0)
    short_strike: float = Field(gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.short_strike <= self.long_strike:
            raise ValueError(f"a short strike above the long one, {self.long_strike:g}, not {self.short_strike:g}")
        if self.expires <= self.opened:
            raise ValueError(f"an expiry after {self.opened}, not {self.expires}")
        return self

    @property
    def priced_by(self) -> tuple[str, ...]:
        """The underlying."""
        return (self.terms.underlying,)

    @property
    def factors(self) -> tuple[str, ...]:
        """The volatility index."""
        return (self.terms.volatility,)

    @property
    def expiry(self) -> date:
        """The day at whose close it pays."""
        return date.fromisoformat(self.expires)

    def is_modelled(self, market: Market, row: int) -> bool:
        """Always."""
        return True

    @property
    def modelled_reason(self) -> str:
        """That it has no other price."""
        return f"{self.ticker}: every price of a call spread is modelled"

    def mark(self, market: Market, row: int, at: At) -> float:
        """Value in per cent of the underlying's close on the day of making; NaN without a price or a volatility."""
        if (assigned := self._assigned(market, row)) is not None:
            return assigned
        bars = market.bars.get(self.terms.underlying)
        if bars is None:
            return _NAN
        return self._value(self._seen(market, row, at, (bars.open if at == "open" else bars.close)[row]))

    def low(self, market: Market, row: int) -> float:
        """Value at the underlying's low, with what was known at the open."""
        bars = market.bars.get(self.terms.underlying)
        return _NAN if bars is None else self._value(self._seen(market, row, "open", bars.low[row]))

    def cost(self, value: float, market: Market, row: int) -> float:
        """Half the spread of both legs, as a fraction of the value: the dearer, the less the spread is worth.

        All of it where the legs' spreads take more; this follows no `cost_law`.
        """
        worth = self.mark(market, row, "open")
        crossed = 2.0 * self.terms.leg_spread_bp / 100.0
        return min(crossed / worth + self.commission, 1.0) if worth > 0.0 else 0.0

    def _value(self, seen: _Seen) -> float:
        """100 times the long call less the short one, between nothing and the width."""
        if seen.spot != seen.spot or seen.volatility != seen.volatility:
            return _NAN
        legs = [_leg(self.terms, seen, strike) for strike in (self.long_strike, self.short_strike)]
        return 100.0 * min(max(legs[0] - legs[1], 0.0), self.short_strike - self.long_strike)

    def _seen(self, market: Market, row: int, at: At, price: float) -> _Seen:
        """What is known at a price of this session; at its expiry nothing but the price counts."""
        spot = self._relative(market, row, price)
        left = (pd.Timestamp(self.expires) - market.days[row]).days
        if at == "close" and left <= 0:
            return _Seen(spot, 0.0, 0.0, 0.0, 0.0)
        known = row if at == "close" else max(row - 1, 0)
        implied = market.factor(self.terms.volatility, row, at) / 100.0 * self.terms.volatility_ratio
        years = (left if at == "close" else left + _SESSION) / 365.0
        return _Seen(spot, years, implied, market.rates[known], self._yield(market, row))

    def _relative(self, market: Market, row: int, price: float) -> float:
        """A total-return price of a session in prices of that session, over the close on the day of making."""
        bars, opened = market.bars[self.terms.underlying], self._opened(market)
        if opened is None:
            return _NAN
        return round(price / bars.close[opened] * (bars.unit[row] / bars.unit[opened]), _DECIMALS)

    def _opened(self, market: Market) -> int | None:
        """The row of the day of making."""
        row = int(market.sessions.searchsorted(pd.Timestamp(self.opened)))
        known = row < len(market.sessions) and market.days[row] == pd.Timestamp(self.opened)
        return row if known else None

    def _yield(self, market: Market, row: int) -> float:
        """Dividends of the year to this session, continuously compounded; zero in a first year without one."""
        unit = market.bars[self.terms.underlying].unit
        first = max(row - _YEAR, 0)
        known = round(unit[first] / unit[row], _DECIMALS)
        return max(math.log(known), 0.0) * _YEAR / (row - first) if known > 0.0 and row > first else 0.0

    def _assigned(self, market: Market, row: int) -> float | None:
        """What is left after an early assignment of the short call up to this session; None without one.

        Its time value is judged with the realised volatility of the month, since an account knows no earlier factor.
        """
        bars = market.bars.get(self.terms.underlying)
        if bars is None:
            return None
        for ex, dividend in self._dividends(market, row):
            spot, volatility = self._relative(market, ex - 1, bars.close[ex - 1]), _realised(bars.close, ex - 1)
            left = (pd.Timestamp(self.expires) - market.days[ex - 1]).days / 365.0
            inside = spot - self.short_strike
            worth = call(spot, self.short_strike, left, volatility, rate=market.rates[ex - 1]).price
            if inside > 0.0 and worth - inside < dividend:
                price = bars.open[ex] if bars.open[ex] == bars.open[ex] else bars.close[ex]
                now = self._relative(market, ex, price)
                held = max(now - self.long_strike, 0.0) - max(now + dividend - self.short_strike, 0.0)
                return 100.0 * max(held, 0.0)
        return None

    def _dividends(self, market: Market, row: int) -> Iterator[tuple[int, float]]:
        """(row, dividend like `_relative`) of each ex-date after the day of making and up to this session."""
        bars, opened = market.bars[self.terms.underlying], self._opened(market)
        for ex in range(opened + 1, row + 1) if opened is not None else ():
            kept = round(bars.unit[ex] / bars.unit[ex - 1], _DECIMALS)
            if kept < 1.0 - _LEAST_DIVIDEND and market.days[ex] <= pd.Timestamp(self.expires):
                yield ex, (1.0 - kept) * self._relative(market, ex - 1, bars.close[ex - 1])


def _leg(terms: OptionTerms, seen: _Seen, strike: float) -> float:
    """An American call: a European one, or what it pays at once where that is more."""
    if seen.years <= 0.0:
        return max(seen.spot - strike, 0.0)
    deviation = seen.volatility * math.sqrt(seen.years)
    forward = seen.spot * math.exp((seen.rate - seen.dividend_yield) * seen.years)
    smile = max(1.0 + terms.skew * math.log(strike / forward) / deviation, 0.5) if deviation > 0.0 else 1.0
    worth = call(
        seen.spot,
        strike,
        seen.years,
        seen.volatility * smile,
        rate=seen.rate,
        dividend_yield=seen.dividend_yield,
    )
    return max(worth.price, seen.spot - strike)


def _realised(close: list[float], row: int) -> float:
    """Deviation of the last month's log returns, zero-mean, a year; zero where there are none."""
    known = [price for price in close[max(row - _MONTH, 0) : row + 1] if price == price]
    squares = [math.log(now / before) ** 2 for before, now in pairwise(known)]
    return math.sqrt(sum(squares) / len(squares) * _YEAR) if squares else 0.0


class CallSpreadTerms(OptionTerms):
    """A policy's wish for a call spread, from which `made` makes one.

    `long_strike` and `short_strike` are fractions of the close; the expiry is the first third Friday, or the last
    session before it, at least `days` calendar days away.
    """

    long_strike: float = Field(default=1.0, gt=0)
    short_strike: float = Field(default=1.05, gt=0)
    days: int = Field(default=30, ge=5, le=365)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.short_strike <= self.long_strike:
            raise ValueError(f"a short strike above the long one, {self.long_strike:g}, not {self.short_strike:g}")
        return self

    def made(self, state: State) -> CallSpread | None:
        """The spread of this close; None without a price of the underlying or a volatility.

        Its `multiple` is the exposure to the underlying per unit of value, at the strikes' deltas.
        """
        implied = state.factors.get(self.volatility, _NAN) / 100.0 * self.volatility_ratio
        if self.underlying not in state.closes or not implied > 0.0:
            return None
        opened = state.decided_at.tz_convert("America/New_York").date()
        expires = third_friday(opened, self.days)
        years = (expires - opened).days / 365.0
        terms = OptionTerms(**self.model_dump(include=set(OptionTerms.model_fields)))
        legs = []
        for strike in (self.long_strike, self.short_strike):
            seen = _Seen(1.0, years, implied, 0.0, 0.0)
            smile = max(1.0 + self.skew * math.log(strike) / (implied * math.sqrt(years)), 0.5)
            legs.append((_leg(terms, seen, strike), call(1.0, strike, years, implied * smile).delta))
        worth, delta = legs[0][0] - legs[1][0], legs[0][1] - legs[1][1]
        return CallSpread(
            ticker=f"{self.underlying} {expires} {self.long_strike:.1%}/{self.short_strike:.1%} of {opened}",
            name=f"Call spread on {self.underlying}, modelled",
            multiple=delta / worth,
            terms=terms,
            opened=str(opened),
            expires=str(expires),
            long_strike=self.long_strike,
            short_strike=self.short_strike,
        )


def third_friday(day: date, days: int = 0) -> date:
    """The expiry of monthly options at least `days` after a day: a third Friday, or the session before a holiday.

    Example
    -------
    >>> str(third_friday(date(2014, 3, 10), 30))  # 18 April 2014 was Good Friday
    '2014-04-17'
    """
    least = day + timedelta(days=days)
    year, month = least.year, least.month
    while (expiry := _expiry(year, month)) < least:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return expiry


@cache
def _expiry(year: int, month: int) -> date:
    first = pd.Timestamp(year, month, 1)
    friday = first + pd.Timedelta(days=(4 - first.weekday()) % 7 + 14)
    return date.fromisoformat(str(between(friday - pd.Timedelta(days=7), friday)[-1].date()))
