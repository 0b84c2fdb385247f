"""The orders that bring somebody's own positions to what a forecast advises, at the prices of its close.

They are printed with the forecast and never written to the ledger: it holds what was advised, not what anybody owns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from bullbear.data.view import View
from bullbear.decide import Book
from bullbear.decide.instruments import CASH, Fund, Instrument
from bullbear.decide.orders import OrderList, RestingStop, order_list
from bullbear.decide.positions_file import Position
from bullbear.errors import Found, NoDataError
from bullbear.home import Home
from bullbear.sessions import day
from bullbear.wording import percent


def orders_for(
    home: Home,
    entry: Mapping[str, Any],
    held: Mapping[str, Position],
    *,
    equity: float,
    least_trade: float | None = None,
) -> OrderList:
    """The orders from the positions `held` to those of a forecast's ledger entry.

    What a model alone can price, such as an option spread, is left to be ordered by hand; a note says so.

    Raises
    ------
    NoDataError
        A ticker that is held or wanted has no close on the day of the decision.
    InputError
        The equity is none, or less than what the positions are worth.
    """
    book = Book.from_json(entry["account"]["book"])
    view, session = home.store().as_of(pd.Timestamp(entry["decided_at"])), day(pd.Timestamp(entry["decided_at"]))
    known: dict[str, Instrument] = {**home.instruments(), **book.instruments}
    targets = {t: weight for t, weight in entry["positions"].items() if t != CASH}
    by_hand = [t for t, weight in targets.items() if weight > 0.0 and not isinstance(known.get(t), Fund)]
    targets = {t: weight for t, weight in targets.items() if t not in by_hand and (weight > 0.0 or t in held)}
    prices = {t: _price(view, t, session) for t in sorted({*targets, *held})}
    made = order_list(
        held,
        targets,
        prices,
        equity=equity,
        costs={t: (known[t].half_spread_bp + known[t].slippage_bp) / 1e4 + known[t].commission for t in prices},
        stops=_stops(book, targets, prices),
        least_trade=least_trade,
    )
    notes = tuple(
        f"{t}: {percent(entry['positions'][t])} of equity, priced by a model alone: order it by hand" for t in by_hand
    )
    return replace(made, notes=(*made.notes, *notes))


def _price(view: View, ticker: str, session: pd.Timestamp) -> float:
    """The close of a session, in dollars."""
    if view.has("bars", ticker):
        bars = view.bars(ticker)
        row = bars.index.get_indexer(pd.DatetimeIndex([session]))[0]
        if row >= 0 and (close := float(bars["close"].iloc[row])) > 0.0:
            return close
    raise NoDataError(
        f"price of {ticker}",
        Found(f"no close on {session.date()}"),
        "tickers with a close on that day",
        "fetch or ingest its bars, or leave it out of the positions and order it by hand",
    )


def _stops(book: Book, targets: Mapping[str, float], prices: Mapping[str, float]) -> list[RestingStop]:
    """The stops that rest for what is held after the orders."""
    wanted = {**book.held, **book.orders}
    # Only the mark says at which level the account's prices of a fund stand: those of one with a model continue it.
    return [
        RestingStop(slot.ticker, level * prices[slot.ticker] / book.marks[slot.ticker].price, share)
        for slot, level in book.stops.items()
        if targets.get(slot.ticker, 0.0) > 0.0 and (share := wanted.get(slot, 0.0) / targets[slot.ticker]) > 0.0
    ]
