"""The policy over out-of-sample forecasts, next to two baselines that ran through the same account.

Each forecast is decided at its session's close with what was known then and traded at the next session's open. The
baselines, buy-and-hold and Faber's ten-month average, pay the same costs and earn the same cash; without them no
equity curve says anything. The account ends when the last forecast resolves, or with the data.

References
----------
Faber, M. T. (2007), A quantitative approach to tactical asset allocation, Journal of Wealth Management 9(4), 69-79.
https://doi.org/10.3905/jwm.2007.674809 (SSRN 962461)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.decide.account import Account, Decider, walk
from bullbear.decide.advice import Advice, Forecast, cost_rates_of, take
from bullbear.decide.book import Book
from bullbear.decide.instruments import CASH
from bullbear.decide.market import Market, View, bill_rate, read_market
from bullbear.decide.policy import BandPolicy, Stance, State
from bullbear.errors import InputError
from bullbear.sessions import between, closes, day, days

BUY_AND_HOLD = "buy_and_hold"
TEN_MONTHS = "ten_month_average"
_FORECAST = ("decided_at", "p", "p_low", "p_high", "climatology")
_COLUMNS = ("resolved_at", *_FORECAST)


@dataclass(frozen=True)
class Backtest:
    """The policy's account, and the baselines by name.

    Of each decision there is the state that the policy saw, its stance and the book after it; `book` is what the
    account holds at its end. `horizon` is that of the forecasts, in sessions: positions persist about that long.
    """

    ticker: str
    policy: BandPolicy
    account: Account
    states: tuple[State, ...]
    stances: tuple[Stance, ...]
    books: tuple[Book, ...]
    book: Book
    baselines: Mapping[str, Account]
    horizon: int = 21

    @property
    def advice(self) -> Advice:
        """The last stance, with the account after it."""
        return Advice(self.stances[-1], self.books[-1])

    @property
    def equity(self) -> pd.Series:
        """The policy's equity at each close."""
        return self.account.equity

    @property
    def positions(self) -> pd.DataFrame:
        """The policy's weights at each close."""
        return self.account.positions

    @property
    def trades(self) -> pd.DataFrame:
        """The policy's trades."""
        return self.account.trades

    @property
    def attribution(self) -> dict[str, float]:
        """Arithmetic profit of the policy by source."""
        return self.account.attribution

    @property
    def decisions(self) -> pd.DataFrame:
        """One row per decision: decided_at, p, climatology, volatility, tier and the target weights."""
        rows = [
            {
                "decided_at": state.decided_at,
                "p": state.p_up,
                "climatology": state.climatology,
                "volatility": state.volatility,
                "tier": int(stance.tier),
                **stance.positions,
            }
            for state, stance in zip(self.states, self.stances, strict=True)
        ]
        return pd.DataFrame(rows)


def backtest(
    predictions: pd.DataFrame,
    view: View,
    policy: BandPolicy,
    *,
    ticker: str = "IWM",
    horizon: int = 21,
    slippage_bp: float = 0.0,
    half_spread_bp: Mapping[str, float] | None = None,
    cash_series: str = "DGS3MO",
    baselines: bool = True,
) -> Backtest:
    """Run `policy` and the baselines over `predictions`.

    On a session without a bar of `ticker` nothing can be decided or traded: its forecast is passed over, and what was
    held stays held.

    Parameters
    ----------
    predictions : decided_at, resolved_at (UTC), p, p_low, p_high, climatology; sorted, one row per decision
    view : everything known at the end of the backtest; each decision uses its past only
    horizon : sessions that a forecast spans; how far luck persists in comparisons, nothing else
    slippage_bp : added to every half-spread, basis points of the value traded
    half_spread_bp : replaces the instruments' own assumption, by ticker
    cash_series : yield in per cent a year that cash earns as known at each close; absent means none
    baselines : also run buy-and-hold and the ten-month average

    Raises
    ------
    InputError
        The predictions lack a column, are empty, unsorted, or decided at no session's close; a cost is negative.
    NoDataError
        The ticker has no bars, or none on any decision's day.
    HistoryError
        A decision stands before a whole volatility window.
    """
    _check(predictions)
    market = read_market(view, policy, ticker)
    places = _rows(predictions, market)
    rows = [place for place in places if place >= 0]
    predictions = predictions[[place >= 0 for place in places]]
    first, last = rows[0], _end(predictions, market)
    costs = cost_rates_of((ticker, policy.bull_instrument, policy.bear_instrument), slippage_bp, half_spread_bp)
    rates = bill_rate(view, cash_series, closes(market.sessions[first : last + 1]))

    states: list[State] = []
    stances: list[Stance] = []
    books: list[Book] = []
    forecasts = dict(zip(rows, map(Forecast.of, predictions[list(_FORECAST)].to_dict("records")), strict=True))

    def by_policy(row: int, book: Book) -> Book:
        if row not in forecasts:
            return book
        state, stance, book = take(market, row, book, policy, forecasts[row])
        states.append(state)
        stances.append(stance)
        books.append(book)
        return book

    def run(decider: Decider, bull: str) -> tuple[Account, Book]:
        bear = policy.bear_instrument
        return walk(
            market, first, last, decider, bull_ticker=bull, bear_ticker=bear, rates=rates, cost_rates=costs
        )  # fmt: skip

    account, book = run(by_policy, policy.bull_instrument)
    others: dict[str, Account] = {}
    if baselines:
        others[BUY_AND_HOLD], _ = run(_buy_and_hold(ticker, first), ticker)
        others[TEN_MONTHS], _ = run(_ten_months(market, first), ticker)
    return Backtest(ticker, policy, account, tuple(states), tuple(stances), tuple(books), book, others, horizon)


def _buy_and_hold(ticker: str, first: int) -> Decider:
    return lambda row, book: book.ordered({ticker: 1.0}) if row == first else book


def _ten_months(market: Market, first: int) -> Decider:
    """All in `ticker` while its month-end close stands above the mean of the last ten month-end closes, else cash.

    Closes are total-return prices, as in Faber's tables. The signal changes at month ends only; the first decision
    takes the signal of the last month end.
    """
    inside = above_average(market)

    def decide(row: int, book: Book) -> Book:
        if row != first and inside[row] == inside[row - 1]:
            return book
        return book.ordered({market.ticker if inside[row] else CASH: 1.0})

    return decide


def above_average(market: Market, months: int = 10) -> list[bool]:
    """Per session, whether the last month-end close stood above the mean of the last `months` of them; False before."""
    sessions = market.sessions
    # The calendar knows in advance which session ends a month; the next bar must not be asked.
    calendar = between(sessions[0], sessions[-1] + pd.Timedelta(days=15))
    month = calendar.year * 12 + calendar.month
    ends = np.isin(sessions.to_numpy(), calendar[:-1][month[:-1] != month[1:]].to_numpy())
    inside, current, window = [], False, list[float]()
    for close, is_end in zip(market.funds[market.ticker].close, ends, strict=True):
        if is_end:
            window = [*window[1 - months :], close]
            current = len(window) == months and close > sum(window) / months
        inside.append(current)
    return inside


def _check(predictions: pd.DataFrame) -> None:
    missing = [name for name in _COLUMNS if name not in predictions.columns]
    if missing:
        raise InputError("predictions", f"no {', '.join(missing)}", ", ".join(_COLUMNS), "use `bullbear predictions`")
    if predictions.empty:
        raise InputError("predictions", "no rows", "at least one forecast", "train over a longer span")
    for name in ("decided_at", "resolved_at"):
        if not isinstance(predictions[name].dtype, pd.DatetimeTZDtype):
            raise InputError(f"predictions.{name}", str(predictions[name].dtype), "instants in UTC", "localise them")
    decided = pd.DatetimeIndex(predictions["decided_at"])
    if decided.hasnans or not (decided.is_monotonic_increasing and decided.is_unique):
        raise InputError("predictions.decided_at", "unsorted, repeated or missing", "increasing instants", "sort them")


def _rows(predictions: pd.DataFrame, market: Market) -> list[int]:
    decided = pd.DatetimeIndex(predictions["decided_at"]).as_unit("us").tz_convert("UTC")
    sessions = days(decided)
    # A weekday without a session is a closure that the calendar has learned of since: nothing was decided there.
    calendar = between(sessions[0], sessions[-1])
    asked = sessions.isin(calendar) | (sessions.day_of_week >= 5)
    wrong = decided[asked] != closes(sessions[asked])
    if wrong.any():
        raise InputError(
            "predictions.decided_at", str(decided[asked][wrong][0]), "the close of a session", "decide at the close"
        )
    rows = market.sessions.get_indexer(sessions)
    if (rows < 0).all():
        market.place(sessions[0])  # raises, naming the day
    return [int(row) for row in rows]


def _end(predictions: pd.DataFrame, market: Market) -> int:
    resolved = predictions["resolved_at"].iloc[-1]
    if resolved is pd.NaT:
        return len(market.sessions) - 1
    return int(market.sessions.searchsorted(day(resolved), side="right")) - 1
