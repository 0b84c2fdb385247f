"""Sessions against the exchange's published closings and against the days on which the S&P 500 really had a price."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear import sessions
from bullbear.errors import InputError
from bullbear.sessions import between, closes, day, is_session, last_closed, offset, opens

GRID = between("1985-01-02", "2024-12-31")


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def index(*days: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(days).as_unit("us")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2020-03-02", "2020-03-02"),
        (pd.Timestamp("2020-03-02 15:30"), "2020-03-02"),
        # 03:00 UTC is still the evening before in New York.
        (pd.Timestamp("2020-03-02 03:00", tz="UTC"), "2020-03-01"),
        (pd.Timestamp("2020-03-02 21:00", tz="UTC"), "2020-03-02"),
    ],
)
def test_day(value: str | pd.Timestamp, expected: str) -> None:
    found = day(value)
    assert found == pd.Timestamp(expected)
    assert found.unit == "us"
    assert found.tzinfo is None


@pytest.mark.parametrize("value", ["yesterday evening", "2020-13-01", "2019-02-29", "", None, pd.NaT])
def test_day_refuses_what_is_no_date(value: str) -> None:
    with pytest.raises(InputError, match=r"date: got .*; allowed: a day as YYYY-MM-DD; write the date in ISO form"):
        day(value)


def test_sessions_around_christmas_2019() -> None:
    found = between("2019-12-20", "2020-01-03")
    expected = ["12-20", "12-23", "12-24", "12-26", "12-27", "12-30", "12-31", "01-02", "01-03"]
    assert [str(d.date())[5:] for d in found] == expected
    assert found.dtype == "datetime64[us]"


@pytest.mark.parametrize(
    ("start", "end", "missing"),
    [
        ("2001-09-10", "2001-09-17", ["2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14"]),
        ("2012-10-26", "2012-10-31", ["2012-10-29", "2012-10-30"]),
        ("2018-12-04", "2018-12-06", ["2018-12-05"]),
        ("2022-06-17", "2022-06-21", ["2022-06-20"]),
        ("2025-01-08", "2025-01-10", ["2025-01-09"]),
        ("1985-09-26", "1985-09-30", ["1985-09-27"]),
        ("1994-04-26", "1994-04-28", ["1994-04-27"]),
    ],
    ids=["attacks", "Sandy", "Bush", "Juneteenth", "Carter", "Gloria", "Nixon"],
)
def test_days_on_which_the_exchange_stayed_closed(start: str, end: str, missing: list[str]) -> None:
    weekdays = pd.bdate_range(start, end)
    assert weekdays.difference(between(start, end)).strftime("%Y-%m-%d").tolist() == missing
    assert not any(is_session(d) for d in missing)


@pytest.mark.parametrize(
    "holiday", ["1950-01-02", "1957-12-25", "1968-07-04", "1969-12-25", "1972-07-04", "1989-09-04"]
)
def test_regular_holidays_before_1990(holiday: str) -> None:
    assert not is_session(holiday)


def test_sessions_are_the_days_on_which_the_index_had_a_price(snapshot_dir: Path) -> None:
    prices = pd.read_csv(snapshot_dir / "prices" / "^GSPC.csv", usecols=[0], parse_dates=[0]).iloc[:, 0]
    traded = pd.DatetimeIndex(prices)
    # Before October 1952 the exchange also opened on Saturdays, which neither source lists.
    expected = traded[traded <= "2019-12-31"]
    found = between("1950-01-03", "2019-12-31")
    assert found.difference(expected).strftime("%Y-%m-%d").tolist() == []
    assert expected.difference(found).strftime("%Y-%m-%d").tolist() == []


@pytest.mark.parametrize(
    ("session", "opened", "closed"),
    [
        ("2019-12-24", "2019-12-24 14:30", "2019-12-24 18:00"),  # early close, winter
        ("2019-11-29", "2019-11-29 14:30", "2019-11-29 18:00"),
        ("2019-07-03", "2019-07-03 13:30", "2019-07-03 17:00"),  # early close, summer
        ("2019-07-05", "2019-07-05 13:30", "2019-07-05 20:00"),
        ("2020-03-06", "2020-03-06 14:30", "2020-03-06 21:00"),  # the Friday before the clocks change
        ("2020-03-09", "2020-03-09 13:30", "2020-03-09 20:00"),
        ("1987-10-19", "1987-10-19 13:30", "1987-10-19 20:00"),
    ],
)
def test_opens_and_closes(session: str, opened: str, closed: str) -> None:
    assert opens(index(session))[0] == utc(opened)
    assert closes(index(session))[0] == utc(closed)


def test_instants_are_microseconds_whatever_comes_in() -> None:
    for unit in ("s", "ms", "us", "ns"):
        assert closes(index("2019-12-24").as_unit(unit)).dtype == "datetime64[us, UTC]"
    nothing = closes(pd.DatetimeIndex([]))
    assert (len(nothing), str(nothing.dtype)) == (0, "datetime64[us, UTC]")


def test_instants_keep_the_order_asked_for() -> None:
    found = closes(index("2020-01-03", "1985-12-24", "2020-01-02"))
    assert found.tolist() == [utc("2020-01-03 21:00"), utc("1985-12-24 19:00"), utc("2020-01-02 21:00")]


def test_instants_name_the_day_that_is_no_session() -> None:
    with pytest.raises(InputError, match="session: got '2001-09-11'; allowed: days on which the exchange is open"):
        closes(index("2001-09-10", "2001-09-11", "2001-09-17"))


@pytest.mark.parametrize(
    ("session", "count", "expected"),
    [
        ("2019-12-24", 0, "2019-12-24"),
        ("2019-12-24", 1, "2019-12-26"),
        ("2019-12-26", -1, "2019-12-24"),
        ("2019-12-31", 1, "2020-01-02"),
        ("2020-01-02", -1, "2019-12-31"),
        ("2020-02-19", 21, "2020-03-19"),
        ("2020-03-19", -21, "2020-02-19"),
        ("1999-12-31", 1, "2000-01-03"),
        ("1990-01-02", -1, "1989-12-29"),
        ("1979-12-31", 1, "1980-01-02"),
        ("1968-07-03", 1, "1968-07-08"),  # the exchange was closed on the 4th and on the 5th
        ("2001-09-17", -1, "2001-09-10"),
        ("2019-01-02", 252, "2020-01-02"),
        ("2019-01-02", -251, "2018-01-02"),  # one session less: a day of mourning
    ],
)
def test_offset(session: str, count: int, expected: str) -> None:
    assert offset(session, count) == pd.Timestamp(expected)


def test_offset_over_decades_in_both_directions() -> None:
    assert offset(GRID[0], len(GRID) - 1) == GRID[-1]
    assert offset(GRID[-1], 1 - len(GRID)) == GRID[0]


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(GRID) - 1), other=st.integers(0, len(GRID) - 1))
def test_offset_is_a_step_on_the_grid(place: int, other: int) -> None:
    assert offset(GRID[place], other - place) == GRID[other]


def test_offset_starts_from_a_session() -> None:
    with pytest.raises(InputError, match="session: got '2019-12-25'; allowed: a day on which the exchange is open"):
        offset("2019-12-25", 1)


@pytest.mark.parametrize("count", [6000, 10**9, -40_000, -(10**9)])
def test_offset_stays_in_the_calendar(count: int) -> None:
    with pytest.raises(InputError, match=rf"session offset: got {count}; allowed: sessions of 1900 to 2040"):
        offset("2019-12-24", count)


@pytest.mark.parametrize("value", ["1899-12-29", "1500-01-01", "2041-01-02", "2100-01-01"])
def test_days_beyond_the_calendar_are_refused_not_called_closed(value: str) -> None:
    message = rf"date: got '{value}'; allowed: a day from 1900 to 2040"
    with pytest.raises(InputError, match=message):
        is_session(value)
    with pytest.raises(InputError, match=message):
        between(*sorted([value, "2020-01-02"]))
    with pytest.raises(InputError, match=message):
        last_closed(pd.Timestamp(value).tz_localize("UTC") + pd.Timedelta(hours=12))


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2019-12-24 17:59:59", "2019-12-23"),
        ("2019-12-24 18:00", "2019-12-24"),
        ("2019-12-25 23:00", "2019-12-24"),
        ("2020-01-02 20:59", "2019-12-31"),
        ("2020-01-02 21:00", "2020-01-02"),
        ("1990-01-01 12:00", "1989-12-29"),  # the first session of 1990 has not closed
        ("1990-01-02 14:00", "1989-12-29"),
        ("1980-01-01 12:00", "1979-12-31"),
        ("2001-09-14 21:00", "2001-09-10"),
    ],
)
def test_last_closed(instant: str, expected: str) -> None:
    assert last_closed(utc(instant)) == pd.Timestamp(expected)


def test_last_closed_needs_a_time_zone() -> None:
    with pytest.raises(InputError, match="instant: got '2019-12-24 18:00:00'; allowed: an instant with a time zone"):
        last_closed(pd.Timestamp("2019-12-24 18:00"))


@settings(max_examples=60, deadline=None)
@given(place=st.integers(1, len(GRID) - 1), ahead=st.integers(0, 3600))
def test_last_closed_turns_over_at_the_close(place: int, ahead: int) -> None:
    close = closes(GRID[place : place + 1])[0]
    assert last_closed(close + pd.Timedelta(seconds=ahead)) == GRID[place]
    assert last_closed(close - pd.Timedelta(seconds=ahead + 1)) == GRID[place - 1]


def test_closes_of_all_sessions_increase() -> None:
    assert (np.diff(closes(GRID).asi8) > 0).all()
    assert (closes(GRID) > opens(GRID)).all()


@pytest.fixture
def fresh_tables(tmp_path: Path):
    sessions._table.cache_clear()
    sessions.keep_in(tmp_path)
    yield tmp_path
    sessions._kept.clear()
    sessions._table.cache_clear()


def test_a_kept_table_is_read_back_and_a_damaged_one_is_built_anew(fresh_tables: Path) -> None:
    first = closes(between("1968-06-28", "1968-07-10"))
    (kept,) = fresh_tables.glob(".sessions-*.npy")
    sessions._table.cache_clear()
    assert closes(between("1968-06-28", "1968-07-10")).equals(first)
    kept.write_bytes(b"damaged")
    sessions._table.cache_clear()
    assert closes(between("1968-06-28", "1968-07-10")).equals(first)
