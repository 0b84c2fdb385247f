"""The store: 40 series at 240 decisions against one DuckDB query, and the ingest of a snapshot.

Asked is the newest value known at each decision: ours opens the store anew and takes one view `as_of` each decision;
the DuckDB side is one ASOF join per series in a single query over the same Parquet files. Ingest is stated as a rate,
and as a ratio to merely reading the same files with pandas.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
import pandas as pd

from benchmarks.ratio import Ratio, interleaved
from bullbear import sessions
from bullbear.data.snapshot import ingest
from bullbear.data.store import Store

SERIES, YEARS, DECISIONS = 40, 25, 240
RATE, ROUNDS = 500_000, 5
SNAPSHOT = Path(os.environ.get("BULLBEAR_SNAPSHOT", Path(__file__).parents[2] / "shared" / "data"))
NOW = pd.Timestamp("2020-06-01", tz="UTC")


def _filled(root: Path) -> Store:
    rng = np.random.default_rng(0)
    days = sessions.between("1995-01-01", "2019-12-31")
    store = Store(root)
    known = sessions.closes(days)
    names = [f"S{place:02d}" for place in range(SERIES)]
    frame = pd.DataFrame(
        {
            "series": np.repeat(names, len(days)),
            "event_date": np.tile(days.to_numpy(), SERIES),
            "known_at": pd.DatetimeIndex(np.tile(known.tz_localize(None).to_numpy(), SERIES)).tz_localize("UTC"),
            "value": rng.normal(size=SERIES * len(days)),
        }
    )
    store.append("observations", frame)
    return store


def _ours(root: Path, decided: pd.DatetimeIndex) -> pd.DataFrame:
    store = Store(root)  # cold: nothing kept from the round before
    names = [f"S{place:02d}" for place in range(SERIES)]
    rows = []
    for instant in decided:
        view = store.as_of(instant)
        rows.append([view.newest("observations", name, "value") for name in names])
    return pd.DataFrame(rows, index=decided, columns=names)


def _theirs(root: Path, decided: pd.DatetimeIndex) -> pd.DataFrame:
    asked = pd.DataFrame({"decided_at": decided})
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET threads = 1")
    connection.register("asked", asked)
    rows = connection.execute(
        f"""
        SELECT a.decided_at, s.series, o.value
        FROM asked a CROSS JOIN (SELECT DISTINCT series FROM read_parquet('{root}/observations/*.parquet')) s
        ASOF JOIN read_parquet('{root}/observations/*.parquet') o
          ON o.series = s.series AND o.known_at <= a.decided_at
        """
    ).df()
    return rows.set_index(["decided_at", "series"])["value"].unstack()  # noqa: PD010


def _read_all(directory: Path) -> int:
    return sum(
        len(pd.read_csv(path)) for path in directory.glob("*/*.csv") if path.parent.name not in ("papers", "fixtures")
    )


def measure() -> list[Ratio]:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "data"
        _filled(root)
        days = sessions.between("2000-01-01", "2019-12-31")
        decided = sessions.closes(pd.DatetimeIndex(days[:: len(days) // DECISIONS][:DECISIONS]))
        ours, theirs = _ours(root, decided), _theirs(root, decided)
        assert np.array_equal(ours.to_numpy(), theirs.to_numpy())
        name = f"as_of, {SERIES} series x {YEARS} years x {DECISIONS} dates / one DuckDB query"
        found = [interleaved(name, lambda: _ours(root, decided), lambda: _theirs(root, decided), rounds=3, aim=3.0)]
        if not SNAPSHOT.is_dir():
            print(f"no snapshot at {SNAPSHOT.name}: ingest not measured")
            return found
        taken: list[float] = []
        rows = 0

        def load() -> None:
            nonlocal rows
            began = time.perf_counter()
            rows = ingest(SNAPSHOT, Store(Path(place) / f"ingest{len(taken)}"), NOW).rows_read
            taken.append(time.perf_counter() - began)
            print(f"  ingest: {rows:,} rows, {rows / taken[-1]:,.0f} a second")

        name = "ingest of the snapshot / pandas.read_csv of it"
        found.append(interleaved(name, load, lambda: _read_all(SNAPSHOT), rounds=ROUNDS, aim=None))
        name = f"ingest of the snapshot / its time at {RATE:,} rows a second"
        found.append(Ratio(name, median(taken[1:]), rows / RATE, 1.0))
        return found
