"""Who belongs to a group at a session's close, by what was known then: never today's members in the past.

A fund's list of holdings counts from the instant at which it became known until a newer one is known, and no longer
than `MAX_AGE_DAYS` after its own day: then membership is unknown, which is not the same as empty. Its tickers mean the
companies that were called so on the list's day. A list from `groups.toml` was fixed on one day; before that day it
knows who survived, and `survivorship` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear import sessions as exchange
from bullbear.data.cached_method import cached_method
from bullbear.data.view import View
from bullbear.definitions.groups import Group, is_company
from bullbear.errors import DefinitionError, InputError
from bullbear.group.tickers import Listings

MAX_AGE_DAYS = 100
"""A list a quarter, and a little patience."""

_DAY = 86_400_000_000
_NEVER = np.iinfo(np.int64).max
_COLUMNS = ["ticker", "name", "sector", "weight"]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Members:
    """The members of a group at one instant; the tuples and `weights` go together, in the order of the list.

    Attributes
    ----------
    day
        The day that the list describes.
    known_at
        When it became known; None for a list of `groups.toml`.
    companies
        As the store names them; each once.
    tickers, names, sectors
        As the list calls them, else as the listings do; empty where neither says.
    weights
        Share of each in the members' total weight, NaN where the list has none; shape (n,).
    unresolved
        Tickers on the list that no company had on its day, as far as was known.
    """

    day: pd.Timestamp
    known_at: pd.Timestamp | None
    companies: tuple[str, ...]
    tickers: tuple[str, ...]
    names: tuple[str, ...]
    sectors: tuple[str, ...]
    weights: NDArray[np.float64]
    unresolved: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.companies)


@dataclass(frozen=True)
class _List:
    """One list in one version, `rows` at `places`; no newer one was known from `known_at` to `stop` (microseconds)."""

    day: int
    known_at: int
    stop: int
    rows: pd.DataFrame
    places: NDArray[np.intp]

    @cached_property
    def lines(self) -> pd.DataFrame:
        """The lines that are companies; worked out when they are asked for, since most figures need one list."""
        return _companies(self.rows[_COLUMNS].iloc[self.places])


class Universe:
    """The members of a group over time; see `universe_of`.

    Parameters
    ----------
    name
        As in `groups.toml`.
    holdings
        Every version of a fund's lists, as `view.versions("holdings", fund)` serves them: event_date, known_at, ticker,
        name, sector, weight.
    listings
        Every version of the listings.
    fund
        The fund whose lists they are; None for a fixed list.
    fixed_on
        The day of a list that was fixed; `holdings` then has that list alone, and its known_at is not read.
    """

    def __init__(
        self,
        name: str,
        holdings: pd.DataFrame,
        listings: Listings,
        *,
        fund: str | None = None,
        fixed_on: pd.Timestamp | None = None,
    ) -> None:
        self.name, self.fund, self.fixed_on = name, fund, fixed_on
        self._listings = listings
        self.cache: dict[object, Any] = {}
        fixed = fixed_on is not None
        self._lists = _fixed(holdings, fixed_on) if fixed_on is not None else _dated(holdings)
        self._pieces = [piece for each in self._lists for piece in self._cut(each)]
        self._starts = np.array([start for start, _ in self._pieces], dtype=np.int64)
        self._max_age = _NEVER if fixed else MAX_AGE_DAYS * _DAY

    @property
    def survivorship(self) -> str | None:
        """What must be said of figures about the past; None for dated holdings."""
        return None if self.fixed_on is None else f"membership fixed on {self.fixed_on.date()}: survivorship"

    def at(self, instant: pd.Timestamp) -> Members | None:
        """The members as known at an instant; None where no list was known, or too old a one."""
        moment = _microseconds(instant)
        piece = self._piece_at(np.array([moment]))[0]
        return None if piece < 0 else self._members(int(piece))

    def mask(
        self, sessions: pd.DatetimeIndex, companies: tuple[str, ...], *, point_in_time: bool = False
    ) -> tuple[BoolArray, BoolArray]:
        """Whether membership was known at each session's close, and which companies were members.

        Parameters
        ----------
        sessions, companies
            Of the rows and columns; shapes (n,) and (m,).
        point_in_time
            Count the time before a fixed list's day as unknown, as figures must that are used as evidence.

        Returns
        -------
        known
            Shape (n,).
        member
            Shape (n, m); False where membership is unknown.
        """
        closes = exchange.closes(pd.DatetimeIndex(sessions)).as_unit("us").asi8
        pieces = self._piece_at(closes)
        if point_in_time and self.fixed_on is not None:
            pieces = np.where(closes >= _microseconds(self.fixed_on.tz_localize("UTC")), pieces, -1)
        known = pieces >= 0
        member = np.zeros((len(closes), len(companies)), dtype=bool)
        for piece in np.unique(pieces[known]):
            inside = set(self._members(int(piece)).companies)
            member[pieces == piece] = [company in inside for company in companies]
        return known, member

    def weights(self, sessions: pd.DatetimeIndex, companies: tuple[str, ...]) -> NDArray[np.float64]:
        """The weight of each member on the list known at each session's close, NaN for all others; shape (n, m)."""
        pieces = self._piece_at(exchange.closes(pd.DatetimeIndex(sessions)).as_unit("us").asi8)
        found = np.full((len(pieces), len(companies)), np.nan)
        for piece in np.unique(pieces[pieces >= 0]):
            members = self._members(int(piece))
            weight = dict(zip(members.companies, members.weights, strict=True))
            found[pieces == piece] = [weight.get(company, np.nan) for company in companies]
        return found

    def companies(self) -> tuple[str, ...]:
        """Every company that was ever a member, sorted."""
        return tuple(
            sorted({company for piece in range(len(self._pieces)) for company in self._members(piece).companies})
        )

    @property
    def first_known_at(self) -> pd.Timestamp | None:
        """When the first list became known; None where there is none, or one that was fixed."""
        if not self._lists or self.fixed_on is not None:
            return None
        return pd.Timestamp(self._lists[0].known_at, unit="us", tz="UTC").as_unit("us")

    def _piece_at(self, instants: np.ndarray) -> np.ndarray:
        """The piece in force at each instant; -1 where there is none, or its list is too old."""
        place = np.searchsorted(self._starts, instants, side="right") - 1
        days = np.array([each.day for _, each in self._pieces] or [0], dtype=np.int64)
        age = instants - days[np.maximum(place, 0)]
        return np.where((place >= 0) & (age <= self._max_age), place, -1)

    def _cut(self, of: _List) -> list[tuple[int, _List]]:
        """The starts of the stretches within which nothing new was known of the companies' names on the list's day."""
        changes = self._listings.changes(of.known_at, of.stop, of.day)
        return [(of.known_at, of), *((int(start), of) for start in changes)]

    @cached_method
    def _members(self, piece: int) -> Members:
        start, of = self._pieces[piece]
        lines = of.lines
        tickers = [str(ticker) for ticker in lines["ticker"]]
        found = self._listings.companies_of(tickers, of.day, start)
        described = self._listings.described(of.day, start)
        rows: dict[str, int] = {}
        weights = lines["weight"].to_numpy(np.float64)
        total: dict[str, float] = {}
        for row, company in enumerate(found):
            if company is not None:
                rows.setdefault(company, row)
                total[company] = total.get(company, 0.0) + weights[row]
        names, sectors = (lines[name].astype("str").to_numpy() for name in ("name", "sector"))
        listed = [described.get(company, ("", "")) for company in rows]
        share = np.array(list(total.values()), dtype=np.float64)
        sum_of_all = np.nansum(share)
        known_at = None if self.fixed_on is not None else pd.Timestamp(of.known_at, unit="us", tz="UTC").as_unit("us")
        return Members(
            day=pd.Timestamp(of.day, unit="us").as_unit("us"),
            known_at=known_at,
            companies=tuple(rows),
            tickers=tuple(tickers[row] for row in rows.values()),
            names=tuple(_said(names[row], said[0]) for row, said in zip(rows.values(), listed, strict=True)),
            sectors=tuple(_said(sectors[row], said[1]) for row, said in zip(rows.values(), listed, strict=True)),
            weights=share / sum_of_all if sum_of_all > 0.0 else np.full(len(share), np.nan),
            unresolved=tuple(ticker for ticker, company in zip(tickers, found, strict=True) if company is None),
        )


def universe_of(view: View, name: str, groups: Mapping[str, Group]) -> Universe:
    """The universe of a group, from what a view knows.

    Parameters
    ----------
    groups
        Those of the home (`Home.groups`).

    Raises
    ------
    DefinitionError
        There is no group of that name.
    """
    if name not in groups:
        allowed = ", ".join(groups) or "a group of models/groups.toml"
        raise DefinitionError("group", name, allowed, "choose one, or add it to models/groups.toml")
    group = groups[name]
    listings = Listings(view.companies.listings(every_version=True))
    if group.fund is not None:
        return fund_universe(view, group.fund, name=name, listings=listings)
    if group.fixed_on is None:
        raise InputError("group", name, "a fund, or a list fixed on a day", "correct models/groups.toml")
    lines = pd.DataFrame([(line.ticker, line.name, line.sector, line.weight) for line in group.lines], columns=_COLUMNS)
    return Universe(name, lines, listings, fixed_on=exchange.day(group.fixed_on))


def fund_universe(view: View, fund: str, *, name: str | None = None, listings: Listings | None = None) -> Universe:
    """The universe of a fund's dated holdings; empty at all times where none are known."""
    if not view.has("holdings", fund):
        rows = pd.DataFrame(columns=["event_date", "known_at", *_COLUMNS])
    else:
        rows = view.versions("holdings", fund)
    known = Listings(view.companies.listings(every_version=True)) if listings is None else listings
    return Universe(name or fund, rows, known, fund=fund)


def _dated(rows: pd.DataFrame) -> list[_List]:
    """The lists that were ever the newest, in the order in which they became known."""
    if rows.empty:
        return []
    known_at = pd.DatetimeIndex(rows["known_at"]).as_unit("us").asi8
    days = pd.DatetimeIndex(rows["event_date"]).as_unit("us").asi8
    keys = np.unique(np.column_stack([known_at, days]), axis=0)
    # Of lists known at one instant, and of all known before, the one about the latest day counts.
    newest, latest = [], np.iinfo(np.int64).min
    for place, (known, day) in enumerate(keys):
        last_of_instant = place + 1 == len(keys) or keys[place + 1][0] != known
        latest = max(latest, day)
        if last_of_instant and day == latest:
            newest.append((int(known), int(day)))
    stops = [known for known, _ in newest[1:]] + [_NEVER]
    lists = []
    for (known, day), stop in zip(newest, stops, strict=True):
        lists.append(_List(day, known, stop, rows, np.flatnonzero((known_at == known) & (days == day))))
    return lists


def _fixed(rows: pd.DataFrame, fixed_on: pd.Timestamp) -> list[_List]:
    day = _microseconds(fixed_on.tz_localize("UTC"))
    return [_List(day, np.iinfo(np.int64).min, _NEVER, rows, np.arange(len(rows)))]


def _companies(rows: pd.DataFrame) -> pd.DataFrame:
    """The lines that are companies, in an order that does not depend on the store's."""
    lines = rows[_COLUMNS].sort_values(["ticker", "name"], kind="stable", ignore_index=True)
    kept = [
        is_company(str(ticker), str(sector)) for ticker, sector in zip(lines["ticker"], lines["sector"], strict=True)
    ]
    return lines[kept].reset_index(drop=True)


def _said(first: str, otherwise: str) -> str:
    """The first text that says something; the store writes missing texts as nan."""
    return next((text for text in (first, otherwise) if text not in ("", "nan", "-", "None")), "")


def _microseconds(instant: pd.Timestamp) -> int:
    return int(instant.tz_convert("UTC").as_unit("us").asm8.view(np.int64))
