"""All versions of one series as NumPy arrays, cut at an instant.

The store caches the arrays of a series once (`History`); each view slices them at its own instant (`Versions`), without
a copy. Columns derived causally from them are cached alongside; see `Versions.causal`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[np.float64]
Instants = NDArray[np.int64]
Columns = tuple[np.ndarray, ...]

_DAY = 86_400_000_000
_FAR = 10**6  # days: more than any event date, so that a vintage outweighs the event
UNDATED = int(np.iinfo(np.int64).min)
"""The vintage of a row that has none: older than all."""


@dataclass(frozen=True)
class Versions:
    """Versions of one series, sorted by (known_at, event_date); every array has shape (n,) and is read-only.

    Days and instants are microseconds since 1970 (UTC). `vintage` is `UNDATED` where a row has none.
    """

    event_date: Instants
    known_at: Instants
    vintage: Instants
    numbers: Mapping[str, Array]
    _history: History

    def __len__(self) -> int:
        return len(self.known_at)

    @property
    def frame(self) -> pd.DataFrame:
        """The rows with event_date, known_at and the numbers, as `View.versions` serves those of a stored series."""
        instants = pd.DatetimeIndex(self.known_at.view("datetime64[us]")).tz_localize("UTC")
        return pd.DataFrame(
            {"event_date": self.event_date.view("datetime64[us]"), "known_at": instants, **dict(self.numbers)}
        )

    def causal(self, function: Callable[[Versions], Columns]) -> Columns:
        """Columns derived from these versions, computed once on the whole history and cut here.

        `function` gives arrays of as many rows. Row i may depend on rows 0 to i only; tests check every such function.
        It is the cache's key: pass a function of a module, not a lambda.
        """
        kept = self._history.kept
        if function not in kept:
            kept[function] = tuple(_fixed(column) for column in function(self._history.whole))
        return tuple(column[: len(self)] for column in kept[function])


class History:
    """Every stored version of one series; reached only through a view, which cuts it.

    Parameters
    ----------
    columns
        event_date, known_at, the numbers and perhaps vintage, sorted by (known_at, event_date); days and instants as
        datetime64[us], numbers as float64.
    """

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        events, known = (columns[name].view(np.int64) for name in ("event_date", "known_at"))
        vintage = np.full(len(events), UNDATED)
        if "vintage" in columns:  # NaT is the smallest integer, and so is UNDATED
            vintage = columns["vintage"].view(np.int64)
        numbers = {name: _fixed(column) for name, column in columns.items() if column.dtype == np.float64}
        self.kept: dict[Callable[[Versions], Columns], Columns] = {}
        self.whole = Versions(_fixed(events), _fixed(known), _fixed(vintage), numbers, self)

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> History:
        """From a frame as `View.versions` serves it."""
        columns = {}
        for name, kind in frame.dtypes.items():
            if pd.api.types.is_numeric_dtype(kind):
                columns[str(name)] = frame[name].to_numpy(np.float64)
            elif isinstance(kind, pd.DatetimeTZDtype):
                columns[str(name)] = pd.DatetimeIndex(frame[name]).as_unit("us").asi8.view("datetime64[us]")
            elif pd.api.types.is_datetime64_dtype(kind):
                columns[str(name)] = frame[name].to_numpy("datetime64[us]")
        return cls(columns)

    @classmethod
    def of_table(cls, table: pa.Table) -> History:
        """From the rows of one series in one segment."""
        kept = [name for name in table.column_names if not pa.types.is_string(table.schema.field(name).type)]
        return cls({name: table.column(name).to_numpy() for name in kept})

    def until(self, instant: int) -> Versions:
        """The versions known by `instant` (microseconds)."""
        whole = self.whole
        count = int(np.searchsorted(whole.known_at, instant, side="right"))
        numbers = {name: column[:count] for name, column in whole.numbers.items()}
        return Versions(whole.event_date[:count], whole.known_at[:count], whole.vintage[:count], numbers, self)


def newest_rows(versions: Versions) -> Columns:
    """For each row, the row with the latest version of the newest event so far, within the latest vintage; causal."""
    order = versions.event_date // _DAY
    dated = versions.vintage != UNDATED
    if dated.any():
        order = order + np.where(dated, versions.vintage // _DAY + _FAR, 0) * _FAR
    # A correction of an older event is news about the past, not the newest value.
    rows = np.where(order >= np.maximum.accumulate(order), np.arange(len(order)), 0)
    return (np.maximum.accumulate(rows),)


def versions_of(frame: pd.DataFrame) -> Versions:
    """The rows of a frame as `View.versions` serves it (or `View.bars`, without its index)."""
    return History.of_frame(frame).whole


def _fixed(column: np.ndarray) -> np.ndarray:
    view = column.view()
    view.flags.writeable = False  # shared by all readers of the store
    return view
