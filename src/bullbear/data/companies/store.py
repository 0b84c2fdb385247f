"""The companies of a store: append-only rows in partitions, read through `Store.as_of(t).companies`.

Rows follow the market store's rules: a repeated row keeps its first `stored_at`, and a correction is a new row with a
later `known_at`. An update touches the partitions of its rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bullbear.data.companies.kinds import COMPANY_KINDS, partitions_of
from bullbear.data.companies.reader import CompanyReader
from bullbear.data.companies.view import CompanyView
from bullbear.data.reader import EPOCH, Reader
from bullbear.data.segments import Kind, checked, encoded, listing, ordered, unknown, write
from bullbear.errors import InputError
from bullbear.files import FileLock, write_whole
from bullbear.sessions import utc

_TICK = pd.Timedelta(1, "us")
_STAMP = "last-stored"


class CompanyStore:
    """Rows of `kinds.COMPANY_KINDS` under the folder `root`; safe for several processes at once.

    Example
    -------
    >>> import tempfile
    >>> from bullbear.data import Store
    >>> store = Store(Path(tempfile.mkdtemp()))
    >>> close = pd.Timestamp("2019-12-31 21:00", tz="UTC")
    >>> bar = pd.DataFrame({"series": ["ACME"], "event_date": [pd.Timestamp("2019-12-31")], "known_at": [close],
    ...                     "open": 10.0, "high": 11.0, "low": 9.5, "close": 10.5, "volume": 1e5, "restated": 0.0})
    >>> store.companies.append_all({"bars": bar}), store.companies.append_all({"bars": bar})
    ({'bars': 1}, {'bars': 0})
    >>> store.as_of(close).companies.panel().close.tolist()
    [[10.5]]
    """

    def __init__(self, root: Path, market_stored_at: Callable[[], pd.Timestamp] = lambda: EPOCH) -> None:
        self.root = Path(root)
        self.lock = FileLock(self.root / ".lock")
        self._reader = CompanyReader(self.root)
        self._replay = self._reader  # of the last `stored` asked for
        self._market_stored_at = market_stored_at  # of the store that this one is part of

    def append_all(self, frames: Mapping[str, pd.DataFrame], stored_at: pd.Timestamp | None = None) -> dict[str, int]:
        """Add rows of several kinds in the order of `frames`, or none of them if one is refused; count the new ones.

        Parameters
        ----------
        frames:
            By kind, each with the columns series (or company), event_date (naive midnight), known_at (with a time zone)
            and the kind's values; a missing value column counts as unknown.
        stored_at:
            With a time zone; by default now. Moved to at least a microsecond after whatever the store already holds.

        Raises
        ------
        InputError
            A kind or a column is wrong, or a row contradicts a stored one with the same key and known_at: a correction
            needs a later known_at.
        """
        clock = utc("stored_at", pd.Timestamp.now("UTC") if stored_at is None else stored_at)
        with self.lock:
            before = max(self.last_stored_at, self._market_stored_at())
            last = max(clock, before + len(frames) * _TICK)
            segments = []
            counts = {}
            for place, (kind, frame) in enumerate(frames.items()):
                stamp = last - (len(frames) - 1 - place) * _TICK
                parts = self._prepared(_kind(kind), frame, stamp)
                counts[kind] = sum(count for _, count, _ in parts)
                segments += [(partition, COMPANY_KINDS[kind], content) for partition, _, content in parts]
            if segments:
                # First: a killed writer must not leave rows that are later than what the stamp says.
                write_whole(self.root / _STAMP, last.isoformat())
            for partition, layout, content in segments:
                write(self.root / partition, layout, content)
        return counts

    def as_of(self, instant: pd.Timestamp | None = None, stored: pd.Timestamp | None = None) -> CompanyView:
        """What was known at `instant` and stored by `stored`; see `Store.as_of`, of which this is the part."""
        limit = None if stored is None else utc("stored", stored)
        return CompanyView(self.reader_by(limit), None if instant is None else utc("as_of", instant))

    def reader_by(self, stored: pd.Timestamp | None) -> CompanyReader:
        """The reader of rows stored by then; the last one is cached, since a replay reads at several instants."""
        if stored is None:
            return self._reader
        if self._replay.stored != stored:
            self._replay = self._reader.by(stored)
        return self._replay

    @property
    def last_stored_at(self) -> pd.Timestamp:
        """An instant by which all rows were stored; the epoch in an empty store."""
        with suppress(OSError, ValueError):
            return pd.Timestamp((self.root / _STAMP).read_text()).as_unit("us")
        return self._reader.last_stored_at(self._reader.files()) or EPOCH

    @property
    def is_empty(self) -> bool:
        """Whether nothing is stored."""
        return not self._reader.files()

    def _prepared(self, layout: Kind, frame: pd.DataFrame, stamp: pd.Timestamp) -> list[tuple[str, int, memoryview]]:
        """By partition that gets new rows: its name, their number, and their segment."""
        rows = ordered(layout, checked(layout, frame.rename(columns={"company": "series"})))
        prepared = []
        for name, places in partitions_of(layout.name, rows).items():
            fresh = self._unknown(name, layout, rows.take(places).reset_index(drop=True))
            if len(fresh):
                prepared.append((name, len(fresh), encoded(layout, fresh.assign(stored_at=stamp))))
        return prepared

    def _unknown(self, partition: str, layout: Kind, rows: pd.DataFrame) -> pd.DataFrame:
        files = listing(self.root / partition, layout.name)
        if not files:
            return unknown(layout, rows, [])
        reader = Reader(self.root / partition, kinds=COMPANY_KINDS)
        names = pa.array(rows["series"].unique(), pa.string())
        stored = reader.between(files, layout.name, pc.min_max(names).as_py(), layout.columns)
        first, last = (
            pa.scalar(day, pa.timestamp("us")) for day in (rows["event_date"].min(), rows["event_date"].max())
        )
        day = stored.column("event_date")
        near = pc.and_(pc.greater_equal(day, first), pc.less_equal(day, last))
        near = pc.and_(near, pc.is_in(stored.column("series"), names))
        return unknown(layout, rows, [stored.filter(near).to_pandas()])


def _kind(name: str) -> Kind:
    if name not in COMPANY_KINDS:
        raise InputError("kind", name, ", ".join(COMPANY_KINDS), "use one of the kinds of companies")
    return COMPANY_KINDS[name]
