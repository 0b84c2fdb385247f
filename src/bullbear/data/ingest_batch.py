"""What an ingest adds to the store: new rows, revisions and quarantined rows, collected and appended at once.

Rows are compared with the store as it was when the ingest began.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from bullbear.data import publication, quality_checks
from bullbear.data.csv_files import LAYOUTS
from bullbear.data.reconcile import additions
from bullbear.data.segments import KINDS
from bullbear.data.view import View

_ASIDE = ["kind", "event_date", "reason", "row"]


@dataclass
class IngestBatch:
    """The rows to append, by kind and series; `stored` is the store when the ingest began."""

    stored: View
    now: pd.Timestamp
    notes: list[str] = field(default_factory=list)
    parts: dict[str, list[tuple[str, pd.DataFrame]]] = field(default_factory=dict)
    quarantined: int = 0
    revised: int = 0

    def __post_init__(self) -> None:
        self._is_first = self.stored.is_empty

    def _append(
        self, kind: str, series: str, rows: pd.DataFrame, stored: pd.DataFrame | None, tolerance: float
    ) -> None:
        if stored is not None:
            values = [name for name in KINDS[kind].numbers if name in rows]
            rows = rows[["event_date", "known_at", *values]]
            rows, revised = additions(stored.reset_index(), rows, values, self.now, tolerance)
            self.revised += revised
        if rows.empty:
            return
        self._add_rows(kind, series, rows)

    def _add_rows(self, kind: str, series: str, rows: pd.DataFrame) -> None:
        self.parts.setdefault(kind, []).append((series, rows))

    def _quarantine(
        self,
        kind: str,
        series: str,
        rows: pd.DataFrame,
        reasons: np.ndarray,
        known_at: pd.DatetimeIndex | None = None,
    ) -> pd.DataFrame:
        """Quarantine each row that has a reason, unless it already is; return the others.

        Quarantined rows get `known_at` (one for each; by default the end of their day), or now if that is earlier.
        """
        doubtful = reasons != ""
        if not doubtful.any():
            return rows
        aside = rows[doubtful]
        shown = aside.assign(event_date=aside["event_date"].dt.strftime("%Y-%m-%d"))
        texts = [json.dumps(_json(record), default=str) for record in shown.to_dict("records")]
        self.quarantined += len(aside)
        days = pd.DatetimeIndex(aside["event_date"])
        known = publication.vintages_known_at(days) if known_at is None else known_at
        listed = pd.DataFrame({"event_date": days, "known_at": known.where(known <= self.now, self.now)})
        listed = listed.assign(kind=kind, reason=reasons[doubtful], row=texts)
        before = self._aside[self._aside["series"] == series]
        again = pd.MultiIndex.from_frame(listed[_ASIDE]).isin(pd.MultiIndex.from_frame(before[_ASIDE]))
        if not again.all():
            self._add_rows("quarantine", series, listed[~again])
        kept: pd.DataFrame = rows[~doubtful].reset_index(drop=True)
        return kept

    @cached_property
    def _aside(self) -> pd.DataFrame:
        return self.stored.quarantine()

    def _closed(self, folder: str, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Leave out sessions that are not over at `now`."""
        running = rows["known_at"] > self.now
        if running.any():
            first = rows["event_date"][running].iloc[0].date()
            self.notes.append(f"{folder}/{name}.csv: {int(running.sum())} rows from {first} left out, session not over")
            rows = rows[~running].reset_index(drop=True)
        return rows

    def _published(self, rows: pd.DataFrame, by_rule: pd.DatetimeIndex) -> pd.DataFrame:
        """Fill in known_at where the file has none: the rule's, or `now` if that is earlier."""
        early = by_rule > self.now
        ruled = by_rule.where(~early, self.now) if early.any() else by_rule
        if "known_at" not in rows:
            return rows.assign(known_at=ruled)
        return rows.assign(known_at=rows["known_at"].fillna(pd.Series(ruled, index=rows.index)))

    def _without_blanks(self, folder: str, name: str, rows: pd.DataFrame, beside: tuple[str, ...]) -> pd.DataFrame:
        blank = np.ones(len(rows), dtype=bool)
        for column in LAYOUTS[folder].numbers:
            if column not in beside and blank.any():
                blank &= np.isnan(rows[column].to_numpy())
        if blank.any():
            self.notes.append(f"{folder}/{name}.csv: {int(blank.sum())} empty rows left out")
            rows = rows[~blank].reset_index(drop=True)
        return rows

    def _latest(self, kind: str, series: str) -> pd.DataFrame | None:
        if not self._has(kind, series):
            return None
        readers = {"bars": self.stored.bars, "observations": self.stored.observations}
        readers |= {"dividends": self.stored.dividends, "short_interest": self.stored.short_interest}
        readers |= {"short_volume": self.stored.short_volume}
        latest: pd.DataFrame = readers[kind](series)
        return latest

    def _has(self, kind: str, series: str) -> bool:
        # Most rows are loaded into an empty store, where the look-up of each series takes longer than its checks.
        return not self._is_first and self.stored.has(kind, series)

    def _has_vintages(self, series: str) -> bool:
        return bool(self.stored.versions("observations", series)["vintage"].notna().any())

    def _without_lookahead(
        self,
        kind: str,
        series: str,
        rows: pd.DataFrame,
        published: pd.DataFrame,
        early: np.ndarray,
        by_rule: Callable[[pd.DatetimeIndex], pd.DatetimeIndex],
    ) -> pd.DataFrame:
        """Quarantine the `early` rows, whose known_at is impossible; return the other `published` rows."""
        if not early.any():
            return published
        known = by_rule(pd.DatetimeIndex(rows["event_date"][early]))
        self._quarantine(kind, series, rows, np.where(early, quality_checks.IMPOSSIBLE, ""), known)
        kept: pd.DataFrame = published[~early].reset_index(drop=True)
        return kept

    def _after(self, stored: pd.Timestamp) -> pd.Timestamp:
        """`now`, or just after `stored` if the clock is behind: a correction is known after what it corrects."""
        return max(self.now, stored + pd.Timedelta(1, "us"))


def _json(record: Mapping[str, object]) -> dict[str, object]:
    return {key: None if pd.isna(value) else value for key, value in record.items()}  # type: ignore[call-overload]
