"""The advice of one evening: the account as it stands, one decision of the policy, and the trades that follow.

`advise` takes up the account where the last advice left it, carries it over every session since then, decides at the
last one and hands back the account to be kept. Day after day it walks the very steps that `backtest` walks at once, so
both give the same weights, equity and levels to the last bit. The account survives a change of policy: what the new
one has no place for is sold, and the trades say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import pandas as pd

from bullbear.decide.account import step
from bullbear.decide.book import Book, Mark
from bullbear.decide.instruments import instrument
from bullbear.decide.market import Market, View, bill_rate, read_market
from bullbear.decide.policy import BandPolicy, Stance, State
from bullbear.errors import InputError
from bullbear.sessions import between, closes, day

_LONGEST_CLOSURE = pd.Timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a policy decides on: P(up) with its interval (NaN where unknown) and the base rate, at a session's close."""

    decided_at: pd.Timestamp
    p: float
    p_low: float
    p_high: float
    climatology: float

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        """From a row of out-of-sample forecasts."""
        numbers = (float(row[name]) for name in ("p", "p_low", "p_high", "climatology"))
        return cls(pd.Timestamp(row["decided_at"]), *numbers)

    @property
    def session(self) -> pd.Timestamp:
        """The session at whose close it was made (`event_date`)."""
        return day(self.decided_at)


@dataclass(frozen=True, slots=True)
class Trade:
    """A weight to be changed at the next open; `weight_before` is held at the close of the decision."""

    ticker: str
    weight_before: float
    weight_after: float

    @property
    def change(self) -> float:
        """Fraction of equity bought, negative where sold."""
        return self.weight_after - self.weight_before

    def to_json(self) -> dict[str, Any]:
        """A record of the ledger."""
        return {
            "ticker": self.ticker,
            "weight_before": self.weight_before,
            "weight_after": self.weight_after,
            "change": self.change,
        }


@dataclass(frozen=True)
class Advice:
    """The stance and the account after it, to be kept for the next advice."""

    stance: Stance
    book: Book

    @property
    def trades(self) -> tuple[Trade, ...]:
        """The orders that now stand."""
        held = self.book.weights
        return tuple(Trade(t, held.get(t, 0.0), target) for t, target in self.book.orders.items())


def advise(
    view: View,
    policy: BandPolicy,
    forecast: Forecast,
    *,
    ticker: str = "IWM",
    before: Book | None = None,
    slippage_bp: float = 0.0,
    half_spread_bp: Mapping[str, float] | None = None,
    cash_series: str = "DGS3MO",
) -> Advice:
    """The policy's stance on `forecast`, from the positions that the account really holds.

    Parameters
    ----------
    view : everything known at the forecast's close
    before : the account as the last advice left it, perhaps under another policy; None starts in cash. Advice at the
        same close replaces the earlier one: its orders have not been filled yet
    slippage_bp, half_spread_bp, cash_series : as in `backtest`

    Raises
    ------
    InputError
        The forecast does not come after `before`, or holds a number that no rule can use.
    NoDataError
        The ticker has no bar on the forecast's day.
    HistoryError
        The decision stands before a whole volatility window.
    """
    market = read_market(view, policy, ticker, held=before.tickers if before is not None else ())
    market.place(forecast.session)
    return _advise(market, view, policy, [forecast], before, slippage_bp, half_spread_bp, cash_series)[0]


def advise_each(
    view: View, policy: BandPolicy, forecasts: Sequence[Forecast], *, ticker: str = "IWM", before: Book | None = None
) -> tuple[Advice, ...]:
    """`advise` on one forecast after the other, each from the account that the one before it left.

    As in `backtest`, a forecast on whose session `ticker` has no bar is passed over.
    """
    if not forecasts:
        return ()
    market = read_market(view, policy, ticker, held=before.tickers if before is not None else ())
    decided = [each for each in forecasts if market.close_on(ticker, each.session) is not None]
    return tuple(_advise(market, view, policy, decided, before, 0.0, None, "DGS3MO"))


def _advise(
    market: Market,
    view: View,
    policy: BandPolicy,
    forecasts: Sequence[Forecast],
    before: Book | None,
    slippage_bp: float,
    half_spread_bp: Mapping[str, float] | None,
    cash_series: str,
) -> list[Advice]:
    held = before.tickers if before is not None else ()
    funds = (market.ticker, policy.bull_instrument, policy.bear_instrument, *held)
    costs = cost_rates_of(funds, slippage_bp, half_spread_bp)
    book, advice = before, list[Advice]()
    for forecast in forecasts:
        row = market.place(forecast.session)
        if book is None:
            book = Book(session=market.days[row])
        elif book.session > forecast.session:
            raise InputError(
                "forecast.decided_at",
                str(forecast.session.date()),
                f"a session from {book.session.date()} on, the account's last",
                "decide on a later day, or from the account as it stood before that day",
            )
        else:
            book = _carried(book, market, row, view, cash_series, costs)
        _, stance, book = take(market, row, book, policy, forecast)
        advice.append(Advice(stance, book))
    return advice


def take(market: Market, row: int, book: Book, policy: BandPolicy, forecast: Forecast) -> tuple[State, Stance, Book]:
    """The decision at the close of session number `row`: what the policy saw, its stance, the account after it."""
    state = market.state(
        row,
        decided_at=forecast.decided_at,
        p=forecast.p,
        p_low=forecast.p_low,
        p_high=forecast.p_high,
        climatology=forecast.climatology,
        weights=book.weights,
        levels=book.levels,
    )
    stance = policy.decide(state)
    # A level without its mark could not follow prices that a new store keeps at another level.
    closes_now = {t: market.funds[t].close[row] for t in stance.levels if t in market.funds and t not in book.marks}
    new = {t: Mark(market.sessions[row], close) for t, close in closes_now.items() if close == close}
    return state, stance, replace(book, marks={**book.marks, **new}).followed(stance)


def cost_rates_of(
    tickers: Iterable[str], slippage_bp: float, half_spread_bp: Mapping[str, float] | None
) -> dict[str, float]:
    """By ticker, the cost of a trade as a fraction of its value.

    Raises
    ------
    InputError
        A cost is negative or no number.
    """
    given = half_spread_bp or {}
    for name, value in {"slippage_bp": slippage_bp, **given}.items():
        if not 0.0 <= value < math.inf:
            raise InputError(f"cost {name}", value, "basis points from 0", "costs cannot be negative")
    funds = {t: instrument(t) for t in tickers}
    return {t: (given.get(t, fund.half_spread_bp) + slippage_bp) / 1e4 + fund.commission for t, fund in funds.items()}


def _carried(
    before: Book, market: Market, row: int, view: View, cash_series: str, cost_rates: Mapping[str, float]
) -> Book:
    """`before` at the close of session number `row`."""
    book = before.in_prices_of(market)
    first = int(market.sessions.searchsorted(book.session, side="right"))
    # The calendar may have learned since that the exchange was closed on the day of the book.
    begun = between(book.session - _LONGEST_CLOSURE, book.session)[-1]
    sessions = pd.DatetimeIndex([begun, *market.sessions[first:row]]).as_unit("us")
    rates = bill_rate(view, cash_series, closes(sessions))
    for number, at in enumerate(range(first, row + 1)):
        book = step(book, market, at, rates[number], cost_rates).book
    return book
