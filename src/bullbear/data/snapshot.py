"""Loading a snapshot directory into the store.

A faulty file is refused as a whole; the others load. Doubtful rows are quarantined. `known_at` follows from the file
and the publication rules, not from the time of loading, so loading a directory again adds nothing, or completes a run
that was killed. Only a value that contradicts a stored one is known from `now`.

If `vintages/X.csv` exists, `macro/X.csv` is not stored: it holds revised values. If the store has vintages of X and a
snapshot only `macro/X.csv`, that file is one more vintage, known from `now`. Values are stored as published, and
vintages are never mixed: CLAIMSx of FRED-MD changes from thousands to persons between vintages, others their base year.

Letter case may differ, since some systems do not keep it: tickers are read in upper case, macro series as the
publication rules spell them. Of two files of one series only the one with the exact name is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from bullbear.data import publication
from bullbear.data.csv_files import LAYOUTS, Layout, read
from bullbear.data.loading import Loader
from bullbear.data.store import Store
from bullbear.errors import Found, InputError, SnapshotError

READERS = 2
COMPANIES = "companies"
"""The folder of a snapshot that holds a directory of companies; `companies.ingest` loads it."""
_SPELLINGS = {name.upper(): name for name in publication.RULES}


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did; `added` is rows by kind."""

    added: dict[str, int]
    files: int
    rows_read: int
    quarantined: int
    revised: int
    refusals: tuple[SnapshotError, ...]
    notes: tuple[str, ...]

    @property
    def rows_added(self) -> int:
        """All rows added, including quarantined ones."""
        return sum(self.added.values())

    def and_(self, other: IngestReport) -> IngestReport:
        """What both ingests did."""
        kinds = dict.fromkeys((*self.added, *other.added))
        return IngestReport(
            added={kind: self.added.get(kind, 0) + other.added.get(kind, 0) for kind in kinds},
            files=self.files + other.files,
            rows_read=self.rows_read + other.rows_read,
            quarantined=self.quarantined + other.quarantined,
            revised=self.revised + other.revised,
            refusals=(*self.refusals, *other.refusals),
            notes=(*self.notes, *other.notes),
        )


def ingest(directory: Path, store: Store, now: pd.Timestamp) -> IngestReport:
    """Load a snapshot directory.

    Parameters
    ----------
    directory:
        With any of the folders in `csv_files.LAYOUTS`.
    now:
        With a time zone; `known_at` of corrections, and `stored_at` of all new rows.

    Raises
    ------
    SnapshotError
        The directory holds no file of a snapshot.
    InputError
        The store holds the simulated market.
    """
    if store.is_simulated:
        raise InputError("store", str(store.root.name), "a store without simulated rows", "use another home")
    listing = _listing(Path(directory))
    files, refusals, notes = listing.files, listing.refusals, listing.notes

    def frames() -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
        # Parsing releases the interpreter lock: files are read ahead while the rows before are checked.
        with ThreadPoolExecutor(READERS) as pool:
            for file, outcome in zip(files, pool.map(_outcome, files), strict=True):
                if isinstance(outcome, SnapshotError):
                    refusals.append(outcome)
                else:
                    frame, remarks = outcome
                    notes.extend(remarks)
                    yield (file.layout.folder, file.series), frame

    report = _load(frames(), store, now, listing.followed)
    refusals.sort(key=lambda refused: refused.where)
    return replace(report, refusals=tuple(refusals), notes=(*notes, *report.notes))


def ingest_frames(frames: Mapping[tuple[str, str], pd.DataFrame], store: Store, now: pd.Timestamp) -> IngestReport:
    """Load frames as if they were files of a snapshot.

    Parameters
    ----------
    frames:
        By (folder, name), e.g. ("prices", "IWM"), each with its folder's columns in ascending order: days as
        datetime64, numbers as float64, `known_at` as instants with a time zone.
    """
    return _load(frames.items(), store, now, {name for folder, name in frames if folder == "vintages"})


def _load(
    frames: Iterable[tuple[tuple[str, str], pd.DataFrame]],
    store: Store,
    now: pd.Timestamp,
    followed_by_vintages: Set[str],
) -> IngestReport:
    if now.tzinfo is None:
        raise InputError("now", str(now), "an instant with a time zone", "localize it")
    now = now.tz_convert("UTC").as_unit("us")
    # Locked from the first read on: two processes that load the same files must not both see an empty store.
    files = rows_read = 0
    with store.writing():
        batch = Loader(store.as_of(), now)
        for (folder, name), frame in frames:
            files, rows_read = files + 1, rows_read + len(frame)
            if folder == "macro" and name in followed_by_vintages:
                batch.notes.append(f"macro/{name}.csv: not stored; its real-time history in vintages/ serves instead")
                continue
            batch.add(folder, name, frame)
        added = store.append_all(batch.rows_by_kind(), stored_at=now)
    return IngestReport(
        added=added,
        files=files,
        rows_read=rows_read,
        quarantined=batch.quarantined,
        revised=batch.revised,
        refusals=(),
        notes=tuple(batch.notes),
    )


@dataclass(frozen=True)
class _File:
    path: Path
    layout: Layout
    series: str

    @property
    def shown(self) -> str:
        """FOLDER/FILE, for messages."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True)
class _Listing:
    """The files to read, and refusals of second files of a series.

    `followed` are the series with a file of vintages, even a refused one.
    """

    files: list[_File]
    refusals: list[SnapshotError]
    notes: list[str]
    followed: set[str]


def _listing(directory: Path) -> _Listing:
    if not directory.is_dir():
        raise SnapshotError(str(directory), Found("no such folder"), "a snapshot directory", "check the path")
    found: dict[tuple[str, str], list[_File]] = {}
    notes = []
    for entry in sorted(directory.iterdir()):
        layout = LAYOUTS.get(entry.name.lower())
        if entry.name.startswith(".") or (entry.name.lower() == COMPANIES and entry.is_dir()):
            continue  # companies are loaded by themselves
        if layout is None or not entry.is_dir():
            notes.append(f"{entry.name}: ignored, not part of a snapshot")
            continue
        for path in sorted(entry.iterdir()):
            shown = f"{entry.name}/{path.name}"
            is_hidden = path.name.startswith(".")
            if path.suffix.lower() != ".csv" or not path.is_file() or is_hidden:
                if not is_hidden or path.suffix.lower() == ".csv":
                    notes.append(f"{shown}: ignored, {'a hidden file' if is_hidden else 'not a .csv file'}")
                continue
            series = _series(path.stem, layout)
            found.setdefault((layout.folder, series), []).append(_File(path, layout, series))
    if not found:
        folders = ", ".join(LAYOUTS)
        raise SnapshotError(
            directory.name, Found("no file to load"), f"CSV files in {folders}", "choose a snapshot directory"
        )
    files, refusals = [], []
    for (folder, series), each in found.items():
        exact = [file for file in each if file.path.stem == series and file.path.parent.name == folder]
        kept = each if len(each) == 1 else exact[:1]
        files += kept
        for file in each:
            if file not in kept:
                value, allowed = f"another file of {series}", "one file of a series"
                refusals.append(SnapshotError(file.shown, value, allowed, f"keep {folder}/{series}.csv alone"))
            elif file.shown != f"{folder}/{series}.csv":
                notes.append(f"{file.shown}: read as {folder}/{series}.csv")
            elif file.layout.kind == "observations" and series.islower():
                notes.append(f"{file.shown}: stored as series {series}; FRED's names are in upper case")
    followed = {series for folder, series in found if folder == "vintages"}
    return _Listing(sorted(files, key=lambda file: file.path), refusals, notes, followed)


def _series(stem: str, layout: Layout) -> str:
    """The series of a file, whatever the letter case of its name."""
    name = stem.strip()
    if layout.kind != "observations":
        return name.upper()
    return _SPELLINGS.get(name.upper(), name)


def _outcome(file: _File) -> tuple[pd.DataFrame, list[str]] | SnapshotError:
    """The rows of a file with notes, or its refusal."""
    try:
        return read(file.path, file.layout)
    except SnapshotError as refused:
        return refused
