"""Every fill of an account beside what it was allowed: when, at which price and at what cost.

An order is filled at the first open after its decision, a resting stop where its bar allows and no better, an expiry at
intrinsic value. Fund prices are recomputed from the bars (`audit.execution.prices`); instruments that only a model
prices are compared with the same model on a market in which every number after the fill is noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bullbear.audit.execution.prices import PlainPrices, bill_rates, plain_prices, with_model
from bullbear.audit.execution.reconciliation import PlainBook, differences, trade_named
from bullbear.audit.result import Leak
from bullbear.data.view import View
from bullbear.decide import Book
from bullbear.decide.account import Account
from bullbear.decide.instruments import At, Fund, Instrument
from bullbear.decide.market import Market
from bullbear.decide.options.call_spread import CallSpread
from bullbear.sessions import closes, day, opens

NAN = math.nan
_CLOSE = 1e-9  # relative, of two prices that are the same but for rounding


@dataclass(frozen=True)
class PlainMarket:
    """Plain prices of every fund, the bill rates, and the model's market for what only a model prices."""

    ticker: str
    view: View
    instruments: Mapping[str, Instrument]
    modelled: Market
    _bars: dict[str, PlainPrices | None] = field(default_factory=dict)

    @cached_property
    def sessions(self) -> pd.DatetimeIndex:
        """Those on which the ticker has a close."""
        table = plain_prices(self.view, self.ticker).table
        return pd.DatetimeIndex(table.index[table["close"].notna()])

    @cached_property
    def rates(self) -> pd.Series:
        """The bill rate known at each close."""
        return bill_rates(self.view, self.sessions)

    def bars(self, ticker: str) -> PlainPrices | None:
        """Those of a fund, modelled before its first one; None for what has none."""
        if ticker not in self._bars:
            self._bars[ticker] = self._priced(ticker)
        return self._bars[ticker]

    def _own(self, ticker: str) -> PlainPrices | None:
        return plain_prices(self.view, ticker, self.sessions) if self.view.has("bars", ticker) else None

    def _priced(self, ticker: str) -> PlainPrices | None:
        instrument = self.instruments.get(ticker)
        own, model = self._own(ticker), getattr(instrument, "model_fund", None)
        if model is None or ticker == self.ticker or (index := self._own(model.tracks)) is None:
            return own
        return with_model(model, own, index, self.sessions, self.rates)

    def is_modelled(self, ticker: str, session: pd.Timestamp) -> bool:
        """Whether a fund has no bar of its own yet."""
        bars = self.bars(ticker)
        return bars is not None and bars.modelled_before is not None and session < bars.modelled_before

    def price(self, ticker: str, session: pd.Timestamp, name: str) -> float:
        """In total-return units; NaN where unknown."""
        instrument = self.instruments.get(ticker)
        if instrument is None or isinstance(instrument, Fund):
            bars = self.bars(ticker)
            return NAN if bars is None else bars.price(session, name)
        row = self.modelled.place(session)
        if name == "low":
            return instrument.low(self.modelled, row)
        return instrument.mark(self.modelled, row, "open" if name == "open" else "close")

    def price_then(self, ticker: str, session: pd.Timestamp, at: At) -> float:
        """The price of what only a model prices, with noise in every number that was not known yet."""
        row = self.modelled.place(session)
        return self.instruments[ticker].mark(_nothing_later(self.modelled, row, at), row, at)


def _nothing_later(market: Market, row: int, at: At) -> Market:
    """The market with noise in every number that was not known at the open, or the close, of a row."""
    draw = np.random.default_rng(row)

    def noisy(values: Sequence[float], first: int) -> list[float]:
        tail = np.asarray(values[first:], dtype=np.float64) * np.exp(draw.normal(0.3, 1.0, max(len(values) - first, 0)))
        return [*values[:first], *tail.tolist()]

    known = row if at == "open" else row + 1
    late = ("high", "low", "close", "atr", "dollar_volume")
    bars = {}
    for name, each in market.bars.items():
        changed = {part: noisy(getattr(each, part), known) for part in late}
        bars[name] = replace(each, open=noisy(each.open, row + 1), **changed)
    factors = {name: noisy(values, known) for name, values in market._factors.items()}
    return replace(market, bars=bars, rates=noisy(market.rates, known), _factors=factors)


@dataclass(frozen=True)
class Fills:
    """The fills of one account.

    Attributes
    ----------
    books
        After each decision, with the stops that then rest; None where they were not kept, and no stop may be filled.
    """

    whose: str
    account: Account
    books: Sequence[Book] | None
    market: PlainMarket

    def leaks(self) -> list[Leak]:
        """What no order, stop or expiry could have had, and where the account does not add up."""
        trades: list[dict[str, Any]] = self.account.trades.to_dict("records")  # type: ignore[assignment]
        found = [leak for trade in trades if (leak := self._leak(trade)) is not None]
        found += self._wrong_costs(trades)
        missed: list[Leak] = []
        found += differences(
            self.whose,
            self.account,
            self.market.price,
            self.market.rates,
            self._stop_price,
            lambda book: missed.extend(self._missed(book)),
        )
        if self.account.daily["cash_weight"].min() < -_CLOSE:
            at = self.account.daily["cash_weight"].idxmin()
            low = float(self.account.daily["cash_weight"].min())
            found.append(Leak(self.whose, f"{at:%Y-%m-%d}", low, f"{self.whose} on {at:%Y-%m-%d}: cash is {low:.3g}"))
        return found + missed

    def _leak(self, trade: Mapping[str, Any]) -> Leak | None:
        if trade["executed_at"] <= trade["decided_at"]:
            return self._found(trade, NAN, "is executed before or at its decision")
        return {"order": self._order, "stop": self._stop, "expiry": self._expiry}[trade["why"]](trade)

    def _found(self, trade: Mapping[str, Any], allowed: float, why: str) -> Leak:
        price = float(trade["price"])
        said = f"{self.whose}: {trade_named(trade)}, at {price:.6g}, {why}"
        return Leak(trade["ticker"], f"{trade['executed_at']:%Y-%m-%d %H:%M}", price - allowed, said)

    def _order(self, trade: Mapping[str, Any]) -> Leak | None:
        ticker, session = trade["ticker"], day(trade["executed_at"])
        if trade["executed_at"] != opens(pd.DatetimeIndex([session]))[0]:
            return self._found(trade, NAN, "is not executed at an open")
        decided = day(trade["decided_at"])
        last = self._decided_before(session)
        if last is not None and last != decided:
            return self._found(trade, NAN, f"does not follow the latest decision, of {last:%Y-%m-%d}")
        opened = self.market.price(ticker, session, "open")
        if not opened > 0.0:
            return self._found(trade, NAN, "has no open on that session")
        if (first := self._first_open(ticker, decided, session)) != session:
            return self._found(trade, NAN, f"could have been filled on {first:%Y-%m-%d}")
        bars = self._bars(ticker)
        allowed = self.market.price_then(ticker, session, "open") if bars is None else bars.price(session, "shown")
        if not _same(float(trade["price"]), allowed):
            return self._found(trade, allowed, f"where the open was {allowed:.6g}")
        if bars is not None:
            row = bars.rows[session]
            prices = [value for name in ("low", "high", "close") if (value := row[name]) == value]
            if prices and not min(prices) * (1 - 1e-7) <= opened <= max(prices) * (1 + 1e-7):
                return self._found(trade, allowed, "lies outside its bar")
        return None

    def _first_open(self, ticker: str, decided: pd.Timestamp, session: pd.Timestamp) -> pd.Timestamp:
        """The first session after a decision at whose open the order could be filled, or `session` if it had to wait.

        What lacks cash waits with any other order that lacks an open, which may be the sale that brings it.
        """
        sessions, price = self.market.sessions, self.market.price
        after = sessions[(sessions > decided) & (sessions <= session)]
        traded = [t for tickers in self.account.sleeves.values() for t in tickers]
        for each in after:
            if price(ticker, each, "open") > 0.0:
                return each if all(price(t, each, "open") > 0.0 for t in traded) else session
        return session

    def _decided_before(self, session: pd.Timestamp) -> pd.Timestamp | None:
        place = self._book_before(session)
        return None if place is None else place.session

    def _book_before(self, session: pd.Timestamp) -> Book | None:
        """The book after the last decision before a session; None where no books were kept."""
        if self.books is None:
            return None
        place = int(np.searchsorted(self._decisions, np.datetime64(session), side="left")) - 1
        return self.books[place] if place >= 0 else None

    @cached_property
    def _decisions(self) -> np.ndarray:
        return np.array([each.session for each in self.books or ()], dtype="datetime64[us]")

    def _level(self, ticker: str, sleeve: str, session: pd.Timestamp) -> float:
        """The stop that rests in a session, as decided at a close before it; NaN for none."""
        book = self._book_before(session)
        stops = {} if book is None else book.stops
        return next((level for slot, level in stops.items() if (slot.ticker, slot.sleeve) == (ticker, sleeve)), NAN)

    def _allowed(self, ticker: str, level: float, session: pd.Timestamp) -> float:
        """What a resting sell stop is filled at: the open beyond it, else the stop itself if the low reaches it."""
        opened, low, close = (self.market.price(ticker, session, name) for name in ("open", "low", "close"))
        if 0.0 < opened <= level:
            return opened
        if 0.0 < low <= level:
            return level if opened > 0.0 else low
        return close if 0.0 < close <= level else NAN

    def _bars(self, ticker: str) -> PlainPrices | None:
        """Those of a fund; None for what only a model prices."""
        return self.market.bars(ticker) if isinstance(self.market.instruments.get(ticker), Fund) else None

    def _unit(self, ticker: str, session: pd.Timestamp) -> float:
        bars = self._bars(ticker)
        return 1.0 if bars is None else bars.price(session, "unit")

    def _stop_price(self, trade: Mapping[str, Any]) -> float:
        session = day(trade["executed_at"])
        return float(trade["price"]) / self._unit(trade["ticker"], session)

    def _stop(self, trade: Mapping[str, Any]) -> Leak | None:
        ticker, session = trade["ticker"], day(trade["executed_at"])
        level = self._level(ticker, trade["sleeve"], session)
        if level != level:
            return self._found(trade, NAN, "has no level that was decided before its session")
        unit, allowed = self._unit(ticker, session), self._allowed(ticker, level, session)
        if allowed != allowed:
            low = self.market.price(ticker, session, "low") * unit
            return self._found(
                trade, NAN, f"was never reached: the stop rested at {level * unit:.6g}, the low is {low:.6g}"
            )
        if not _same(float(trade["price"]), allowed * unit):
            rested = f"the stop rested at {level * unit:.6g}, its bar allows {allowed * unit:.6g}"
            return self._found(trade, allowed * unit, f"is no fill that its bar allows: {rested}")
        return None

    def _missed(self, book: PlainBook) -> list[Leak]:
        """Stops that a bar reached and nobody sold."""
        found, sold = [], self._stopped.get(book.session, ())
        decided = self._book_before(book.session)
        for slot, level in ({} if decided is None else decided.stops).items():
            held = book.units.get((slot.ticker, slot.sleeve), 0.0)
            if held <= 1e-12 or (slot.ticker, slot.sleeve) in sold:
                continue
            allowed = self._allowed(slot.ticker, level, book.session)
            if allowed == allowed:
                when = f"{book.session:%Y-%m-%d}"
                said = f"the stop of {slot.ticker} at {level:.6g} was reached at {allowed:.6g} (total-return prices)"
                found.append(Leak(slot.ticker, when, allowed, f"{self.whose} on {when}: {said} and did not sell"))
        return found

    @cached_property
    def _stopped(self) -> dict[pd.Timestamp, set[tuple[str, str]]]:
        found: dict[pd.Timestamp, set[tuple[str, str]]] = {}
        for trade in self.account.trades.to_dict("records"):
            if trade["why"] == "stop":
                found.setdefault(day(trade["executed_at"]), set()).add((trade["ticker"], trade["sleeve"]))
        return found

    def _expiry(self, trade: Mapping[str, Any]) -> Leak | None:
        ticker, session, price = trade["ticker"], day(trade["executed_at"]), float(trade["price"])
        instrument = self.market.instruments.get(ticker)
        if trade["executed_at"] != closes(pd.DatetimeIndex([session]))[0]:
            return self._found(trade, NAN, "is not paid out at a close")
        if instrument is None or instrument.expiry is None:
            return None if price == 0.0 else self._found(trade, 0.0, "never expires")
        if price == 0.0 and session.date() < instrument.expiry:
            return None
        sessions = self.market.sessions
        due = sessions[int(sessions.searchsorted(pd.Timestamp(instrument.expiry)))]
        if session != due:
            return self._found(trade, NAN, f"expires on {due:%Y-%m-%d}")
        allowed = self._intrinsic(instrument, session) if isinstance(instrument, CallSpread) else NAN
        if allowed != allowed:
            allowed = self.market.price_then(ticker, session, "close")
        if abs(price - allowed) > 1e-6:
            return self._found(trade, allowed, f"where its intrinsic value is {allowed:.6g}")
        return None

    def _intrinsic(self, spread: CallSpread, session: pd.Timestamp) -> float:
        """What lies between the strikes, in per cent of the close on the day of making; NaN after an ex-date.

        A short call that was in the money may have been assigned before an ex-date.
        """
        bars = self.market.bars(spread.terms.underlying)
        if bars is None:
            return NAN
        made = pd.Timestamp(spread.opened)
        then, now = bars.price(made, "unit"), bars.price(session, "unit")
        if now < then * (1.0 - 1e-5):
            return NAN
        spot = bars.price(session, "close") * now / (bars.price(made, "close") * then)
        return 100.0 * min(max(spot - spread.long_strike, 0.0), spread.short_strike - spread.long_strike)

    def _wrong_costs(self, trades: Sequence[Mapping[str, Any]]) -> list[Leak]:
        """Costs below zero or other than the instrument declares, for what is traded of it at one moment."""
        found, together = [], dict[tuple[Any, ...], list[Mapping[str, Any]]]()
        for place, trade in enumerate(trades):
            key = (trade["ticker"], trade["executed_at"], trade["why"], place if trade["why"] == "stop" else 0)
            together.setdefault(key, []).append(trade)
        for moment in together.values():
            trade, paid = moment[0], sum(float(each["cost"]) for each in moment)
            value = abs(sum(float(each["value"]) for each in moment))
            declared = 0.0 if trade["why"] == "expiry" else value * self._cost(trade, value)
            if min(float(each["cost"]) for each in moment) < 0.0:
                found.append(self._found(trade, NAN, f"has a cost below zero, {paid:.3g}"))
            elif abs(paid - declared) > 1e-12 + 1e-7 * declared:
                found.append(self._found(trade, NAN, f"pays {paid:.6g} where its instrument declares {declared:.6g}"))
        return found

    def _cost(self, trade: Mapping[str, Any], value: float) -> float:
        """The fraction of a value traded that an instrument declares as its cost."""
        ticker, session = trade["ticker"], day(trade["executed_at"])
        instrument = self.market.instruments[ticker]
        if isinstance(instrument, CallSpread):
            worth = self.market.price(ticker, session, "open")
            crossed = 2.0 * instrument.terms.leg_spread_bp / 100.0
            return min(crossed / worth + instrument.commission, 1.0) if worth > 0.0 else 0.0
        if type(instrument).cost is not Instrument.cost:
            row = self.market.modelled.place(session)
            return instrument.cost(value, self.market.modelled, row)
        rate = (instrument.half_spread_bp + instrument.slippage_bp) / 1e4 + instrument.commission
        bars = self.market.bars(ticker)
        usual = NAN if bars is None else float(bars.usual_dollars.get(session, NAN))
        if usual > 0.0:
            rate += instrument.impact_bp / 1e4 * math.sqrt(instrument.account_size * value / usual)
        return rate


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _CLOSE * abs(other)
