"""What was known of prices at each close: the arrays that a backtest walks through and a forecast reads one row of.

Everything is causal and computed by forward recursions or by fixed windows in a fixed order, so the row of a session
is the same number, bit for bit, whether later bars are present or not. Returns use total-return prices
(`adj_close / close` applied to the whole bar); levels and ATR are told in the price units of their own day. Bars count
as known at their session's close, in the version first published: a correction that came later must not move what was
decided or booked before it. What a misprinted close has booked, the next open makes good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.decide.policy import BandPolicy, State
from bullbear.errors import HistoryError, NoDataError

SESSIONS_PER_YEAR = 252
STALE_DAYS = 31

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

    `open` and `close` are total-return prices, `raw_open` and `raw_close` as traded (split-adjusted), `factor` their
    ratio (last known), `atr` Wilder's average true range in raw units (last known).
    """

    open: list[float]
    close: list[float]
    raw_open: list[float]
    raw_close: list[float]
    factor: list[float]
    atr: list[float]


@dataclass(frozen=True)
class Market:
    """Funds on the sessions on which `ticker` has a close; `volatility` is that of `ticker`, annualised."""

    ticker: str
    sessions: pd.DatetimeIndex
    volatility: list[float]
    funds: Mapping[str, Fund]

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
        stops: Mapping[str, float],
    ) -> State:
        """The policy's state at the close of session number `row`; `stops` in that day's prices (see `carry`).

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
        closes, atrs = {}, {}
        for ticker, fund in self.funds.items():
            close, atr = fund.raw_close[row], fund.atr[row]
            if close == close:
                closes[ticker] = close
            if atr == atr:
                atrs[ticker] = atr
        return State(decided_at, p, p_low, p_high, climatology, volatility, closes, atrs, dict(weights), dict(stops))

    def carry(self, stops: Mapping[str, float], before: int, now: int) -> dict[str, float]:
        """Stop levels published at row `before` in the prices of row `now`: lowered by the dividends in between.

        An exchange lowers resting stop orders on the ex-date just so; a dividend alone must not sell.
        """
        return {
            ticker: level * (self.funds[ticker].factor[before] / self.funds[ticker].factor[now])
            for ticker, level in stops.items()
        }


def read_market(view: View, policy: BandPolicy, ticker: str = "IWM") -> Market:
    """The market of `ticker` and the policy's two funds, from everything that `view` serves.

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
    for other in (policy.bull_instrument, policy.bear_instrument):
        if other not in frames and view.has("bars", other):
            frames[other] = _usable(view.versions("bars", other))
    funds = {name: _fund(frame, sessions, policy.atr_window) for name, frame in frames.items()}
    volatility = realised_volatility(np.array(funds[ticker].close), policy.volatility_window)
    return Market(ticker, sessions, volatility.tolist(), funds)


def realised_volatility(close: Floats, window: int) -> Floats:
    """Annualised volatility sqrt(252 / window * sum of squared simple returns) per row; NaN before a whole window.

    Parameters
    ----------
    close : (n_sessions,) total-return closes, no NaN
    window : number of returns

    Example
    -------
    >>> float(round(realised_volatility(np.array([100.0, 110.0, 99.0]), 2)[-1] ** 2, 10))  # 252 / 2 * (0.01 + 0.01)
    2.52
    """
    result = np.full(len(close), np.nan)
    if len(close) <= window:
        return result
    squared = np.square(close[1:] / close[:-1] - 1.0)
    # Summed lag by lag, elementwise: a row's rounding then cannot depend on how many rows follow it.
    total = np.zeros(len(squared) - window + 1)
    for lag in range(window):
        total += squared[lag : lag + len(total)]
    result[window:] = np.sqrt(total * (SESSIONS_PER_YEAR / window))
    return result


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
    names = ["open", "high", "low", "close", "adj_close"]
    prices = versions[names].astype("float64")
    prices = prices.where((prices > 0) & np.isfinite(prices)).assign(event_date=versions["event_date"])
    return _first(prices[prices["close"].notna() & prices["adj_close"].notna()])


def _first(versions: pd.DataFrame) -> pd.DataFrame:
    """The version of each event that was published first, by event_date."""
    return versions.drop_duplicates("event_date").set_index("event_date").sort_index()


def _fund(frame: pd.DataFrame, sessions: pd.DatetimeIndex, atr_window: int) -> Fund:
    aligned = frame.reindex(sessions)
    raw_open, raw_close = aligned["open"].to_numpy(), aligned["close"].to_numpy()
    own_factor = frame["adj_close"].to_numpy() / frame["close"].to_numpy()
    factor = _last_known(frame.index, own_factor, sessions)
    whole = frame[["open", "high", "low"]].notna().all(axis=1).to_numpy()
    atr = _average_true_range(frame[whole], own_factor[whole], atr_window)
    return Fund(
        open=(raw_open * factor).tolist(),
        close=aligned["adj_close"].to_numpy().tolist(),
        raw_open=raw_open.tolist(),
        raw_close=raw_close.tolist(),
        factor=factor.tolist(),
        atr=_last_known(frame.index[whole], atr, sessions).tolist(),
    )


def _average_true_range(frame: pd.DataFrame, factor: Floats, window: int) -> Floats:
    import talib  # half a second of a start-up, and only decisions need it

    if len(frame) <= window:
        return np.full(len(frame), np.nan)
    high, low = frame["high"].to_numpy() * factor, frame["low"].to_numpy() * factor
    # In total-return units, so that an ex-dividend gap is no range; then back to the day's own units.
    return np.asarray(talib.ATR(high, low, frame["adj_close"].to_numpy(), timeperiod=window) / factor, dtype=np.float64)


def _last_known(index: pd.Index, values: Floats, sessions: pd.DatetimeIndex) -> Floats:
    if len(index) == 0:
        return np.full(len(sessions), np.nan)
    at = index.searchsorted(sessions, side="right") - 1
    return np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
