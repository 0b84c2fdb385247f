"""From the columns of a snapshot to the rows of the store: what is set aside, when it is known, what is new.

A `Loader` holds what the store knew when an ingest began and gathers what the ingest adds, kind by kind, so that each
kind is appended at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bullbear.data import doubts, publication
from bullbear.data.csv_files import LAYOUTS
from bullbear.data.raw_bars import raw_additions, undivided
from bullbear.data.reconcile import ANCHOR_TOLERANCE, additions, reanchored
from bullbear.data.segments import KINDS
from bullbear.data.store import View
from bullbear.sessions import NEW_YORK


@dataclass
class Loader:
    """The rows that an ingest is about to append, by kind; `stored` is what the store held when it began."""

    stored: View
    now: pd.Timestamp
    notes: list[str]
    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    quarantined: int = 0
    revised: int = 0

    def add(self, folder: str, name: str, frame: pd.DataFrame) -> None:
        """Gather what one file adds."""
        if folder == "prices":
            self._bars(name, frame)
        elif folder == "raw_bars":
            self._raw_bars(name, frame)
        elif folder == "vintages":
            self._vintages(name, frame)
        elif folder == "macro":
            self._macro(name, frame)
        elif folder == "holdings":
            self._holdings(name, frame)
        else:
            self._daily(folder, name, frame)

    def _bars(self, ticker: str, frame: pd.DataFrame) -> None:
        rows = self._without_blanks("prices", ticker, _dated(frame, "date"), ("volume",))
        if rows.empty:
            return
        stored = self._latest("bars", ticker)
        before = rows.iloc[:0]
        if stored is not None:
            rows, price, adjusted = reanchored(stored, rows)
            if price != 1.0 or adjusted != 1.0:
                ratios = f"prices x {1 / price:.7g}, adj_close x {1 / adjusted:.7g}"
                self.notes.append(f"prices/{ticker}.csv: brought to the stored anchor ({ratios})")
            if not stored.index.isin(rows["event_date"]).any():
                self.notes.append(f"prices/{ticker}.csv: no session in common with the store, anchor not verified")
            before = stored[stored.index < rows["event_date"].iloc[0]].tail(1).reset_index()[rows.columns]
        # The last stored bar before the file shows a jump at the seam too.
        known = np.concatenate([np.full(len(before), True), publication.is_session(rows["event_date"])])
        reasons = doubts.bar_doubts(ticker, pd.concat([before, rows]) if len(before) else rows, known)
        rows = self._set_aside("bars", ticker, rows, reasons[len(before) :])
        days = pd.DatetimeIndex(rows["event_date"])
        rows = self._closed("prices", ticker, rows.assign(known_at=publication.bars_known_at(ticker, days)))
        self._append("bars", ticker, rows, stored, ANCHOR_TOLERANCE)

    def _raw_bars(self, ticker: str, frame: pd.DataFrame) -> None:
        """Bars as traded, with their dividends and splits."""
        found = raw_additions(self.stored, ticker, _dated(frame, "date"), self.now)
        self.notes += found.notes
        self.revised += found.revised
        self._set_aside("bars", ticker, found.doubtful, found.reasons)
        # Actions first: a process killed in between leaves no bar whose split is missing.
        for kind in ("splits", "dividends", "raw_bars"):
            if not found.rows[kind].empty:
                self.parts.setdefault(kind, []).append(found.rows[kind].assign(series=ticker))

    def _daily(self, folder: str, name: str, frame: pd.DataFrame) -> None:
        """Short volume, dividends and short interest: dated by sessions."""
        rows = _dated(frame, "settlement_date" if folder == "short_interest" else "date")
        rows = self._without_blanks(folder, name, rows, ())
        known = publication.is_session(rows["event_date"])
        if folder == "short_volume":
            reasons = doubts.short_volume_doubts(rows, known)
        else:
            reasons = np.where(known, "", doubts.NO_SESSION).astype(object)
        reasons[(reasons == "") & _claims_foresight(rows)] = doubts.IMPOSSIBLE
        rows = self._set_aside(folder, name, rows, reasons)
        days = pd.DatetimeIndex(rows["event_date"])
        if folder == "short_volume":
            rows = self._closed(folder, name, rows.assign(known_at=publication.short_volume_known_at(days)))
        elif folder == "dividends":
            rows = rows.assign(known_at=publication.dividends_known_at(days))
        else:
            rows = self._published(rows, publication.short_interest_known_at(days))
        self._append(folder, name, rows, self._latest(folder, name), 0.0)

    def _macro(self, series: str, frame: pd.DataFrame) -> None:
        rows = self._without_blanks("macro", series, _dated(frame, "date"), ())
        stored = self._latest("observations", series)
        if stored is not None and self._has_vintages(series):
            self._new_vintage(series, rows, stored)
            return
        reasons = np.where(_claims_foresight(rows), doubts.IMPOSSIBLE, "")
        rows = self._set_aside("observations", series, rows, reasons)
        days = pd.DatetimeIndex(rows["event_date"])
        rows = self._published(rows, publication.observations_known_at(series, days))
        self._append("observations", series, rows, stored, 0.0)

    def _new_vintage(self, series: str, rows: pd.DataFrame, latest: pd.DataFrame) -> None:
        tail = rows[["event_date", "value"]].tail(len(latest))
        if tail.to_numpy().tolist() == latest.reset_index()[["event_date", "value"]].to_numpy().tolist():
            return
        moment = self._after(latest["known_at"].max())
        today = moment.tz_convert(NEW_YORK).tz_localize(None).normalize()
        self.notes.append(f"macro/{series}.csv: stored as the vintage of {today.date()}")
        vintage = rows[["event_date", "value"]].assign(vintage=today, known_at=moment, series=series)
        self.parts.setdefault("observations", []).append(vintage)

    def _vintages(self, series: str, frame: pd.DataFrame) -> None:
        rows = self._without_blanks("vintages", series, _dated(frame, "date"), ())
        # A label of a file says the day; a provider of releases also says the hour.
        known = (
            _explicit(rows) if "known_at" in rows else publication.vintages_known_at(pd.DatetimeIndex(rows["vintage"]))
        )
        rows = rows.assign(known_at=known, series=series)
        if self.stored.has("observations", series):
            old = self.stored.versions("observations", series)
            moment = self._after(old["known_at"].max())
            old = old.drop_duplicates(["event_date", "vintage"], keep="last")
            both = rows.merge(old, on=["event_date", "vintage"], how="left", suffixes=("", "_old"))
            changed = both["value_old"].notna() & (both["value"] != both["value_old"])
            self.revised += int(changed.sum())
            rows = rows.assign(known_at=both["known_at"].where(~changed, moment))
            rows = rows[(both["value_old"].isna() | changed).to_numpy()]
        self.parts.setdefault("observations", []).append(rows)

    def _after(self, stored: pd.Timestamp) -> pd.Timestamp:
        """`now`, unless the clock runs behind what is stored: a correction follows what it corrects."""
        return max(self.now, stored + pd.Timedelta(1, "us"))

    def _holdings(self, fund: str, frame: pd.DataFrame) -> None:
        rows = _dated(frame, "as_of")
        rows = rows.assign(known_at=publication.holdings_known_at(pd.DatetimeIndex(rows["event_date"])), series=fund)
        layout = KINDS["holdings"]
        rows = rows.reindex(columns=layout.columns)
        rows = rows.astype(dict.fromkeys(layout.texts, "str") | dict.fromkeys(layout.numbers, "float64"))
        stored = self.stored.holdings(fund).reset_index() if self.stored.has("holdings", fund) else None
        for day, lines in rows.groupby("event_date"):
            if stored is not None and (stored["event_date"] == day).any():
                old = stored[stored["event_date"] == day]
                if _same_list(old, lines, layout.values):
                    continue
                # A list is known as a whole: a correction of one line restates all of it.
                self.revised += 1
                lines = lines.assign(known_at=self._after(old["known_at"].max()))
            self.parts.setdefault("holdings", []).append(lines)

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
        if kind == "bars" and self.stored.has("splits", series):
            # The store keeps prices of before a known split as they were, and divides them on read.
            rows = undivided(rows, self.stored.splits(series).reset_index())
        self.parts.setdefault(kind, []).append(rows.assign(series=series))

    def _set_aside(self, kind: str, series: str, rows: pd.DataFrame, reasons: np.ndarray) -> pd.DataFrame:
        doubtful = reasons != ""
        if not doubtful.any():
            return rows
        aside = rows[doubtful]
        shown = aside.assign(event_date=aside["event_date"].dt.strftime("%Y-%m-%d"))
        texts = [json.dumps(_json(record)) for record in shown.to_dict("records")]
        self.quarantined += len(aside)
        self.parts.setdefault("quarantine", []).append(
            pd.DataFrame(
                {
                    "series": series,
                    "event_date": aside["event_date"],
                    "known_at": publication.vintages_known_at(pd.DatetimeIndex(aside["event_date"])),
                    "kind": kind,
                    "reason": reasons[doubtful],
                    "row": texts,
                }
            )
        )
        kept: pd.DataFrame = rows[~doubtful].reset_index(drop=True)
        return kept

    def _closed(self, folder: str, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Leave out sessions that are not over at `now`: their bar is still moving."""
        running = rows["known_at"] > self.now
        if running.any():
            first = rows["event_date"][running].iloc[0].date()
            self.notes.append(f"{folder}/{name}.csv: {int(running.sum())} rows from {first} left out, session not over")
            rows = rows[~running].reset_index(drop=True)
        return rows

    def _published(self, rows: pd.DataFrame, by_rule: pd.DatetimeIndex) -> pd.DataFrame:
        """The file's own known_at where it has one; else the rule's, or `now` if the value is here before that."""
        ruled = by_rule.where(by_rule <= self.now, self.now)
        if "known_at" not in rows:
            return rows.assign(known_at=ruled)
        return rows.assign(known_at=_explicit(rows).fillna(pd.Series(ruled, index=rows.index)))

    def _without_blanks(self, folder: str, name: str, rows: pd.DataFrame, beside: tuple[str, ...]) -> pd.DataFrame:
        numbers = [column for column in LAYOUTS[folder].numbers if column not in beside]
        blank = np.ones(len(rows), dtype=bool)
        for column in numbers:
            blank &= np.isnan(rows[column].to_numpy())
        if blank.any():
            self.notes.append(f"{folder}/{name}.csv: {int(blank.sum())} empty rows left out")
            rows = rows[~blank].reset_index(drop=True)
        return rows

    def _latest(self, kind: str, series: str) -> pd.DataFrame | None:
        if not self.stored.has(kind, series):
            return None
        readers = {"bars": self.stored.bars, "observations": self.stored.observations}
        readers |= {"dividends": self.stored.dividends, "short_interest": self.stored.short_interest}
        readers |= {"short_volume": self.stored.short_volume}
        latest: pd.DataFrame = readers[kind](series)
        return latest

    def _has_vintages(self, series: str) -> bool:
        return bool(self.stored.versions("observations", series)["vintage"].notna().any())


def _dated(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame.set_axis(["event_date" if name == column else name for name in frame.columns], axis=1)


def _explicit(rows: pd.DataFrame) -> pd.Series:
    return pd.Series([instant_of(text) for text in rows["known_at"]], index=rows.index, dtype="datetime64[us, UTC]")


def _claims_foresight(rows: pd.DataFrame) -> np.ndarray:
    """Whether a row claims to have been known before the day it describes."""
    if "known_at" not in rows:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(_explicit(rows) < rows["event_date"].dt.tz_localize(NEW_YORK))


def instant_of(text: object) -> pd.Timestamp | None:
    """An instant with an offset; without one New York's time, and a mere day means its end. Empty is None."""
    if not isinstance(text, str):
        return None
    moment = pd.Timestamp(text)
    if moment.tzinfo is None:
        if len(text.strip()) == len("2020-01-01"):
            moment += pd.Timedelta(hours=23, minutes=59)
        moment = moment.tz_localize(NEW_YORK)
    return moment.tz_convert("UTC").as_unit("us")


def _same_list(old: pd.DataFrame, new: pd.DataFrame, values: list[str]) -> bool:
    if len(old) != len(new):
        return False
    by = ["ticker", "name"]
    return old.sort_values(by)[values].reset_index(drop=True).equals(new.sort_values(by)[values].reset_index(drop=True))


def _json(record: Mapping[str, object]) -> dict[str, object]:
    return {key: None if pd.isna(value) else value for key, value in record.items()}  # type: ignore[call-overload]
