"""Prices and rates as they were known at each close: what an account walks through, row by row.

Everything is causal, by forward recursions or fixed windows in a fixed order, so the row of a session is the same to
the last bit whether later bars are present or not. All arithmetic is in total-return prices (`adj_close`, and `open`,
`high`, `low` in its units), which no later split or dividend changes. A bar counts in the version first published, and
only if that was known at its session's close: a later correction must not move what was decided or booked before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.decide.daily_reset import LISTING_DAYS, Modelled, Prices, ResetFund, daily_reset, joined
from bullbear.errors import InputError, NoDataError
from bullbear.sessions import between, closes
from bullbear.statistics.volatility import wilder_atr, zero_mean_volatility

BILL = "DGS3MO"
"""The yield, in per cent a year, that cash earns; without it cash earns nothing."""
STALE_DAYS = 31
_VOLUME_WINDOW = 21
_DECIMALS = 8
"""Of a quotient of two prices of one bar. A tick of 0.01 on 160 dollars is 6e-5; what lies beyond the eighth decimal is
the rounding of a division by a split ratio, and must not depend on the splits that a view knows of."""

Floats = NDArray[np.float64]


class View(Protocol):
    """The part of the store's point-in-time view that decisions need."""

    def versions(self, kind: str, series: str) -> pd.DataFrame:
        """Every version known: event_date, known_at and the values, sorted by known_at."""
        ...

    def has(self, kind: str, series: str) -> bool:
        """Whether a series is there at all."""
        ...


@dataclass(frozen=True)
class Bars:
    """One ticker on the market's sessions; plain lists, since the walk reads single floats. NaN is unknown.

    `open`, `high`, `low` and `close` are total-return prices, `atr` Wilder's average true range of them (last known).
    `raw_open` is the open in the split-adjusted prices of the view's day, and `unit` what a total-return price is
    multiplied by to be one of those (last known), for display only. `dollar_volume` is the day's volume times its
    close, which no split changes.
    """

    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    atr: list[float]
    raw_open: list[float]
    unit: list[float]
    dollar_volume: list[float]


@dataclass(frozen=True)
class Market:
    """Bars by ticker on the sessions on which `ticker` has a close.

    `volatility` is that of `ticker`, annualised; `rates` the bill yield known at each close, a fraction a year. What
    policies and instruments read beside prices they ask of `factor`, which knows what an open may see. `modelled` says
    of each fund with a model on which rows its price is that of the model. `signals` are what the policy that walks it
    derives from it, by name and row. Where it is `free_of_costs`, trades cost nothing.
    """

    ticker: str
    sessions: pd.DatetimeIndex
    volatility: list[float]
    bars: Mapping[str, Bars]
    rates: list[float]
    _factors: Mapping[str, list[float]] = field(default_factory=dict, repr=False)
    modelled: Mapping[str, Modelled] = field(default_factory=dict)
    signals: Mapping[str, Sequence[float]] = field(default_factory=dict, repr=False)
    free_of_costs: bool = False

    def factor(self, name: str, row: int, at: Literal["open", "close"]) -> float:
        """A factor as it was known then: at an open, the value of the close before; NaN where unknown.

        Raises
        ------
        InputError
            It is not among what the policy and its instruments declare.
        """
        if name not in self._factors:
            allowed = f"those declared: {', '.join(sorted(self._factors)) or 'none'}"
            raise InputError("factor", name, allowed, "name it in the policy's needs or the instrument's factors")
        known = row if at == "close" else row - 1
        return self._factors[name][known] if known >= 0 else float("nan")

    def is_modelled(self, ticker: str, row: int) -> bool:
        """Whether the price of a ticker at a session is modelled, not observed."""
        return ticker in self.modelled and row < self.modelled[ticker].first_bar

    def usual_volume(self, ticker: str, row: int) -> float:
        """Median of the dollars a day that were traded over the 21 sessions before this one; NaN where unknown."""
        if ticker not in self._usual_volumes:
            unknown = [np.nan] * len(self.sessions)
            traded = pd.Series(self.bars[ticker].dollar_volume if ticker in self.bars else unknown)
            # Of the row before: the day's own volume is not known at its open.
            self._usual_volumes[ticker] = traded.rolling(_VOLUME_WINDOW, min_periods=1).median().shift(1).tolist()
        return self._usual_volumes[ticker][row]

    @cached_property
    def _usual_volumes(self) -> dict[str, list[float]]:
        return {}

    @cached_property
    def days(self) -> list[pd.Timestamp]:
        """The sessions one by one; taking each out of the index again and again would cost a walk half its time."""
        return list(self.sessions)

    @cached_property
    def month_ends(self) -> tuple[list[int], list[int]]:
        """Rows of the last sessions of a month, and per row how many of them lie at or before it."""
        sessions = self.sessions
        # The calendar knows in advance which session ends a month; the next bar must not be asked.
        calendar = between(sessions[0], sessions[-1] + pd.Timedelta(days=15))
        month = calendar.year * 12 + calendar.month
        is_end = np.isin(sessions.to_numpy(), calendar[:-1][month[:-1] != month[1:]].to_numpy())
        return np.flatnonzero(is_end).tolist(), np.cumsum(is_end).tolist()

    def month_closes(self, ticker: str, row: int, count: int) -> tuple[float, ...]:
        """The last `count` known month-end closes at session number `row`, total-return prices."""
        ends, known = self.month_ends
        close = self.bars[ticker].close
        return tuple(c for end in ends[max(0, known[row] - count) : known[row]] if (c := close[end]) == c)

    def place(self, session: pd.Timestamp) -> int:
        """The row of `session`.

        Raises
        ------
        NoDataError
            `ticker` has no close on that day.
        """
        row = int(self.sessions.get_indexer(pd.DatetimeIndex([session]).as_unit("us"))[0])
        if row < 0:
            first, last = self.sessions[0].date(), self.sessions[-1].date()
            raise NoDataError(
                f"bars of {self.ticker}",
                str(pd.Timestamp(session).date()),
                f"sessions with a close, {first} to {last}",
                "fetch the missing bar or drop that forecast",
            )
        return row

    def close_on(self, ticker: str, session: pd.Timestamp) -> float | None:
        """The total-return close of a ticker on a session; None where there is none."""
        row = int(self.sessions.get_indexer(pd.DatetimeIndex([session]).as_unit("us"))[0])
        if row < 0 or ticker not in self.bars:
            return None
        close = self.bars[ticker].close[row]
        return close if close == close else None

    def known(self, row: int, name: Literal["close", "atr", "unit"]) -> dict[str, float]:
        """A number of each ticker at a session, without the unknown ones and those of funds that lack their bars."""
        lacking = [t for t, each in self.modelled.items() if each.listed <= row < each.first_bar]
        found = {t: value for t, bars in self.bars.items() if (value := getattr(bars, name)[row]) == value}
        return {t: value for t, value in found.items() if t not in lacking} if lacking else found


def read_market(
    view: View,
    ticker: str,
    *,
    tickers: Iterable[str] = (),
    volatility_window: int = 21,
    atr_window: int = 14,
    models: Mapping[str, ResetFund] | None = None,
    factors: pd.DataFrame | None = None,
) -> Market:
    """The market of `ticker` with the bars of other `tickers`, from everything that `view` serves.

    A ticker without bars is simply absent (the policy says so), unless `models` has a model of it, by ticker, which
    prices it up to its first real bar. A window of 0 leaves its numbers unknown. `factors` are columns by session
    (`event_date`).

    Raises
    ------
    NoDataError
        `ticker` itself has no usable bars.
    """
    if not view.has("bars", ticker):
        raise NoDataError("bars", ticker, "a ticker in the store", "ingest or fetch its prices first")
    own = _usable(view.versions("bars", ticker))
    if own.empty:
        raise NoDataError("bars", ticker, "a ticker with closes", "ingest or fetch its prices first")
    sessions = pd.DatetimeIndex(own.index)
    frames = {ticker: own}
    for other in tickers:
        if other not in frames and view.has("bars", other):
            frames[other] = _usable(view.versions("bars", other))
    rates = bill_rate(view, BILL, closes(sessions))
    modelled = {}
    for name, fund in (models or {}).items():
        if name != ticker and fund.tracks in frames:
            prices = daily_reset(fund, _prices(frames[fund.tracks], sessions), sessions, rates)
            frames[name], first_bar = joined(prices, frames.get(name), sessions)
            due = pd.Timestamp(fund.inception) + pd.Timedelta(days=LISTING_DAYS)
            modelled[name] = Modelled(first_bar, int(sessions.searchsorted(due)))
    bars = {name: _bars(frame, sessions, atr_window) for name, frame in frames.items()}
    volatility = np.full(len(sessions), np.nan)
    if volatility_window:
        volatility = zero_mean_volatility(np.array(bars[ticker].close), volatility_window)
    aligned = {} if factors is None else factors.reindex(sessions).to_dict("list")
    return Market(ticker, sessions, volatility.tolist(), bars, rates, {str(n): c for n, c in aligned.items()}, modelled)


def bill_rate(view: View, series: str, instants: pd.DatetimeIndex) -> list[float]:
    """The yield (fraction a year) known at each instant; 0 where none is known or the last is over 31 days old."""
    if not view.has("observations", series):
        return [0.0] * len(instants)
    frame = _first(view.versions("observations", series).dropna(subset=["value"]))
    order = np.lexsort((frame.index.to_numpy(), pd.DatetimeIndex(frame["known_at"]).asi8))
    frame = frame.iloc[order]
    # A late first publication of an old period must not displace the newest one already known.
    frame = frame[np.maximum.accumulate(frame.index.to_numpy()) == frame.index.to_numpy()]
    known = pd.DatetimeIndex(frame["known_at"]).as_unit("us")
    at = known.searchsorted(instants.as_unit("us"), side="right") - 1
    if frame.empty:
        return [0.0] * len(instants)
    values = frame["value"].to_numpy(dtype=float)[at] / 100.0
    described = frame.index.to_numpy()[at]
    age = instants.tz_localize(None).to_numpy() - described
    fresh = (at >= 0) & (age <= np.timedelta64(STALE_DAYS, "D"))
    return [float(v) for v in np.where(fresh, values, 0.0)]


def _usable(versions: pd.DataFrame) -> pd.DataFrame:
    """First versions with a close, by event_date, of the bars that were known at their own session's close."""
    names = ["open", "high", "low", "close", "adj_close"]
    prices = versions[[*names, "volume"]].astype("float64")
    prices = prices.where((prices > 0) & np.isfinite(prices)).assign(event_date=versions["event_date"])
    usable = prices["close"].notna() & prices["adj_close"].notna() & _in_time(versions)
    return _first(prices[usable])


def _in_time(versions: pd.DataFrame) -> NDArray[np.bool_]:
    days = pd.DatetimeIndex(versions["event_date"]).as_unit("us")
    if not len(days):
        return np.zeros(0, dtype=np.bool_)
    sessions = between(days.min(), days.max())
    at = sessions.get_indexer(days)
    known = pd.DatetimeIndex(versions["known_at"]).as_unit("us").asi8
    return np.asarray((at >= 0) & (known <= closes(sessions).as_unit("us").asi8[at]), dtype=np.bool_)


def _first(versions: pd.DataFrame) -> pd.DataFrame:
    """The version of each event that was published first, by event_date."""
    return versions.drop_duplicates("event_date").set_index("event_date").sort_index()


def _total_return(frame: pd.DataFrame) -> dict[str, Floats]:
    """Open, high and low in the units of `adj_close`."""
    close, raw_close = frame["adj_close"].to_numpy(), frame["close"].to_numpy()
    names = ("open", "high", "low")
    return {name: close * np.round(_ratio(frame[name].to_numpy(), raw_close), _DECIMALS) for name in names}


def _ratio(price: Floats, close: Floats) -> Floats:
    """The quotient; one where the close is zero, which that of a modelled fund can be."""
    return np.divide(price, close, out=np.ones_like(close), where=close != 0.0)


def _prices(frame: pd.DataFrame, sessions: pd.DatetimeIndex) -> Prices:
    places, close = frame.index.get_indexer(sessions), frame["adj_close"].to_numpy()
    return Prices(
        **{name: _at(places, price) for name, price in _total_return(frame).items()}, close=_at(places, close)
    )


def _bars(frame: pd.DataFrame, sessions: pd.DatetimeIndex, atr_window: int) -> Bars:
    close, raw_close = frame["adj_close"].to_numpy(), frame["close"].to_numpy()
    total = _total_return(frame)
    whole = frame[["open", "high", "low"]].notna().all(axis=1).to_numpy()
    atr = np.full(int(whole.sum()), np.nan)
    if atr_window:
        atr = wilder_atr(total["high"][whole], total["low"][whole], close[whole], atr_window)
    places = frame.index.get_indexer(sessions)
    return Bars(
        open=_at(places, total["open"]).tolist(),
        high=_at(places, total["high"]).tolist(),
        low=_at(places, total["low"]).tolist(),
        close=_at(places, close).tolist(),
        atr=_last_known(frame.index[whole], atr, sessions).tolist(),
        raw_open=_at(places, frame["open"].to_numpy()).tolist(),
        unit=_last_known(frame.index, _ratio(raw_close, close), sessions).tolist(),
        # Whole dollars: the rounding of a division by a split ratio must not show.
        dollar_volume=_at(places, np.round(frame["volume"].to_numpy() * raw_close)).tolist(),
    )


def _at(places: NDArray[np.intp], values: Floats) -> Floats:
    if not len(values):
        return np.full(len(places), np.nan)
    return np.where(places >= 0, values[places], np.nan)


def _last_known(index: pd.Index, values: Floats, sessions: pd.DatetimeIndex) -> Floats:
    if len(index) == 0:
        return np.full(len(sessions), np.nan)
    at = index.searchsorted(sessions, side="right") - 1
    return np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
