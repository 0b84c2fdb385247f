"""Sessions of the New York Stock Exchange and the decision clock.

A *session* is a trading day, written as a naive midnight (`datetime64[us]`); an *instant* is a point in time in UTC
(`datetime64[us, UTC]`). A forecast is decided at the close of a session, so early closes matter, and a horizon is
counted in sessions, never in calendar days. pandas does not join dates of different units: all are in microseconds.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from bullbear.errors import InputError
from bullbear.files import write_whole

NEW_YORK = "America/New_York"
FIRST_YEAR = 1990
LAST_YEAR = 2040
EARLIEST_YEAR = 1900


def day(value: str | pd.Timestamp) -> pd.Timestamp:
    """A calendar day as a naive midnight in microseconds; of an instant, its day in New York; else InputError."""
    try:
        parsed = pd.Timestamp(value)
    except (ValueError, TypeError) as bad:
        raise InputError("date", value, "a day as YYYY-MM-DD", "write the date in ISO form") from bad
    if pd.isna(parsed):
        raise InputError("date", value, "a day as YYYY-MM-DD", "write the date in ISO form")
    if parsed.tzinfo is not None:
        parsed = parsed.tz_convert(NEW_YORK).tz_localize(None)
    return parsed.normalize().as_unit("us")


def utc(where: str, value: pd.Timestamp) -> pd.Timestamp:
    """An instant in UTC and microseconds; InputError about `where` if it has no time zone."""
    moment = pd.Timestamp(value)
    if moment.tzinfo is None:
        raise InputError(where, str(value), "an instant with a time zone", "write e.g. 2019-12-31T21:00Z")
    return moment.tz_convert("UTC").as_unit("us")


def days(instants: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """`day` of each instant.

    Example
    -------
    >>> [str(each.date()) for each in days(pd.DatetimeIndex(["2019-12-24 18:00", "2019-12-25 02:00"], tz="UTC"))]
    ['2019-12-24', '2019-12-24']
    """
    return instants.tz_convert(NEW_YORK).tz_localize(None).normalize().as_unit("us")


def between(start: str | pd.Timestamp, end: str | pd.Timestamp) -> pd.DatetimeIndex:
    """All sessions from `start` to `end`, both included.

    Example
    -------
    >>> [str(s.date()) for s in between("2019-12-23", "2019-12-27")]
    ['2019-12-23', '2019-12-24', '2019-12-26', '2019-12-27']
    """
    _first_year(day(end))
    table = _table(_first_year(day(start)))
    return pd.DatetimeIndex(table.index[(table.index >= day(start)) & (table.index <= day(end))])


def closes(sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The closing instants (UTC) of `sessions`; 16:00 New York, or 13:00 on an early close.

    Example
    -------
    >>> closes(pd.DatetimeIndex(["2019-12-24"]))[0].tz_convert("America/New_York").hour
    13
    """
    return _instants(sessions, "close")


def opens(sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The opening instants (UTC) of `sessions`."""
    return _instants(sessions, "open")


def clock(start: pd.Timestamp, end: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """`between` and its `closes` in microseconds since 1970 (UTC), as read-only arrays: much faster.

    Example
    -------
    >>> days, closed = clock(day("2019-12-24"), day("2019-12-25"))
    >>> ((closed - days) / 3.6e9).tolist()
    [18.0]
    """
    _first_year(end)
    days, closed = _microseconds(_first_year(start))
    inside = slice(*np.searchsorted(days, [start.as_unit("us").value // 1000, end.as_unit("us").value // 1000 + 1]))
    return days[inside], closed[inside]


def offset(session: str | pd.Timestamp, count: int) -> pd.Timestamp:
    """The session `count` sessions after (before, if negative) `session`.

    Example
    -------
    >>> str(offset("2019-12-24", 1).date())
    '2019-12-26'
    """
    start = day(session)
    # Two calendar days per session back cover every holiday.
    days_back = min(2 * max(-count, 0) + 14, (start - pd.Timestamp(year=EARLIEST_YEAR, month=1, day=1)).days)
    table = _table(_first_year(start - pd.Timedelta(days=days_back)))
    place = table.index.get_indexer(pd.DatetimeIndex([start]))[0]
    if place < 0:
        raise InputError("session", str(start.date()), "a day on which the exchange is open", "choose a trading day")
    target = place + count
    if not 0 <= target < len(table):
        raise InputError("session offset", count, f"sessions of {EARLIEST_YEAR} to {LAST_YEAR}", "choose a nearer day")
    return pd.Timestamp(table.index[target])


def is_session(value: str | pd.Timestamp) -> bool:
    """Whether the exchange is open on that day."""
    return day(value) in _table(_first_year(day(value))).index


def last_closed(instant: pd.Timestamp) -> pd.Timestamp:
    """The last session whose close is at or before `instant` (UTC).

    InputError if it has no time zone, or lies outside the calendar.
    """
    if instant.tzinfo is None:
        raise InputError("instant", str(instant), "an instant with a time zone", "write e.g. 2019-12-31T21:00Z")
    _first_year(day(instant))
    # Before the first close of a decade the answer lies in the decade before.
    table = _table(_first_year(day(instant) - pd.Timedelta(days=14)))
    return pd.Timestamp(table.index[table["close"] <= instant][-1])


def _instants(sessions: pd.DatetimeIndex, column: str) -> pd.DatetimeIndex:
    if sessions.empty:
        return pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    table = _table(_first_year(sessions.min()))
    places = table.index.get_indexer(sessions)
    if (places < 0).any():
        bad = sessions[places < 0][0]
        raise InputError("session", str(bad.date()), "days on which the exchange is open", "drop that day")
    return pd.DatetimeIndex(table[column].iloc[places])


def _first_year(earliest: pd.Timestamp) -> int:
    if not EARLIEST_YEAR <= earliest.year <= LAST_YEAR:
        allowed = f"a day from {EARLIEST_YEAR} to {LAST_YEAR}"
        raise InputError("date", str(earliest.date()), allowed, "choose a nearer day")
    # Building a calendar takes a quarter of a second, whatever its length: one table serves all but the oldest data.
    return FIRST_YEAR if earliest.year >= FIRST_YEAR else earliest.year // 10 * 10


_kept: list[Path] = []


def keep_in(folder: Path) -> None:
    """Cache session tables in `folder`, if it exists: building one takes half the time of a daily forecast.

    The file's name carries the version of exchange-calendars; a damaged file is rebuilt.
    """
    _kept[:] = [folder]


@lru_cache(maxsize=8)
def _table(first_year: int) -> pd.DataFrame:
    path = _kept_path(first_year)
    columns = _read(path) if path else None
    if columns is None:
        columns = _build(first_year)
        if path:
            _write(path, columns)
    index, opened, closed = (pd.DatetimeIndex(column.view("datetime64[us]")) for column in columns)
    return pd.DataFrame({"open": opened.tz_localize("UTC"), "close": closed.tz_localize("UTC")}, index=index)


@lru_cache(maxsize=8)
def _microseconds(first_year: int) -> tuple[np.ndarray, np.ndarray]:
    table = _table(first_year)
    columns = pd.DatetimeIndex(table.index).asi8.view(), pd.DatetimeIndex(table["close"]).asi8.view()
    for column in columns:
        column.flags.writeable = False
    return columns


def _build(first_year: int) -> np.ndarray:
    """Sessions, opens and closes in microseconds since 1970 (UTC); shape (3, n_sessions)."""
    import exchange_calendars  # takes a fifth of a second, so only where a table must be built

    calendar = exchange_calendars.get_calendar("XNYS", start=f"{first_year}-01-01", end=f"{LAST_YEAR}-12-31")
    columns = np.stack(
        [pd.DatetimeIndex(c).as_unit("us").asi8 for c in (calendar.sessions, calendar.opens, calendar.closes)]
    )
    # exchange-calendars computes regular holidays without a start, for which pandas begins in 1970.
    holidays = calendar.regular_holidays.holidays(calendar.sessions[0], calendar.sessions[-1])
    return columns[:, ~np.isin(columns[0], pd.DatetimeIndex(holidays).as_unit("us").asi8)]


def _kept_path(first_year: int) -> Path | None:
    if not _kept or not _kept[0].is_dir():
        return None
    return _kept[0] / f".sessions-{version('exchange-calendars')}-{first_year}-{LAST_YEAR}.npy"


def _read(path: Path) -> np.ndarray | None:
    try:
        columns = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    whole = columns.ndim == 2 and len(columns) == 3 and columns.dtype == np.int64
    return np.asarray(columns) if whole else None


def _write(path: Path, columns: np.ndarray) -> None:
    content = BytesIO()
    np.save(content, columns)
    with suppress(OSError):  # a home that cannot be written to builds the table again next time
        write_whole(path, content.getbuffer())
