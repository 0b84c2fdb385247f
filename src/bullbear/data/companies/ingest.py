"""Loading a directory of companies: bars, splits, dividends, facts as filed, listings, and a fund's members.

A faulty file is refused as a whole, the others load; impossible rows are set aside. Loading a directory again adds
nothing. Companies are loaded one bucket after the other, so that memory does not grow with their number.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from bullbear.data import csv_files
from bullbear.data.companies.files import (
    FUND,
    Directory,
    listed,
    read_facts,
    read_listings,
    read_members,
    read_one,
)
from bullbear.data.companies.kinds import BUCKETS, PREFIX, bucket
from bullbear.data.companies.loading import Loaded, load_company
from bullbear.data.companies.whole_files import list_members, load_facts, load_listings
from bullbear.data.csv_files import LAYOUTS
from bullbear.data.snapshot import READERS, IngestReport, ingest_frames
from bullbear.data.store import Store
from bullbear.errors import InputError, SnapshotError
from bullbear.sessions import utc

Outcome = tuple[pd.DataFrame, list[str]] | SnapshotError

_SECONDS = 2.0  # between two lines of progress
_REPEATED = 5  # remarks of more files than this are summed up


def ingest_companies(
    directory: Path, store: Store, now: pd.Timestamp, say: Callable[[str], None] = lambda _: None
) -> IngestReport:
    """Load a directory of companies.

    Parameters
    ----------
    directory:
        With files as `files` describes them.
    now:
        With a time zone; `known_at` of corrections, and `stored_at` of all new rows.
    say:
        Receives progress.

    Raises
    ------
    SnapshotError
        The directory holds no file of companies.
    InputError
        The store holds the simulated market.
    """
    if store.is_simulated:
        raise InputError("store", str(store.root.name), "a store without simulated rows", "use another home")
    moment = utc("now", now)
    found = listed(Path(directory))
    run = _Run(found, store, moment, say)
    with store.companies.lock:
        run.companies()
        run.facts()
        run.listings()
        run.members()
    return run.report()


class _Run:
    """One ingest, step by step; each step appends what it read."""

    def __init__(self, found: Directory, store: Store, now: pd.Timestamp, say: Callable[[str], None]) -> None:
        self._found, self._store, self._now, self._say = found, store, now, say
        self._added: dict[str, int] = {}
        self._refusals: list[SnapshotError] = []
        self._notes = list(found.notes)
        self._remarks: dict[str, list[str]] = {}
        self._rows = self._quarantined = self._revised = 0
        self._said = time.monotonic()

    def companies(self) -> None:
        """Bars, splits, dividends and short interest of each company, a bucket at a time."""
        folders = {folder for files in self._found.by_company.values() for folder in files}
        knows_splits = "splits" in folders
        restated = done = 0
        for place in range(BUCKETS):
            names = sorted(name for name in self._found.by_company if bucket(name, BUCKETS) == place)
            if not names:
                continue
            loaded = Loaded(self._now)
            stored = self._stored(names)
            for name, files in self._read(names).items():
                load_company(loaded, name, files, stored.get(name, {}), knows_splits=knows_splits)
                restated += "prices" in files and "splits" not in files and not knows_splits
            self._append(loaded)
            done += len(names)
            self._progress(f"{done:,} of {len(self._found.by_company):,} companies loaded")
        if restated:
            which = "company" if restated == 1 else "companies"
            self._notes.append(
                f"prices of {restated:,} {which} come without splits: marked as restated, since levels that were "
                "divided by later splits were not known at the time; a folder splits/ brings them back"
            )

    def facts(self) -> None:
        """What companies filed."""
        rows = self._rows_of(_attempt(read_facts, self._found.facts)) if self._found.facts else None
        if rows is not None:
            loaded = Loaded(self._now)
            load_facts(loaded, rows, self._store.as_of().companies.facts())
            self._append(loaded)

    def listings(self) -> None:
        """Tickers, names and sectors."""
        rows = self._rows_of(_attempt(read_listings, self._found.listings)) if self._found.listings else None
        if rows is not None:
            loaded = Loaded(self._now)
            load_listings(loaded, rows, self._store.as_of().companies.listings())
            self._append(loaded)

    def members(self) -> None:
        """Lists of members: holdings of the market store, and what they say of each company."""
        frames: dict[tuple[str, str], pd.DataFrame] = {}
        for fund, path in sorted(self._found.holdings.items()):
            rows = self._rows_of(_attempt(csv_files.read, path, LAYOUTS["holdings"]))
            if rows is not None:
                frames["holdings", fund] = rows
        for day, path in sorted(self._found.members.items()):
            rows = self._rows_of(_attempt(read_members, path, day))
            if rows is None:
                continue
            held = frames.get(("holdings", FUND))
            if held is not None and (held["as_of"] == day).any():
                allowed = f"one list of {FUND} a day"
                self._refusals.append(SnapshotError(path.name, str(day.date()), allowed, "keep one of the files"))
                continue
            lines = rows.drop(columns=["exchange", "is_equity"])
            both = lines if held is None else pd.concat([held, lines], ignore_index=True)
            frames["holdings", FUND] = both.sort_values("as_of", kind="stable", ignore_index=True)
            view = self._store.as_of().companies
            loaded = Loaded(self._now)
            list_members(loaded, rows, view)
            self._append(loaded)
        if frames:
            report = ingest_frames(frames, self._store, self._now)
            self._count(report.added)
            self._notes += report.notes
            self._quarantined += report.quarantined
            self._revised += report.revised

    def report(self) -> IngestReport:
        """What was done."""
        for remark, files in self._remarks.items():
            if len(files) > _REPEATED:
                self._notes.append(f"{files[0]} and {len(files) - 1} more files: {remark}")
            else:
                self._notes += [f"{file}: {remark}" for file in files]
        return IngestReport(
            added=self._added,
            files=self._found.count,
            rows_read=self._rows,
            quarantined=self._quarantined,
            revised=self._revised,
            refusals=tuple(sorted(self._refusals, key=lambda refused: refused.where)),
            notes=tuple(self._notes),
        )

    def _read(self, names: list[str]) -> dict[str, dict[str, pd.DataFrame]]:
        """The files of some companies; parsing releases the interpreter lock, so several are read at once."""
        jobs = [(name, folder, path) for name in names for folder, path in self._found.by_company[name].items()]
        tables: dict[str, dict[str, pd.DataFrame]] = {name: {} for name in names}
        with ThreadPoolExecutor(READERS) as pool:
            outcomes = pool.map(lambda job: _attempt(read_one, job[1], job[2]), jobs)
            for (name, folder, _), outcome in zip(jobs, outcomes, strict=True):
                rows = self._rows_of(outcome)
                if rows is not None:
                    tables[name][folder] = rows
        return tables

    def _stored(self, names: list[str]) -> dict[str, dict[str, pd.DataFrame]]:
        """The latest stored rows of some companies by kind; nothing where the store has none of them."""
        view = self._store.as_of().companies
        found: dict[str, dict[str, pd.DataFrame]] = {}
        if view.is_empty:
            return found
        for kind in ("bars", "splits", "dividends", "short_interest"):
            rows = view.latest(kind, names)
            codes, own = pd.factorize(rows["company"])  # sorted by company
            bounds = np.searchsorted(codes, np.arange(len(own) + 1))
            for place, name in enumerate(own):
                found.setdefault(str(name), {})[kind] = rows.iloc[bounds[place] : bounds[place + 1]]
        return found

    def _rows_of(self, outcome: Outcome) -> pd.DataFrame | None:
        """The rows of a file that was not refused; its remarks are kept."""
        if isinstance(outcome, SnapshotError):
            self._refusals.append(outcome)
            return None
        rows, notes = outcome
        for note in notes:
            file, _, remark = note.partition(": ")
            self._remarks.setdefault(remark, []).append(file)
        self._rows += len(rows)
        return rows

    def _append(self, loaded: Loaded) -> None:
        self._count(
            {
                f"{PREFIX}{kind}": count
                for kind, count in self._store.companies.append_all(loaded.frames(), self._now).items()
            }
        )
        self._notes += loaded.notes
        self._quarantined += loaded.quarantined
        self._revised += loaded.revised

    def _progress(self, line: str) -> None:
        """Say how far it is, unless little time has passed."""
        if time.monotonic() - self._said > _SECONDS:
            self._said = time.monotonic()
            self._say(line)

    def _count(self, added: dict[str, int]) -> None:
        for kind, count in added.items():
            self._added[kind] = self._added.get(kind, 0) + count


def _attempt(read: Callable[..., tuple[pd.DataFrame, list[str]]], *given: object) -> Outcome:
    try:
        return read(*given)
    except SnapshotError as refused:
        return refused
