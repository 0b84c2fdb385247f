"""Reading one CSV file of a snapshot directory, or refusing it with its name, line and value.

Arrow parses the file and the checks run on whole columns; only for a faulty file does a second, slow pass find the
first bad line. An empty cell is unknown, never zero.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pcsv

from bullbear import sessions
from bullbear.errors import SnapshotError
from bullbear.sessions import NEW_YORK

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})"


@dataclass(frozen=True)
class Layout:
    """The columns of one folder; files are sorted by `days`.

    `aliases` are other names that are accepted with a note; days together with `identity` must be unique. Rows of a
    file that `is_loose` may come in any order and repeat, and a bar may be impossible: their loader sorts them out.
    """

    folder: str
    kind: str
    days: tuple[str, ...]
    numbers: tuple[str, ...]
    optional_numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    optional_texts: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    optional_days: tuple[str, ...] = ()
    is_loose: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """Columns without which the file is refused."""
        return (*self.days, *self.texts, *self.numbers)

    @property
    def span(self) -> tuple[str, str]:
        """First and last day accepted."""
        return ("1850-01-01" if self.kind == "observations" else "1900-01-01", f"{sessions.LAST_YEAR - 4}-12-31")

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, the others being ignored."""
        return (*self.required, *self.optional_days, *self.optional_texts, *self.optional_numbers)


LAYOUTS: dict[str, Layout] = {
    layout.folder: layout
    for layout in (
        Layout("prices", "bars", ("date",), ("open", "high", "low", "close", "adj_close", "volume")),
        # Price histories exported with dividends use this name.
        Layout("dividends", "dividends", ("date",), ("amount",), aliases=(("dividend", "amount"),)),
        Layout("macro", "observations", ("date",), ("value",), optional_texts=("known_at",)),
        Layout("vintages", "observations", ("vintage", "date"), ("value",)),
        Layout(
            "short_interest",
            "short_interest",
            ("settlement_date",),
            ("shares_short",),
            optional_numbers=("avg_daily_volume", "days_to_cover", "shares_outstanding"),
            optional_texts=("known_at",),
        ),
        Layout("short_volume", "short_volume", ("date",), ("short_volume", "total_volume")),
        Layout(
            "holdings",
            "holdings",
            ("as_of",),
            ("weight",),
            optional_numbers=("market_value", "shares"),
            texts=("ticker",),
            optional_texts=("name", "sector"),
            identity=("ticker", "name"),
        ),
    )
}


def read(path: Path, layout: Layout) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a snapshot file, and notes on what was ignored.

    Returns
    -------
    Columns of the layout (days as datetime64[us], numbers as float64, `known_at` as instants in UTC, other texts as
    str; optional columns only where the file has them), and the notes.

    Raises
    ------
    SnapshotError
        The file is refused; `where` is FOLDER/FILE:LINE.
    """
    where = f"{layout.folder}/{path.name}" if layout.folder else path.name
    try:
        return _read(path, where, layout)
    except csv.Error as bad:
        raise SnapshotError(where, str(bad), "CSV as the interface describes", "export the file again") from None
    except OSError as bad:
        raise SnapshotError(where, bad.strerror or str(bad), "a file that can be read", "check the file") from None


def _read(path: Path, where: str, layout: Layout) -> tuple[pd.DataFrame, list[str]]:
    header, notes = _header(path, where, layout)
    names = [dict(layout.aliases).get(name, name) for name in header]
    wanted = [name for name in layout.columns if name in names]
    types: dict[str, pa.DataType] = {name: pa.string() for name in wanted}
    types |= {name: pa.date32() for name in (*layout.days, *layout.optional_days) if name in names}
    types |= {name: pa.float64() for name in (*layout.numbers, *layout.optional_numbers) if name in names}
    try:
        table = pcsv.read_csv(
            path,
            read_options=pcsv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            parse_options=pcsv.ParseOptions(newlines_in_values=layout.folder == "holdings"),
            convert_options=pcsv.ConvertOptions(
                column_types=types, include_columns=wanted, null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowException as bad:
        raise _first_fault(path, where, layout, names, str(bad).splitlines()[0]) from None
    columns = {name: _array(table.column(name)) for name in table.column_names}
    if _is_faulty(table, columns, layout):
        raise _first_fault(path, where, layout, names, "the file as a whole")
    frame = pd.DataFrame(columns)
    return frame if "known_at" in layout.days else _with_instants(frame, where), notes


def instant_of(text: object) -> pd.Timestamp | None:
    """Parse an instant; without an offset it is New York time, and a day means its end. An empty cell gives None."""
    if not isinstance(text, str):
        return None
    moment = pd.Timestamp(text)
    if moment.tzinfo is None:
        if len(text.strip()) == len("2020-01-01"):
            moment += pd.Timedelta(hours=23, minutes=59)
        moment = moment.tz_localize(NEW_YORK)
    return moment.tz_convert("UTC").as_unit("us")


def _with_instants(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    if "known_at" not in frame:
        return frame
    texts = frame["known_at"]
    plain = texts.where(texts.str.fullmatch(_INSTANT, na=False))
    instants = pd.to_datetime(plain, format="ISO8601", utc=True, errors="coerce").dt.as_unit("us")
    # The rest is parsed one by one: a day, a time without an offset, or a faulty cell.
    alone = np.flatnonzero(instants.isna() & texts.notna())
    parsed = []
    for place in alone:
        try:
            parsed.append(instant_of(texts.iloc[place]))
        except ValueError:
            value, allowed = texts.iloc[place], "an instant or a day in ISO form"
            raise SnapshotError(f"{where}:{place + 2}", value, allowed, "correct known_at") from None
    instants.iloc[alone] = pd.Series(parsed, dtype=instants.dtype)
    return frame.assign(known_at=instants)


def _header(path: Path, where: str, layout: Layout) -> tuple[list[str], list[str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except UnicodeDecodeError as bad:
        value = "UTF-16 text" if path.read_bytes()[:2] in (b"\xff\xfe", b"\xfe\xff") else str(bad.reason)
        raise SnapshotError(f"{where}:1", value, "UTF-8 text", "save the file as UTF-8") from bad
    if any("\0" in name for name in header):
        raise SnapshotError(f"{where}:1", "UTF-16 text", "UTF-8 text", "save the file as UTF-8")
    names = [dict(layout.aliases).get(name, name) for name in header]
    for name in layout.required:
        if names.count(name) != 1:
            value = f"{names.count(name)} columns named {name} in {','.join(header)}"
            allowed = f"the columns {','.join(layout.required)}"
            raise SnapshotError(f"{where}:1", value, allowed, f"give the file one column {name}")
    for name in (*layout.optional_days, *layout.optional_texts, *layout.optional_numbers):
        if names.count(name) > 1:
            raise SnapshotError(f"{where}:1", name, "each column once", f"keep one column {name}")
    notes = [f"{where}: column {old} read as {new}" for old, new in layout.aliases if old in header]
    extra = [name for name in names if name not in layout.columns]
    if extra:
        notes.append(f"{where}: columns ignored: {', '.join(extra)}")
    return header, notes


def _array(column: pa.ChunkedArray) -> np.ndarray | pd.Series:
    if pa.types.is_string(column.type):
        texts: pd.Series = column.to_pandas()
        return texts
    values: np.ndarray = column.to_numpy()
    return values.astype("datetime64[us]") if pa.types.is_date(column.type) else values


def _is_faulty(table: pa.Table, columns: dict[str, np.ndarray | pd.Series], layout: Layout) -> bool:
    for name in (*layout.days, *layout.texts):
        if table.column(name).null_count:
            return True
    first, last = (np.datetime64(day) for day in layout.span)
    for name in layout.days:
        days = columns[name]
        if len(days) and (days.min() < first or days.max() > last):
            return True
    for name in (*layout.numbers, *layout.optional_numbers):
        if name in columns:
            # Arrow reads nan and inf as numbers; here only an empty cell is unknown.
            known = len(table) - table.column(name).null_count
            if np.count_nonzero(np.isfinite(columns[name])) != known:
                return True
    if layout.is_loose:
        return False
    if layout.kind == "bars" and (columns["high"] < columns["low"]).any():
        return True
    return _is_out_of_order(columns, layout)


def _is_out_of_order(columns: dict[str, np.ndarray | pd.Series], layout: Layout) -> bool:
    days = [np.asarray(columns[name]) for name in layout.days]
    later, same = days[0][1:] > days[0][:-1], days[0][1:] == days[0][:-1]
    for values in days[1:]:
        later |= same & (values[1:] > values[:-1])
        same &= values[1:] == values[:-1]
    if not layout.identity:
        return not later.all()
    if not (later | same).all():
        return True
    names = [*layout.days, *(name for name in layout.identity if name in columns)]
    return bool(pd.DataFrame({name: columns[name] for name in names}).duplicated().any())


def _first_fault(path: Path, where: str, layout: Layout, names: list[str], otherwise: str) -> SnapshotError:
    previous: tuple[date, ...] | None = None
    seen: set[tuple[str, ...]] = set()
    for line, cells in _lines(path):
        place = f"{where}:{line}"
        if len(cells) != len(names):
            value, allowed = ",".join(cells), f"{len(names)} cells, as in the header"
            return SnapshotError(place, value, allowed, "correct the line")
        row = dict(zip(names, cells, strict=True))
        fault = _bad_cell(place, layout, row)
        if fault is not None:
            return fault
        if layout.is_loose:
            continue
        days = tuple(date.fromisoformat(row[name]) for name in layout.days)
        shown = ",".join(row[name] for name in layout.days)
        identity = (shown, *(row.get(name, "") for name in layout.identity))
        if layout.kind == "bars" and row["high"] and row["low"] and float(row["high"]) < float(row["low"]):
            value = f"high {row['high']} < low {row['low']}"
            return SnapshotError(place, value, "high >= low", "correct the line, or leave the cells empty")
        if previous is not None and days < previous:
            allowed = f"days in ascending order (after {','.join(map(str, previous))})"
            return SnapshotError(place, shown, allowed, "sort the file")
        if identity in seen or (not layout.identity and days == previous):
            return SnapshotError(place, ",".join(identity), "each day once", "remove the duplicate")
        previous = days
        seen.add(identity)
    return SnapshotError(where, otherwise, "CSV as the interface describes", "export the file again")


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with open(path, encoding="utf-8-sig", newline="", errors="replace") as file:
        reader = csv.reader(file)
        next(reader, None)
        for cells in reader:
            if cells:
                yield reader.line_num, cells


def _bad_cell(place: str, layout: Layout, row: dict[str, str]) -> SnapshotError | None:
    for name in layout.days:
        if not _is_day(row[name]):
            return SnapshotError(place, row[name], f"a {name} as YYYY-MM-DD", "correct the date")
        if not layout.span[0] <= row[name] <= layout.span[1]:
            allowed = f"a {name} from {layout.span[0]} to {layout.span[1]}"
            return SnapshotError(place, row[name], allowed, "correct the date, or drop the row")
    for name in layout.optional_days:
        if row.get(name) and not _is_day(row[name]):
            return SnapshotError(place, row[name], f"a {name} as YYYY-MM-DD, or an empty cell", "correct the date")
    for name in layout.texts:
        if not row[name]:
            return SnapshotError(place, row[name], f"a {name}", f"fill in the {name}")
    for name in (*layout.numbers, *layout.optional_numbers):
        if row.get(name) and not _NUMBER.fullmatch(row[name]):
            allowed = f"a number in column {name}, or an empty cell"
            return SnapshotError(place, row[name], allowed, "correct the number, or leave the cell empty if unknown")
    return None


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
