"""What a group of assets did, session by session: the growth of a dollar overnight and within the session.

Both include splits and dividends, so that an account can trade at the open and be valued at the close. A session
without a bar has no growth; the growth over a gap belongs to the night before the next bar. An asset that never trades
again keeps its last price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.companies.panel import Panel, panel_from

Array = np.ndarray[Any, np.dtype[np.float64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]
Rows = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True)
class CrossSection:
    """Arrays of shape (n_sessions, n_assets).

    `overnight` is the growth from the last close to the open, `intraday` from the open to the close; both 1 without a
    bar. `traded` says where there is a bar; `dollars` is the value traded, NaN where unknown.
    """

    sessions: pd.DatetimeIndex
    assets: tuple[str, ...]
    overnight: Array
    intraday: Array
    traded: BoolArray
    dollars: Array

    @cached_property
    def growth(self) -> Array:
        """From close to close."""
        return np.asarray(self.overnight * self.intraday)

    @cached_property
    def level(self) -> Array:
        """A dollar invested in the first session, at each close: only ratios have a meaning."""
        return np.asarray(np.cumprod(self.growth, axis=0))

    @cached_property
    def bars_so_far(self) -> Array:
        """Number of bars up to each session."""
        return np.asarray(np.cumsum(self.traded, axis=0, dtype=np.float64))


def cross_section(
    sessions: pd.DatetimeIndex, assets: tuple[str, ...], opens: Array, closes: Array, held: Array, dollars: Array
) -> CrossSection:
    """From prices as traded.

    Parameters
    ----------
    opens, closes
        NaN where there is no bar.
    held
        What the owner of a share at the close before owns at the open, in shares of the session, dividends reinvested
        at the open included: 1 where there is neither a split nor a dividend.
    """
    traded = np.isfinite(opens) & np.isfinite(closes) & (opens > 0.0) & (closes > 0.0)
    rows = np.arange(len(sessions))[:, None]
    latest = np.maximum.accumulate(np.where(traded, rows, -1), axis=0)
    before = np.vstack([np.full((1, len(assets)), -1), latest[:-1]])
    columns = np.broadcast_to(np.arange(len(assets)), before.shape)
    priced = traded & (before >= 0)
    last = np.where(priced, closes[np.maximum(before, 0), columns], np.nan)
    # Splits and dividends in a gap count, too.
    shares = np.cumprod(held, axis=0)
    since = shares / np.where(before >= 0, shares[np.maximum(before, 0), columns], 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        overnight = np.where(priced, opens * since / last, 1.0)
        intraday = np.where(traded, closes / opens, 1.0)
    return CrossSection(sessions, assets, overnight, intraday, traded, np.where(traded, dollars, np.nan))


def of_panel(panel: Panel) -> CrossSection:
    """The companies of a panel, misprints already removed (`fills.with_fills`).

    A dividend is reinvested at the open of its ex-date, so that a share becomes `1 + dividend / open`; without a bar on
    that day, at the last close.
    """
    opens, closes = panel.open, panel.close
    split = np.nan_to_num(panel.split, nan=1.0)
    paid = np.nan_to_num(panel.dividend)
    reinvested = np.zeros(opens.shape)
    for row, column in np.argwhere(paid > 0.0).tolist():
        price = opens[row, column]
        if not np.isfinite(price):
            earlier = closes[:row, column]
            earlier = earlier[np.isfinite(earlier)]
            price = earlier[-1] if len(earlier) else np.nan
        if price > 0.0:
            reinvested[row, column] = paid[row, column] / price
    held = split * (1.0 + reinvested)
    return cross_section(panel.sessions, panel.companies, opens, closes, held, closes * panel.volume)


def funds_panel(bars: Mapping[str, pd.DataFrame]) -> Panel:
    """Funds as a panel, from their bars by session (open, close, adj_close, volume), since the last of them began.

    Prices are those with dividends reinvested, so their levels have no meaning; volumes keep the dollars traded right.
    The sessions are those of the exchange: a fund without a bar on one of them has none there.
    """
    first = max(frame.index[0] for frame in bars.values())
    last = max(frame.index[-1] for frame in bars.values())
    days = exchange.between(first, last)

    def table(name: str) -> Array:
        return np.column_stack([frame[name].reindex(days).to_numpy(dtype=float) for frame in bars.values()])

    closes, adjusted = table("close"), table("adj_close")
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = adjusted / closes
        volume = table("volume") / scale
    return panel_from(
        adjusted, companies=list(bars), sessions=days, open=table("open") * scale, volume=volume, restated=True
    )


def group_growth(section: CrossSection) -> Array:
    """The mean growth of each session, a fraction, over the assets that traded in it; shape (n_sessions,)."""
    count = section.traded.sum(axis=1)
    total = np.where(section.traded, section.growth - 1.0, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def decisions(sessions: pd.DatetimeIndex, rebalance: str) -> Rows:
    """Rows of the sessions that end a week or a month, by the calendar of the exchange: known on the day.

    Example
    -------
    >>> days = exchange.between("2019-11-25", "2019-12-05")
    >>> [str(days[row].date()) for row in decisions(days, "month")]
    ['2019-11-29']
    """
    if not len(sessions):
        return np.empty(0, dtype=np.intp)
    period = "W" if rebalance == "week" else "M"
    of = pd.DatetimeIndex([*sessions, exchange.offset(sessions[-1], 1)]).to_period(period)
    return np.flatnonzero(of[:-1] != of[1:])
