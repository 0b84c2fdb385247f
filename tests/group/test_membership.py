"""Membership by what was known at each close: lists by their publication, tickers by their day, never a later list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear import sessions
from bullbear.group.membership import MAX_AGE_DAYS, Universe
from bullbear.group.tickers import Listings

LISTING = ["company", "event_date", "known_at", "ticker", "name", "sector", "status"]


def listings(*rows: tuple[str, str, str, str, str]) -> Listings:
    """company, event_date, known_at, ticker, status."""
    made = [
        (company, pd.Timestamp(day), pd.Timestamp(known, tz="UTC"), ticker, f"{company} Inc", "Energy", status)
        for company, day, known, ticker, status in rows
    ]
    frame = pd.DataFrame(made, columns=LISTING)
    return Listings(frame.astype({"event_date": "datetime64[us]", "known_at": "datetime64[us, UTC]"}))


def lists(*rows: tuple[str, str, Sequence[str]]) -> pd.DataFrame:
    """event_date, known_at, tickers."""
    made = [
        (pd.Timestamp(day), pd.Timestamp(known, tz="UTC"), ticker, f"{ticker} INC", sector, 1.0 + place)
        for day, known, tickers in rows
        for place, ticker in enumerate(tickers)
        for sector in ["Cash and/or Derivatives" if ticker.startswith("X") else "Energy"]
    ]
    frame = pd.DataFrame(made, columns=["event_date", "known_at", "ticker", "name", "sector", "weight"])
    return frame.astype({"event_date": "datetime64[us]", "known_at": "datetime64[us, UTC]"})


def companies_at(universe: Universe, day: str) -> tuple[str, ...] | None:
    found = universe.at(sessions.closes(pd.DatetimeIndex([day]))[0])
    return None if found is None else found.companies


NOTHING = listings()


def test_a_list_counts_from_its_publication_until_the_next_or_until_it_is_too_old() -> None:
    held = lists(("2019-03-29", "2019-04-01 22:00", "AB"), ("2019-06-28", "2019-07-01 22:00", "BC"))
    universe = Universe("IWM", held, NOTHING, fund="IWM")
    assert companies_at(universe, "2019-04-01") is None  # the close comes before the evening
    assert companies_at(universe, "2019-04-02") == ("A", "B")
    assert companies_at(universe, "2019-07-01") == ("A", "B")
    assert companies_at(universe, "2019-07-02") == ("B", "C")
    assert companies_at(universe, "2019-10-04") == ("B", "C")  # 98 days
    assert companies_at(universe, "2019-10-07") is None  # 101 days: unknown, not empty
    assert MAX_AGE_DAYS == 100

    days = pd.DatetimeIndex(["2019-04-01", "2019-04-02", "2019-07-02", "2019-10-07"])
    known, member = universe.mask(days, ("A", "B", "C", "D"))
    assert known.tolist() == [False, True, True, False]
    assert member.astype(int).tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_an_older_list_that_comes_late_changes_nothing_and_a_corrected_one_replaces_its_own() -> None:
    held = lists(
        ("2019-06-28", "2019-07-01 22:00", "AB"),
        ("2019-03-29", "2019-07-03 22:00", "CD"),  # backfilled
        ("2019-06-28", "2019-07-05 22:00", "ABE"),  # corrected
    )
    universe = Universe("IWM", held, NOTHING, fund="IWM")
    assert companies_at(universe, "2019-07-05") == ("A", "B")
    assert companies_at(universe, "2019-07-08") == ("A", "B", "E")


def test_cash_is_no_member_and_weights_are_shares_of_the_members() -> None:
    found = Universe("IWM", lists(("2019-06-28", "2019-07-01", "ABX")), NOTHING, fund="IWM").at(
        pd.Timestamp("2019-07-10", tz="UTC")
    )
    assert found is not None
    assert found.tickers == ("A", "B")
    np.testing.assert_allclose(found.weights, [1 / 3, 2 / 3])
    assert (found.names, found.sectors) == (("A INC", "B INC"), ("Energy", "Energy"))
    assert found.day == pd.Timestamp("2019-06-28")


def test_tickers_mean_the_companies_of_the_lists_day() -> None:
    known = listings(
        ("OLD", "2010-01-04", "2010-01-04", "OLD", "listed"),
        ("OLD", "2019-05-01", "2019-05-01", "NEW", "listed"),  # renamed
        ("DIE", "2010-01-04", "2010-01-04", "DIE", "listed"),
        ("DIE", "2018-02-01", "2018-02-01", "DIE", "delisted"),
        ("DIE.2", "2019-05-01", "2019-05-01", "DIE", "listed"),  # the ticker was given out again
    )
    held = lists(
        ("2017-12-29", "2018-01-02 22:00", ["OLD", "DIE"]),
        ("2018-12-31", "2019-01-02 22:00", ["OLD", "DIE"]),
        ("2019-06-28", "2019-07-01 22:00", ["NEW", "OLD", "DIE"]),
    )
    universe = Universe("IWM", held, known, fund="IWM")
    assert companies_at(universe, "2018-01-10") == ("DIE", "OLD")
    assert companies_at(universe, "2019-01-10") == ("OLD",)
    found = universe.at(pd.Timestamp("2019-07-10", tz="UTC"))
    assert found is not None
    assert found.companies == ("DIE.2", "OLD")
    assert found.unresolved == ("OLD",)  # nobody was called so any more
    assert universe.companies() == ("DIE", "DIE.2", "OLD")


def test_a_rename_counts_from_the_day_on_which_it_was_known() -> None:
    known = listings(
        ("OLD", "2010-01-04", "2010-01-04", "OLD", "listed"),
        ("OLD", "2019-06-03", "2019-07-15", "NEW", "listed"),  # learned late
    )
    universe = Universe("IWM", lists(("2019-06-28", "2019-07-01 22:00", ["NEW"])), known, fund="IWM")
    assert companies_at(universe, "2019-07-12") == ("NEW",)  # taken for a company of that name
    assert companies_at(universe, "2019-07-16") == ("OLD",)


def test_providers_write_classes_of_shares_differently() -> None:
    known = listings(("BRK.B", "2010-01-04", "2010-01-04", "BRK-B", "listed"))
    universe = Universe("IWM", lists(("2019-06-28", "2019-07-01", ["BRKB"])), known, fund="IWM")
    assert companies_at(universe, "2019-07-12") == ("BRK.B",)


def test_a_fixed_list_is_known_at_all_times_says_so_and_is_no_evidence_before_its_day() -> None:
    lines = lists(("2019-06-28", "2019-07-01", "AB")).drop(columns=["event_date", "known_at"])
    universe = Universe("mine", lines, NOTHING, fixed_on=pd.Timestamp("2019-06-28"))
    assert universe.survivorship == "membership fixed on 2019-06-28: survivorship"
    days = pd.DatetimeIndex(["2001-01-03", "2019-06-27", "2019-06-28", "2030-01-02"])
    assert universe.mask(days, ("A",))[0].all()
    assert universe.mask(days, ("A",))[1].all()
    known, member = universe.mask(days, ("A",), point_in_time=True)
    assert known.tolist() == member[:, 0].tolist() == [False, False, True, True]


def test_without_lists_nothing_is_known() -> None:
    universe = Universe("IWM", lists(), NOTHING, fund="IWM")
    known, member = universe.mask(pd.DatetimeIndex(["2019-06-28"]), ("A", "B"))
    assert not known.any()
    assert member.shape == (1, 2)
    assert universe.at(pd.Timestamp("2019-07-10", tz="UTC")) is None
    assert universe.companies() == ()


SESSIONS = sessions.between("2019-01-02", "2019-12-31")
days_of_2019 = st.integers(0, 364)


@st.composite
def histories(draw: st.DrawFn) -> tuple[pd.DataFrame, list[tuple[str, str, str, str, str]]]:
    def day(number: int, hour: int = 0) -> str:
        return str(pd.Timestamp("2019-01-01") + pd.Timedelta(days=number, hours=hour))

    tickers = st.lists(st.sampled_from("ABCD"), min_size=1, max_size=4, unique=True)
    held = draw(st.lists(st.tuples(days_of_2019, st.integers(0, 60), tickers), max_size=5))
    rows = {(day(event), day(event + late, 22)): sorted(names) for event, late, names in held}
    named = st.tuples(st.sampled_from(["A", "B", "A.2"]), days_of_2019, st.integers(0, 60), st.sampled_from("ABC"))
    status = st.sampled_from(["listed", "listed", "delisted"])
    made = draw(st.lists(st.tuples(named, status), max_size=6, unique_by=lambda each: each[0][:3]))
    called = [(company, day(on), day(on + late), ticker, how) for (company, on, late, ticker), how in made]
    return lists(*((event, known, names) for (event, known), names in rows.items())), called


@settings(max_examples=15, deadline=None)
@given(histories(), st.integers(0, len(SESSIONS) - 1))
def test_a_row_is_what_the_store_cut_at_its_close_gives(
    history: tuple[pd.DataFrame, list[tuple[str, str, str, str, str]]], place: int
) -> None:
    held, called = history
    close = sessions.closes(SESSIONS[place : place + 1])[0]
    companies = ("A", "A.2", "B", "C", "D")
    whole = Universe("IWM", held, listings(*called), fund="IWM")
    cut = Universe(
        "IWM",
        held[held["known_at"] <= close],
        listings(*(row for row in called if pd.Timestamp(row[2], tz="UTC") <= close)),
        fund="IWM",
    )
    for one, other in zip(
        whole.mask(SESSIONS[: place + 1], companies), cut.mask(SESSIONS[: place + 1], companies), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert whole.at(close) is None or set(companies) >= set(whole.at(close).companies)  # type: ignore[union-attr]
