"""What a provider module returns, and the checks that all of them share.

Repaired with a note: rows out of order or repeated; impossible values (infinite, or negative where none can be), which
become unknown; rows without a plausible day, which are left out. Of a day listed twice with different values the later
row is kept where the response says which one that is; otherwise the day is set aside or left out. A last line that is
cut off is left out: the next fetch brings it.

Refused: a missing column, or a cell that is not a number or date. The provider has then changed its format.
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
from bullbear.data.providers.http import RETRY_LATER, Request, Response
from bullbear.data.providers.wire import FORMAT_CHANGED, NUMBER, UNKNOWN

LARGEST = 1e18  # above any real value
_NOT_NEGATIVE = ("volume", "short_volume", "total_volume", "shares_short", "avg_daily_volume", "days_to_cover",
                 "dividend", "split")  # fmt: skip

Frames = dict[tuple[str, str], pd.DataFrame]


@dataclass
class Delivery:
    """Frames by (folder, name) in the columns of a snapshot, the provider's clock, and notes."""

    frames: Frames
    served_at: pd.Timestamp | None
    notes: list[str] = field(default_factory=list)


def table(
    response: Response, required: tuple[str, ...], *, delimiter: str = ",", text: str | None = None
) -> pd.DataFrame:
    """A CSV response as columns of text.

    Parameters
    ----------
    required:
        Columns without which the response is refused; others are kept.
    text:
        The part of the response that is the table; default all of it.

    Raises
    ------
    FetchError
        It is a web page, lacks a column, or a line has another number of cells.
    """
    lines = list(cells_of(response.request, response.text if text is None else text, delimiter))
    header = [name.strip() for name in lines[0]] if lines else []
    missing = [name for name in required if header.count(name) != 1]
    if missing:
        seen = ", ".join(header[:8])[:120]
        raise response.request.error(f"no column {', '.join(missing)} (columns: {seen})", FORMAT_CHANGED)
    rows = lines[1:]
    if rows and len(rows[-1]) < len(header):
        rows = rows[:-1]
    for number, cells in enumerate(rows, start=2):
        if len(cells) != len(header):
            raise response.request.error(f"line {number} has {len(cells)} cells, not {len(header)}", RETRY_LATER)
    return pd.DataFrame(rows, columns=header, dtype="str")


def cells_of(request: Request, text: str, delimiter: str = ",") -> Iterator[list[str]]:
    """The cells of each line that is not empty, whatever the line ends; FetchError if the text is not CSV."""
    try:
        for cells in csv.reader(io.StringIO(text, newline=None), delimiter=delimiter):
            if cells:
                yield cells
    except csv.Error as bad:
        raise request.error(f"text that is not CSV ({bad})"[:160], RETRY_LATER) from None


def numbers(request: Request, column: pd.Series) -> pd.Series:
    """Text as float64, unknown cells as NaN; FetchError at a cell that is neither."""
    stripped = column.astype("str").str.strip()
    known = ~stripped.isin(list(UNKNOWN))
    for cell in stripped[known]:
        if not NUMBER.fullmatch(cell):
            raise request.error(f"{cell[:40]!r} in column {column.name} is not a number", FORMAT_CHANGED)
    return stripped.where(known, "nan").astype("float64")


def days(request: Request, column: pd.Series, form: str = "%Y-%m-%d") -> pd.Series:
    """Text as dates, unknown cells as NaT; FetchError at a cell that is neither."""
    texts = column.astype("str").str.strip()
    parsed = pd.to_datetime(texts, format=form, errors="coerce")
    wrong = parsed.isna() & ~texts.isin(list(UNKNOWN))
    if wrong.any():
        shown = form.replace("%Y", "YYYY").replace("%m", "MM").replace("%d", "DD")
        raise request.error(
            f"{texts[wrong].iloc[0][:40]!r} in column {column.name} is not a date as {shown}", FORMAT_CHANGED
        )
    return parsed.dt.as_unit("us")


def tidy(
    request: Request, folder: str, frame: pd.DataFrame, notes: list[str], *, later: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The plausible rows in ascending order, each day once.

    Parameters
    ----------
    folder:
        Names the columns that identify a row.
    later:
        Columns that order rows of the same day: the last row is kept, and these columns are dropped.

    Returns
    -------
    The rows. A bar that is listed twice with different values and no order gets a `doubt`, so that it is set aside;
    other rows of such a day are left out.

    Raises
    ------
    FetchError
        Nothing is left.
    """
    identity = ["date"] if folder == "raw_bars" else list(LAYOUTS[folder].days)
    noted = len(notes)
    frame = plausible(request, _in_span(request, folder, frame, identity, notes), notes)
    if not frame[identity[0]].is_monotonic_increasing:
        notes.append(request.note("rows out of order, sorted"))
    frame = frame.sort_values([*identity, *later], kind="stable")
    values = [name for name in frame.columns if name not in later]
    once = frame.drop_duplicates(values, keep="last")
    if len(once) < len(frame):
        notes.append(request.note(f"{len(frame) - len(once)} repeated rows left out"))
    if later:
        last = once.groupby(identity, sort=False)[list(later)].transform("last")
        outdated = (once[list(later)] != last).any(axis=1)
        if outdated.any():
            _note_twice(request, once[identity[0]][outdated], "the last complete row is kept", notes)
        once = once[~outdated]
    once = once[values]
    twice = once.duplicated(identity, keep=False)
    if twice.any() and folder == "raw_bars":
        _note_twice(request, once["date"][twice], "set aside", notes)
        reasons = np.where(twice, quality_checks.LISTED_TWICE, "")
        once = once.assign(doubt=reasons).drop_duplicates(identity, keep="last")
    elif twice.any():
        _note_twice(request, once[identity[0]][twice], "left out", notes)
        once = once[~twice]
    if once.empty:
        why = "; ".join(note.removeprefix(request.note("")) for note in notes[noted:])
        problem = f"no rows that can be used ({why})" if why else "no rows"
        raise request.error(problem[:240], "check the series' name; " + RETRY_LATER)
    return once.reset_index(drop=True)


def plausible(request: Request, frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """`frame` with NaN where a number is impossible."""
    for name in frame.select_dtypes("float64").columns:
        values = frame[name].to_numpy()
        wrong = np.abs(values) > LARGEST
        if name in _NOT_NEGATIVE:
            wrong |= values < 0
        if wrong.any():
            shown = f"{int(wrong.sum())} impossible values of {name} left out (first: {values[wrong][0]:g})"
            notes.append(request.note(shown))
            frame = frame.assign(**{name: np.where(wrong, np.nan, values)})
    return frame


def _in_span(request: Request, folder: str, frame: pd.DataFrame, identity: list[str], notes: list[str]) -> pd.DataFrame:
    first, last = map(pd.Timestamp, LAYOUTS["prices" if folder == "raw_bars" else folder].span)
    usable = np.ones(len(frame), dtype=bool)
    for name in identity:
        usable &= frame[name].between(first, last).to_numpy()
    if not usable.all():
        notes.append(request.note(f"{int((~usable).sum())} rows without a usable day left out"))
    kept: pd.DataFrame = frame[usable]
    return kept


def _note_twice(request: Request, dates: pd.Series, outcome: str, notes: list[str]) -> None:
    shown = sorted({str(day.date()) for day in dates})
    days_shown = shown[0] if len(shown) == 1 else f"{len(shown)} days from {shown[0]}"
    notes.append(request.note(f"{days_shown} listed twice with different values, {outcome}"))


def checked(request: Request, frames: Frames) -> Frames:
    """`frames`; FetchError if one does not fit the schema of its folder."""
    for (folder, _), frame in frames.items():
        problem = _misfit(folder, frame)
        if problem:
            raise request.error(problem, FORMAT_CHANGED)
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
