"""The point-in-time store: rows go in once and never change, and come out only through `Store.as_of`.

Every row says when it could first have been known (`known_at`). A `View` is frozen at an instant and serves only rows
known by then, the latest version of each event. A correction is a new row with a later `known_at`, so that yesterday's
view never changes. What is doubtful lies in the kind `quarantine`, which no reader of series serves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from bullbear.data.adjusting import adjusted_versions
from bullbear.data.segments import (
    KINDS,
    Kind,
    Segment,
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
from bullbear.data.versions import History, Versions, newest_rows, versions_of
from bullbear.errors import InputError, NoDataError

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
        self._segments: dict[Path, Segment] = {}
        self._versions: dict[tuple[str, str], tuple[tuple[Path, ...], pd.DataFrame]] = {}
        self._histories: dict[tuple[str, str], tuple[tuple[Path, ...], History]] = {}

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
        files = {kind: listing(self.root, kind) for kind in KINDS}
        if instant is None:
            return View(self, self._last_known_at(files), files)
        return View(self, pd.Timestamp(instant).tz_convert("UTC").as_unit("us"), files)

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
        known = [self._read(files, layout.name, name).assign(series=name) for name in names]
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
        return rows[~repeated]

    def _last_known_at(self, files: dict[str, tuple[Path, ...]]) -> pd.Timestamp:
        parts = (self._parts(paths, kind, lambda segment: segment.last_known_at) for kind, paths in files.items())
        return max((moment for part in parts for moment in part), default=_EPOCH)

    def _parts(self, files: tuple[Path, ...], kind: str, read: Callable[[Segment], Part | None]) -> list[Part]:
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

    def _read(self, files: tuple[Path, ...], kind: str, series: str) -> pd.DataFrame:
        """Every version of a series in `files`, without its name, sorted by known_at and event_date."""
        cached = self._versions.get((kind, series))
        if cached is not None and cached[0] == files:
            return cached[1]
        layout = KINDS[kind]
        tables = self._parts(files, kind, lambda segment: segment.read(series))
        frame = pa.concat_tables(tables).to_pandas() if tables else _nothing(layout)
        if len(tables) > 1:
            frame = frame.drop_duplicates(ignore_index=True)
            frame = frame.sort_values(["known_at", "event_date", *layout.extra_key], kind="stable", ignore_index=True)
        frame = frame.drop(columns="series")
        self._versions[kind, series] = (files, frame)
        return frame

    def _history(self, files: tuple[Path, ...], kind: str, series: str) -> History:
        """The arrays of what `_read` returns, without a frame in between where one segment holds them all."""
        cached = self._histories.get((kind, series))
        if cached is None or cached[0] != files:
            tables = self._parts(files, kind, lambda segment: segment.read(series))
            whole = (
                History.of_table(tables[0]) if len(tables) == 1 else History.of_frame(self._read(files, kind, series))
            )
            cached = self._histories[kind, series] = (files, whole)
        return cached[1]


class View:
    """What was known at `instant`: the only gate to data.

    Readers of a single series raise `NoDataError` when nothing of it was known; `has` tells first.
    """

    def __init__(self, store: Store, instant: pd.Timestamp, files: dict[str, tuple[Path, ...]]) -> None:
        self.store = store
        self.instant = instant
        self._instant = int(instant.as_unit("us").asm8.view(np.int64))
        self._files = files
        self._rows: dict[tuple[str, str], pd.DataFrame] = {}  # a view never changes, so neither do its rows
        self._arrays: dict[tuple[str, str], Versions] = {}

    def bars(self, ticker: str) -> pd.DataFrame:
        """Daily bars by event_date: known_at, open, high, low, close, adj_close, volume (NaN where unknown).

        Prices are split-adjusted as of the view's instant; adj_close also for dividends. The level of adj_close has no
        meaning, its returns do: see `adjusting`.
        """
        return self._latest("bars", ticker)

    def raw_bars(self, ticker: str) -> pd.DataFrame:
        """Bars as traded, by event_date: known_at, open, high, low, close, volume, scale; `bars` is derived from them.

        `scale` is what a raw price is multiplied by to continue the prices of a snapshot that was stored before.
        """
        return self._latest("raw_bars", ticker)

    def splits(self, ticker: str) -> pd.DataFrame:
        """By ex-date: known_at, ratio (new shares for an old one)."""
        return self._latest("splits", ticker)

    def observations(self, series: str) -> pd.DataFrame:
        """Values by event_date: known_at, value.

        Where the real-time history of a series is stored as vintages, only the events that the latest vintage lists
        are served: units and base years change from vintage to vintage, so two of them must not be mixed. Use
        `versions` to follow a series through its vintages.
        """
        rows = self.versions("observations", series)
        if rows["vintage"].notna().any():
            rows = rows[rows["vintage"] == rows["vintage"].max()]
        return _latest_by(rows, ["event_date"]).drop(columns="vintage")

    def short_interest(self, ticker: str) -> pd.DataFrame:
        """By settlement date: known_at, shares_short, avg_daily_volume, days_to_cover, shares_outstanding."""
        return self._latest("short_interest", ticker)

    def short_volume(self, ticker: str) -> pd.DataFrame:
        """By session: known_at, short_volume, total_volume (shares)."""
        return self._latest("short_volume", ticker)

    def dividends(self, ticker: str) -> pd.DataFrame:
        """By ex-date: known_at, amount (dollars per share, as paid)."""
        return self._latest("dividends", ticker)

    def holdings(self, fund: str) -> pd.DataFrame:
        """Constituents by event_date, each list in its latest version: known_at, ticker, name, sector, weight, ..."""
        rows = self.versions("holdings", fund)
        latest = rows.groupby("event_date")["known_at"].transform("max")
        return _latest_by(rows[rows["known_at"] == latest], ["event_date", "ticker", "name"])

    def versions(self, kind: str, series: str) -> pd.DataFrame:
        """Every version known by `instant`: event_date, known_at and the values, sorted by (known_at, event_date).

        Raises
        ------
        NoDataError
            Nothing of that series was known.
        """
        rows = self._known(kind, series)
        if rows.empty:
            raise NoDataError(
                f"{kind} of {series}",
                f"nothing known at {self.instant}",
                "a series listed by `bullbear status`",
                "fetch or ingest it, or choose a later day",
            )
        return rows

    def arrays(self, kind: str, series: str) -> Versions:
        """What `versions` serves, as arrays; without rows where nothing of that series was known."""
        if (kind, series) not in self._arrays:
            kind_named(kind)
            if kind == "bars" and len(self._history("raw_bars", series)):
                found = versions_of(self._known(kind, series))
            else:
                found = self._history(kind, series)
            self._arrays[kind, series] = found
        return self._arrays[kind, series]

    def newest(self, kind: str, series: str, column: str) -> float:
        """One number of the newest event, in its latest version; NaN where nothing of that series was known.

        Equal to the last row of `observations(series)[column]` and its likes, at a hundredth of the cost.

        Raises
        ------
        InputError
            `column` is none of the kind's numbers.
        """
        if column not in kind_named(kind).numbers:
            raise InputError("column", column, ", ".join(KINDS[kind].numbers), "name a number of the kind")
        versions = self.arrays(kind, series)
        if not len(versions):
            return float("nan")
        (row,) = versions.causal(newest_rows)
        return float(versions.numbers[column][row[-1]])

    def has(self, kind: str, series: str) -> bool:
        """Whether anything of that series was known."""
        return not self._known(kind, series).empty

    def quarantine(self) -> pd.DataFrame:
        """Rows set aside as doubtful: series, event_date, known_at, kind, reason, row (JSON of the source row)."""
        return self._all("quarantine", KINDS["quarantine"].columns).reset_index(drop=True)

    def catalogue(self) -> pd.DataFrame:
        """One row per series known: kind, series, first and last event_date, last_known_at, rows (distinct events)."""
        # Raw bars and splits are served as bars.
        parts = [self._catalogue(kind) for kind in KINDS if kind not in ("quarantine", "raw_bars", "splits")]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def last_known_at(self) -> pd.Timestamp:
        """The latest known_at of all that is served; the epoch if nothing is."""
        latest = self.catalogue()["last_known_at"].max()
        return _EPOCH if latest is pd.NaT else latest

    def _latest(self, kind: str, series: str) -> pd.DataFrame:
        return _latest_by(self.versions(kind, series), ["event_date"])

    def _known(self, kind: str, series: str) -> pd.DataFrame:
        if (kind, series) not in self._rows:
            kind_named(kind)
            rows = self._stored(kind, series)
            if kind == "bars" and not (raw := self._stored("raw_bars", series)).empty:
                rows = adjusted_versions(rows, raw, self._stored("splits", series), self._stored("dividends", series))
            self._rows[kind, series] = rows
        return self._rows[kind, series].copy(deep=False)

    def _history(self, kind: str, series: str) -> Versions:
        return self.store._history(self._files[kind], kind, series).until(self._instant)

    def _stored(self, kind: str, series: str) -> pd.DataFrame:
        rows = self.store._read(self._files[kind], kind, series)
        count = int(rows["known_at"].searchsorted(self.instant, side="right")) if len(rows) else 0
        return rows.iloc[:count]

    def _all(self, kind: str, columns: list[str]) -> pd.DataFrame:
        tables = self.store._parts(self._files[kind], kind, lambda segment: segment.read_all(columns))
        table = pa.concat_tables(tables) if tables else KINDS[kind].schema.empty_table().select(columns)
        rows = table.to_pandas()
        rows = rows[rows["known_at"] <= self.instant].drop_duplicates()
        rows = rows.sort_values(["series", "known_at", "event_date"], kind="stable")
        return pd.DataFrame(rows)

    def _catalogue(self, kind: str) -> pd.DataFrame:
        columns = ["series", "event_date", "known_at"]
        rows = self._all(kind, columns)
        if kind == "bars":
            rows = pd.concat([rows, self._all("raw_bars", columns)])
        by_series = rows.groupby("series", sort=True)
        table = pd.DataFrame(
            {
                "first": by_series["event_date"].min(),
                "last": by_series["event_date"].max(),
                "last_known_at": by_series["known_at"].max(),
                "rows": by_series["event_date"].nunique(),
            }
        ).reset_index()
        table.insert(0, "kind", kind)
        return table


@lru_cache(maxsize=len(KINDS))
def _nothing(layout: Kind) -> pd.DataFrame:
    empty: pd.DataFrame = layout.schema.empty_table().to_pandas()
    return empty


def _latest_by(rows: pd.DataFrame, identity: list[str]) -> pd.DataFrame:
    # `rows` is sorted by known_at, so the last of each identity is its latest version.
    if rows.duplicated(identity).any():
        rows = rows.drop_duplicates(identity, keep="last")
    if not rows["event_date"].is_monotonic_increasing:
        rows = rows.sort_values(identity, kind="stable")
    return rows.set_index("event_date")
