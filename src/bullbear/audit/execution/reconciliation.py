"""An account rebuilt from its trades: units held, cash, interest and equity, session by session.

The trades say what was bought and sold; its value follows from independent prices (`audit.execution.prices`). If the
account reports another equity, or bought without cash, something was filled or booked at a price that nobody could have
had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.audit.result import Leak
from bullbear.decide.account import Account

TOLERANCE, _DUST = 1e-9, 1e-14
"""Of equity: two ways to sum the same floats."""
Trade = Mapping[str, Any]
"""A row of `Account.trades`."""
Price = Callable[[str, pd.Timestamp, str], float]
"""(ticker, session, "open", "low" or "close") -> its price in total-return units, NaN where unknown."""


@dataclass(frozen=True)
class PlainBook:
    """What the account holds of each (ticker, sleeve) at the moments of a session."""

    units: Mapping[tuple[str, str], float]
    session: pd.Timestamp


def trade_named(trade: Trade) -> str:
    """A trade in words: ticker, why, when decided and when executed."""
    decided, executed = pd.Timestamp(trade["decided_at"]), pd.Timestamp(trade["executed_at"])
    kind = {"order": "order", "stop": "stop", "expiry": "expiry"}[str(trade["why"])]
    return f"the {kind} of {trade['ticker']}, decided {decided:%Y-%m-%d}, executed {executed:%Y-%m-%d %H:%M} UTC"


def differences(
    whose: str,
    account: Account,
    price: Price,
    rates: pd.Series,
    stop_price: Callable[[Trade], float],
    on_session: Callable[[PlainBook], None] | None = None,
) -> list[Leak]:
    """Where the account and its trades do not belong together; the first session alone, for later ones follow from it.

    Parameters
    ----------
    whose
        The account's name, for sentences.
    rates
        The bill rate known at each close.
    stop_price
        The total-return price at which a trade by a stop was filled.
    on_session
        Called after the opens of each session, before stops.
    """
    daily, by_session = account.daily, _by_session(account.trades)
    columns = {name: daily[name].to_numpy(np.float64) for name in ("equity", "cash_weight", "cash_return", "interest")}
    booked = account.bookings.sum(axis=1).to_numpy(np.float64)
    costs = daily["costs"].to_numpy(np.float64)
    units: dict[tuple[str, str], float] = {}
    last: dict[str, float] = {}
    cash, before = 1.0, None
    for place, session in enumerate(daily.index):
        trades = by_session.get(session, [])
        named = "; ".join(trade_named(each) for each in trades) or "without a trade"
        when = f"{session:%Y-%m-%d}"

        def leak(what: str, said: float, plain: float, *, when: str = when, named: str = named) -> list[Leak]:
            sentence = f"{whose} on {when} ({named}): {what} is {said:.10g}, from its trades and the bars {plain:.10g}"
            return [Leak(whose, when, said - plain, sentence)]

        earned = 0.0 if before is None else float(rates[before]) * (session - before).days / 365.0
        if abs(columns["cash_return"][place] - earned) > 1e-12:
            return leak("what cash earned since the close before", columns["cash_return"][place], earned)
        interest = cash * earned
        if place and abs(columns["interest"][place] - interest) > TOLERANCE:
            return leak("interest", columns["interest"][place], interest)
        cash += interest
        paid = sum(float(each["cost"]) for each in trades)
        if abs(costs[place] + paid) > TOLERANCE:
            return leak("the booking of costs", costs[place], -paid)
        for trade in (each for each in trades if each["why"] == "order"):
            slot, value = (trade["ticker"], trade["sleeve"]), float(trade["value"])
            at = price(trade["ticker"], session, "open")
            if at != at or at <= 0.0:
                return leak("the price of an order, on a session without an open,", float(trade["price"]), at)
            units[slot] = units.get(slot, 0.0) + value / at
            cash -= value + float(trade["cost"])
        if cash < -TOLERANCE:
            return leak("cash after its orders", cash, 0.0)
        if on_session is not None:
            on_session(PlainBook(units, session))
        for trade in (each for each in trades if each["why"] == "stop"):
            slot = (trade["ticker"], trade["sleeve"])
            at, held = stop_price(trade), units.pop(slot, 0.0)
            if abs(held * at + float(trade["value"])) > TOLERANCE:
                return leak("the value sold by a stop", -float(trade["value"]), held * at)
            cash += held * at - float(trade["cost"])
        worth = 0.0
        for (ticker, _), held in sorted(units.items()):
            if (now := price(ticker, session, "close")) == now:
                last[ticker] = now
            worth += held * last.get(ticker, float("nan"))
        if not abs(columns["equity"][place] - (cash + worth)) <= TOLERANCE * max(1.0, abs(cash + worth)):
            return leak("equity", columns["equity"][place], cash + worth)
        moved = columns["equity"][place] - columns["equity"][place - 1] if place else 0.0
        if abs(booked[place] - moved) > TOLERANCE:
            return leak("the sum of its bookings", booked[place], moved)
        for trade in (each for each in trades if each["why"] == "expiry"):
            units.pop((trade["ticker"], trade["sleeve"]), None)
            cash -= float(trade["value"])
        if abs(columns["cash_weight"][place] * columns["equity"][place] - cash) > TOLERANCE:
            return leak("cash", columns["cash_weight"][place] * columns["equity"][place], cash)
        units = {slot: held for slot, held in units.items() if abs(held * last[slot[0]]) > _DUST}
        before = session
    return []


def _by_session(trades: pd.DataFrame) -> dict[pd.Timestamp, list[dict[str, Any]]]:
    found: dict[pd.Timestamp, list[dict[str, Any]]] = {}
    days = trades["executed_at"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    rows: list[dict[str, Any]] = trades.to_dict("records")  # type: ignore[assignment]
    for day, trade in zip(days, rows, strict=True):
        found.setdefault(pd.Timestamp(day).as_unit("us"), []).append(trade)
    return found
