"""What was known of prices at each close: the arrays that an account walks through and a decision reads one row of.

Everything is causal and computed by forward recursions or by fixed windows in a fixed order, so the row of a session
is the same number, bit for bit, whether later bars are present or not. All arithmetic is in total-return prices
(`adj_close`, and `open`, `high`, `low` in its units), which no later split or dividend changes; `unit` turns them into
the prices of the view's day, for display only. A bar counts in the version first published, and only if that was known
at its session's close: a correction that came later must not move what was decided or booked before it, and a bar that
came later was missing on its day. What a misprinted close has booked, the next open makes good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.decide.policy import BandPolicy, Level, State
from bullbear.errors import HistoryError, NoDataError
from bullbear.sessions import between, closes
from bullbear.statistics.volatility import wilder_atr, zero_mean_volatility

STALE_DAYS = 31
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
class Fund:
    """One fund on the market's sessions; plain lists, since the walk reads single floats. NaN is unknown.

    `open` and `close` are total-return prices, `atr` Wilder's average true range of them (last known). `raw_open` is
    the open in the split-adjusted prices of the view's day, and `unit` what a total-return price is multiplied by to be
    one of those (last known).
    """

    open: list[float]
    close: list[float]
    atr: list[float]
    raw_open: list[float]
    unit: list[float]


@dataclass(frozen=True)
class Market:
    """Funds on the sessions on which `ticker` has a close; `volatility` is that of `ticker`, annualised."""

    ticker: str
    sessions: pd.DatetimeIndex
    volatility: list[float]
    funds: Mapping[str, Fund]

    @cached_property
    def days(self) -> list[pd.Timestamp]:
        """The sessions one by one; taking each out of the index again and again would cost a walk half its time."""
        return list(self.sessions)

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
        """The total-return close of a fund on a session; None where there is none."""
        row = int(self.sessions.get_indexer(pd.DatetimeIndex([session]).as_unit("us"))[0])
        if row < 0 or ticker not in self.funds:
            return None
        close = self.funds[ticker].close[row]
        return close if close == close else None

    def state(
        self,
        row: int,
        *,
        decided_at: pd.Timestamp,
        p: float,
        p_low: float,
        p_high: float,
        climatology: float,
        weights: Mapping[str, float],
        levels: Mapping[str, Level],
    ) -> State:
        """The policy's state at the close of session number `row`.

        Raises
        ------
        HistoryError
            There are fewer bars before it than the volatility window needs.
        """
        volatility = self.volatility[row]
        if volatility != volatility:
            raise HistoryError(
                f"volatility of {self.ticker}",
                str(self.sessions[row].date()),
                "a session with a whole volatility window before it",
                "decide later or shorten volatility_window",
            )
        known = {
            name: {t: value for t, fund in self.funds.items() if (value := getattr(fund, name)[row]) == value}
            for name in ("close", "atr", "unit")
        }
        return State(
            decided_at, p, p_low, p_high, climatology, volatility, known["close"], known["atr"], dict(weights),
            dict(levels), known["unit"],
        )  # fmt: skip


def read_market(view: View, policy: BandPolicy, ticker: str = "IWM", *, held: Iterable[str] = ()) -> Market:
    """The market of `ticker`, the policy's two funds and those `held`, from everything that `view` serves.

    Volatility is the root mean square of the last n total returns, sqrt(252 / n * sum r^2): no mean is taken off, as
    over a month it is noise. A fund without bars is simply absent (the policy says so).

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
    for other in (policy.bull_instrument, policy.bear_instrument, *held):
        if other not in frames and view.has("bars", other):
            frames[other] = _usable(view.versions("bars", other))
    funds = {name: _fund(frame, sessions, policy.atr_window) for name, frame in frames.items()}
    volatility = zero_mean_volatility(np.array(funds[ticker].close), policy.volatility_window)
    return Market(ticker, sessions, volatility.tolist(), funds)


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
    prices = versions[names].astype("float64")
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


def _fund(frame: pd.DataFrame, sessions: pd.DatetimeIndex, atr_window: int) -> Fund:
    close, raw_close = frame["adj_close"].to_numpy(), frame["close"].to_numpy()
    total = {name: close * np.round(frame[name].to_numpy() / raw_close, _DECIMALS) for name in ("open", "high", "low")}
    whole = frame[["open", "high", "low"]].notna().all(axis=1).to_numpy()
    atr = wilder_atr(total["high"][whole], total["low"][whole], close[whole], atr_window)
    places = frame.index.get_indexer(sessions)
    return Fund(
        open=_at(places, total["open"]).tolist(),
        close=_at(places, close).tolist(),
        atr=_last_known(frame.index[whole], atr, sessions).tolist(),
        raw_open=_at(places, frame["open"].to_numpy()).tolist(),
        unit=_last_known(frame.index, raw_close / close, sessions).tolist(),
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
