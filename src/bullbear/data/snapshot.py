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

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bullbear.data.csv_files import LAYOUTS, read
from bullbear.data.loading import Loader, instant_of
from bullbear.data.store import Store
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
    # A refused file of vintages still says that the series is revised.
    followed = {path.stem for path in paths if path.parent.name == "vintages"}
    return _load(frames, store, now, followed, notes, refusals)


def ingest_frames(frames: Mapping[tuple[str, str], pd.DataFrame], store: Store, now: pd.Timestamp) -> IngestReport:
    """Load frames as if they were files of a snapshot.

    Parameters
    ----------
    frames:
        By (folder, name), e.g. ("prices", "IWM"), each with its folder's columns in ascending order: days as
        datetime64, numbers as float64, `known_at` as text.
    now:
        As in `ingest`.
    """
    return _load(frames, store, now, {name for folder, name in frames if folder == "vintages"}, [], [])


def _load(
    frames: Mapping[tuple[str, str], pd.DataFrame],
    store: Store,
    now: pd.Timestamp,
    followed_by_vintages: Set[str],
    notes: list[str],
    refusals: list[SnapshotError],
) -> IngestReport:
    if now.tzinfo is None:
        raise InputError("now", str(now), "an instant with a time zone", "localize it")
    now = now.tz_convert("UTC").as_unit("us")
    # One lock over reading and writing: two processes that load the same files must not both see an empty store.
    with store.writing():
        batch = Loader(store.as_of(), now, notes=notes)
        for (folder, name), frame in frames.items():
            if folder == "macro" and name in followed_by_vintages:
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


def _check_known_at(path: Path, frame: pd.DataFrame) -> None:
    if "known_at" not in frame:
        return
    for place, text in enumerate(frame["known_at"]):
        try:
            instant_of(text)
        except ValueError:
            where = f"{path.parent.name}/{path.name}:{place + 2}"
            raise SnapshotError(where, text, "an instant or a day in ISO form", "correct known_at") from None
