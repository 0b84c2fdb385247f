"""Reading companies from their partitions: one partition at a time, only the columns, years and companies asked for.

Each partition is a small store of segments and is read by the market's own `Reader`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bullbear.data.companies.kinds import COMPANY_KINDS, Partition
from bullbear.data.reader import Files, Reader
from bullbear.data.segments import listing

Listed = Mapping[tuple[str, str], Files]
"""Segments by partition and kind."""


class CompanyReader:
    """Reads the partitions under `root`; only rows stored by `stored` unless that is None."""

    def __init__(self, root: Path, stored: pd.Timestamp | None = None) -> None:
        self.root, self.stored = root, stored
        self._partitions: dict[str, tuple[Partition, Reader]] = {}
        self._names: dict[tuple[str, Files], tuple[str, ...]] = {}

    def by(self, stored: pd.Timestamp) -> CompanyReader:
        """A reader limited to rows stored by `stored`; it shares the files' footers, but no rows."""
        other = CompanyReader(self.root, stored)
        other._partitions = {name: (each, reader.by(stored)) for name, (each, reader) in self._partitions.items()}
        return other

    @property
    def exists(self) -> bool:
        """Whether there is a folder of companies."""
        return self.root.is_dir()

    def files(self) -> Listed:
        """The segments of every partition and kind now, those of later years last; no file is opened."""
        if not self.exists:
            return {}
        folders = sorted((entry.name, entry.path) for entry in os.scandir(self.root) if entry.is_dir())
        return {
            (name, kind): files
            for name, path in folders
            if Partition.named(name) is not None
            for kind in sorted(entry.name for entry in os.scandir(path) if entry.name in COMPANY_KINDS)
            if (files := listing(self.root / name, kind))
        }

    def has_rows(self, files: Listed) -> bool:
        """Whether a row of these segments was stored by the reader's limit."""
        return any(self._partition(name)[1].stored_by(paths) for (name, _), paths in files.items())

    def segments_of(
        self, files: Listed, kind: str, years: Collection[int] | None = None, companies: Collection[str] | None = None
    ) -> Iterator[tuple[Reader, Files]]:
        """The partitions of a kind that may hold rows of these years and companies, as readers with their segments."""
        for (name, of_kind), paths in files.items():
            if of_kind != kind:
                continue
            place, reader = self._partition(name)
            is_asked_for = (years is None or place.year is None or place.year in years) and place.may_hold(companies)
            if is_asked_for and (stored := reader.stored_by(paths)):
                yield reader, stored

    def chunks(
        self,
        files: Listed,
        kind: str,
        columns: list[str],
        years: Collection[int] | None = None,
        companies: Collection[str] | None = None,
    ) -> Iterator[pa.Table]:
        """Some columns, among them `series`, of all versions; one table per partition.

        All versions of an event lie in one table. Rows of other years may be among them, of other companies not. A
        merge cut short may leave a row twice.
        """
        asked = None if companies is None else pa.array(sorted(set(companies)), pa.string())
        for reader, paths in self.segments_of(files, kind, years, companies):
            if companies is not None and len(companies) <= _FEW:
                table = pa.concat_tables([reader.rows(paths, kind, name, columns) for name in sorted(set(companies))])
            else:
                table = reader.table(paths, kind, columns)
                if asked is not None:
                    table = table.filter(pc.is_in(table.column("series"), asked))
            if len(table):
                yield table

    def fingerprints(
        self,
        files: Listed,
        kind: str,
        years: Collection[int] | None,
        companies: Collection[str],
        instant: pd.Timestamp | None,
    ) -> list[str]:
        """Of the segments that may hold rows of these years and companies, known at `instant`; see `Reader`."""
        return sorted(
            f"{reader.root.name}/{each}"
            for reader, paths in self.segments_of(files, kind, years, companies)
            for each in reader.fingerprints(paths, kind, instant)
        )

    def names(self, files: Listed, kind: str, years: Collection[int] | None = None) -> tuple[str, ...]:
        """The companies with a row of a kind, sorted; those of other years may be among them."""
        found: set[str] = set()
        for reader, paths in self.segments_of(files, kind, years):
            key = (kind, paths)
            if key not in self._names:
                column = reader.table(paths, kind, ["series"]).column("series")
                self._names[key] = tuple(column.unique().to_pylist())
            found.update(self._names[key])
        return tuple(sorted(found))

    def years(self, files: Listed, kind: str) -> list[int]:
        """The years of a kind's partitions, ascending."""
        places = (Partition.named(name) for name, of_kind in files if of_kind == kind)
        return sorted({place.year for place in places if place is not None and place.year is not None})

    def count(self, files: Listed, kind: str) -> int:
        """The number of rows in the segments of a kind; reads their footers alone."""
        return sum(reader.count(paths, kind) for reader, paths in self.segments_of(files, kind))

    def last_known_at(self, files: Listed) -> pd.Timestamp | None:
        """The latest known_at; None if there are no rows."""
        each = (self._partition(name)[1].last_known_at({kind: paths}) for (name, kind), paths in files.items())
        return max(each, default=None)

    def last_stored_at(self, files: Listed) -> pd.Timestamp | None:
        """The latest stored_at; None if there are no rows."""
        each = (self._partition(name)[1].last_stored_at({kind: paths}) for (name, kind), paths in files.items())
        return max(each, default=None)

    def _partition(self, name: str) -> tuple[Partition, Reader]:
        if name not in self._partitions:
            place = Partition.named(name)
            assert place is not None
            self._partitions[name] = place, Reader(self.root / name, self.stored, COMPANY_KINDS)
        return self._partitions[name]


_FEW = 8  # companies that are looked up by the statistics of row groups; for more the whole partition is read


def known_by(table: pa.Table, instant: pd.Timestamp) -> pa.Table:
    """The rows known at an instant."""
    known = table.column("known_at")
    moment = pa.scalar(instant.as_unit("us"), known.type)
    return table.filter(pc.less_equal(known, moment))


def microseconds(table: pa.Table, column: str) -> np.ndarray:
    """A column of days or instants as microseconds since 1970 (UTC)."""
    values: np.ndarray = table.column(column).cast(pa.int64()).to_numpy()
    return values
