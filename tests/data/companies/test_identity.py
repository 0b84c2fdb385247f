"""Renamed, delisted and recycled tickers are told apart, from lists of holdings and the SEC's tickers."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear import sessions
from bullbear.data.companies.evidence import NO_DIRECTORY, Directory, Member, MemberList, member_lists
from bullbear.data.companies.identity import bring_up_to_date, first_bars, note_delisted
from bullbear.data.companies.names import provider_spelling
from bullbear.data.companies.register import Register
from bullbear.data.providers.edgar import Entry, Profile

NOW = pd.Timestamp("2024-03-08 23:30", tz="UTC")
FEBRUARY = pd.Timestamp("2024-02-02", tz="UTC")


def listed(day: str, *members: tuple[str, str]) -> MemberList:
    at = pd.Timestamp(day).as_unit("us")
    lines = tuple(Member(ticker, name, "Industrials") for ticker, name in members)
    return MemberList(at, at.tz_localize("UTC") + pd.Timedelta("1D"), lines)


def directory(*entries: tuple[str, int, str]) -> Directory:
    return Directory.of([Entry(str(cik).zfill(10), ticker, name, "NYSE") for ticker, cik, name in entries])


def resolved(
    *lists: MemberList,
    known: Register | None = None,
    sec: Directory = NO_DIRECTORY,
    last: dict[str, str] | None = None,
    profiles: dict[str, Profile] | None = None,
    now: pd.Timestamp = NOW,
) -> Register:
    """A register brought up to date, as it is read back from the store."""
    register = Register() if known is None else known
    days = {company: pd.Timestamp(day) for company, day in (last or {}).items()}
    bring_up_to_date(register, lists, sec, profiles or {}, days, now)
    frame = pd.concat([Register.of(pd.DataFrame()).frame(), _frame(register)], ignore_index=True)
    again = Register.of(frame)
    again.notes = register.notes
    return again


def _frame(register: Register) -> pd.DataFrame:
    every = Register()
    every.added = [row for rows in register.rows.values() for row in rows]
    return every.frame()


def called(register: Register, day: str) -> dict[str, str]:
    return {ticker: row.company for ticker, row in register.holders(pd.Timestamp(day)).items()}


ALDER, BIRCH = ("AAA", "ALDER WORKS INC"), ("BBB", "BIRCH WORKS INC")
ACORN = ("AAA", "ACORN BANCORP")
SEC = directory(("AAA", 1, "Alder Works"), ("BBB", 2, "Birch Works"))


def test_a_first_list_names_its_companies_by_their_tickers() -> None:
    found = resolved(listed("2024-03-07", ALDER, BIRCH), sec=SEC)
    assert called(found, "2024-03-07") == {"AAA": "AAA", "BBB": "BBB"}
    row = found.at("AAA", pd.Timestamp("2024-03-07"))
    assert row is not None
    assert (row.cik, row.exchange, row.sector, row.known_at) == (
        "0000000001",
        "NYSE",
        "Industrials",
        pd.Timestamp("2024-03-08", tz="UTC"),
    )
    assert called(found, "2024-03-06") == {}


def test_the_same_number_under_another_ticker_is_a_rename() -> None:
    lists = [listed("2024-02-01", ALDER, BIRCH)]
    known = resolved(*lists, sec=SEC, now=pd.Timestamp("2024-02-02", tz="UTC"))
    sec = directory(("AAX", 1, "Alder Works"), ("BBB", 2, "Birch"))
    found = resolved(*lists, known=known, sec=sec)
    assert called(found, "2024-03-07") == {"AAA": "AAA", "BBB": "BBB"}
    assert called(found, "2024-03-08") == {"AAX": "AAA", "BBB": "BBB"}
    assert found.notes == ["AAA was renamed AAX (AAA, ALDER WORKS INC)"]
    # A list that has the new ticker before the SEC was asked dates the rename.
    by_list = resolved(
        *lists,
        listed("2024-03-05", ("AAX", ALDER[1]), BIRCH),
        known=resolved(*lists, sec=directory(("AAA", 1, "Alder"))),
        sec=sec,
    )
    assert called(by_list, "2024-03-05") == {"AAX": "AAA", "BBB": "BBB"}


def test_a_ticker_with_another_number_is_another_company() -> None:
    lists = [listed("2024-02-01", ALDER, BIRCH)]
    known = resolved(*lists, sec=SEC, now=pd.Timestamp("2024-02-02", tz="UTC"))
    lists.append(listed("2024-03-07", ("AAA", "ACORN BANCORP"), BIRCH))
    found = resolved(
        *lists, known=known, sec=directory(("AAA", 9, "Acorn Bancorp"), ("BBB", 2, "Birch")), last={"AAA": "2024-02-20"}
    )
    assert called(found, "2024-02-20") == {"AAA": "AAA", "BBB": "BBB"}
    assert called(found, "2024-03-07") == {"AAA": "AAA.2", "BBB": "BBB"}
    old, new = (found.rows[company][-1] for company in ("AAA", "AAA.2"))
    assert (old.status, str(old.since.date())) == ("delisted", "2024-02-21")
    assert (new.cik, new.name) == ("0000000009", "ACORN BANCORP")


def test_a_recycled_ticker_whose_owner_only_moved_leaves_both_listed() -> None:
    lists = [listed("2024-02-01", ALDER)]
    known = resolved(*lists, sec=directory(("AAA", 1, "Alder Works")), now=FEBRUARY)
    lists.append(listed("2024-03-07", ACORN, ("ALD", ALDER[1])))
    found = resolved(*lists, known=known, sec=directory(("AAA", 9, "Acorn Bancorp"), ("ALD", 1, "Alder Works")))
    assert called(found, "2024-03-07") == {"AAA": "AAA.2", "ALD": "AAA"}


CHAIN = directory(("BBB", 1, "Alder Works"), ("BBX", 2, "Birch Works"))
SWAP = directory(("BBB", 1, "Alder Works"), ("AAA", 2, "Birch Works"))


@pytest.mark.parametrize("by_list", [True, False])
@pytest.mark.parametrize("sec", [CHAIN, SWAP])
def test_tickers_that_change_hands_on_one_day_leave_one_company_per_number(sec: Directory, *, by_list: bool) -> None:
    lists = [listed("2024-02-01", ALDER, BIRCH)]
    known = resolved(*lists, sec=SEC, now=FEBRUARY)
    birch = sec.by_cik["0000000002"][0]
    if by_list:
        lists.append(listed("2024-03-07", ("BBB", ALDER[1]), (birch, BIRCH[1])))
    found = resolved(*lists, known=known, sec=sec, last={"AAA": "2024-03-06", "BBB": "2024-03-06"})
    assert called(found, "2024-03-08") == {"BBB": "AAA", birch: "BBB"}
    assert sorted(found.rows) == ["AAA", "BBB"]
    again = Register.of(_frame(found))
    bring_up_to_date(again, lists, sec, {}, {}, NOW)
    assert again.added == []


def test_a_second_class_of_shares_is_a_company_of_its_own() -> None:
    sec = directory(("AAA", 1, "Alder"), ("AAA-B", 1, "Alder"))
    found = resolved(listed("2024-02-01", ALDER), listed("2024-03-07", ALDER, ("AAAB", ALDER[1])), sec=sec)
    assert called(found, "2024-03-07") == {"AAA": "AAA", "AAAB": "AAAB"}
    assert provider_spelling("AAAB", sec.spelled) == "AAA-B"


def test_a_new_number_under_the_same_name_is_the_same_company() -> None:
    lists = [listed("2024-02-01", ALDER)]
    known = resolved(*lists, sec=directory(("AAA", 1, "Alder Works")))
    found = resolved(*lists, known=known, sec=directory(("AAA", 7, "Alder Works Holdings")))
    assert called(found, "2024-03-08") == {"AAA": "AAA"}
    assert found.rows["AAA"][-1].cik == "0000000007"


def test_a_former_name_counts_as_the_name() -> None:
    lists = [listed("2024-02-01", ALDER), listed("2024-03-07", ("AAA", "ZENITH CO"))]
    profile = Profile("0000000001", ("Zenith Co", "Alder Works Inc"), ("AAA",), ("NYSE",), None, "")
    known = resolved(lists[0], sec=directory(("AAA", 1, "Alder Works")))
    found = resolved(*lists, known=known, sec=directory(("AAA", 1, "Zenith Co")), profiles={"0000000001": profile})
    assert called(found, "2024-03-07") == {"AAA": "AAA"}
    assert [row.name for row in found.rows["AAA"]] == ["ALDER WORKS INC", "ZENITH CO"]


def test_without_the_sec_names_tell_old_lists_apart() -> None:
    back = ("AAA", "ACORN BANCORP")
    lists = [
        listed("2018-01-31", ALDER, BIRCH),
        listed("2018-04-30", ("BBX", BIRCH[1])),
        listed("2019-01-31", back, ("BBX", BIRCH[1])),
    ]
    found = resolved(*lists)
    assert called(found, "2018-02-01") == {"AAA": "AAA", "BBB": "BBB"}
    assert called(found, "2018-05-01")["BBX"] == "BBB"  # renamed: the name left and came at once
    assert called(found, "2019-02-01") == {"AAA": "AAA.2", "BBX": "BBB"}


def test_a_new_name_without_a_number_is_noted_once_as_untold() -> None:
    lists = [listed("2024-01-31", ALDER, BIRCH), listed("2024-02-29", ACORN, ("BBB", "Birch Works Group"))]
    found = resolved(*lists)
    assert called(found, "2024-03-01") == {"AAA": "AAA", "BBB": "BBB"}
    assert found.notes == [
        "list of 2024-02-29: names changed, kept as one company each; no CIK tells a rename from a new owner of the "
        "ticker: AAA (ALDER WORKS INC, now ACORN BANCORP)"
    ]
    assert resolved(*lists, known=Register.of(_frame(found))).notes == []
    known = resolved(lists[0], sec=SEC, now=FEBRUARY)
    assert resolved(*lists, known=known, sec=directory(("AAA", 1, "Acorn"), ("BBB", 2, "Birch"))).notes == []


def test_an_older_list_read_later_belongs_to_the_same_company() -> None:
    known = resolved(listed("2024-03-07", ALDER))
    found = resolved(listed("2020-01-31", ALDER), listed("2024-03-07", ALDER), known=known)
    assert called(found, "2020-02-01") == {"AAA": "AAA"}
    assert list(found.rows) == ["AAA"]


def test_who_is_gone_from_everywhere_is_delisted_after_its_last_bar() -> None:
    found = resolved(listed("2024-01-31", ALDER, BIRCH), listed("2024-02-15", BIRCH))
    days = sessions.between("2024-01-02", "2024-03-08")
    last = {"AAA": pd.Timestamp("2024-02-26"), "BBB": pd.Timestamp("2024-03-08")}
    note_delisted(found, last, frozenset(), frozenset({"BBB"}), NO_DIRECTORY, days, NOW)
    assert found.notes == []  # nine sessions without a bar: a halt
    last["AAA"] = pd.Timestamp("2024-02-23")
    note_delisted(found, last, frozenset(), frozenset({"BBB"}), NO_DIRECTORY, days, NOW)
    row = found.rows["AAA"][-1]
    assert (row.status, str(row.since.date()), row.known_at) == ("delisted", "2024-02-24", NOW)
    assert found.notes == ["AAA (AAA) is delisted, last bar 2024-02-23"]


def test_who_is_unknown_to_the_provider_is_delisted_at_once_unless_listed_somewhere() -> None:
    found = resolved(listed("2024-03-07", ALDER, BIRCH))
    days = sessions.between("2024-01-02", "2024-03-08")
    last = {"AAA": pd.Timestamp("2024-03-06"), "BBB": pd.Timestamp("2024-03-06")}
    note_delisted(found, last, frozenset({"AAA", "BBB"}), frozenset(), directory(("BBB", 2, "Birch")), days, NOW)
    assert {company: rows[-1].status for company, rows in found.rows.items()} == {"AAA": "delisted", "BBB": "listed"}


def test_a_company_that_comes_back_is_the_same() -> None:
    found = resolved(
        listed("2023-01-31", ALDER, BIRCH), listed("2023-03-31", BIRCH), now=pd.Timestamp("2023-04-01", tz="UTC")
    )
    days = sessions.between("2023-01-03", "2023-04-28")
    note_delisted(
        found,
        {"AAA": pd.Timestamp("2023-03-01"), "BBB": days[-1]},
        frozenset(),
        frozenset({"BBB"}),
        NO_DIRECTORY,
        days,
        NOW,
    )
    assert called(found, "2023-05-01") == {"BBB": "BBB"}
    back = resolved(listed("2024-03-07", ALDER, BIRCH), known=found)
    assert called(back, "2024-03-07") == {"AAA": "AAA", "BBB": "BBB"}


def test_first_bars_date_a_listing_back_without_its_sector() -> None:
    found = resolved(listed("2024-03-07", ALDER))
    close = pd.Timestamp("2010-01-04 21:00", tz="UTC")
    first_bars(found, {"AAA": (pd.Timestamp("2010-01-04"), close)})
    row = found.at("AAA", pd.Timestamp("2015-01-01"))
    assert row is not None
    assert (row.ticker, row.sector, row.known_at) == ("AAA", "", close)
    assert called(found, "2015-01-01") == {"AAA": "AAA"}


def test_lines_that_are_no_shares_are_left_out_and_versions_do_not_repeat() -> None:
    day, known = pd.Timestamp("2024-03-07"), pd.Timestamp("2024-03-08", tz="UTC")
    cash = "Cash and/or Derivatives"
    lines = [("MOG.A", "MOOG A", "Industrials"), ("-", "USD", cash), ("P5N994", "RIGHT", ""), ("RTYH4", "FUTURE", cash)]
    frame = pd.DataFrame(lines, columns=["ticker", "name", "sector"]).assign(event_date=day, known_at=known)
    later = frame[:1].assign(known_at=known + pd.Timedelta("7D"))
    assert member_lists([pd.concat([frame, later])]) == [
        MemberList(day, known, (Member("MOGA", "MOOG A", "Industrials"),))
    ]


NAMES = {"AAA": "ALDER", "BBB": "BIRCH", "CCC": "CEDAR", "DDD": "DOGWOOD", "EEE": "ELM"}


MEMBERS = st.lists(st.sampled_from(sorted(NAMES)), min_size=1, unique=True)


@settings(max_examples=30)
@given(st.lists(MEMBERS, min_size=1, max_size=4), st.data())
def test_a_second_time_adds_nothing_and_a_company_has_one_ticker(held: list[list[str]], data: st.DataObject) -> None:
    lists = [listed(f"2024-0{1 + place}-15", *((ticker, NAMES[ticker]) for ticker in sorted(tickers)))
             for place, tickers in enumerate(held)]  # fmt: skip
    numbers = data.draw(st.permutations(range(1, 6)))
    sec = directory(*((ticker, cik, NAMES[ticker]) for ticker, cik in zip(sorted(NAMES), numbers, strict=True)))
    now = pd.Timestamp("2024-05-01", tz="UTC")
    once = resolved(*lists, sec=sec, now=now)
    for each in lists:
        companies = called(once, str(each.day.date()))
        owners = [companies[member.ticker] for member in each.members]
        assert len(set(owners)) == len(owners)
    again = Register.of(_frame(once))
    bring_up_to_date(again, lists, sec, {}, {}, now)
    assert again.added == []


def test_a_new_id_was_never_used() -> None:
    found = resolved(listed("2024-03-07", ALDER))
    assert [found.new_id(ticker) for ticker in ("AAA", "XYZ")] == ["AAA.2", "XYZ"]
