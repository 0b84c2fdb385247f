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

from collections.abc import Iterable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from bullbear.data.csv_files import LAYOUTS, read
from bullbear.data.loading import Loader
from bullbear.data.store import Store
from bullbear.errors import InputError, SnapshotError

READERS = 2


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
    paths, notes = _files(Path(directory))
    refusals: list[SnapshotError] = []
    # A refused file of vintages still says that the series is revised.
    followed = {path.stem for path in paths if path.parent.name == "vintages"}

    def frames() -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
        # Parsing leaves the interpreter to others: files are read ahead while the rows of the one before are judged.
        with ThreadPoolExecutor(READERS) as pool:
            for path, outcome in zip(paths, pool.map(_outcome, paths), strict=True):
                if isinstance(outcome, SnapshotError):
                    refusals.append(outcome)
                else:
                    frame, remarks = outcome
                    notes.extend(remarks)
                    yield (path.parent.name, path.stem), frame

    report = _load(frames(), store, now, followed)
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


def _outcome(path: Path) -> tuple[pd.DataFrame, list[str]] | SnapshotError:
    """The rows of a file and what was ignored of it, or why it is refused."""
    try:
        return read(path, LAYOUTS[path.parent.name])
    except SnapshotError as refused:
        return refused
