"""Reading and caching the rows of one series from a store's segments, as a frame or as arrays.

Only a `View` calls this: it passes the files that it found when it was made, and cuts the rows at its instant. Each
`stored` limit has a reader of its own, so that no cached row passes from one limit to another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bullbear.data.segments import KINDS, Kind, Segment, listing
from bullbear.data.versions import History

Part = TypeVar("Part")
Files = tuple[Path, ...]

EPOCH = pd.Timestamp("1970-01-01", tz="UTC").as_unit("us")


class Reader:
    """Reads the segments under `root`; only rows stored by `stored` unless that is None."""

    def __init__(self, root: Path, stored: pd.Timestamp | None = None) -> None:
        self.root = root
        self.stored = stored
        self._segments: dict[Path, Segment] = {}
        self._frames: dict[tuple[str, str], tuple[Files, pd.DataFrame]] = {}
        self._histories: dict[tuple[str, str], tuple[Files, History]] = {}

    def by(self, stored: pd.Timestamp) -> Reader:
        """A reader limited to rows stored by `stored`; it shares the files' footers, but no rows."""
        other = Reader(self.root, stored)
        other._segments = self._segments
        return other

    def files(self) -> dict[str, Files]:
        """The segments of every kind now."""
        return {kind: self._listed(kind) for kind in KINDS}

    def last_known_at(self, files: Mapping[str, Files]) -> pd.Timestamp:
        """The latest known_at; the epoch if there are no rows."""
        return self._latest(files, self._last_known_at)

    def last_stored_at(self, files: Mapping[str, Files]) -> pd.Timestamp:
        """The latest stored_at; the epoch if there are no rows."""
        return self._latest(files, lambda segment: segment.last_stored_at)

    def frame(self, files: Files, kind: str, series: str) -> pd.DataFrame:
        """Every version of a series in `files`, without its name, sorted by known_at and event_date."""
        cached = self._frames.get((kind, series))
        if cached is not None and cached[0] == files:
            return cached[1]
        layout = KINDS[kind]
        tables = self._parts(files, kind, lambda segment: segment.read(series, layout.columns, self.stored))
        frame = pa.concat_tables(tables).to_pandas() if tables else _nothing(layout)
        if len(tables) > 1:
            frame = frame.drop_duplicates(ignore_index=True)
            frame = frame.sort_values(["known_at", "event_date", *layout.extra_key], kind="stable", ignore_index=True)
        frame = frame.drop(columns="series")
        self._frames[kind, series] = (files, frame)
        return frame

    def history(self, files: Files, kind: str, series: str) -> History:
        """The rows of `frame` as arrays; read without building a frame if they lie in one segment."""
        cached = self._histories.get((kind, series))
        if cached is None or cached[0] != files:
            columns = KINDS[kind].columns
            tables = self._parts(files, kind, lambda segment: segment.read(series, columns, self.stored))
            if not tables:
                whole = _no_history(KINDS[kind])
            elif len(tables) == 1:
                whole = History.of_table(tables[0])
            else:
                whole = History.of_frame(self.frame(files, kind, series))
            cached = self._histories[kind, series] = (files, whole)
        return cached[1]

    def table(self, files: Files, kind: str, columns: list[str]) -> pa.Table:
        """Some columns of all rows of a kind."""
        tables = self._parts(files, kind, lambda segment: segment.read_all(columns, self.stored))
        return pa.concat_tables(tables) if tables else KINDS[kind].schema.empty_table().select(columns)

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
        try:
            return self._stored_by(listing(self.root, kind))
        except FileNotFoundError:
            return self._stored_by(listing(self.root, kind))  # merged away meanwhile

    def _stored_by(self, paths: Files) -> Files:
        stored = self.stored
        if stored is None:
            return paths
        return tuple(path for path in paths if self._segment(path).first_stored_at <= stored)

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
