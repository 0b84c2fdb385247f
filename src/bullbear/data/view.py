"""A point-in-time view of the store: the only gate to data.

Factors read `arrays`: every version, as NumPy arrays. All else reads frames: the latest version of each event, or all
with `versions`. Quarantined rows are served by `quarantine` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data.adjusting import adjusted_versions
from bullbear.data.cached_method import cached_method
from bullbear.data.companies.reader import CompanyReader
from bullbear.data.companies.view import CompanyView
from bullbear.data.derived import DERIVED
from bullbear.data.reader import EPOCH, Files, Reader
from bullbear.data.segments import KINDS, kind_named
from bullbear.data.versions import Versions, newest_rows, versions_of
from bullbear.errors import InputError, NoDataError


class View:
    """What was known at `instant` and stored by `stored` (None: no limit).

    Methods that return a frame of one series raise `NoDataError` where nothing of it was known; check with `has`.
    """

    def __init__(
        self,
        reader: Reader,
        instant: pd.Timestamp,
        files: Mapping[str, Files],
        companies: CompanyReader,
        companies_at: pd.Timestamp | None,
    ) -> None:
        self._reader, self._companies, self._companies_at = reader, companies, companies_at
        self.instant = instant
        self.stored = reader.stored
        self._instant = int(instant.as_unit("us").asm8.view(np.int64))
        self._files = files
        self.cache: dict[object, Any] = {}  # a view never changes, so neither do its rows

    def until(self, instant: pd.Timestamp) -> View:
        """The view of the same rows at an earlier instant; itself where it is not earlier."""
        moment = instant.as_unit("us")
        if moment < self.instant:
            return View(self._reader, moment, self._files, self._companies, moment)
        if self._companies_at is None and self._companies.exists:
            # A view of all that is stored may end later for companies than for the market.
            return View(self._reader, self.instant, self._files, self._companies, moment)
        return self

    @cached_property
    def companies(self) -> CompanyView:
        """Bars, facts and listings of companies, known at the same instant.

        Of a view of all that is stored, all of theirs. What is appended after this was first asked for is not served.
        """
        return CompanyView(self._companies, self._companies_at)

    def bars(self, ticker: str) -> pd.DataFrame:
        """Daily bars by event_date: known_at, open, high, low, close, adj_close, volume (NaN where unknown).

        Prices and volume are adjusted for the splits known at the view's instant, adj_close also for dividends. Only
        the returns of adj_close have a meaning, not its level; see `adjusting`.
        """
        return self._latest("bars", ticker)

    def raw_bars(self, ticker: str) -> pd.DataFrame:
        """Unadjusted bars by event_date: known_at, open, high, low, close, volume, scale.

        A raw price times `scale` continues the prices of a snapshot stored before.
        """
        return self._latest("raw_bars", ticker)

    def splits(self, ticker: str) -> pd.DataFrame:
        """By ex-date: known_at, ratio (new shares for an old one).

        A snapshot that restates the prices of an earlier one counts as a split, too.
        """
        return self._latest("splits", ticker)

    def observations(self, series: str) -> pd.DataFrame:
        """Values by event_date: known_at, value.

        Of a series stored as vintages only the latest vintage is served, because units and base years differ between
        vintages; `versions` serves them all.
        """
        rows = self.versions("observations", series)
        if rows["vintage"].notna().any():
            rows = rows[rows["vintage"] == rows["vintage"].max()]
        return _latest_by(rows, ["event_date"]).drop(columns="vintage")

    def short_interest(self, ticker: str) -> pd.DataFrame:
        """By settlement date: known_at, shares_short, avg_daily_volume, days_to_cover, shares_outstanding."""
        return self._latest("short_interest", ticker)

    def short_volume(self, ticker: str) -> pd.DataFrame:
        """By session: known_at, short_volume, total_volume (shares)."""
        return self._latest("short_volume", ticker)

    def dividends(self, ticker: str) -> pd.DataFrame:
        """By ex-date: known_at, amount (dollars per share, as paid)."""
        return self._latest("dividends", ticker)

    def holdings(self, fund: str) -> pd.DataFrame:
        """Constituents by event_date, each list in its latest version: known_at, ticker, name, sector, weight, ..."""
        rows = self.versions("holdings", fund)
        latest = rows.groupby("event_date")["known_at"].transform("max")
        return _latest_by(rows[rows["known_at"] == latest], ["event_date", "ticker", "name"])

    def versions(self, kind: str, series: str) -> pd.DataFrame:
        """Every version known by `instant`: event_date, known_at and the values, sorted by (known_at, event_date)."""
        rows = self._known(kind, series).copy(deep=False)
        if rows.empty:
            raise NoDataError(
                f"{kind} of {series}",
                f"nothing known at {self.instant}",
                "a series listed by `bullbear status`",
                "fetch or ingest it, or choose a later day",
            )
        return rows

    @cached_method
    def arrays(self, kind: str, series: str) -> Versions:
        """The rows of `versions` as arrays; empty where nothing of that series was known.

        Prices of bars are not adjusted for splits that follow, unlike in `bars`, so that what is computed from
        `adj_close / close` never changes with a later split.
        """
        if kind in DERIVED:
            return self._computed(kind, series)
        if kind not in KINDS:
            remedy = (
                "use one of them; a computed kind is served once it is registered: import bullbear.group.breadth_table"
            )
            raise InputError("kind", kind, ", ".join([*KINDS, *DERIVED]), f"{remedy} for breadth")
        if kind == "bars" and self._is_derived(series):
            return versions_of(self._derived(series, on_screen=False))
        return self._history(kind, series)

    def newest(self, kind: str, series: str, column: str) -> float:
        """The latest value of one column; NaN where nothing of that series was known.

        Equal to `observations(series)[column].iloc[-1]` (likewise for other kinds), a hundred times faster.
        InputError if `column` is none of the kind's numbers.
        """
        if column not in kind_named(kind).numbers:
            raise InputError("column", column, ", ".join(KINDS[kind].numbers), "name a number of the kind")
        versions = self.arrays(kind, series)
        if not len(versions):
            return float("nan")
        (row,) = versions.causal(newest_rows)
        return float(versions.numbers[column][row[-1]])

    def has(self, kind: str, series: str) -> bool:
        """Whether anything of that series was known."""
        return not self._known(kind, series).empty

    def quarantine(self) -> pd.DataFrame:
        """Quarantined rows: series, event_date, known_at, kind, reason, row (the source row as JSON)."""
        return self._all("quarantine", KINDS["quarantine"].columns).reset_index(drop=True)

    def catalogue(self) -> pd.DataFrame:
        """One row per series known: kind, series, first and last event_date, last_known_at, rows (distinct events)."""
        return self._whole_catalogue.copy(deep=False)

    @property
    def is_empty(self) -> bool:
        """Whether the store was empty when the view was made, whatever its instant."""
        return not any(self._files.values())

    @cached_property
    def last_known_at(self) -> pd.Timestamp:
        """The latest known_at of all series in `catalogue`; the epoch if there are none."""
        latest = self._whole_catalogue["last_known_at"].max()
        return EPOCH if latest is pd.NaT else latest

    @cached_property
    def _whole_catalogue(self) -> pd.DataFrame:
        # Raw bars and splits are served as bars.
        parts = [self._catalogue(kind) for kind in KINDS if kind not in ("quarantine", "raw_bars", "splits")]
        return pd.concat(parts, ignore_index=True)

    def _latest(self, kind: str, series: str) -> pd.DataFrame:
        return _latest_by(self.versions(kind, series), ["event_date"])

    @cached_method
    def _known(self, kind: str, series: str) -> pd.DataFrame:
        if kind in DERIVED:
            return self.arrays(kind, series).frame
        kind_named(kind)
        is_derived = kind == "bars" and self._is_derived(series)
        return self._derived(series) if is_derived else self._stored(kind, series)

    def snapshot_bars(self, ticker: str) -> pd.DataFrame:
        """Every version of the bars from snapshots, as stored."""
        return self._stored("bars", ticker)

    def _is_derived(self, ticker: str) -> bool:
        return any(len(self._history(kind, ticker)) for kind in ("raw_bars", "splits"))

    def _derived(self, ticker: str, *, on_screen: bool = True) -> pd.DataFrame:
        parts = (self._stored(kind, ticker) for kind in ("bars", "raw_bars", "splits", "dividends"))
        return adjusted_versions(*parts, on_screen=on_screen)

    def _history(self, kind: str, series: str) -> Versions:
        return self._reader.series(self._files[kind], kind, series).history.until(self._instant)

    def _computed(self, kind: str, series: str) -> Versions:
        whole = View(self._reader, self._reader.last_known_at(self._files), self._files, self._companies, None)
        files = tuple(self._files.items()), tuple(whole.companies.files.items())
        return self._reader.computed(DERIVED[kind], series, whole, files).until(self._instant)

    def _stored(self, kind: str, series: str) -> pd.DataFrame:
        rows = self._reader.series(self._files[kind], kind, series).frame
        count = int(rows["known_at"].searchsorted(self.instant, side="right")) if len(rows) else 0
        return rows.iloc[:count]

    def _all(self, kind: str, columns: list[str]) -> pd.DataFrame:
        rows = self._reader.table(self._files[kind], kind, columns).to_pandas()
        rows = rows[rows["known_at"] <= self.instant].drop_duplicates()
        rows = rows.sort_values(["series", "known_at", "event_date"], kind="stable")
        return pd.DataFrame(rows)

    def _catalogue(self, kind: str) -> pd.DataFrame:
        columns = ["series", "event_date", "known_at"]
        rows = self._all(kind, columns)
        if kind == "bars":
            rows = pd.concat([rows, self._all("raw_bars", columns)])
        by_series = rows.groupby("series", sort=True)
        table = pd.DataFrame(
            {
                "first": by_series["event_date"].min(),
                "last": by_series["event_date"].max(),
                "last_known_at": by_series["known_at"].max(),
                "rows": by_series["event_date"].nunique(),
            }
        ).reset_index()
        table.insert(0, "kind", kind)
        return table


def _latest_by(rows: pd.DataFrame, identity: list[str]) -> pd.DataFrame:
    # `rows` is sorted by known_at, so the last of each identity is its latest version.
    if rows.duplicated(identity).any():
        rows = rows.drop_duplicates(identity, keep="last")
    if not rows["event_date"].is_monotonic_increasing:
        rows = rows.sort_values(identity, kind="stable")
    return rows.set_index("event_date")
