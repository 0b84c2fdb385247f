"""The point-in-time store: rows go in once and never change, and come out only through `Store.as_of`.

Every row says when it could first have been known (`known_at`). A `View` is frozen at an instant and serves only rows
known by then. A correction is a new row with a later `known_at`, so that yesterday's view never changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pandas as pd

from bullbear.data.reader import Reader
from bullbear.data.segments import (
    KINDS,
    Kind,
    WriteLock,
    checked,
    encoded,
    has_twins,
    kind_named,
    listing,
    ordered,
    put,
    sweep,
    write,
)
from bullbear.data.view import View
from bullbear.errors import InputError

Part = TypeVar("Part")

_EPOCH = pd.Timestamp("1970-01-01", tz="UTC").as_unit("us")


class Store:
    """Rows of all kinds under one folder; safe for several processes at once.

    Parameters
    ----------
    root:
        The folder, created at the first write; `data/` of a home.

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

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._lock = WriteLock(self.root / ".lock")
        self._reader = Reader(self.root)

    def __reduce__(self) -> tuple[type[Store], tuple[Path]]:
        return Store, (self.root,)  # a worker process opens the folder anew; locks do not travel

    def append(self, kind: str, frame: pd.DataFrame) -> int:
        """Add rows; identical rows are skipped.

        Parameters
        ----------
        kind:
            One of `segments.KINDS`.
        frame:
            Columns series, event_date (naive midnight), known_at (aware) and the kind's values; a value column that
            is absent is unknown throughout.

        Returns
        -------
        The number of rows that are new.

        Raises
        ------
        InputError
            A column is wrong, or a stored row has the same key and known_at but another value: what was known then
            cannot change, so a correction needs its own, later known_at.
        """
        return self.append_all({kind: frame})[kind]

    def append_all(self, frames: Mapping[str, pd.DataFrame]) -> dict[str, int]:
        """Add rows of several kinds as `append` does; they appear in the order of `frames`, or none if one is refused.

        Sorting and compressing one kind leaves the interpreter to the next.
        """
        with self.writing():
            with ThreadPoolExecutor(2) as pool:
                prepared = list(pool.map(self._prepared, frames.keys(), frames.values()))
            for kind, (count, content) in zip(frames, prepared, strict=True):
                if count:
                    write(self.root, KINDS[kind], content)
        return {kind: count for kind, (count, _) in zip(frames, prepared, strict=True)}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock over several appends, so that what is read in between stays true."""
        with self._lock():
            yield

    def as_of(self, instant: pd.Timestamp | None = None) -> View:
        """The view of what was known at `instant` (aware); None is everything stored.

        Raises
        ------
        InputError
            `instant` has no time zone.
        """
        if instant is not None and pd.Timestamp(instant).tzinfo is None:
            raise InputError("as_of", str(instant), "an instant with a time zone", "write e.g. 2019-12-31T21:00Z")
        files = self._reader.files()
        if instant is None:
            return View(self._reader, self._reader.last_known_at(files), files)
        return View(self._reader, pd.Timestamp(instant).tz_convert("UTC").as_unit("us"), files)

    @property
    def is_simulated(self) -> bool:
        """Whether the store holds the simulated market."""
        return (self.root / "SIMULATED.json").exists()

    @property
    def simulated_from(self) -> dict[str, float | int | str] | None:
        """The simulator's parameters, or None for a store of real data."""
        mark = self.root / "SIMULATED.json"
        return json.loads(mark.read_text()) if mark.exists() else None

    def mark_simulated(self, parameters: dict[str, float | int | str]) -> None:
        """Declare the store simulated, with the simulator's parameters; it takes no real data afterwards."""
        with self.writing():
            sweep(self.root)
            put(self.root / "SIMULATED.json", (json.dumps(parameters, indent=2, sort_keys=True) + "\n").encode())

    @property
    def is_empty(self) -> bool:
        """Whether nothing is stored."""
        return not any(listing(self.root, kind) for kind in KINDS)

    def _prepared(self, kind: str, frame: pd.DataFrame) -> tuple[int, memoryview]:
        """How many rows are new, and the segment that holds them."""
        layout = kind_named(kind)
        rows = ordered(layout, checked(layout, frame))
        fresh = rows if rows.empty else self._unknown(layout, rows)
        return len(fresh), memoryview(b"") if fresh.empty else encoded(layout, fresh)

    def _unknown(self, layout: Kind, rows: pd.DataFrame) -> pd.DataFrame:
        files = listing(self.root, layout.name)
        names = rows["series"].unique().tolist() if files else []
        known = [self._reader.frame(files, layout.name, name).assign(series=name) for name in names]
        known = [part for part in known if not part.empty]
        if not known and not has_twins(layout, rows):
            return rows
        both = pd.concat([*known, rows], ignore_index=True)
        count = len(both) - len(rows)
        repeated = both.duplicated()[count:].to_numpy()
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
