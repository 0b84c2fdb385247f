"""What a provider hands over, and the checks that all of them share.

Rows may come in any order and repeated, which is mended and noted; a day told twice with different values, a missing
column, a cell that is no number and a date that is no date refuse the answer. A last line that breaks off is left out:
the next fetch brings it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data.csv_files import LAYOUTS
from bullbear.data.providers.http import RETRY_LATER, Answer, Ask

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
UNKNOWN = frozenset({"", ".", "-", "--", "N/A", "n/a", "null", "None"})
FORMAT_CHANGED = "the provider has changed its format: update bullbear, or report it; stored rows are untouched"

Frames = dict[tuple[str, str], pd.DataFrame]


@dataclass
class Delivery:
    """Frames by (folder, name) in the columns of a snapshot, the provider's clock, and notes."""

    frames: Frames
    served_at: pd.Timestamp | None
    notes: list[str] = field(default_factory=list)


def table(answer: Answer, required: tuple[str, ...], *, delimiter: str = ",", text: str | None = None) -> pd.DataFrame:
    """A CSV answer as columns of text.

    Parameters
    ----------
    required:
        Columns without which the answer is refused; others are kept.
    text:
        The part of the answer that is the table; default all of it.

    Raises
    ------
    FetchError
        It is a web page, lacks a column, or a line has another number of cells.
    """
    body = answer.text if text is None else text
    lines = [cells for cells in csv.reader(io.StringIO(body), delimiter=delimiter) if cells]
    header = [name.strip() for name in lines[0]] if lines else []
    missing = [name for name in required if header.count(name) != 1]
    if missing:
        seen = ", ".join(header[:8])[:120]
        raise answer.ask.fault(f"no column {', '.join(missing)} (columns: {seen})", FORMAT_CHANGED)
    rows = lines[1:]
    if rows and len(rows[-1]) < len(header):
        rows = rows[:-1]
    for number, cells in enumerate(rows, start=2):
        if len(cells) != len(header):
            raise answer.ask.fault(f"line {number} has {len(cells)} cells, not {len(header)}", RETRY_LATER)
    return pd.DataFrame(rows, columns=header, dtype="str")


def numbers(ask: Ask, column: pd.Series) -> pd.Series:
    """Text as float64; what stands for unknown is NaN.

    Raises
    ------
    FetchError
        A cell is neither.
    """
    stripped = column.astype("str").str.strip()
    known = ~stripped.isin(list(UNKNOWN))
    for cell in stripped[known]:
        if not _NUMBER.fullmatch(cell):
            raise ask.fault(f"{cell[:40]!r} in column {column.name} is no number", FORMAT_CHANGED)
    return stripped.where(known, "nan").astype("float64")


def days(ask: Ask, column: pd.Series, form: str = "%Y-%m-%d") -> pd.Series:
    """Text as days.

    Raises
    ------
    FetchError
        A cell is no day in that form.
    """
    parsed = pd.to_datetime(column.str.strip(), format=form, errors="coerce")
    if parsed.isna().any():
        cell = column[parsed.isna()].iloc[0]
        raise ask.fault(f"{cell[:40]!r} in column {column.name} is no day as {form}", FORMAT_CHANGED)
    return parsed.dt.as_unit("us")


def tidy(ask: Ask, frame: pd.DataFrame, identity: list[str], notes: list[str]) -> pd.DataFrame:
    """The rows in ascending order, each once.

    Raises
    ------
    FetchError
        Two rows of one identity differ, or nothing is left.
    """
    if frame.empty:
        raise ask.fault("no rows", "check the series' name; " + RETRY_LATER)
    if not frame[identity[0]].is_monotonic_increasing:
        notes.append(f"{ask.provider} {ask.series}: rows out of order, sorted")
        frame = frame.sort_values(identity, kind="stable")
    once = frame.drop_duplicates()
    if len(once) < len(frame):
        notes.append(f"{ask.provider} {ask.series}: {len(frame) - len(once)} repeated rows left out")
    twice = once.duplicated(identity)
    if twice.any():
        day = once.loc[twice, identity[0]].iloc[0]
        raise ask.fault(f"{day.date()} is told twice with different values", RETRY_LATER)
    return once.reset_index(drop=True)


def checked(ask: Ask, frames: Frames) -> Frames:
    """`frames`, if each fits the schema of its folder.

    Raises
    ------
    FetchError
        A column has a wrong type, is infinite, or a day lies outside what the exchange's calendar covers.
    """
    for (folder, _), frame in frames.items():
        problem = _misfit(folder, frame)
        if problem:
            raise ask.fault(problem, FORMAT_CHANGED)
    return frames


def _misfit(folder: str, frame: pd.DataFrame) -> str:
    import pandera.errors

    try:
        _schema(folder).validate(frame)
    except pandera.errors.SchemaError as bad:
        return f"{folder}: {str(bad).splitlines()[0][:160]}"
    return ""


@lru_cache(maxsize=16)
def _schema(folder: str) -> Any:
    import pandera.pandas as pa

    number = pa.Column("float64", nullable=True, required=False, checks=_finite())
    if folder == "raw_bars":
        names, first = ("open", "high", "low", "close", "volume", "dividend", "split"), "date"
        return pa.DataFrameSchema({first: _day_column(pa, "1900-01-01"), **dict.fromkeys(names, number)}, strict=True)
    layout = LAYOUTS[folder]
    columns = {name: _day_column(pa, layout.span[0], unique=len(layout.days) == 1 and not layout.identity)
               for name in layout.days}  # fmt: skip
    columns |= dict.fromkeys((*layout.numbers, *layout.optional_numbers), number)
    texts = pa.Column("str", nullable=True, required=False)
    columns |= dict.fromkeys((*layout.texts, *layout.optional_texts), texts)
    return pa.DataFrameSchema(columns, strict=folder != "vintages")


def _day_column(pa: Any, first: str, *, unique: bool = True) -> Any:
    return pa.Column("datetime64[us]", checks=pa.Check.ge(pd.Timestamp(first)), unique=unique)


def _finite() -> Any:
    import pandera.pandas as pa

    is_finite: Callable[[pd.Series], pd.Series] = lambda values: ~np.isinf(values)  # noqa: E731
    return pa.Check(is_finite, error="infinite")
