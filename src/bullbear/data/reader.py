"""Reading a store's segments: the rows of one series as a frame or as arrays, kept for as long as its files stay.

The files are those that a view found when it was opened. Nothing here knows of time: only a `View` asks, and cuts what
it gets at its own instant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa

from bullbear.data.segments import KINDS, Kind, Segment, listing
from bullbear.data.versions import History

Part = TypeVar("Part")
Files = tuple[Path, ...]

EPOCH = pd.Timestamp("1970-01-01", tz="UTC").as_unit("us")


class Reader:
    """What has been read from the segments under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._segments: dict[Path, Segment] = {}
        self._frames: dict[tuple[str, str], tuple[Files, pd.DataFrame]] = {}
        self._histories: dict[tuple[str, str], tuple[Files, History]] = {}

    def files(self) -> dict[str, Files]:
        """The segments of every kind, as they are now."""
        return {kind: listing(self.root, kind) for kind in KINDS}

    def last_known_at(self, files: Mapping[str, Files]) -> pd.Timestamp:
        """The latest known_at of all rows; the epoch if there is none."""
        parts = (self._parts(paths, kind, lambda segment: segment.last_known_at) for kind, paths in files.items())
        return max((moment for part in parts for moment in part), default=EPOCH)

    def frame(self, files: Files, kind: str, series: str) -> pd.DataFrame:
        """Every version of a series in `files`, without its name, sorted by known_at and event_date."""
        cached = self._frames.get((kind, series))
        if cached is not None and cached[0] == files:
            return cached[1]
        layout = KINDS[kind]
        tables = self._parts(files, kind, lambda segment: segment.read(series))
        frame = pa.concat_tables(tables).to_pandas() if tables else _nothing(layout)
        if len(tables) > 1:
            frame = frame.drop_duplicates(ignore_index=True)
            frame = frame.sort_values(["known_at", "event_date", *layout.extra_key], kind="stable", ignore_index=True)
        frame = frame.drop(columns="series")
        self._frames[kind, series] = (files, frame)
        return frame

    def history(self, files: Files, kind: str, series: str) -> History:
        """The arrays of what `frame` returns, without a frame in between where one segment holds them all."""
        cached = self._histories.get((kind, series))
        if cached is None or cached[0] != files:
            tables = self._parts(files, kind, lambda segment: segment.read(series))
            whole = (
                History.of_table(tables[0]) if len(tables) == 1 else History.of_frame(self.frame(files, kind, series))
            )
            cached = self._histories[kind, series] = (files, whole)
        return cached[1]

    def table(self, files: Files, kind: str, columns: list[str]) -> pa.Table:
        """Some columns of all rows of a kind."""
        tables = self._parts(files, kind, lambda segment: segment.read_all(columns))
        return pa.concat_tables(tables) if tables else KINDS[kind].schema.empty_table().select(columns)

    def _parts(self, files: Files, kind: str, read: Callable[[Segment], Part | None]) -> list[Part]:
        try:
            return [part for path in files if (part := read(self._segment(path))) is not None]
        except FileNotFoundError:
            # Another process merged segments since the view was opened; the merged one holds their rows.
            files = listing(self.root, kind)
            return [part for path in files if (part := read(self._segment(path))) is not None]

    def _segment(self, path: Path) -> Segment:
        if path not in self._segments:
            self._segments[path] = Segment(path)
        return self._segments[path]


@lru_cache(maxsize=len(KINDS))
def _nothing(layout: Kind) -> pd.DataFrame:
    empty: pd.DataFrame = layout.schema.empty_table().to_pandas()
    return empty
