"""Out-of-sample forecasts as a timetable of decisions, and the account of a policy that keeps to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.decide.account import Account, walk
from bullbear.decide.advice import Forecasts, forecasts_by_close, take
from bullbear.decide.baselines import reads_forecasts
from bullbear.decide.book import Book
from bullbear.decide.market import Market
from bullbear.decide.policy import Policy
from bullbear.errors import Found, InputError
from bullbear.sessions import between, closes, day, days

Asked = tuple[pd.Timestamp, Forecasts]
"""A close and its forecasts."""


def schedule(predictions: Predictions, market: Market) -> tuple[dict[int, Asked], int, int]:
    """The decisions by row of `market`, and the first and last row of the account; as `backtest` raises."""
    by_close = forecasts_by_close(predictions)
    places = _rows(pd.DatetimeIndex(list(by_close)), market)
    asked: dict[int, Asked] = {
        row: (at, each) for row, (at, each) in zip(places, by_close.items(), strict=True) if row >= 0
    }
    return asked, next(iter(asked)), _end(predictions, market)


def check_predictions(predictions: Predictions) -> None:
    """Refuse what `backtest` cannot replay: nothing, or two forecasts of a question at one close.

    Raises
    ------
    InputError
    """
    if not len(predictions):
        raise InputError("predictions", Found("no rows"), "at least one forecast", "train over a longer span")
    table = predictions.table
    if (twice := table.duplicated(["decided_at", "question"])).any():
        raise InputError(
            "predictions.decided_at",
            f"{table['decided_at'][twice].iloc[0]} repeated",
            "one forecast of a question at each close",
            "select one asset, horizon, member and path",
        )


def policy_account(policy: Policy, market: Market, asked: Mapping[int, Asked], first: int, last: int) -> Account:
    """The account of a policy that decides at the closes `asked`, or at every close if it reads no forecast."""
    market = replace(market, signals=policy.signals(market))
    if reads_forecasts(policy):
        return walk(market, first, last, lambda row, book: _taken(market, row, book, policy, asked))[0]
    at = list(closes(market.sessions[first : last + 1]))
    ends = set(market.month_ends[0])
    by_month = policy.needs.by_month

    def decide(row: int, book: Book) -> Book:
        if by_month and row != first and row not in ends and not book.orders:
            return book
        return take(market, row, book, policy, at[row - first], {})[2]

    return walk(market, first, last, decide)[0]


def _taken(market: Market, row: int, book: Book, policy: Policy, asked: Mapping[int, Asked]) -> Book:
    return take(market, row, book, policy, *asked[row])[2] if row in asked else book


def _rows(decided: pd.DatetimeIndex, market: Market) -> list[int]:
    """The row of each close; -1 where the ticker has no bar."""
    decided = decided.as_unit("us").tz_convert("UTC")
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


def _end(predictions: Predictions, market: Market) -> int:
    table = predictions.table
    last = table["decided_at"] == table["decided_at"].iloc[-1]
    resolved = table.loc[last, "resolved_at"].max()  # of several questions
    return int(market.sessions.searchsorted(day(resolved), side="right")) - 1
