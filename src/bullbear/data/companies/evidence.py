"""What speaks of companies: the lists of holdings of funds, and the SEC's list of today's tickers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bullbear.data.companies.names import is_share, plain
from bullbear.data.providers.edgar import Entry


@dataclass(frozen=True)
class Member:
    """A company's line in a list of holdings, its ticker without marks."""

    ticker: str
    name: str
    sector: str


@dataclass(frozen=True)
class MemberList:
    """The companies that the funds hold on a day, each once, and when that was known."""

    day: pd.Timestamp
    known_at: pd.Timestamp
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Directory:
    """The SEC's tickers of today, without marks, and their numbers."""

    by_ticker: Mapping[str, Entry]
    by_cik: Mapping[str, tuple[str, ...]]
    spelled: frozenset[str]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Directory:
        """From the SEC's list."""
        by_cik: dict[str, list[str]] = {}
        for entry in entries:
            by_cik.setdefault(entry.cik, []).append(plain(entry.ticker))
        return cls(
            {plain(entry.ticker): entry for entry in reversed(entries)},
            {cik: tuple(tickers) for cik, tickers in by_cik.items()},
            frozenset(entry.ticker for entry in entries),
        )

    def cik(self, ticker: str) -> str:
        """The number of a ticker; empty where the SEC has none."""
        return self.by_ticker[ticker].cik if ticker in self.by_ticker else ""


NO_DIRECTORY = Directory({}, {}, frozenset())
"""Where the SEC was not asked."""


def member_lists(holdings: Iterable[pd.DataFrame]) -> list[MemberList]:
    """The funds' lists in order of their days, those of one day as one; a list in its first version.

    Parameters
    ----------
    holdings
        Of each fund every version of its lists: event_date, known_at, ticker, name, sector.
    """
    found: dict[pd.Timestamp, list[pd.DataFrame]] = {}
    for rows in holdings:
        for day, lines in rows.groupby("event_date"):
            found.setdefault(pd.Timestamp(str(day)), []).append(lines[lines["known_at"] == lines["known_at"].min()])
    return [_list_of(day, pd.concat(found[day])) for day in sorted(found)]


def _list_of(day: pd.Timestamp, lines: pd.DataFrame) -> MemberList:
    members: dict[str, Member] = {}
    for ticker, name, sector in lines[["ticker", "name", "sector"]].astype("str").itertuples(index=False):
        if is_share(ticker, sector):
            found = Member(plain(ticker), *("" if text in ("nan", "-") else text for text in (name, sector)))
            members.setdefault(found.ticker, found)
    return MemberList(day.as_unit("us"), lines["known_at"].max(), tuple(members.values()))
