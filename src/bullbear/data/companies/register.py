"""The register of companies: what each was called and whether it was listed, row by row, as rows of kind `listings`.

A row holds from its day until that of the next. Of several rows of one day the one known last holds.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, replace

import pandas as pd

from bullbear.data.companies.kinds import LISTED
from bullbear.data.companies.names import plain

_COLUMNS = ["company", "event_date", "known_at", "ticker", "name", "cik", "exchange", "sector", "status"]


@dataclass(frozen=True)
class Listing:
    """What holds of a company from the day `since` on, and when that was known; the ticker without marks."""

    company: str
    since: pd.Timestamp
    known_at: pd.Timestamp
    ticker: str
    name: str = ""
    cik: str = ""
    exchange: str = ""
    sector: str = ""
    status: str = LISTED


@dataclass
class Register:
    """All listings, by company in order of time; rows added since are in `added`, remarks for the user in `notes`."""

    rows: dict[str, list[Listing]] = field(default_factory=dict)
    added: list[Listing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _users: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, listings: pd.DataFrame) -> Register:
        """From every version of the stored listings: columns as in the store, `company` among them."""
        found = cls()
        if len(listings):
            frame = listings.sort_values(["event_date", "known_at"], kind="stable")
            texts = {name: frame[name].astype("str").replace("nan", "") for name in (*_COLUMNS[3:], "company")}
            frame = frame.assign(**texts | {"ticker": texts["ticker"].map(plain)})
            for values in frame[_COLUMNS].itertuples(index=False, name=None):
                found._keep(Listing(*values))
        return found

    def add(self, row: Listing) -> None:
        """Add a row, unless it says what holds already."""
        held = self.at(row.company, row.since)
        if held is not None and replace(held, since=row.since, known_at=row.known_at) == row:
            return
        same = [other.known_at for other in self.rows.get(row.company, ()) if other.since == row.since]
        if same and row.known_at <= max(same):
            row = replace(row, known_at=max(same) + pd.Timedelta(1, "us"))
        self.added.append(row)
        self._keep(row)
        self.rows[row.company].sort(key=lambda each: (each.since, each.known_at))

    def at(self, company: str, day: pd.Timestamp) -> Listing | None:
        """What holds of a company on a day."""
        return next((row for row in reversed(self.rows.get(company, ())) if row.since <= day), None)

    def current(self) -> dict[str, Listing]:
        """The last row of each company that is listed."""
        return {company: rows[-1] for company, rows in self.rows.items() if rows[-1].status == LISTED}

    def holders(self, day: pd.Timestamp) -> dict[str, Listing]:
        """Who has which ticker on a day; of two the one that took it last."""
        held = (self.at(company, day) for company in self.rows)
        live = sorted((row for row in held if row and row.status == LISTED), key=lambda row: row.since)
        return {row.ticker: row for row in live}

    def new_id(self, ticker: str) -> str:
        """The id of a new company of that ticker."""
        found, number = ticker, 1
        while found in self._taken:
            number += 1
            found = f"{ticker}.{number}"
        return found

    def users(self, ticker: str) -> frozenset[str]:
        """The companies that ever had a ticker."""
        return frozenset(self._users.get(ticker, ()))

    def taken(self) -> dict[str, pd.DataFrame]:
        """The rows added, as frames to be stored; they count as stored from then on."""
        frame = self.frame()
        self.added.clear()
        return {"listings": frame} if len(frame) else {}

    def frame(self) -> pd.DataFrame:
        """The rows added, to be stored."""
        frame = pd.DataFrame([astuple(row) for row in self.added], columns=_COLUMNS)
        return frame.astype({"event_date": "datetime64[us]", "known_at": "datetime64[us, UTC]"})

    def _keep(self, row: Listing) -> None:
        self.rows.setdefault(row.company, []).append(row)
        self._taken |= {row.company, row.ticker}
        self._users.setdefault(row.ticker, set()).add(row.company)
