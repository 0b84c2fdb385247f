"""What was known of all companies at an instant: the only gate to their data.

Bars come as a `Panel`, in the latest version known of each; facts come in every version, since a rating of the past
must use the values first filed. A panel reads the partitions of its years alone, one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bullbear import sessions as exchange
from bullbear.data.companies.clocks import session_closes
from bullbear.data.companies.crossing import panel_of
from bullbear.data.companies.kinds import COMPANY_KINDS, DELISTED
from bullbear.data.companies.panel import Panel
from bullbear.data.companies.reader import CompanyReader, Listed, known_by, microseconds
from bullbear.data.reader import EPOCH
from bullbear.errors import InputError, NoDataError

_DAY = "datetime64[us]"
_LATE: dict[str, Any] = {"company": object, "event_date": _DAY, "known_at": _DAY, "lacked": bool}


class CompanyView:
    """The rows of companies known at `instant` and stored by the limit of `reader`; None: all that is stored.

    Nothing that is appended later is served.
    """

    def __init__(self, reader: CompanyReader, instant: pd.Timestamp | None) -> None:
        self._reader, self._files = reader, reader.files()
        self.stored = reader.stored
        self._at = instant

    @property
    def files(self) -> Listed:
        """The segments that it reads."""
        return self._files

    @cached_property
    def instant(self) -> pd.Timestamp:
        """The last instant whose rows are served; of all that is stored, the latest known_at."""
        return (self._reader.last_known_at(self._files) or EPOCH) if self._at is None else self._at

    @property
    def is_empty(self) -> bool:
        """Whether nothing of companies was stored when the view was made, whatever its instant."""
        return not self._reader.has_rows(self._files)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All companies with a bar, sorted."""
        found: set[str] = set()
        for rows in self._known("bars", ["series", "known_at"]):
            found.update(rows.column("series").unique().to_pylist())
        return tuple(sorted(found))

    @cached_property
    def last_session(self) -> pd.Timestamp | None:
        """The last session with a bar; None if there are no bars."""
        return self._end(latest=True)

    @cached_property
    def first_session(self) -> pd.Timestamp | None:
        """The first session with a bar; None if there are no bars."""
        return self._end(latest=False)

    def panel(
        self,
        companies: Iterable[str] | None = None,
        *,
        first: str | pd.Timestamp | None = None,
        last: str | pd.Timestamp | None = None,
        on_time: bool = False,
    ) -> Panel:
        """The latest version known of each bar.

        Parameters
        ----------
        companies:
            The columns, sorted; one without a bar is NaN throughout. By default those with a bar on a session shown.
        first, last:
            Days; by default the first and last session with a bar. All sessions between them are rows.
        on_time:
            Leave out what became known after the close of its own session: corrections, and what came late. What is
            known later then changes no earlier session.

        Raises
        ------
        NoDataError
            A day was left out, and no bar of any company was known.
        """
        start = self._day(first, self.first_session if first is None else None)
        end = self._day(last, self.last_session if last is None else None)
        if start > end:
            raise InputError("panel", f"{start.date()} to {end.date()}", "a first day up to the last", "exchange them")
        sessions = exchange.between(start, min(end, exchange.day(self.instant)))
        asked = None if companies is None else _names(companies)
        return panel_of(self._reader, self._files, self.instant, sessions, asked, on_time=on_time)

    def facts(
        self,
        concepts: Iterable[str] | None = None,
        companies: Iterable[str] | None = None,
        *,
        since: str | pd.Timestamp | None = None,
    ) -> pd.DataFrame:
        """Every version known of what companies reported.

        Parameters
        ----------
        concepts, companies:
            By default all.
        since:
            Only periods and instants that end on this day or later; spares reading earlier years.

        Returns
        -------
        Columns company, concept, event_date (end of the period, or the instant), start_date (missing for an instant),
        known_at, value, unit, form; sorted by company, concept, event_date, known_at.
        """
        day = None if since is None else exchange.day(since)
        years = None if day is None else [year for year in self._reader.years(self._files, "facts") if year >= day.year]
        asked = None if companies is None else _names(companies)
        wanted = None if concepts is None else pa.array(_names(concepts), pa.string())
        parts = []
        for rows in self._known("facts", COMPANY_KINDS["facts"].columns, years, asked):
            kept = rows if wanted is None else rows.filter(pc.is_in(rows.column("concept"), wanted))
            if day is not None:
                kept = kept.filter(pc.greater_equal(kept.column("event_date"), pa.scalar(day, pa.timestamp("us"))))
            parts.append(kept)
        columns = ["company", "concept", "event_date", "start_date", "known_at", "value", "unit", "form"]
        return _framed("facts", parts, ["company", "concept", "event_date", "known_at", "start_date", "unit"])[columns]

    def bars_fingerprint(self, companies: Iterable[str], first: pd.Timestamp, last: pd.Timestamp) -> str:
        """A digest that changes if what `panel` serves of companies, from `first` to `last`, may have changed.

        Rows of which none was known at the instant do not change it, so that of the past it stays as it is.
        """
        asked, seal = _names(companies), hashlib.sha256()
        years = range(first.year, last.year + 1)
        seal.update(repr(self._reader.fingerprints(self._files, "bars", years, asked, self._at)).encode())
        for name, rows in self._events.items():
            # These lie together for all years, and one more is no reason to compute the others again.
            near = (rows["event_date"] > first - pd.Timedelta(days=15)) & (rows["event_date"] <= last)
            own = rows[(near & rows["company"].isin(asked)).to_numpy()]
            seal.update(f"{name} {len(own)} {own['company'].tolist()}".encode())
            for column in ("event_date", "known_at", "value"):
                seal.update(np.ascontiguousarray(own[column].to_numpy()).tobytes())
        return seal.hexdigest()

    def filings_fingerprint(self, companies: Iterable[str], since: pd.Timestamp) -> str:
        """As `bars_fingerprint`, of `facts` since a day and of all short interest."""
        asked = _names(companies)
        years = [year for year in self._reader.years(self._files, "facts") if year >= since.year]
        found = self._reader.fingerprints(self._files, "facts", years, asked, self._at)
        found += self._reader.fingerprints(self._files, "short_interest", None, asked, self._at)
        return hashlib.sha256(repr(found).encode()).hexdigest()

    def listings(self, *, every_version: bool = False) -> pd.DataFrame:
        """Under which ticker, name and sector a company was listed, in the latest version known of each row.

        Parameters
        ----------
        every_version:
            Give the versions that were corrected later, too: what was known at an earlier instant follows from them.

        Returns
        -------
        Columns company, event_date (the first day for which the row holds, until the company's next), known_at, ticker,
        name, cik, exchange, sector, status (`listed` or `delisted`); sorted by company and event_date.
        """
        if every_version:
            parts = list(self._known("listings", COMPANY_KINDS["listings"].columns))
            return _framed("listings", parts, ["company", "event_date", "known_at"])
        return self._listings.copy(deep=False)

    def short_interest(self, companies: Iterable[str] | None = None, *, versions: bool = False) -> pd.DataFrame:
        """The latest version known by company and settlement date (event_date), or every version.

        Returns
        -------
        Columns company, event_date, known_at, shares_short, avg_daily_volume, days_to_cover, shares_outstanding.
        """
        asked = None if companies is None else _names(companies)
        return self._versions("short_interest", asked) if versions else self._latest("short_interest", asked)

    def latest(self, kind: str, companies: Iterable[str] | None = None) -> pd.DataFrame:
        """The rows of a kind, in the latest version known of each company and event_date, sorted by these.

        Of bars `panel` gives the same as arrays.
        """
        return self._latest(kind, None if companies is None else _names(companies))

    def quarantine(self) -> pd.DataFrame:
        """Rows set aside as impossible: company, event_date, known_at, kind, reason, row (the source row as JSON)."""
        parts = list(self._known("quarantine", COMPANY_KINDS["quarantine"].columns))
        return _framed("quarantine", parts, ["company", "event_date", "known_at"])

    def rows_by_kind(self) -> dict[str, int]:
        """The number of rows stored of each kind, corrections among them, whatever the instant."""
        return {kind: self._reader.count(self._files, kind) for kind in COMPANY_KINDS}

    def company_of(self, ticker: str, day: str | pd.Timestamp) -> str | None:
        """The company that was listed under `ticker` on `day`, by what is known at the instant; None if none was.

        A company without a listing up to that day counts under its own name.
        """
        return self.companies_of([ticker], day)[0]

    def companies_of(self, tickers: Iterable[str], day: str | pd.Timestamp) -> list[str | None]:
        """`company_of` each of many tickers."""
        began = self._listings[(self._listings["event_date"] <= exchange.day(day)).to_numpy()]
        current = began.drop_duplicates("company", keep="last").sort_values("event_date", kind="stable")
        listed = current[(current["status"] != DELISTED).to_numpy()]
        named = dict(zip(listed["ticker"], listed["company"], strict=True))  # of two the one listed later
        unlisted = self._known_names - set(current["company"])
        return [named.get(each, each if each in unlisted else None) for each in tickers]

    def late(self, kinds: Collection[str] = ("bars", "splits", "dividends")) -> pd.DataFrame:
        """Which rows became known after the close of their session.

        Returns
        -------
        Columns company, event_date, known_at (naive, in UTC), and `lacked`: whether nothing of the kind was known of
        that company and session at the close.
        """
        parts: list[pd.DataFrame] = []
        for kind in kinds:
            for rows in self._known(kind, ["series", "event_date", "known_at"]):
                event, known = microseconds(rows, "event_date"), microseconds(rows, "known_at")
                late = known > session_closes(event.view("datetime64[us]"))[1]
                if late.any():
                    keys = pd.MultiIndex.from_arrays([rows.column("series").to_numpy().astype(object), event])
                    found = pd.DataFrame(list(keys[late]), columns=["company", "event_date"])
                    found["known_at"], found["lacked"] = known[late], ~keys[late].isin(keys[~late])
                    parts.append(found)
        if not parts:
            return pd.DataFrame({"company": [], "event_date": [], "known_at": [], "lacked": []}).astype(_LATE)
        return pd.concat(parts, ignore_index=True).astype(_LATE).drop_duplicates(ignore_index=True)

    def _day(self, asked: str | pd.Timestamp | None, otherwise: pd.Timestamp | None) -> pd.Timestamp:
        """A day that was asked for, or a session with a bar."""
        if asked is not None:
            return exchange.day(asked)
        if otherwise is None:
            raise NoDataError(
                "bars of companies",
                f"nothing known at {self.instant}",
                "a store with companies, at a day on which they had traded",
                "fetch or ingest them, or choose a later day",
            )
        return otherwise

    @cached_property
    def _events(self) -> dict[str, pd.DataFrame]:
        """Every version known of splits and dividends: company, event_date, known_at (microseconds), value."""
        found = {}
        for kind, value in (("splits", "ratio"), ("dividends", "amount")):
            rows = self._versions(kind, None).rename(columns={value: "value"})
            found[kind] = rows.assign(known_at=pd.DatetimeIndex(rows["known_at"]).as_unit("us").asi8)
        return found

    @cached_property
    def _listings(self) -> pd.DataFrame:
        return self._latest("listings", None)

    @cached_property
    def _known_names(self) -> frozenset[str]:
        return frozenset(self.names)

    def _latest(self, kind: str, companies: list[str] | None) -> pd.DataFrame:
        rows = self._versions(kind, companies)
        return rows.drop_duplicates(["company", "event_date"], keep="last", ignore_index=True)

    def _versions(self, kind: str, companies: list[str] | None) -> pd.DataFrame:
        parts = list(self._known(kind, COMPANY_KINDS[kind].columns, None, companies))
        return _framed(kind, parts, ["company", "event_date", "known_at"])

    def _end(self, *, latest: bool) -> pd.Timestamp | None:
        bound = max if latest else min
        for year in sorted(self._reader.years(self._files, "bars"), reverse=latest):
            if self._at is not None and year > exchange.day(self._at).year:
                continue
            parts = self._known("bars", ["event_date", "known_at"], [year])
            ends = [int(bound(microseconds(rows, "event_date"))) for rows in parts if len(rows)]
            if ends:
                return pd.Timestamp(bound(ends), unit="us").as_unit("us")
        return None

    def _known(
        self, kind: str, columns: list[str], years: Collection[int] | None = None, companies: list[str] | None = None
    ) -> Iterable[pa.Table]:
        for chunk in self._reader.chunks(self._files, kind, columns, years, companies):
            yield chunk if self._at is None else known_by(chunk, self._at)


def _names(given: Iterable[str]) -> list[str]:
    return sorted({given} if isinstance(given, str) else set(given))


def _framed(kind: str, parts: list[pa.Table], order: list[str]) -> pd.DataFrame:
    layout = COMPANY_KINDS[kind]
    empty = layout.schema.empty_table().select(layout.columns)
    rows: pd.DataFrame = pa.concat_tables([empty, *parts]).to_pandas().rename(columns={"series": "company"})
    return rows.drop_duplicates().sort_values(order, kind="stable", ignore_index=True)
