"""Reading and caching the rows of one series from a store's segments, as a frame or as arrays.

Only a `View` calls this: it passes the files that it found when it was made, and cuts the rows at its instant. Each
`stored` limit has a reader of its own, so that no cached row passes from one limit to another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bullbear.data.segments import KINDS, Kind, Segment, listing
from bullbear.data.versions import History

if TYPE_CHECKING:
    from bullbear.data.derived import DerivedKind
    from bullbear.data.view import View

Part = TypeVar("Part")
Files = tuple[Path, ...]

EPOCH = pd.Timestamp("1970-01-01", tz="UTC").as_unit("us")


@dataclass(frozen=True)
class StoredSeries:
    """All versions of one series in `files`, sorted by known_at and event_date: as a frame, and as arrays."""

    files: Files
    layout: Kind
    _read: Callable[[], list[pa.Table]]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The columns of the kind without `series`."""
        tables = self._read()
        frame = pa.concat_tables(tables).to_pandas() if tables else _nothing(self.layout)
        if len(tables) > 1:
            order = ["known_at", "event_date", *self.layout.extra_key]
            frame = frame.drop_duplicates(ignore_index=True).sort_values(order, kind="stable", ignore_index=True)
        return frame.drop(columns="series")

    @cached_property
    def history(self) -> History:
        """The rows of `frame` as arrays; made without a frame if they lie in one segment."""
        tables = self._read()
        if not tables:
            return _no_history(self.layout)
        return History.of_table(tables[0]) if len(tables) == 1 else History.of_frame(self.frame)


class Reader:
    """Reads the segments under `root` of the given kinds; only rows stored by `stored` unless that is None."""

    def __init__(self, root: Path, stored: pd.Timestamp | None = None, kinds: Mapping[str, Kind] = KINDS) -> None:
        self.root = root
        self.stored = stored
        self.kinds = kinds
        self._segments: dict[Path, Segment] = {}
        self._series: dict[tuple[str, str], StoredSeries] = {}
        self._computed: dict[tuple[str, str], tuple[object, History]] = {}

    def by(self, stored: pd.Timestamp) -> Reader:
        """A reader limited to rows stored by `stored`; it shares the files' footers, but no rows."""
        other = Reader(self.root, stored, self.kinds)
        other._segments = self._segments
        return other

    def files(self) -> dict[str, Files]:
        """The segments of every kind now."""
        return {kind: self._listed(kind) for kind in self.kinds}

    def last_known_at(self, files: Mapping[str, Files]) -> pd.Timestamp:
        """The latest known_at; the epoch if there are no rows."""
        return self._latest(files, self._last_known_at)

    def last_stored_at(self, files: Mapping[str, Files]) -> pd.Timestamp:
        """The latest stored_at; the epoch if there are no rows."""
        return self._latest(files, lambda segment: segment.last_stored_at)

    def series(self, files: Files, kind: str, name: str) -> StoredSeries:
        """All versions of one series in `files`, cached until the files change."""
        cached = self._series.get((kind, name))
        if cached is None or cached.files != files:
            layout = self.kinds[kind]

            def read() -> list[pa.Table]:
                return self._parts(files, kind, lambda segment: segment.read(name, layout.columns, self.stored))

            cached = self._series[kind, name] = StoredSeries(files, layout, read)
        return cached

    def computed(self, kind: DerivedKind, name: str, view: View, files: object) -> History:
        """A series of a derived kind from a view of all that is stored, cached until the files change."""
        cached = self._computed.get((kind.name, name))
        if cached is None or cached[0] != files:
            cached = self._computed[kind.name, name] = files, kind.compute(view, name)
        return cached[1]

    def table(self, files: Files, kind: str, columns: list[str]) -> pa.Table:
        """Some columns of all rows of a kind."""
        tables = self._parts(files, kind, lambda segment: segment.read_all(columns, self.stored))
        return self._joined(kind, columns, tables)

    def rows(self, files: Files, kind: str, name: str, columns: list[str]) -> pa.Table:
        """Some columns, among them `series`, of the rows of one series."""
        return self._joined(kind, columns, self._parts(files, kind, lambda one: one.read(name, columns, self.stored)))

    def count(self, files: Files, kind: str) -> int:
        """The number of rows in segments, by their footers."""
        return sum(self._parts(files, kind, lambda segment: segment.footer.num_rows))

    def between(self, files: Files, kind: str, names: Mapping[str, str], columns: list[str]) -> pa.Table:
        """Some columns of the row groups that may hold series from `names["min"]` to `names["max"]`."""
        low, high = names["min"], names["max"]
        return self._joined(
            kind, columns, self._parts(files, kind, lambda one: one.read_between(low, high, columns, self.stored))
        )

    def stored_by(self, paths: Files) -> Files:
        """The segments with a row stored by the reader's limit, and those merged away meanwhile."""
        stored = self.stored
        return paths if stored is None else tuple(path for path in paths if self._begins_by(path, stored))

    def fingerprints(self, files: Files, kind: str, instant: pd.Timestamp | None) -> list[str]:
        """One for each segment with a row known at `instant` (None: for all), of what is read from it."""

        def fingerprint(segment: Segment) -> str | None:
            if instant is not None and segment.first_known_at > instant:
                return None
            is_whole = self.stored is None or segment.last_stored_at <= self.stored
            return segment.path.name if is_whole else f"{segment.path.name} by {self.stored}"

        return self._parts(files, kind, fingerprint)

    def _joined(self, kind: str, columns: list[str], tables: list[pa.Table]) -> pa.Table:
        return pa.concat_tables(tables) if tables else self.kinds[kind].schema.empty_table().select(columns)

    def _parts(self, files: Files, kind: str, read: Callable[[Segment], Part | None]) -> list[Part]:
        try:
            return [part for path in files if (part := read(self._segment(path))) is not None]
        except FileNotFoundError:
            # Another process has merged segments since the view was made; the merged one holds their rows.
            files = self._listed(kind)
            return [part for path in files if (part := read(self._segment(path))) is not None]

    def _latest(self, files: Mapping[str, Files], last: Callable[[Segment], pd.Timestamp]) -> pd.Timestamp:
        parts = (self._parts(paths, kind, last) for kind, paths in files.items())
        return max((moment for part in parts for moment in part), default=EPOCH)

    def _last_known_at(self, segment: Segment) -> pd.Timestamp:
        if self.stored is None or segment.last_stored_at <= self.stored:
            return segment.last_known_at
        known = segment.read_all(["known_at"], self.stored).column("known_at")
        return pd.Timestamp(pc.max(known).as_py()).as_unit("us") if len(known) else EPOCH

    def _listed(self, kind: str) -> Files:
        return self.stored_by(listing(self.root, kind))

    def _begins_by(self, path: Path, stored: pd.Timestamp) -> bool:
        try:
            return bool(self._segment(path).first_stored_at <= stored)
        except FileNotFoundError:
            return True  # whoever reads it lists the folder again

    def _segment(self, path: Path) -> Segment:
        if path not in self._segments:
            self._segments[path] = Segment(path)
        return self._segments[path]


@lru_cache(maxsize=len(KINDS))
def _no_history(layout: Kind) -> History:
    return History.of_frame(_nothing(layout).drop(columns="series"))


@lru_cache(maxsize=len(KINDS))
def _nothing(layout: Kind) -> pd.DataFrame:
    empty: pd.DataFrame = layout.schema.empty_table().select(layout.columns).to_pandas()
    return empty
