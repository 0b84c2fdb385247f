"""A policy over out-of-sample forecasts, next to baselines that ran through the same account.

Each forecast is decided at its session's close with what was known then and traded at the next session's open. The
baselines are policies too: they decide at the same closes, or at every close if they read no forecast. The account ends
when the last forecast resolves, or with the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.decide.account import Account, walk
from bullbear.decide.advice import market_for, take
from bullbear.decide.baselines import (
    BASE_RATE,
    COSTS,
    FORECAST,
    OnBaseRate,
    baselines_of,
    switched_off,
)
from bullbear.decide.book import Book
from bullbear.decide.market import View
from bullbear.decide.policy import Policy, Stance, State, all_needs
from bullbear.decide.replay import check_predictions, policy_account, schedule


@dataclass(frozen=True)
class Backtest:
    """The policy's account, and the baselines by name.

    Of each decision there is the state that the policy saw, its stance and the book after it; `book` is what the
    account holds at its end. `without` are accounts of the policy with one part switched off, by its name. `horizon` is
    that of the forecasts, in sessions: positions persist about that long.
    """

    ticker: str
    policy: Policy
    account: Account
    states: tuple[State, ...]
    stances: tuple[Stance, ...]
    books: tuple[Book, ...]
    book: Book
    baselines: Mapping[str, Account]
    horizon: int = 21
    without: Mapping[str, Account] = field(default_factory=dict)

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
    def curves(self) -> pd.DataFrame:
        """By `date`: the equity of `policy` and of each baseline at the close, and `weight_TICKER` of what is held."""
        equity = {"policy": self.equity, **{name: account.equity for name, account in self.baselines.items()}}
        weights = {f"weight_{ticker}": weight for ticker, weight in self.positions.items()}
        return pd.DataFrame({**equity, **weights}).rename_axis("date")

    @property
    def decisions(self) -> pd.DataFrame:
        """One row per decision: decided_at, p_QUESTION, volatility, tier and the target weights."""
        rows = [
            {
                "decided_at": state.decided_at,
                **{f"p_{question}": each.p for question, each in state.forecasts.items()},
                "volatility": state.volatility,
                "tier": stance.tier,
                **stance.positions,
            }
            for state, stance in zip(self.states, self.stances, strict=True)
        ]
        return pd.DataFrame(rows)


def backtest(
    predictions: Predictions,
    view: View,
    policy: Policy,
    *,
    ticker: str = "IWM",
    horizon: int = 21,
    factors: pd.DataFrame | None = None,
    baselines: Mapping[str, Policy] | None = None,
    parts: bool = False,
) -> Backtest:
    """Run `policy` and the baselines over `predictions`.

    On a session without a bar of `ticker` nothing can be decided or traded: its forecast is passed over, and what was
    held stays held.

    Parameters
    ----------
    predictions
        Of one asset, member and path; `Predictions.concat` joins those of several questions by their closes.
    view
        Everything known at the end of the backtest; each decision uses its past only.
    horizon
        Sessions that a forecast spans; how far luck persists in comparisons, nothing else.
    factors
        What the policy and modelled instruments read, columns by session; each row must have been known at its close.
    baselines
        Policies that need no other question or factor than `policy`, by name; None for those of `baselines_of`.
    parts
        Walk the policy without each of its parts, too.

    Raises
    ------
    InputError
        The predictions are empty, decided at no session's close, or two of one question at one close; a question or
        factor that the policy needs is missing.
    NoDataError
        The ticker has no bars, or none on any decision's day.
    HistoryError
        A decision stands before a whole volatility window.
    """
    check_predictions(predictions)
    others = baselines_of(ticker, policy=policy) if baselines is None else baselines
    funds = [t for other in others.values() for t in all_needs(other).funds]
    market = market_for(view, policy, ticker, tickers=funds, factors=factors)
    asked, first, last = schedule(predictions, market)
    states: list[State] = []
    stances: list[Stance] = []
    books: list[Book] = []

    def decide(row: int, book: Book) -> Book:
        if row not in asked:
            return book
        state, stance, book = take(market, row, book, policy, *asked[row])
        states.append(state)
        stances.append(stance)
        books.append(book)
        return book

    account, book = walk(market, first, last, decide)
    against = {name: policy_account(other, market, asked, first, last) for name, other in others.items()}
    without: dict[str, Account] = {}
    if parts:
        on_base_rate = others.get(BASE_RATE)
        for part, other in switched_off(policy).items():
            same = part == FORECAST and isinstance(other, OnBaseRate) and other == on_base_rate
            without[part] = against[BASE_RATE] if same else policy_account(other, market, asked, first, last)
        without[COSTS] = policy_account(policy, replace(market, free_of_costs=True), asked, first, last)
    return Backtest(
        ticker,
        policy,
        account,
        tuple(states),
        tuple(stances),
        tuple(books),
        book,
        against,
        horizon,
        without,
    )
