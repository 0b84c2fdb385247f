"""What a provider hands over, and the checks that all of them share.

One contradictory row never refuses a history. Rows may come in any order and repeated, which is mended with a note. If
a day is listed twice with different values, the later row is kept where the answer says which one that is; otherwise
the day is set aside or left out. A value that is impossible (infinite, negative where none can be) is unknown, and a
row without a believable day is left out; both are noted. A missing column, a cell that is no number and a date that is
no date refuse the answer, because the provider has then changed its format. A last line that breaks off is left out:
the next fetch brings it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data import quality_checks
from bullbear.data.csv_files import LAYOUTS
from bullbear.data.providers.http import RETRY_LATER, Answer, Ask
from bullbear.data.providers.wire import FORMAT_CHANGED, NUMBER, UNKNOWN

LARGEST = 1e18  # nothing that is stored comes near it
_NOT_NEGATIVE = ("volume", "short_volume", "total_volume", "shares_short", "avg_daily_volume", "days_to_cover",
                 "dividend", "split")  # fmt: skip

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
    lines = list(cells_of(answer.ask, answer.text if text is None else text, delimiter))
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


def cells_of(ask: Ask, text: str, delimiter: str = ",") -> Iterator[list[str]]:
    """The lines of a CSV text that are not empty, whichever line ends it has.

    Raises
    ------
    FetchError
        It is no CSV.
    """
    try:
        for cells in csv.reader(io.StringIO(text, newline=None), delimiter=delimiter):
            if cells:
                yield cells
    except csv.Error as bad:
        raise ask.fault(f"text that is no CSV ({bad})"[:160], RETRY_LATER) from None


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
        if not NUMBER.fullmatch(cell):
            raise ask.fault(f"{cell[:40]!r} in column {column.name} is no number", FORMAT_CHANGED)
    return stripped.where(known, "nan").astype("float64")


def days(ask: Ask, column: pd.Series, form: str = "%Y-%m-%d") -> pd.Series:
    """Text as days; what stands for unknown is NaT.

    Raises
    ------
    FetchError
        A cell is no day in that form.
    """
    texts = column.astype("str").str.strip()
    parsed = pd.to_datetime(texts, format=form, errors="coerce")
    wrong = parsed.isna() & ~texts.isin(list(UNKNOWN))
    if wrong.any():
        raise ask.fault(f"{texts[wrong].iloc[0][:40]!r} in column {column.name} is no day as {form}", FORMAT_CHANGED)
    return parsed.dt.as_unit("us")


def tidy(ask: Ask, folder: str, frame: pd.DataFrame, notes: list[str], *, later: tuple[str, ...] = ()) -> pd.DataFrame:
    """The rows that can be believed, in ascending order, each day once.

    Parameters
    ----------
    folder:
        What the rows are; it names the columns that identify one.
    later:
        Columns that order rows of the same day, where the answer has such; the last one is kept, and the columns go.

    Returns
    -------
    The rows. A bar that is listed twice with different values and no order carries that as its `doubt`, so that it is
    set aside; other rows of such a day are left out.

    Raises
    ------
    FetchError
        Nothing is left.
    """
    identity = ["date"] if folder == "raw_bars" else list(LAYOUTS[folder].days)
    noted = len(notes)
    frame = believed(ask, _in_span(ask, folder, frame, identity, notes), notes)
    if not frame[identity[0]].is_monotonic_increasing:
        notes.append(f"{ask.provider} {ask.series}: rows out of order, sorted")
    frame = frame.sort_values([*identity, *later], kind="stable")
    values = [name for name in frame.columns if name not in later]
    once = frame.drop_duplicates(values, keep="last")
    if len(once) < len(frame):
        notes.append(f"{ask.provider} {ask.series}: {len(frame) - len(once)} repeated rows left out")
    if later:
        last = once.groupby(identity, sort=False)[list(later)].transform("last")
        outdated = (once[list(later)] != last).any(axis=1)
        if outdated.any():
            _note_twice(ask, once[identity[0]][outdated], "the last complete row is kept", notes)
        once = once[~outdated]
    once = once[values]
    twice = once.duplicated(identity, keep=False)
    if twice.any() and folder == "raw_bars":
        _note_twice(ask, once["date"][twice], "set aside", notes)
        reasons = np.where(twice, quality_checks.LISTED_TWICE, "")
        once = once.assign(doubt=reasons).drop_duplicates(identity, keep="last")
    elif twice.any():
        _note_twice(ask, once[identity[0]][twice], "left out", notes)
        once = once[~twice]
    if once.empty:
        why = "; ".join(note.removeprefix(f"{ask.provider} {ask.series}: ") for note in notes[noted:])
        problem = f"no rows that can be used ({why})" if why else "no rows"
        raise ask.fault(problem[:240], "check the series' name; " + RETRY_LATER)
    return once.reset_index(drop=True)


def believed(ask: Ask, frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """`frame` with NaN where a number is impossible."""
    for name in frame.select_dtypes("float64").columns:
        values = frame[name].to_numpy()
        wrong = np.abs(values) > LARGEST
        if name in _NOT_NEGATIVE:
            wrong |= values < 0
        if wrong.any():
            notes.append(f"{ask.provider} {ask.series}: {int(wrong.sum())} impossible values of {name} left out "
                         f"(first: {values[wrong][0]:g})")  # fmt: skip
            frame = frame.assign(**{name: np.where(wrong, np.nan, values)})
    return frame


def _in_span(ask: Ask, folder: str, frame: pd.DataFrame, identity: list[str], notes: list[str]) -> pd.DataFrame:
    first, last = map(pd.Timestamp, LAYOUTS["prices" if folder == "raw_bars" else folder].span)
    usable = np.ones(len(frame), dtype=bool)
    for name in identity:
        usable &= frame[name].between(first, last).to_numpy()
    if not usable.all():
        notes.append(f"{ask.provider} {ask.series}: {int((~usable).sum())} rows without a usable day left out")
    kept: pd.DataFrame = frame[usable]
    return kept


def _note_twice(ask: Ask, dates: pd.Series, outcome: str, notes: list[str]) -> None:
    shown = sorted({str(day.date()) for day in dates})
    told = shown[0] if len(shown) == 1 else f"{len(shown)} days from {shown[0]}"
    notes.append(f"{ask.provider} {ask.series}: {told} listed twice with different values, {outcome}")


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
        doubt = pa.Column("str", required=False)
        day = _day_column(pa, LAYOUTS["prices"].span)
        return pa.DataFrameSchema({first: day, **dict.fromkeys(names, number), "doubt": doubt}, strict=True)
    layout = LAYOUTS[folder]
    columns = {name: _day_column(pa, layout.span, unique=len(layout.days) == 1 and not layout.identity)
               for name in layout.days}  # fmt: skip
    columns |= dict.fromkeys((*layout.numbers, *layout.optional_numbers), number)
    texts = pa.Column("str", nullable=True, required=False)
    columns |= dict.fromkeys((*layout.texts, *layout.optional_texts), texts)
    return pa.DataFrameSchema(columns, strict=folder != "vintages")


def _day_column(pa: Any, span: tuple[str, str], *, unique: bool = True) -> Any:
    checks = pa.Check.in_range(pd.Timestamp(span[0]), pd.Timestamp(span[1]))
    return pa.Column("datetime64[us]", checks=checks, unique=unique)


def _finite() -> Any:
    import pandera.pandas as pa

    is_finite: Callable[[pd.Series], pd.Series] = lambda values: ~np.isinf(values)  # noqa: E731
    return pa.Check(is_finite, error="infinite")
