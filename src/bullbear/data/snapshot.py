"""Loading a snapshot directory into the store.

A file with a fault is refused whole and named; the others load. Doubtful rows go to quarantine. Running the same
directory twice adds nothing, and a run that was killed is completed by the next: every row's `known_at` follows from
the file and the rules of publication, not from the time of loading; only a value that contradicts a stored one is
known from `now`.

Where `vintages/X.csv` exists, `macro/X.csv` is not stored: it holds revised values, and a first release cannot be told
from a revision in it. If the store already follows X by vintages and a snapshot brings only `macro/X.csv`, the file is
one more vintage, known from `now`. FRED-MD's CLAIMSx changes its unit from thousands to persons between vintages; as
with changes of base year, the values are stored as they were published, and one vintage never mixes with another.

Some systems do not keep the letter case of names: folders and `.csv` are known in any case, tickers are read in upper
case, and a macro series by its spelling in the rules of publication. Of two files of one series only the one with the
exact name is read.
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
from bullbear.errors import InputError, SnapshotError

READERS = 2
_SPELLINGS = {name.upper(): name for name in publication.RULES}


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
        Aware; the instant from which corrections of stored values are known, and at which all new rows are stored.

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
    listing = _listing(Path(directory))
    files, refusals, notes = listing.files, listing.refusals, listing.notes

    def frames() -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
        # Parsing leaves the interpreter to others: files are read ahead while the rows of the one before are judged.
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
    now:
        As in `ingest`.
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
    # One lock over reading and writing: two processes that load the same files must not both see an empty store.
    files = rows_read = 0
    with store.writing():
        batch = Loader(store.as_of(), now)
        for (folder, name), frame in frames:
            files, rows_read = files + 1, rows_read + len(frame)
            if folder == "macro" and name in followed_by_vintages:
                batch.notes.append(f"macro/{name}.csv: not stored; its real-time history in vintages/ serves instead")
                continue
            batch.add(folder, name, frame)
        added = store.append_all(batch.gathered(), stored_at=now)
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
    """One file that is read: the rows of `series` in the columns of `layout`."""

    path: Path
    layout: Layout
    series: str

    @property
    def shown(self) -> str:
        """The file as a user sees it."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True)
class _Listing:
    """The files to read, refusals of those that another one of their series excludes, and notes.

    `followed` are the series of which the directory has vintages; a refused file still says that they are revised.
    """

    files: list[_File]
    refusals: list[SnapshotError]
    notes: list[str]
    followed: set[str]


def _listing(directory: Path) -> _Listing:
    if not directory.is_dir():
        raise SnapshotError(str(directory), "no such folder", "a snapshot directory", "check the path")
    found: dict[tuple[str, str], list[_File]] = {}
    notes = []
    for entry in sorted(directory.iterdir()):
        layout = LAYOUTS.get(entry.name.lower())
        if entry.name.startswith("."):
            continue
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
        raise SnapshotError(directory.name, "no file to load", f"CSV files in {folders}", "choose a snapshot directory")
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
    """The rows of a file and what was ignored of it, or why it is refused."""
    try:
        return read(file.path, file.layout)
    except SnapshotError as refused:
        return refused
