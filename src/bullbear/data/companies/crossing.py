"""From stored rows to a panel: each row goes to the cell of its session and company, the latest version last."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from bullbear import sessions as exchange
from bullbear.data.companies.clocks import session_closes
from bullbear.data.companies.panel import BARS, Array, BoolArray, Panel
from bullbear.data.companies.reader import CompanyReader, Listed, known_by, microseconds

Places = NDArray[np.int64]


def panel_of(
    reader: CompanyReader,
    files: Listed,
    instant: pd.Timestamp,
    sessions: pd.DatetimeIndex,
    companies: Collection[str] | None,
    *,
    on_time: bool = False,
) -> Panel:
    """The panel of what was known at `instant`; of None, the companies with a bar on one of the sessions.

    With `on_time`, of what was known by the close of its own session, too.
    """
    years = set(range(sessions[0].year, sessions[-1].year + 1)) if len(sessions) else set()
    names = reader.names(files, "bars", years) if companies is None else tuple(sorted(set(companies)))
    shape = len(sessions), len(names)
    days, columns = sessions.as_unit("us").asi8, pd.Index(names, dtype=object)
    tables = {name: np.full(shape, np.nan) for name in BARS}
    seen, restated = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    wanted = ["series", "event_date", "known_at", *BARS, "restated"]
    for chunk in reader.chunks(files, "bars", wanted, years, companies):
        rows = _on_time(known_by(chunk, instant)) if on_time else known_by(chunk, instant)
        kept, cells = _cells(rows, days, columns)
        seen.ravel()[cells] = True
        restated.ravel()[cells] = rows.column("restated").to_numpy()[kept] > 0
        for name, table in tables.items():
            table.ravel()[cells] = rows.column(name).to_numpy()[kept]
    present = np.flatnonzero(seen.any(axis=0))
    if companies is None and len(present) < len(names):
        names, columns = tuple(columns[present]), columns[present]
        tables = {name: table[:, present] for name, table in tables.items()}
        seen, restated = seen[:, present], restated[:, present]
    events = _Events(reader, files, instant, sessions, columns, on_time=on_time)
    return Panel(
        sessions=sessions,
        companies=names,
        **tables,
        split=events.splits(seen, restated),
        dividend=events.dividends(),
        restated=np.asarray(restated.any(axis=0)),
    )


def _on_time(rows: pa.Table) -> pa.Table:
    """The rows known by the close of their session, or of the next where there is none."""
    late = microseconds(rows, "known_at") > session_closes(microseconds(rows, "event_date").view("datetime64[us]"))[1]
    return rows.filter(pa.array(~late)) if late.any() else rows


def _cells(rows: pa.Table, days: Places, columns: pd.Index) -> tuple[Places, Places]:
    """Which rows lie in the panel, a later version after the one before it, and the flat place of each."""
    sessions, companies = _sessions_of(rows, days), _companies_of(rows, columns)
    kept = np.flatnonzero(
        (days[np.minimum(sessions, len(days) - 1)] == microseconds(rows, "event_date")) & (companies >= 0)
    )
    cells = sessions[kept] * len(columns) + companies[kept]
    taken = np.zeros(len(days) * len(columns), dtype=bool)
    taken[cells] = True
    if np.count_nonzero(taken) < len(cells):
        order = np.argsort(microseconds(rows, "known_at")[kept], kind="stable")
        kept, cells = kept[order], cells[order]
    return kept, cells


def _sessions_of(rows: pa.Table, days: Places) -> Places:
    return np.searchsorted(days, microseconds(rows, "event_date"))


def _companies_of(rows: pa.Table, columns: pd.Index) -> Places:
    coded = rows.column("series").combine_chunks().dictionary_encode()
    places: Places = columns.get_indexer(pd.Index(coded.dictionary.to_pylist(), dtype=object)).astype(np.int64)
    return places[coded.indices.to_numpy()] if len(places) else np.zeros(0, dtype=np.int64)


class _Events:
    """Splits and dividends on a panel's sessions; one on a day without a session falls on the next."""

    def __init__(
        self,
        reader: CompanyReader,
        files: Listed,
        instant: pd.Timestamp,
        sessions: pd.DatetimeIndex,
        columns: pd.Index,
        *,
        on_time: bool,
    ) -> None:
        self._on_time = on_time
        self._reader, self._files, self._instant = reader, files, instant
        self._sessions, self._columns = sessions, columns

    def splits(self, seen: BoolArray, restated: BoolArray) -> Array:
        """New shares per old one; a split by which the bars that follow it were already divided counts as none."""
        table = np.ones(seen.shape)
        for row, column, ratio in zip(*self._placed("splits", "ratio"), strict=True):
            if restated[:, column].any():
                after = np.flatnonzero(seen[row:, column])
                before = np.flatnonzero(seen[:row, column])
                nearest = row + after[0] if len(after) else before[-1]
                if restated[nearest, column]:
                    continue
            table[row, column] *= ratio
        return table

    def dividends(self) -> Array:
        """Dollars per share."""
        table = np.zeros((len(self._sessions), len(self._columns)))
        rows, columns, amounts = self._placed("dividends", "amount")
        np.add.at(table, (rows, columns), amounts)
        return table

    def _placed(self, kind: str, value: str) -> tuple[Places, Places, Array]:
        """Row, column and value of the latest version of each event in the panel."""
        days = self._sessions.as_unit("us").asi8
        parts = []
        if len(days):
            before = exchange.offset(self._sessions[0], -1).as_unit("us").value // 1000
            for chunk in self._reader.chunks(self._files, kind, ["series", "event_date", "known_at", value]):
                rows = known_by(chunk, self._instant)
                rows = _on_time(rows) if self._on_time else rows
                event, company = microseconds(rows, "event_date"), _companies_of(rows, self._columns)
                kept = np.flatnonzero((event > before) & (event <= days[-1]) & (company >= 0))
                known = microseconds(rows, "known_at")[kept]
                kept = kept[np.argsort(known, kind="stable")]
                values = rows.column(value).to_numpy()[kept]
                parts.append(pd.DataFrame({"event": event[kept], "company": company[kept], "value": values}))
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        latest = pd.concat(parts).drop_duplicates(["event", "company"], keep="last").dropna()
        rows_of = np.searchsorted(days, latest["event"].to_numpy())
        return rows_of, latest["company"].to_numpy(), latest["value"].to_numpy()
