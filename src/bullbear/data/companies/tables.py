"""Computed numbers of companies at decisions, in Parquet files by year and bucket of companies.

Each file is written whole or not at all, so that several processes may write beside each other, on this machine or on
others that see the folder; a reader opens only the files and columns that it needs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bullbear.errors import NoDataError
from bullbear.files import write_whole

Numbers = np.ndarray[Any, np.dtype[np.floating[Any]]]


@dataclass(frozen=True)
class Cells:
    """Numbers by decision, company and name.

    Attributes
    ----------
    decisions
        Sessions, ascending.
    companies
        Sorted.
    names
        Of the numbers.
    values
        Shape (n_decisions, n_companies, n_names); NaN where unknown.
    """

    decisions: pd.DatetimeIndex
    companies: tuple[str, ...]
    names: tuple[str, ...]
    values: Numbers


def cells_path(root: Path, year: int, part: str) -> Path:
    """The file of one part of a year."""
    return root / f"year={year}" / f"{part}.parquet"


def write_cells(path: Path, cells: Cells) -> None:
    """Write a file; companies without any number at a decision take no space."""
    known = np.isfinite(cells.values).any(axis=2)
    rows, columns = np.nonzero(known)
    names = pa.DictionaryArray.from_arrays(pa.array(columns, pa.int32()), pa.array(cells.companies, pa.string()))
    days = pa.array(cells.decisions.to_numpy("datetime64[us]")[rows])
    numbers = [pa.array(np.ascontiguousarray(cells.values[rows, columns, place])) for place in range(len(cells.names))]
    table = pa.table([days, names, *numbers], names=["decision", "company", *cells.names])
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=["decision", "company"])
    write_whole(path, memoryview(sink.getvalue()))


def read_cells(
    root: Path,
    decisions: pd.DatetimeIndex,
    companies: Sequence[str],
    names: Sequence[str],
    *,
    parts: Collection[str] | None = None,
) -> Cells:
    """What the files below `root` say of these decisions and companies; NaN where they say nothing.

    Parameters
    ----------
    parts
        Open only these parts of each year; None for all.

    Raises
    ------
    NoDataError
        There is no file for a year of `decisions`, or a file does not hold a name.
    """
    found: Numbers | None = None
    days = decisions.to_numpy("datetime64[us]")
    places = pd.Index(companies)
    for year in sorted(set(decisions.year)):
        paths = sorted(
            path for path in (root / f"year={year}").glob("*.parquet") if parts is None or path.stem in parts
        )
        if not paths:
            raise NoDataError("numbers of companies", f"none for {year} below {root}", "a file", "compute them again")
        for path in paths:
            table = _table(path, names)
            row = np.searchsorted(days, table.column("decision").to_numpy())
            inside = (row < len(days)) & (days[np.minimum(row, len(days) - 1)] == table.column("decision").to_numpy())
            column = places.get_indexer(table.column("company").to_pandas())
            inside &= column >= 0
            for place, name in enumerate(names):
                numbers = table.column(name).to_numpy()
                if found is None:
                    found = np.full((len(days), len(places), len(names)), np.nan, dtype=numbers.dtype)
                found[row[inside], column[inside], place] = numbers[inside]
    if found is None:
        found = np.full((len(days), len(places), len(names)), np.nan)
    return Cells(decisions, tuple(companies), tuple(names), found)


def _table(path: Path, names: Sequence[str]) -> pa.Table:
    try:
        return pq.read_table(path, columns=["decision", "company", *names], use_threads=False, partitioning=None)
    except (OSError, pa.ArrowException) as bad:
        said = " ".join(str(bad).split())
        raise NoDataError(
            "numbers of companies", said, f"an intact file {path}", "remove it, and compute again"
        ) from bad
