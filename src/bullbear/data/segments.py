"""Immutable Parquet segments: how rows of one kind are stored on disk, and how the rows of one series are found.

Rows are sorted by series, `known_at` and `event_date`, and row groups break at series, so that the footer alone shows
where a series lies. Small segments are merged into one, which replaces them; the order of segments has no meaning.

`stored_at` is not part of a row's identity. Segments of earlier versions lack it: their rows count as stored when they
were known, the earliest possible instant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bullbear.errors import InputError
from bullbear.files import remove_staged, write_whole

SMALL, MANY = 10_000, 8  # MANY segments of fewer than SMALL rows are merged into one
ROW_GROUP = 2048  # small series share a row group up to this size; a longer one has its own

_DAY = pa.timestamp("us")
_INSTANT = pa.timestamp("us", tz="UTC")
_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Kind:
    """The columns of one kind of rows, besides series, event_date and known_at.

    Rows with the same series, event_date, known_at and `extra_key` must be equal.
    """

    name: str
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    extra_key: tuple[str, ...] = ()

    @property
    def key(self) -> list[str]:
        """Columns that identify a row."""
        return ["series", "event_date", "known_at", *self.extra_key]

    @property
    def values(self) -> list[str]:
        """Columns besides series, event_date and known_at."""
        return [*self.texts, *self.numbers, *self.days]

    @property
    def columns(self) -> list[str]:
        """All columns but `stored_at`, in the order of the file."""
        return ["series", "event_date", "known_at", *self.values]

    @property
    def schema(self) -> pa.Schema:
        """The file's types: days naive and instants in UTC, both in microseconds."""
        fields = [("series", pa.string()), ("event_date", _DAY), ("known_at", _INSTANT), ("stored_at", _INSTANT)]
        fields += [(name, pa.string()) for name in self.texts]
        fields += [(name, pa.float64()) for name in self.numbers]
        fields += [(name, _DAY) for name in self.days]
        return pa.schema(fields)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("bars", ("open", "high", "low", "close", "adj_close", "volume")),
        # As traded, from a live provider; `scale` brings them to the prices of a snapshot stored before them.
        Kind("raw_bars", ("open", "high", "low", "close", "volume", "scale")),
        Kind("splits", ("ratio",)),
        # `vintage` is set where the whole real-time history of a series is known; see View.observations.
        Kind("observations", ("value",), days=("vintage",), extra_key=("vintage",)),
        Kind("dividends", ("amount",)),
        Kind("short_interest", ("shares_short", "avg_daily_volume", "days_to_cover", "shares_outstanding")),
        Kind("short_volume", ("short_volume", "total_volume")),
        Kind(
            "holdings",
            ("weight", "market_value", "shares"),
            texts=("ticker", "name", "sector"),
            extra_key=("ticker", "name"),
        ),
        Kind("quarantine", texts=("kind", "reason", "row"), extra_key=("kind", "reason", "row")),
    )
}


def kind_named(name: str) -> Kind:
    """The kind of that name; InputError if there is none."""
    if name not in KINDS:
        raise InputError("kind", name, ", ".join(KINDS), "use one of the store's kinds")
    return KINDS[name]


@dataclass(frozen=True)
class Segment:
    """One segment file; its footer is read on first use."""

    path: Path

    @cached_property
    def footer(self) -> pq.FileMetaData:
        """The Parquet metadata; raises InputError if the file is damaged."""
        try:
            return pq.read_metadata(self.path)
        except FileNotFoundError:
            raise  # merged meanwhile: the reader lists the folder again
        except (OSError, pa.ArrowException) as bad:
            raise InputError(
                f"segment {self.path.parent.name}/{self.path.name}",
                str(bad).splitlines()[0],
                "an intact Parquet file, as the store wrote it",
                "restore the file from a backup, or remove it and ingest its source again",
            ) from bad

    @cached_property
    def groups(self) -> list[tuple[str, str]]:
        """First and last series of each row group."""
        bounds = []
        for place in range(self.footer.num_row_groups):
            statistics = self.footer.row_group(place).column(0).statistics
            bounds.append((statistics.min, statistics.max))
        return bounds

    @cached_property
    def first_known_at(self) -> pd.Timestamp:
        """The earliest known_at of its rows."""
        return self._bounds("known_at")[0]

    @cached_property
    def last_known_at(self) -> pd.Timestamp:
        """The latest known_at of its rows."""
        return self._bounds("known_at")[1]

    @cached_property
    def first_stored_at(self) -> pd.Timestamp:
        """The earliest stored_at of its rows."""
        return self._bounds(self._stored_at)[0]

    @cached_property
    def last_stored_at(self) -> pd.Timestamp:
        """The latest stored_at of its rows."""
        return self._bounds(self._stored_at)[1]

    def read(self, series: str, columns: list[str], stored: pd.Timestamp | None = None) -> pa.Table | None:
        """Some columns, including `series`, of the rows of one series stored by `stored`; None if there are none."""
        places = [place for place, (low, high) in enumerate(self.groups) if low <= series <= high]
        if not places:
            return None
        table = self._rows(places, columns, stored)
        if not all(self.groups[place] == (series, series) for place in places):
            table = table.filter(pa.array(table.column("series").to_numpy() == series))
        return table if len(table) else None

    def read_between(
        self, low: str, high: str, columns: list[str], stored: pd.Timestamp | None = None
    ) -> pa.Table | None:
        """Some columns of the row groups with series from `low` to `high`, stored by `stored`; None if there are none.

        Rows of other series may be among them.
        """
        places = [place for place, (first, last) in enumerate(self.groups) if first <= high and low <= last]
        return self._rows(places, columns, stored) if places else None

    def read_all(self, columns: list[str], stored: pd.Timestamp | None = None) -> pa.Table:
        """Some columns of all rows stored by `stored`."""
        return self._rows(list(range(self.footer.num_row_groups)), columns, stored)

    def read_whole(self, kind: Kind) -> pd.DataFrame:
        """All rows, with their stored_at."""
        columns = list(dict.fromkeys([*kind.columns, self._stored_at]))
        rows: pd.DataFrame = self.read_all(columns).to_pandas()
        return rows if "stored_at" in rows else rows.assign(stored_at=rows["known_at"])

    def _rows(self, places: list[int], columns: list[str], stored: pd.Timestamp | None) -> pa.Table:
        is_cut = stored is not None and stored < self.last_stored_at
        with pq.ParquetFile(self.path, metadata=self.footer) as file:
            asked = list(dict.fromkeys([*columns, self._stored_at])) if is_cut else columns
            table = file.read_row_groups(places, columns=asked, use_threads=False)
        if is_cut:
            by_then = pc.less_equal(table.column(self._stored_at), pa.scalar(stored, _INSTANT))
            table = table.filter(by_then).select(columns)
        return table

    @property
    def _stored_at(self) -> str:
        return "stored_at" if "stored_at" in self.footer.schema.names else "known_at"

    def _bounds(self, column: str) -> tuple[pd.Timestamp, pd.Timestamp]:
        place = self.footer.schema.names.index(column)
        groups = [self.footer.row_group(number).column(place) for number in range(self.footer.num_row_groups)]
        low, high = min(group.statistics.min for group in groups), max(group.statistics.max for group in groups)
        return pd.Timestamp(low).as_unit("us"), pd.Timestamp(high).as_unit("us")


def listing(root: Path, kind: str) -> tuple[Path, ...]:
    """The segment files of a kind; staging files do not match."""
    return tuple(sorted((root / kind).glob("[0-9]*-*.parquet")))


def write(root: Path, kind: Kind, content: memoryview) -> None:
    """Write `content` (see `encoded`) as the next segment, and merge small ones; the caller holds the lock.

    A process killed between writing a merged segment and removing its sources leaves rows twice; readers drop
    duplicates.
    """
    folder = root / kind.name
    remove_staged(folder)
    _publish(root, kind, content)
    small = [segment for path in listing(root, kind.name) if (segment := Segment(path)).footer.num_rows < SMALL]
    if len(small) >= MANY:
        rows = pd.concat([segment.read_whole(kind) for segment in small]).sort_values("stored_at", kind="stable")
        _publish(root, kind, encoded(kind, ordered(kind, rows.drop_duplicates(kind.columns))))
        for segment in small:
            segment.path.unlink()


def _publish(root: Path, kind: Kind, content: memoryview) -> None:
    folder = root / kind.name
    number = 1 + max((int(path.name.split("-")[0]) for path in listing(root, kind.name)), default=0)
    write_whole(folder / f"{number:06d}-{hashlib.sha256(content).hexdigest()[:12]}.parquet", content)


def checked(kind: Kind, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the kind's columns, types and order; a missing value column counts as unknown.

    InputError if a column is unknown, missing, or of a wrong type, or if a day has a time of day.
    """
    frame = frame.reset_index(drop=True)
    for name in frame.columns:
        if name not in kind.columns:
            raise InputError(f"{kind.name} column", name, ", ".join(kind.columns), "rename or drop the column")
    for name in ("series", "event_date", "known_at"):
        if name not in frame.columns:
            raise InputError(f"{kind.name} columns", list(frame.columns), f"{name} among them", f"add {name}")
        if frame[name].isna().any():
            raise InputError(f"{kind.name} {name}", "an empty cell", "a value in every row", "fill or drop the row")
    known_at = frame["known_at"]
    if not isinstance(known_at.dtype, pd.DatetimeTZDtype):
        raise InputError(f"{kind.name} known_at", known_at.dtype, "instants with a time zone", "localize it")
    unknown = pd.Series(np.nan, index=frame.index)
    columns: dict[str, pd.Series] = {"known_at": known_at.dt.tz_convert("UTC").dt.as_unit("us")}
    for name in ("series", *kind.texts):
        columns[name] = frame.get(name, unknown).astype("str")
    for name in ("event_date", *kind.days):
        columns[name] = _days(kind, name, frame.get(name, unknown))
    for name in kind.numbers:
        columns[name] = frame.get(name, unknown).astype("float64")
    return pd.DataFrame({name: columns[name] for name in kind.columns})


def _days(kind: Kind, name: str, values: pd.Series) -> pd.Series:
    if not pd.api.types.is_datetime64_dtype(values.dtype):
        if not values.isna().all():
            raise InputError(f"{kind.name} {name}", values.dtype, "naive days (datetime64)", "convert the column")
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[us]")
    days: pd.Series = values.dt.as_unit("us")
    if (_integers(days)[days.notna().to_numpy()] % _MICROSECONDS_A_DAY).any():
        raise InputError(f"{kind.name} {name}", "a time of day", "days at midnight", "normalize the column")
    return days


def ordered(kind: Kind, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by series, known_at, event_date and the kind's extra key."""
    keys = [_integers(frame[name]) for name in ("series", "known_at", "event_date", *kind.extra_key)]
    if not _ascend(keys):
        frame = frame.take(np.lexsort(keys[::-1]))
    return frame.reset_index(drop=True)


def has_duplicates(kind: Kind, frame: pd.DataFrame) -> bool:
    """Whether two rows of an ordered frame have the same key."""
    same = np.ones(max(len(frame) - 1, 0), dtype=bool)
    # Instants differ between almost all rows, and are cheap to compare.
    for name in ("known_at", "event_date", "series", *kind.extra_key):
        if not same.any():
            return False
        values = _integers(frame[name])
        same &= values[1:] == values[:-1]
    return bool(same.any())


def unknown(layout: Kind, rows: pd.DataFrame, stored: list[pd.DataFrame]) -> pd.DataFrame:
    """The ordered `rows` that none of the `stored` frames holds.

    Raises
    ------
    InputError
        A row contradicts a stored one, or another of `rows`, with the same key.
    """
    known = [part for part in stored if not part.empty]
    if not known and not has_duplicates(layout, rows):
        return rows
    both = pd.concat([*known, rows], ignore_index=True)
    count = len(both) - len(rows)
    repeated = both.duplicated(layout.columns)[count:].to_numpy()
    clash = both.duplicated(layout.key)[count:].to_numpy() & ~repeated
    if clash.any():
        first = rows[clash].iloc[0]
        raise InputError(
            f"{layout.name} {first['series']} {first['event_date'].date()}",
            {name: first[name] for name in layout.values},
            f"what was stored as known at {first['known_at']}",
            "give the correction a later known_at",
        )
    fresh: pd.DataFrame = rows[~repeated]
    return fresh


def _ascend(keys: list[np.ndarray]) -> bool:
    """Whether rows are sorted by `keys`, the most significant first."""
    tied = np.ones(max(len(keys[0]) - 1, 0), dtype=bool)
    for key in keys:
        if (tied & (key[1:] < key[:-1])).any():
            return False
        tied &= key[1:] == key[:-1]
    return True


def _integers(column: pd.Series) -> np.ndarray:
    """Integers that sort like the column's values, and are equal where they are."""
    if column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.to_numpy("datetime64[us]").view(np.int64)
    codes: np.ndarray = pd.factorize(column, sort=True)[0]
    return codes


def encoded(kind: Kind, rows: pd.DataFrame) -> memoryview:
    """A segment's bytes, of rows with `stored_at`, sorted by `ordered`."""
    table = pa.Table.from_pandas(rows, schema=kind.schema, preserve_index=False)
    table = table.replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    dictionaries = ["series", "stored_at", *kind.texts]
    with pq.ParquetWriter(sink, table.schema, compression="zstd", use_dictionary=dictionaries) as writer:
        runs = pc.run_end_encode(table.column("series").combine_chunks(), run_end_type=pa.int64())
        for start, stop in _row_groups(runs.run_ends.to_pylist()):
            writer.write_table(table.slice(start, stop - start), row_group_size=stop - start)
    return memoryview(sink.getvalue())


def _row_groups(ends: list[int]) -> Iterator[tuple[int, int]]:
    """First row and end of each row group, from the end row of each series."""
    start = previous = 0
    for stop in ends:
        # A long series does not share a row group with the series before or after it.
        if start < previous and stop - previous >= ROW_GROUP:
            yield start, previous
            start = previous
        if stop - start >= ROW_GROUP:
            yield start, stop
            start = stop
        previous = stop
    if start < previous:
        yield start, previous
