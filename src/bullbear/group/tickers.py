"""Which company a ticker meant on a day, as it was known at an instant: renames, and tickers used a second time.

A company is named by its first ticker, with `.2`, `.3` where another had used that before. Where no listing speaks of a
ticker, and none of the company of that name, the two are the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear.data.cached_method import cached_method

DELISTED = "delisted"


class Listings:
    """Rows of `CompanyView.listings`, every version of them.

    Parameters
    ----------
    rows
        company, event_date (the first day for which the row holds), known_at, ticker, name, sector, status.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        rows = rows.reset_index() if "event_date" not in rows.columns else rows
        rows = rows.sort_values(["company", "event_date", "known_at"], kind="stable", ignore_index=True)
        self.event_date = pd.DatetimeIndex(rows["event_date"]).as_unit("us").asi8
        self.known_at = pd.DatetimeIndex(rows["known_at"]).as_unit("us").asi8
        self._company = rows["company"].to_numpy(object)
        self._ticker = np.array([plain(ticker) for ticker in rows["ticker"].astype(str)], dtype=object)
        self._delisted = rows["status"].eq(DELISTED).to_numpy()
        self._described = rows[["name", "sector"]].astype("str").to_numpy(object)
        self.cache: dict[object, object] = {}

    def changes(self, start: int, stop: int, day: int) -> np.ndarray:
        """The instants after `start` and before `stop` at which something about a day became known; microseconds."""
        inside = (self.known_at > start) & (self.known_at < stop) & (self.event_date <= day)
        return np.unique(self.known_at[inside])

    @cached_method
    def called(self, day: int, instant: int) -> dict[str, str]:
        """The companies by their tickers of that day, as known at the instant."""
        last = self._in_force(day, instant)
        found: dict[str, str] = {}
        for row in last[np.argsort(self.event_date[last], kind="stable")]:  # who took it last has it
            if not self._delisted[row]:
                found[self._ticker[row]] = self._company[row]
        return found

    @cached_method
    def described(self, day: int, instant: int) -> dict[str, tuple[str, str]]:
        """Name and sector of each company on that day, as known at the instant."""
        last = self._in_force(day, instant)
        return {self._company[row]: (str(self._described[row][0]), str(self._described[row][1])) for row in last}

    def companies_of(self, tickers: Sequence[str], day: int, instant: int) -> list[str | None]:
        """The company of each ticker; None where it was that of a company which was called otherwise, or gone."""
        called, spoken_of = self.called(day, instant), self.described(day, instant)
        found: list[str | None] = []
        for ticker in tickers:
            company = called.get(plain(ticker))
            if company is None and ticker not in spoken_of:
                company = ticker
            found.append(company)
        return found

    def _in_force(self, day: int, instant: int) -> np.ndarray:
        """The row of each company that held on the day."""
        rows = np.flatnonzero((self.event_date <= day) & (self.known_at <= instant))
        company = self._company[rows]
        return rows[np.append(company[1:] != company[:-1], True)] if len(rows) else rows


def plain(ticker: str) -> str:
    """A ticker without what providers write differently: BRK.B, BRK-B and BRKB are one.

    Example
    -------
    >>> plain("BRK.B"), plain("BRK/B"), plain("brkb")
    ('BRKB', 'BRKB', 'BRKB')
    """
    return "".join(sign for sign in ticker.upper() if sign.isalnum())
