"""A store whose rows are changed as they are read, for tests of what depends on them; nothing on disk changes.

Consumers read it as they read any store, through `as_of(t)`: noise in what became known after a day, later
publication, or the latest revision in the place of the first must show wherever the rows are used, and only there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa

from bullbear.data.companies.kinds import BUCKETS, COMPANY_KINDS, PREFIX, bucket, layout_of
from bullbear.data.companies.reader import CompanyReader, Listed
from bullbear.data.derived import DerivedKind
from bullbear.data.reader import Files, Reader, StoredSeries
from bullbear.data.sealed import cut_off
from bullbear.data.segments import ordered
from bullbear.data.store import Store
from bullbear.data.versions import History
from bullbear.data.view import View
from bullbear.errors import InputError


class Change(Protocol):
    """How rows are changed; it travels to worker processes, so it is an object of a module's class."""

    def touches(self, kind: str, series: str) -> bool:
        """Whether a series may change; all others are read as they are stored."""
        ...

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows to serve in the place of `frame`, all versions of one series as `View.versions` serves them.

        Kinds of companies begin with `company_`, as in `company_bars`, and their series is the company.

        In any order; `frame` itself must not be changed.
        """
        ...


class ChangedStore(Store):
    """A store with changed rows; it takes no new ones. Made of a changed store, it changes what that one serves.

    Made of a sealed store it changes what that one serves, too, and serves nothing later: no change, of values or of
    when they became known, brings a row from behind the seal before it.
    """

    def __init__(self, store: Store, change: Change) -> None:
        super().__init__(store.root)
        self._of, self._change, self.through = store, change, store.through
        # The rows that stay are shared with the store, with all that was derived from them.
        self._reader = self._replay = _ChangedReader(store._reader, change, store.through)
        self._company_readers: dict[pd.Timestamp | None, CompanyReader] = {}

    def __reduce__(self) -> tuple[type[ChangedStore], tuple[Store, Change]]:  # type: ignore[override]
        return ChangedStore, (self._of, self._change)

    def as_of(self, instant: pd.Timestamp | None = None, stored: pd.Timestamp | None = None) -> View:
        """See `SealedStore.as_of`, where it is made of such a store."""
        return cut_off(super().as_of(instant, stored), self.through, is_asked_for=instant is not None)

    def _company_reader(self, stored: pd.Timestamp | None) -> CompanyReader:
        if stored not in self._company_readers:
            unchanged = self._of._company_reader(stored)
            self._company_readers = {stored: _ChangedCompanies(unchanged, self._change, self.through)}
        return self._company_readers[stored]

    def append_all(self, frames: Mapping[str, pd.DataFrame], stored_at: pd.Timestamp | None = None) -> dict[str, int]:
        """Refused.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError("store", "a store with changed rows", "the store itself", "append to the store it was made of")


class _ChangedReader(Reader):
    """A reader of changed rows."""

    def __init__(self, reader: Reader, change: Change, through: pd.Timestamp | None) -> None:
        super().__init__(reader.root, reader.stored)
        self._unchanged, self._change, self._through = reader, change, through
        self._segments = reader._segments
        self._changed: dict[tuple[str, str], _ChangedSeries] = {}

    def by(self, stored: pd.Timestamp) -> Reader:
        return _ChangedReader(self._unchanged.by(stored), self._change, self._through)

    def series(self, files: Files, kind: str, name: str) -> StoredSeries:
        stored = self._unchanged.series(files, kind, name)
        if not self._change.touches(kind, name):
            return stored
        kept = self._changed.get((kind, name))
        if kept is None or kept.files != files:
            kept = self._changed[kind, name] = _ChangedSeries(stored, kind, name, self._change, self._through)
        return kept

    def computed(self, kind: DerivedKind, name: str, view: View, files: object) -> History:
        if not any(self._change.touches(*each) for each in kind.reads(view, name)):
            return self._unchanged.computed(kind, name, view, files)
        return super().computed(kind, name, view, files)


class _ChangedSeries(StoredSeries):
    """All versions of one series, changed."""

    def __init__(
        self, stored: StoredSeries, kind: str, name: str, change: Change, through: pd.Timestamp | None
    ) -> None:
        super().__init__(stored.files, stored.layout, stored._read)
        # The class is frozen.
        object.__setattr__(self, "_source", (stored, kind, name, change, through))

    @cached_property
    def frame(self) -> pd.DataFrame:
        stored, kind, name, change, through = self._source  # type: ignore[attr-defined]
        rows = pd.DataFrame(stored.frame)
        if through is not None:
            rows = rows[rows["known_at"] <= through].reset_index(drop=True)
        if rows.empty:
            return rows
        order = ["known_at", "event_date", *layout_of(kind).extra_key]
        changed: pd.DataFrame = change.rows(kind, name, rows)
        instants = pd.DatetimeIndex(changed["known_at"]).asi8
        if (instants[1:] > instants[:-1]).all():  # in order already, as most changes leave them
            return changed.reset_index(drop=True)
        return changed.sort_values(order, kind="stable", ignore_index=True)

    @cached_property
    def history(self) -> History:
        return History.of_frame(self.frame)


class _ChangedCompanies(CompanyReader):
    """A reader of companies with changed rows: of a changed company all years are read, one bucket after the other."""

    def __init__(self, reader: CompanyReader, change: Change, through: pd.Timestamp | None) -> None:
        super().__init__(reader.root, reader.stored)
        self._unchanged, self._change, self._through = reader, change, through
        self._kept: dict[tuple[str, tuple[str, ...]], tuple[Listed, pa.Table]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": {}}  # a worker process reads for itself

    def by(self, stored: pd.Timestamp) -> CompanyReader:
        return _ChangedCompanies(self._unchanged.by(stored), self._change, self._through)

    def chunks(
        self,
        files: Listed,
        kind: str,
        columns: list[str],
        years: Collection[int] | None = None,
        companies: Collection[str] | None = None,
    ) -> Iterator[pa.Table]:
        names = self._unchanged.names(files, kind, years)
        asked = names if companies is None else sorted(set(companies) & set(names))
        changed = [name for name in asked if self._change.touches(PREFIX + kind, name)]
        unchanged = [name for name in asked if name not in set(changed)] if changed else companies
        if unchanged is None or unchanged:
            yield from self._unchanged.chunks(files, kind, columns, years, unchanged)
        for place in range(BUCKETS):
            together = tuple(name for name in changed if bucket(name, BUCKETS) == place)
            if together:
                yield self._rows(files, kind, together).select(columns)

    def fingerprints(
        self,
        files: Listed,
        kind: str,
        years: Collection[int] | None,
        companies: Collection[str],
        instant: pd.Timestamp | None,
    ) -> list[str]:
        # A change may move rows to other days.
        if any(self._change.touches(PREFIX + kind, name) for name in companies):
            years = instant = None
        return self._unchanged.fingerprints(files, kind, years, companies, instant)

    def _rows(self, files: Listed, kind: str, companies: tuple[str, ...]) -> pa.Table:
        """All versions of all years of some companies, changed."""
        kept = self._kept.get((kind, companies))
        if kept is not None and kept[0] == files:
            return kept[1]
        layout = COMPANY_KINDS[kind]
        empty = layout.schema.empty_table().select(layout.columns)
        stored = self._unchanged.chunks(files, kind, layout.columns, None, companies)
        frame = ordered(layout, pa.concat_tables([empty, *stored]).to_pandas().drop_duplicates())
        if self._through is not None:
            frame = frame[frame["known_at"] <= self._through]
        parts = []
        for name, rows in frame.groupby("series", sort=True):
            own = rows.drop(columns="series").reset_index(drop=True)
            parts.append(self._change.rows(PREFIX + kind, str(name), own).assign(series=name))
        changed = pd.concat(parts) if parts else frame
        table = pa.Table.from_pandas(changed[layout.columns], schema=empty.schema, preserve_index=False)
        table = table.replace_schema_metadata(None)
        self._kept[kind, companies] = files, table
        return table
