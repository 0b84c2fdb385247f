"""The point-in-time store: append-only rows, read only through `Store.as_of`.

Each row says when it could first have been known (`known_at`) and when this machine stored it (`stored_at`).
`as_of(t)` serves what was public at `t`, even if it was fetched later; `as_of(t, stored=s)` serves only what was stored
by `s`, so it always gives the same rows. A correction is a new row with a later `known_at`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from bullbear.data.companies.reader import CompanyReader
from bullbear.data.companies.store import CompanyStore
from bullbear.data.reader import Reader
from bullbear.data.segments import (
    KINDS,
    Kind,
    checked,
    encoded,
    kind_named,
    listing,
    ordered,
    unknown,
    write,
)
from bullbear.data.view import View
from bullbear.files import FileLock, remove_staged, write_whole
from bullbear.sessions import utc

_TICK = pd.Timedelta(1, "us")


class Store:
    """Rows of all kinds under the folder `root`, created at the first write; safe for several processes at once.

    Example
    -------
    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()))
    >>> rows = pd.DataFrame({"series": ["DGS10"], "event_date": [pd.Timestamp("2019-12-30")],
    ...                      "known_at": [pd.Timestamp("2019-12-31 21:15", tz="UTC")], "value": [1.90]})
    >>> store.append("observations", rows), store.append("observations", rows)
    (1, 0)
    >>> store.as_of(pd.Timestamp("2019-12-31 21:00", tz="UTC")).has("observations", "DGS10")
    False
    >>> float(store.as_of().observations("DGS10")["value"].iloc[0])
    1.9
    """

    through: pd.Timestamp | None = None
    """The last instant of which anything is served; None where there is no limit (`sealed.SealedStore`)."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._lock = FileLock(self.root / ".lock")
        self._reader = Reader(self.root)
        self._replay = self._reader  # of the last `stored` asked for
        self.companies = CompanyStore(self.root / "companies", self._market_stored_at)
        """Thousands of companies, read through `as_of(t).companies`."""

    def __reduce__(self) -> tuple[type[Store], tuple[Path]]:
        return Store, (self.root,)  # a worker process opens the folder anew; locks do not travel

    def append(self, kind: str, frame: pd.DataFrame, stored_at: pd.Timestamp | None = None) -> int:
        """Add rows and return how many are new; a repeated row keeps its first `stored_at`.

        Parameters
        ----------
        kind:
            One of `segments.KINDS`.
        frame:
            Columns series, event_date (naive midnight), known_at (with a time zone) and the kind's values; a missing
            value column counts as unknown.
        stored_at:
            With a time zone; by default now. Moved to at least a microsecond after the previous append, so that what
            was stored by an instant never grows.

        Raises
        ------
        InputError
            A column is wrong, `stored_at` has no time zone, or a row contradicts a stored one with the same key and
            known_at: a correction needs a later known_at.
        """
        return self.append_all({kind: frame}, stored_at)[kind]

    def append_all(self, frames: Mapping[str, pd.DataFrame], stored_at: pd.Timestamp | None = None) -> dict[str, int]:
        """Append several kinds in the order of `frames`, or none of them if one is refused.

        The last kind is stored at `stored_at`, each kind before it a microsecond earlier, so that `stored` separates
        them as a concurrent reader may have seen them.
        """
        clock = utc("stored_at", pd.Timestamp.now("UTC") if stored_at is None else stored_at)
        with self.writing():
            last = max(clock, self.last_stored_at + len(frames) * _TICK)
            stamps = [last - place * _TICK for place in reversed(range(len(frames)))]
            # Sorting and compressing release the interpreter lock.
            with ThreadPoolExecutor(2) as pool:
                prepared = list(pool.map(self._prepared, frames.keys(), frames.values(), stamps))
            for kind, (count, content) in zip(frames, prepared, strict=True):
                if count:
                    write(self.root, KINDS[kind], content)
        return {kind: count for kind, (count, _) in zip(frames, prepared, strict=True)}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock, so that nothing changes between a read and an append."""
        with self._lock:
            yield

    def as_of(self, instant: pd.Timestamp | None = None, stored: pd.Timestamp | None = None) -> View:
        """The view of the rows known at `instant` and stored by `stored`, both with a time zone; None is no limit.

        InputError if one of them has none.
        """
        moment = None if instant is None else utc("as_of", instant)
        reader = self._reader if stored is None else self._reader_by(utc("stored", stored))
        files = reader.files()
        at = reader.last_known_at(files) if moment is None else moment
        return View(reader, at, files, self._company_reader(reader.stored), moment)

    @property
    def last_stored_at(self) -> pd.Timestamp:
        """The latest `stored_at`, the epoch in an empty store; `as_of(t, stored=that)` repeats today's view of `t`.

        Example
        -------
        >>> import tempfile
        >>> store, day = Store(Path(tempfile.mkdtemp())), pd.Timestamp("2019-12-31", tz="UTC")
        >>> rows = pd.DataFrame({"series": ["X"], "event_date": [pd.Timestamp("2019-12-02")], "known_at": [day]})
        >>> store.append("observations", rows.assign(value=1.0), stored_at=day + pd.Timedelta(days=14))
        1
        >>> str(store.last_stored_at), store.as_of(day, stored=day).has("observations", "X")
        ('2020-01-14 00:00:00+00:00', False)
        """
        return max(self._market_stored_at(), self.companies.last_stored_at)

    @property
    def is_simulated(self) -> bool:
        """Whether the store holds a simulated market."""
        return (self.root / "SIMULATED.json").exists()

    @property
    def simulated_from(self) -> dict[str, float | int | str] | None:
        """The simulator's parameters, or None for a store of real data."""
        mark = self.root / "SIMULATED.json"
        return json.loads(mark.read_text()) if mark.exists() else None

    def mark_simulated(self, parameters: dict[str, float | int | str]) -> None:
        """Declare the store simulated; it then takes no real data."""
        with self.writing():
            remove_staged(self.root)
            write_whole(self.root / "SIMULATED.json", json.dumps(parameters, indent=2, sort_keys=True) + "\n")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is stored, of the market or of companies."""
        return not any(listing(self.root, kind) for kind in KINDS) and self.companies.is_empty

    def _market_stored_at(self) -> pd.Timestamp:
        return self._reader.last_stored_at(self._reader.files())

    def _company_reader(self, stored: pd.Timestamp | None) -> CompanyReader:
        return self.companies.reader_by(stored)

    def _reader_by(self, stored: pd.Timestamp) -> Reader:
        """The reader of rows stored by then; the last one is cached, since a replay reads at several instants."""
        replay = self._replay
        if replay.stored != stored:
            replay = self._replay = self._reader.by(stored)
        return replay

    def _prepared(self, kind: str, frame: pd.DataFrame, stored_at: pd.Timestamp) -> tuple[int, memoryview]:
        """The number of new rows, and their encoded segment."""
        layout = kind_named(kind)
        rows = ordered(layout, checked(layout, frame))
        fresh = rows if rows.empty else self._unknown(layout, rows)
        return len(fresh), memoryview(b"") if fresh.empty else encoded(layout, fresh.assign(stored_at=stored_at))

    def _unknown(self, layout: Kind, rows: pd.DataFrame) -> pd.DataFrame:
        files = listing(self.root, layout.name)
        names = rows["series"].unique().tolist() if files else []
        return unknown(
            layout, rows, [self._reader.series(files, layout.name, name).frame.assign(series=name) for name in names]
        )
