"""Loading a snapshot directory into the store.

A file with a fault is refused whole and named; the others load. Doubtful rows go to quarantine. Running the same
directory twice adds nothing, and a run that was killed is completed by the next: every row's `known_at` follows from
the file and the rules of publication, not from the time of loading; only a value that contradicts a stored one is
known from `now`.

Where `vintages/X.csv` exists, `macro/X.csv` is not stored: it holds revised values, and a first release cannot be told
from a revision in it. If the store already follows X by vintages and a snapshot brings only `macro/X.csv`, the file is
one more vintage, known from `now`. FRED-MD's CLAIMSx changes its unit from thousands to persons between vintages; as
with changes of base year, the values are stored as they were published, and one vintage never mixes with another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from bullbear.data import doubts, publication
from bullbear.data.csv_files import LAYOUTS, read
from bullbear.data.reconcile import ANCHOR_TOLERANCE, additions, reanchored
from bullbear.data.segments import KINDS
from bullbear.data.store import Store, View
from bullbear.errors import InputError, SnapshotError


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did: rows added per kind, files read, files refused, notes, rows set aside, values revised."""

    added: dict[str, int]
    files: int
    rows_read: int
    quarantined: int
    revised: int
    refusals: tuple[SnapshotError, ...]
    notes: tuple[str, ...]

    @property
    def rows_added(self) -> int:
        """All rows added, the quarantined included."""
        return sum(self.added.values())


def ingest(directory: Path, store: Store, now: pd.Timestamp) -> IngestReport:
    """Load a snapshot directory.

    Parameters
    ----------
    directory:
        Holds any of the folders prices, dividends, macro, vintages, short_interest, short_volume, holdings.
    now:
        Aware; the instant from which corrections of stored values are known.

    Returns
    -------
    The report; `refusals` holds one error per refused file, in order of their paths.

    Raises
    ------
    SnapshotError
        The directory holds no file of a snapshot.
    InputError
        The store holds the simulated market.
    """
    if store.is_simulated:
        raise InputError("store", str(store.root.name), "a store without simulated rows", "use another home")
    paths, notes = _files(Path(directory))
    refusals: list[SnapshotError] = []
    frames: dict[tuple[str, str], pd.DataFrame] = {}
    for path in paths:
        layout = LAYOUTS[path.parent.name]
        try:
            frame, remarks = read(path, layout)
            _check_known_at(path, frame)
        except SnapshotError as refused:
            refusals.append(refused)
        else:
            frames[layout.folder, path.stem] = frame
            notes += remarks
    return _load(frames, store, now, notes, refusals)


def ingest_frames(
    frames: Mapping[tuple[str, str], pd.DataFrame], store: Store, now: pd.Timestamp
) -> IngestReport:
    """Load frames as if they were files of a snapshot.

    Parameters
    ----------
    frames:
        By (folder, name), e.g. ("prices", "IWM"), each with its folder's columns in ascending order: days as
        datetime64, numbers as float64, `known_at` as text.
    now:
        As in `ingest`.
    """
    return _load(frames, store, now, [], [])


def _load(
    frames: Mapping[tuple[str, str], pd.DataFrame],
    store: Store,
    now: pd.Timestamp,
    notes: list[str],
    refusals: list[SnapshotError],
) -> IngestReport:
    if now.tzinfo is None:
        raise InputError("now", str(now), "an instant with a time zone", "localize it")
    now = now.tz_convert("UTC").as_unit("us")
    # One lock over reading and writing: two processes that load the same files must not both see an empty store.
    with store.writing():
        batch = _Batch(store.as_of(), now, notes=notes)
        for (folder, name), frame in frames.items():
            if folder == "macro" and ("vintages", name) in frames:
                batch.notes.append(f"macro/{name}.csv: not stored; its real-time history in vintages/ serves instead")
                continue
            batch.add(folder, name, frame)
        added = {kind: store.append(kind, pd.concat(parts)) for kind, parts in batch.parts.items()}
    return IngestReport(
        added=added,
        files=len(frames),
        rows_read=sum(len(frame) for frame in frames.values()),
        quarantined=batch.quarantined,
        revised=batch.revised,
        refusals=tuple(refusals),
        notes=tuple(batch.notes),
    )


def _files(directory: Path) -> tuple[list[Path], list[str]]:
    if not directory.is_dir():
        raise SnapshotError(str(directory), "no such folder", "a snapshot directory", "check the path")
    paths, notes = [], []
    for entry in sorted(directory.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.name not in LAYOUTS or not entry.is_dir():
            notes.append(f"{entry.name}: ignored, not part of a snapshot")
            continue
        for path in sorted(entry.iterdir()):
            if path.suffix == ".csv" and path.is_file():
                paths.append(path)
            elif not path.name.startswith("."):
                notes.append(f"{entry.name}/{path.name}: ignored, not a .csv file")
    if not paths:
        folders = ", ".join(LAYOUTS)
        raise SnapshotError(directory.name, "no file to load", f"CSV files in {folders}", "choose a snapshot directory")
    return paths, notes


@dataclass
class _Batch:
    """The rows that an ingest is about to append, by kind; `stored` is what the store held when it began."""

    stored: View
    now: pd.Timestamp
    notes: list[str]
    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    quarantined: int = 0
    revised: int = 0

    def add(self, folder: str, name: str, frame: pd.DataFrame) -> None:
        if folder == "prices":
            self._bars(name, frame)
        elif folder == "vintages":
            self._vintages(name, frame)
        elif folder == "macro":
            self._macro(name, frame)
        elif folder == "holdings":
            self._holdings(name, frame)
        else:
            self._daily(folder, name, frame)

    def _bars(self, ticker: str, frame: pd.DataFrame) -> None:
        rows = self._without_blanks("prices", ticker, frame.rename(columns={"date": "event_date"}), ("volume",))
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
        known = np.concatenate([np.full(len(before), True), _is_session(rows["event_date"])])
        reasons = doubts.bar_doubts(ticker, pd.concat([before, rows]) if len(before) else rows, known)
        rows = self._set_aside("bars", ticker, rows, reasons[len(before) :])
        days = pd.DatetimeIndex(rows["event_date"])
        rows = self._closed("prices", ticker, rows.assign(known_at=publication.bars_known_at(ticker, days)))
        self._append("bars", ticker, rows, stored, ANCHOR_TOLERANCE)

    def _daily(self, folder: str, name: str, frame: pd.DataFrame) -> None:
        """Short volume, dividends and short interest: dated by sessions."""
        rows = frame.rename(columns={"date": "event_date", "settlement_date": "event_date"})
        rows = self._without_blanks(folder, name, rows, ())
        known = _is_session(rows["event_date"])
        if folder == "short_volume":
            reasons = doubts.short_volume_doubts(rows, known)
        else:
            reasons = np.where(known, "", doubts.NO_SESSION).astype(object)
        explicit = _explicit(rows)
        reasons[(reasons == "") & (explicit < _utc(rows["event_date"]))] = doubts.IMPOSSIBLE
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
        rows = self._without_blanks("macro", series, frame.rename(columns={"date": "event_date"}), ())
        stored = self._latest("observations", series)
        if stored is not None and self._has_vintages(series):
            self._new_vintage(series, rows, stored)
            return
        reasons = np.full(len(rows), "", dtype=object)
        reasons[_explicit(rows) < _utc(rows["event_date"])] = doubts.IMPOSSIBLE
        rows = self._set_aside("observations", series, rows, reasons)
        days = pd.DatetimeIndex(rows["event_date"])
        rows = self._published(rows, publication.observations_known_at(series, days))
        self._append("observations", series, rows, stored, 0.0)

    def _new_vintage(self, series: str, rows: pd.DataFrame, latest: pd.DataFrame) -> None:
        if rows["value"].tail(len(latest)).tolist() == latest["value"].tolist():
            return
        today = self.now.tz_convert(publication.NEW_YORK).tz_localize(None).normalize()
        self.notes.append(f"macro/{series}.csv: stored as the vintage of {today.date()}")
        vintage = rows[["event_date", "value"]].assign(vintage=today, known_at=self.now, series=series)
        self.parts.setdefault("observations", []).append(vintage)

    def _vintages(self, series: str, frame: pd.DataFrame) -> None:
        rows = self._without_blanks("vintages", series, frame.rename(columns={"date": "event_date"}), ())
        rows = rows.assign(known_at=publication.vintages_known_at(pd.DatetimeIndex(rows["vintage"])), series=series)
        if self.stored.has("observations", series):
            old = self.stored.versions("observations", series)
            old = old.drop_duplicates(["event_date", "vintage"], keep="last")
            both = rows.merge(old, on=["event_date", "vintage"], how="left", suffixes=("", "_old"))
            changed = both["value_old"].notna() & (both["value"] != both["value_old"])
            self.revised += int(changed.sum())
            rows = rows.assign(known_at=both["known_at"].where(~changed, self.now))
            rows = rows[(both["value_old"].isna() | changed).to_numpy()]
        self.parts.setdefault("observations", []).append(rows)

    def _holdings(self, fund: str, frame: pd.DataFrame) -> None:
        rows = frame.rename(columns={"as_of": "event_date"})
        rows = rows.assign(known_at=publication.holdings_known_at(pd.DatetimeIndex(rows["event_date"])), series=fund)
        layout = KINDS["holdings"]
        rows = rows.reindex(columns=layout.columns)
        stored = self.stored.holdings(fund).reset_index() if self.stored.has("holdings", fund) else None
        for day, lines in rows.groupby("event_date"):
            if stored is not None and (stored["event_date"] == day).any():
                old = stored[stored["event_date"] == day]
                if _same_list(old, lines, layout.values):
                    continue
                # A list is known as a whole: a correction of one line restates all of it.
                self.revised += 1
                lines = lines.assign(known_at=max(self.now, old["known_at"].max() + pd.Timedelta(1, "us")))
            self.parts.setdefault("holdings", []).append(lines)

    def _append(
        self, kind: str, series: str, rows: pd.DataFrame, stored: pd.DataFrame | None, tolerance: float
    ) -> None:
        if stored is not None:
            values = [name for name in KINDS[kind].numbers if name in rows]
            rows = rows[["event_date", "known_at", *values]]
            rows, revised = additions(stored.reset_index(), rows, values, self.now, tolerance)
            self.revised += revised
        if not rows.empty:
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
        return rows[~doubtful].reset_index(drop=True)

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
        ruled = pd.Series(by_rule, index=rows.index).clip(upper=self.now)
        return rows.assign(known_at=_explicit(rows).fillna(ruled))

    def _without_blanks(self, folder: str, name: str, rows: pd.DataFrame, beside: tuple[str, ...]) -> pd.DataFrame:
        numbers = [column for column in LAYOUTS[folder].numbers if column not in beside]
        blank = rows[numbers].isna().all(axis=1)
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
        return readers[kind](series)

    def _has_vintages(self, series: str) -> bool:
        return bool(self.stored.versions("observations", series)["vintage"].notna().any())


def _is_session(days: pd.Series) -> np.ndarray:
    if days.empty:
        return np.zeros(0, dtype=bool)
    return np.asarray(days.isin(publication.clock(days.min()).index))


def _explicit(rows: pd.DataFrame) -> pd.Series:
    """The column known_at of a file: an instant with an offset, or a day, meant as its end in New York."""
    if "known_at" not in rows:
        return pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    return pd.Series([_instant(text) for text in rows["known_at"]], index=rows.index, dtype="datetime64[us, UTC]")


def _instant(text: object) -> pd.Timestamp | None:
    if not isinstance(text, str):
        return None
    moment = pd.Timestamp(text)
    if moment.tzinfo is None:
        if len(text.strip()) == len("2020-01-01"):
            moment += pd.Timedelta(hours=23, minutes=59)
        moment = moment.tz_localize(publication.NEW_YORK)
    return moment.tz_convert("UTC").as_unit("us")


def _check_known_at(path: Path, frame: pd.DataFrame) -> None:
    if "known_at" not in frame:
        return
    for place, text in enumerate(frame["known_at"]):
        try:
            _instant(text)
        except ValueError:
            where = f"{path.parent.name}/{path.name}:{place + 2}"
            raise SnapshotError(where, text, "an instant or a day in ISO form", "correct known_at") from None


def _utc(days: pd.Series) -> pd.Series:
    return days.dt.tz_localize("UTC")


def _same_list(old: pd.DataFrame, new: pd.DataFrame, values: list[str]) -> bool:
    if len(old) != len(new):
        return False
    by = ["ticker", "name"]
    return old.sort_values(by)[values].reset_index(drop=True).equals(new.sort_values(by)[values].reset_index(drop=True))


def _json(record: Mapping[str, object]) -> dict[str, object]:
    return {key: None if pd.isna(value) else value for key, value in record.items()}  # type: ignore[call-overload]


def files_of(directory: Path) -> Iterator[Path]:
    """The files that `ingest` would read, in its order."""
    yield from _files(Path(directory))[0]
