"""Prices, bill rates and costs as their definitions say, written again for the audit of an account.

Nothing here calls what the account itself is priced by (`decide.market`, `decide.daily_reset`, `decide.instruments`): a
mistake there must not hide itself. All of it is in total-return units, with the opens of the day beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.decide.daily_reset import ResetFund
from bullbear.sessions import between, closes

PRICES = ["open", "high", "low", "close", "adj_close"]
BILL, STALE = "DGS3MO", pd.Timedelta(days=31)
START = 100.0
_DECIMALS = 8  # of a quotient of two prices of one bar, as an account rounds it
_VOLUME_WINDOW = 21


@dataclass(frozen=True)
class PlainPrices:
    """The bars of one ticker by session: `open`, `high`, `low`, `close` in total-return units, NaN where unknown.

    `shown` is the open and `unit` the price of a total-return unit in prices of the day; `dollars` what was traded.
    """

    table: pd.DataFrame
    modelled_before: pd.Timestamp | None = None

    @cached_property
    def rows(self) -> Mapping[pd.Timestamp, Mapping[str, float]]:
        """The bars as plain numbers; a session without a bar is not there."""
        records: list[dict[str, float]] = self.table.to_dict("records")  # type: ignore[assignment]
        return dict(zip(self.table.index, records, strict=True))

    def price(self, session: pd.Timestamp, name: str) -> float:
        """A number of a session's bar; NaN without one."""
        bar = self.rows.get(session)
        return float("nan") if bar is None else bar[name]

    @cached_property
    def usual_dollars(self) -> pd.Series:
        """Median of the dollars of the 21 sessions before each."""
        return self.table["dollars"].rolling(_VOLUME_WINDOW, min_periods=1).median().shift(1)


def plain_prices(view: View, ticker: str, sessions: pd.DatetimeIndex | None = None) -> PlainPrices:
    """The first version of each bar that was known by its own close.

    Parameters
    ----------
    sessions
        Those of the market; None for the ticker's own.
    """
    versions = view.versions("bars", ticker)
    days = pd.DatetimeIndex(versions["event_date"])
    known_by = pd.Series(closes(between(days.min(), days.max())), between(days.min(), days.max()))
    known_by = known_by[~known_by.index.duplicated()].reindex(days)
    numbers = versions[[*PRICES, "volume"]].astype("float64")
    numbers = numbers.where(np.isfinite(numbers) & (numbers > 0.0))
    there = numbers["close"].notna() & numbers["adj_close"].notna()
    there &= known_by.notna().to_numpy() & (versions["known_at"].to_numpy() <= known_by.to_numpy())
    first = numbers.set_index(days)[there.to_numpy()]
    first = first[~first.index.duplicated(keep="first")].sort_index()
    if sessions is not None:
        first = first.reindex(sessions)
    return PlainPrices(_in_total_return_units(first))


def _in_total_return_units(bars: pd.DataFrame) -> pd.DataFrame:
    level = bars["adj_close"]
    found = {name: level * (bars[name] / bars["close"]).round(_DECIMALS) for name in ("open", "high", "low")}
    return pd.DataFrame(
        {
            **found,
            "close": level,
            "shown": bars["open"],
            "unit": (bars["close"] / level).ffill(),
            "dollars": (bars["volume"] * bars["close"]).round(),
        }
    )


def bill_rates(view: View, sessions: pd.DatetimeIndex) -> pd.Series:
    """The newest bill yield known at each close, a fraction a year; 0 where it is over 31 days old or unknown."""
    rates = dict.fromkeys(sessions, 0.0)
    if not view.has("observations", BILL):
        return pd.Series(rates)
    versions = view.versions("observations", BILL).dropna(subset=["value"])
    versions = versions.drop_duplicates("event_date").sort_values(["known_at", "event_date"], kind="stable")
    described, value, place = None, 0.0, 0
    events, known = list(versions["event_date"]), list(versions["known_at"])
    values = versions["value"].to_numpy(np.float64)
    for session, at in zip(sessions, closes(sessions), strict=True):
        while place < len(events) and known[place] <= at:
            if described is None or events[place] >= described:
                described, value = events[place], values[place] / 100.0
            place += 1
        if described is not None and at.tz_localize(None) - described <= STALE:
            rates[session] = value
    return pd.Series(rates)


def with_model(
    fund: ResetFund, own: PlainPrices | None, index: PlainPrices, sessions: pd.DatetimeIndex, rates: pd.Series
) -> PlainPrices:
    """The bars of a fund, and before the first of them the prices of its daily reset; see `decide.daily_reset`.

    r = L R + (1 - L) f d/365 - (s k + fee) d/365 over d days, from the last close of the index.
    """
    borrowed = -fund.multiple if fund.multiple < 0.0 else max(fund.multiple - 1.0, 0.0)
    rows: dict[pd.Timestamp, dict[str, float]] = {}
    last, level = None, START
    real = pd.DatetimeIndex([]) if own is None else own.table.index[own.table["close"].notna()]
    for session in sessions:
        bar = index.rows[session]
        if bar["close"] != bar["close"]:
            continue
        if last is None:
            rows[session] = dict.fromkeys(("open", "high", "low", "close"), START)
        else:
            days = (session - last).days / 365.0
            carry = (1.0 - fund.multiple) * rates[last] * days
            carry -= (fund.financing_spread * borrowed + fund.expense_ratio) * days
            before = index.rows[last]["close"]
            name_of_high, name_of_low = ("high", "low") if fund.multiple >= 0.0 else ("low", "high")
            names = {"open": "open", "high": name_of_high, "low": name_of_low, "close": "close"}
            rows[session] = {
                own_name: level * max(1.0 + fund.multiple * (bar[name] / before - 1.0) + carry, 0.0)
                if bar[name] == bar[name]
                else float("nan")
                for own_name, name in names.items()
            }
            level = rows[session]["close"]
        last = session
    made = pd.DataFrame.from_dict(rows, orient="index").reindex(sessions)
    made = made.assign(shown=made["open"], unit=1.0, dollars=np.nan)
    for name in ("open", "high", "low"):
        ratio = (made[name] / made["close"]).round(_DECIMALS)
        made[name] = (made["close"] * ratio).where(made["close"] > 0.0, made["close"])
    if own is None or not len(real):
        return PlainPrices(made, sessions[-1] + pd.Timedelta(days=1))
    first = real[0]
    priced = made["close"][:first].dropna()
    if priced.empty or priced.index[0] == first:
        return own
    scale = priced.iloc[-1] / own.table["close"][first]
    later = own.table[first:].copy()
    later[["open", "high", "low", "close"]] *= scale
    later["unit"] /= scale
    return PlainPrices(pd.concat([made[made.index < first], later]), first)
