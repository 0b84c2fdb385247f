"""Cleaning the dividends and splits that a provider lists.

A dividend or split on a day without a session moves to the next session; several on one session are combined. An
impossible one (negative dividend, split of 1:0) is left out with a note; zero and 1:1, with which providers fill days
without an action, without one. A dividend not below the price before it, or a large one after which the price did not
fall, is quarantined: it would be a return that nobody earned.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data import publication
from bullbear.data.adjusting import split_factor

LARGE = 0.25
"""Share of the price above which a dividend must show as a fall on its ex-date."""


def listed_splits(ticker: str, frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Columns event_date, ratio; from the columns event_date and split of raw bars."""
    listed = _listed(frame, "split", 1.0)
    ratios = listed["split"].to_numpy()
    listed = _without(ticker, listed, ~(np.isfinite(ratios) & (ratios > 0)), "split", notes)
    listed = on_sessions(ticker, listed, "split", notes)
    return listed.groupby("event_date")[["split"]].prod().reset_index().rename(columns={"split": "ratio"})


def listed_dividends(ticker: str, frame: pd.DataFrame, splits: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Columns event_date, amount in dollars per share of that day; from the columns event_date and dividend."""
    listed = _listed(frame, "dividend", 0.0)
    amounts = listed["dividend"].to_numpy()
    listed = _without(ticker, listed, ~(np.isfinite(amounts) & (amounts > 0)), "dividend", notes)
    booked = on_sessions(ticker, listed, "dividend", notes)
    # A split between the ex-date and the next session changes the amount per share.
    moved = split_factor(splits, listed["event_date"]) / split_factor(splits, booked["event_date"])
    booked = booked.assign(amount=booked["dividend"].to_numpy() / moved)
    return booked.groupby("event_date")[["amount"]].sum().reset_index()


def booked(days: pd.Series) -> pd.Series:
    """Each day, or the next session where the exchange is closed on it."""
    if days.empty:
        return days
    table = publication.clock(days.min()).index.to_numpy()
    places = np.minimum(table.searchsorted(days.to_numpy()), len(table) - 1)
    return pd.Series(table[places].astype("datetime64[us]"), index=days.index)


def not_below_price(dividends: pd.DataFrame, bars: pd.DataFrame, splits: pd.DataFrame) -> np.ndarray:
    """Which dividends reach the last close before them, on the same shares; (n_dividends,).

    Parameters
    ----------
    dividends:
        Columns event_date, amount.
    bars:
        Columns event_date (ascending), close, unadjusted.
    """
    reaches: np.ndarray = dividends["amount"].to_numpy() >= _price_before(dividends, bars, splits)
    return reaches


def without_price_drop(dividends: pd.DataFrame, bars: pd.DataFrame, splits: pd.DataFrame) -> np.ndarray:
    """Which dividends above a quarter of the price saw it fall by less than half their amount; (n_dividends,).

    None where the price of the ex-date is unknown. Parameters as in `not_below_price`.
    """
    amounts, before = dividends["amount"].to_numpy(), _price_before(dividends, bars, splits)
    after = bars.drop_duplicates("event_date", keep="last").set_index("event_date")["close"]
    ex = after.reindex(pd.DatetimeIndex(dividends["event_date"])).to_numpy()
    doubtful: np.ndarray = (amounts > LARGE * before) & (ex > before - amounts / 2.0)
    return doubtful


def _price_before(dividends: pd.DataFrame, bars: pd.DataFrame, splits: pd.DataFrame) -> np.ndarray:
    """The last close before each ex-date, on that day's shares; infinite where there is none."""
    known = bars[bars["close"].notna()]
    days, close = known["event_date"].to_numpy(), known["close"].to_numpy()
    places = np.searchsorted(days, dividends["event_date"].to_numpy()) - 1
    found = places >= 0
    before = np.full(len(dividends), np.inf)
    last = known["event_date"].iloc[places[found]]
    between = split_factor(splits, last) / split_factor(splits, dividends["event_date"][found])
    before[found] = close[places[found]] / between
    return before


def _listed(frame: pd.DataFrame, column: str, neutral: float) -> pd.DataFrame:
    listed = frame[frame[column].notna() & (frame[column] != neutral)]
    return listed[["event_date", column]].reset_index(drop=True)


def _without(ticker: str, listed: pd.DataFrame, odd: np.ndarray, name: str, notes: list[str]) -> pd.DataFrame:
    for day, value in listed[odd].itertuples(index=False):
        notes.append(f"{ticker}: {name} {value:g} of {day.date()} left out, a {name} is a positive number")
    kept: pd.DataFrame = listed[~odd].reset_index(drop=True)
    return kept


def on_sessions(ticker: str, listed: pd.DataFrame, name: str, notes: list[str]) -> pd.DataFrame:
    """`listed` with each day on which the exchange is closed replaced by the next session, noted."""
    days = booked(listed["event_date"])
    for place in np.flatnonzero((days != listed["event_date"]).to_numpy()).tolist():
        own, session = listed["event_date"].iloc[place].date(), days.iloc[place].date()
        value = listed[name].iloc[place]
        notes.append(f"{ticker}: {name} {value:g} of {own}, no session, is booked on {session}")
    return listed.assign(event_date=days)
