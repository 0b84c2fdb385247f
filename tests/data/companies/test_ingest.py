"""A directory of companies is loaded once, as traded where that can be known, and faults are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data import Store
from bullbear.data.companies.ingest import ingest_companies
from bullbear.errors import InputError, SnapshotError
from bullbear.home import Home
from bullbear.workflows.filling import fill_from

NOW = pd.Timestamp("2020-03-02T22:00", tz="UTC")
DAYS = sessions.between("2019-12-24", "2020-01-03")

MEMBERS = """Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Quantity,Exchange
ACME,ACME INC,Industrials,Equity,"1,000,000.0",60.0,"10,000",NASDAQ
BOLT,BOLT CORP,Materials,Equity,600000.0,39.5,5000,NYSE
-,USD CASH,Cash,Cash,5000.0,0.5,5000,-
"""
FACTS = """known_at,ticker,concept,value,end_date,start_date,form,unit
2019-11-05,ACME,revenue,100.0,2019-09-30,2019-07-01,10-Q,USD
2019-11-05,ACME,cash,7.0,2019-09-30,,10-Q,USD
2019-11-05,ACME,revenue,101.0,2019-09-30,2019-07-01,10-Q/A,USD
2019-11-05,ACME,revenue,300.0,2019-12-31,2019-10-01,10-Q,USD
2020-02-04,ACME,revenue,99.0,2019-09-30,2019-07-01,10-K,USD
2020-03-03,ACME,revenue,120.0,2019-12-31,2019-10-01,10-K,USD
"""


def prices(close: list[float], adjusted: list[float] | None = None, days: pd.DatetimeIndex = DAYS) -> str:
    lines = ["date,open,high,low,close,adj_close,volume"]
    for day, last, adj in zip(days, close, adjusted or close, strict=False):
        lines.append(f"{day.date()},{last},{last * 1.25},{last * 0.75},{last},{adj},1000")
    return "\n".join(lines) + "\n"


def write(root: Path, **files: str) -> Path:
    """Files by name, with __ for a slash."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """ACME paid two per cent on 2019-12-31."""
    close = [100.0, 101.0, 100.0, 102.0, 97.0, 98.0, 99.0]
    adjusted = [c * 0.98 if place < 4 else c for place, c in enumerate(close)]
    return write(
        tmp_path / "companies",
        prices__ACME=prices(close, adjusted),
        prices__BOLT=prices([10.0, 10.0, 10.0, 10.0, 11.0, 11.0, 11.0]),
        filed_facts=FACTS,
        **{"members_2019-12-31": MEMBERS},
    )


def test_twice_adds_nothing(directory: Path, store: Store) -> None:
    first = ingest_companies(directory, store, NOW)
    assert first.added == {
        "company_dividends": 1, "company_bars": 14, "company_quarantine": 1, "company_facts": 3, "company_listings": 2,
        "holdings": 3,
    }  # fmt: skip
    assert (first.files, first.refusals, first.revised) == (4, (), 0)
    again = ingest_companies(directory, store, NOW + pd.Timedelta(hours=1))
    assert (again.rows_added, again.revised) == (0, 0)


def test_without_splits_prices_are_marked_and_dividends_follow_from_adj_close(directory: Path, store: Store) -> None:
    report = ingest_companies(directory, store, NOW)
    panel = store.as_of().companies.panel()
    assert panel.restated.tolist() == [True, True]
    assert panel.close[:, 0].tolist() == [100.0, 101.0, 100.0, 102.0, 97.0, 98.0, 99.0]
    assert panel.dividend[:, 0] == pytest.approx([0, 0, 0, 0, 2.04, 0, 0])
    assert panel.dividend[:, 1].tolist() == [0.0] * 7
    assert any("prices of 2 companies come without splits" in note for note in report.notes)
    ex = sessions.opens(pd.DatetimeIndex(["2019-12-31"]))[0]
    assert store.as_of(ex).companies.latest("dividends")["known_at"].tolist() == [ex]
    assert store.as_of(ex - pd.Timedelta(1, "us")).companies.latest("dividends").empty


def test_with_splits_prices_are_brought_back_to_what_was_traded(directory: Path, store: Store) -> None:
    write(directory, splits__ACME="date,ratio\n2019-12-27,2\n2019-12-31,3\n2020-06-01,5\n")
    ingest_companies(directory, store, NOW)
    panel = store.as_of().companies.panel()
    assert panel.restated.tolist() == [False, False]
    assert panel.close[:, 0].tolist() == [600.0, 606.0, 300.0, 306.0, 97.0, 98.0, 99.0]
    assert panel.volume[:, 0] == pytest.approx([1000 / 6, 1000 / 6, 1000 / 3, 1000 / 3, 1000, 1000, 1000])
    assert panel.split[:, 0].tolist() == [1, 1, 2, 1, 3, 1, 1]
    assert panel.dividend[4, 0] == pytest.approx(2.04)  # per share of that day
    with_splits = panel.close[1:, 0] * panel.split[1:, 0] / panel.close[:-1, 0]
    assert with_splits == pytest.approx(np.array([101 / 100, 100 / 101, 102 / 100, 97 / 102, 98 / 97, 99 / 98]))


def test_a_later_file_divided_by_a_split_in_between_continues_the_stored_prices(directory: Path, store: Store) -> None:
    ingest_companies(directory, store, NOW)
    days = sessions.between("2019-12-24", "2020-01-07")
    write(directory, prices__BOLT=prices([5.0, 5.0, 5.0, 5.0, 5.5, 5.5, 5.5, 6.0, 6.0], days=days))
    report = ingest_companies(directory, store, NOW)
    assert (report.rows_added, report.revised) == (2, 0)
    assert store.as_of().companies.panel(["BOLT"]).close[-3:, 0].tolist() == [11.0, 12.0, 12.0]


def test_a_value_that_changed_is_known_from_now(directory: Path, store: Store) -> None:
    ingest_companies(directory, store, NOW)
    later = NOW + pd.Timedelta(days=1)
    write(
        directory,
        prices__BOLT=prices([10.0, 10.5, 10.0, 10.0, 11.0, 11.0, 11.0]),
        filed_facts=FACTS.replace("cash,7.0", "cash,8.0"),
    )
    assert ingest_companies(directory, store, later).revised == 2
    assert ingest_companies(directory, store, later + pd.Timedelta(days=1)).rows_added == 1  # what was filed meanwhile
    before, after = store.as_of(NOW).companies, store.as_of(later).companies
    assert [view.panel(["BOLT"]).close[1, 0] for view in (before, after)] == [10.0, 10.5]
    assert [view.facts("cash")["value"].tolist() for view in (before, after)] == [[7.0], [7.0, 8.0]]


def test_facts_are_known_on_the_evening_of_their_filing(directory: Path, store: Store) -> None:
    report = ingest_companies(directory, store, NOW)
    filed = pd.Timestamp("2019-11-05T22:00", tz="America/New_York")
    assert store.as_of(filed - pd.Timedelta(1, "us")).companies.facts().empty
    quarter = store.as_of(filed).companies.facts("revenue")
    assert quarter["value"].tolist() == [101.0]  # of two values of one day the amended one
    assert quarter["form"].tolist() == ["10-Q/A"]
    assert store.as_of().companies.facts("revenue")["value"].tolist() == [101.0, 99.0]
    assert any("1 values left out" in note for note in report.notes)
    aside = store.as_of().companies.quarantine()
    assert aside["reason"].tolist() == ["known before the end of the period described"]
    assert json.loads(aside["row"].iloc[0])["value"] == 300.0


def test_members_become_holdings_and_listings(directory: Path, store: Store) -> None:
    ingest_companies(directory, store, NOW)
    holdings = store.as_of().holdings("IWM")
    assert holdings["ticker"].tolist() == ["-", "ACME", "BOLT"]
    assert holdings["market_value"].tolist() == [5000.0, 1e6, 6e5]
    assert str(holdings.index[0].date()) == "2019-12-31"
    listings = store.as_of().companies.listings()
    assert listings[["company", "name", "sector", "exchange"]].to_numpy().tolist() == [
        ["ACME", "ACME INC", "Industrials", "NASDAQ"],
        ["BOLT", "BOLT CORP", "Materials", "NYSE"],
    ]
    assert store.as_of(holdings["known_at"].iloc[0]).companies.listings().shape[0] == 2
    assert store.as_of(holdings["known_at"].iloc[0] - pd.Timedelta(1, "us")).companies.listings().empty


def test_listings_tell_a_recycled_ticker_apart(directory: Path, store: Store) -> None:
    write(
        directory,
        listings="date,ticker,company,name,status\n2015-01-02,ACME,ACME,Old Acme,\n2018-05-01,ACME,ACME,,delisted\n"
        "2019-12-02,ACME,ACME.2,New Acme,listed\n",
        **{"prices__ACME.2": prices([50.0] * 7)},
    )
    ingest_companies(directory, store, NOW)
    view = store.as_of().companies
    assert view.company_of("ACME", "2016-01-04") == "ACME"
    assert view.company_of("ACME", "2019-01-02") is None
    assert view.company_of("ACME", "2019-12-31") == "ACME.2"
    # The member of that day is the new company.
    assert view.listings().query("name == 'ACME INC'")["company"].tolist() == ["ACME.2"]


def test_impossible_rows_are_set_aside_and_misprints_are_not(directory: Path, store: Store) -> None:
    text = (
        "date,open,high,low,close,adj_close,volume\n"
        "2019-12-24,10,11,9,100,10,1000\n"  # close ten times too high: found later, by what was known
        "2019-12-25,10,11,9,10,10,1000\n"  # Christmas
        "2019-12-26,10,8,9,10,10,1000\n"
        "2019-12-27,10,11,9,10,10,-5\n"
        "2019-12-30,,,,,,\n"
        "2019-12-31,10,11,9,0,10,1000\n"
        "2020-03-03,10,11,9,10,10,1000\n"  # not over
    )
    write(directory, prices__ODD=text)
    report = ingest_companies(directory, store, NOW)
    assert store.as_of().companies.latest("bars", ["ODD"])["close"].tolist() == [100.0, 0.0]
    aside = store.as_of().companies.quarantine().query("company == 'ODD'")
    assert aside["reason"].tolist() == ["no session of the exchange on that day", "high below low", "negative volume"]
    assert report.quarantined == 4
    assert any("prices/ODD.csv: 1 rows from 2020-03-03 left out" in note for note in report.notes)


def test_a_faulty_file_is_refused_and_the_others_load(directory: Path, store: Store) -> None:
    write(
        directory,
        prices__BAD="date,open,high,low,close,volume\n2019-12-24,1,1,1,one,1\n",
        splits__BAD="date,ratio\n2019-12-24,2\n2019-12-23,2\n",
        **{"members_2019-11-29": "Ticker,Name\nACME,ACME INC\n"},
    )
    report = ingest_companies(directory, store, NOW)
    assert [str(refused).split(";")[0] for refused in report.refusals] == [
        "members_2019-11-29.csv:1: no column Sector",
        "prices/BAD.csv:2: got 'one'",
        "splits/BAD.csv:3: got '2019-12-23'",
    ]
    assert store.as_of().companies.names == ("ACME", "BOLT")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2019-07-01,10-K", "July,10-K", "filed_facts.csv:6: got 'July'; allowed: a start_date as YYYY-MM-DD"),
        ("cash,7.0", "cash,seven", "filed_facts.csv:3: got 'seven'; allowed: a number in column value"),
        ("known_at,ticker", "filed,ticker", "filed_facts.csv:1: got '0 columns named known_at"),
    ],
)
def test_a_fault_in_the_facts_is_named_by_its_line(
    directory: Path, store: Store, old: str, new: str, message: str
) -> None:
    write(directory, filed_facts=FACTS.replace(old, new))
    report = ingest_companies(directory, store, NOW)
    assert [str(refused).startswith(message) for refused in report.refusals] == [True], report.refusals
    assert report.added["company_bars"] == 14


def test_a_directory_is_known_by_its_files(directory: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert fill_from(home, directory).added["company_bars"] == 14
    snapshot = write(tmp_path / "snapshot", macro__DGS10="date,value\n2019-12-30,1.9\n")
    (snapshot / "companies").symlink_to(directory)
    both = fill_from(Home(tmp_path / "other"), snapshot)
    assert (both.added["observations"], both.added["company_bars"]) == (1, 14)
    with pytest.raises(SnapshotError, match=r"no file to load; allowed: filed_facts.csv, members_"):
        ingest_companies(write(tmp_path / "empty", notes="x"), home.store(), NOW)


def test_a_simulated_store_takes_no_companies(directory: Path, store: Store) -> None:
    store.mark_simulated({"seed": 7})
    with pytest.raises(InputError, match="a store without simulated rows"):
        ingest_companies(directory, store, NOW)


def test_the_commands_speak_of_companies_in_a_line(directory: Path, tmp_path: Path, bullbear: Any) -> None:
    home = tmp_path / "home"
    answer = bullbear("ingest", directory, "--home", home, "--create")
    assert answer.code == 0
    assert "4 files, 23 rows read; added 1 company dividends, 14 company bars" in answer.out
    lines = [line for line in bullbear("status", "--home", home).out.splitlines() if "companies" in line]
    assert len(lines) == 1
    assert "2 companies: 14 bars from 2019-12-24 to 2020-01-03, 1 dividends, " in lines[0]
    last = bullbear("status", "--home", home, "--json").json[-1]
    assert (last["kind"], last["series"], last["rows"]) == ("company_bars", "2 companies", 14)
