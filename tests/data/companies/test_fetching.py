"""Companies of the funds, fetched from a small exchange: bars, filings, and who is who."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tests.data.companies.exchange import Company

from bullbear.data.companies.fetching import fetch_companies
from bullbear.data.store import Store
from bullbear.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.data.companies.exchange import World

    from bullbear.data.fetching import FetchReport
    from bullbear.settings import Settings

DAYS = 110  # sessions from 2023-10-02 to 2024-03-08


@pytest.fixture
def bare(settings: Settings) -> Settings:
    """Without filings, which have tests of their own."""
    return settings.model_copy(update={"fetch": settings.fetch.model_copy(update={"facts": False})})


def fetched(store: Store, settings: Settings, world: World, **options: Any) -> FetchReport:
    world.asked.clear()
    return fetch_companies(store, settings, world.now, **options)


def status(store: Store) -> dict[str, str]:
    listings = store.as_of().companies.listings()
    last = listings.drop_duplicates("company", keep="last")
    return dict(zip(last["company"], last["status"], strict=True))


def filing(company: Company, number: str, day: str, value: float, end: str = "2023-09-30") -> None:
    company.filings.insert(0, (number, day, "10-Q"))
    told = {"end": end, "val": value, "accn": number, "fy": 2023, "fp": "Q3", "form": "10-Q", "filed": day}
    tags = company.facts.setdefault("us-gaap", {}).setdefault("Assets", {"units": {"USD": []}})
    tags["units"]["USD"].append(told)


def test_a_first_fetch_brings_every_company_as_traded(settings: Settings, world: World, tmp_path: Path) -> None:
    for company in world.companies:
        filing(company, "1", "2023-11-03", 100.0 + company.cik)
    said: list[str] = []
    store = Store(tmp_path)
    report = fetched(store, settings, world, say=said.append)
    assert [str(each) for each in report.failures] == []
    view = store.as_of().companies
    panel = view.panel()
    assert panel.companies == ("AAA", "BBB", "CCC", "DDD", "DDDA", "EEE", "FFF", "GGG", "HHH", "III", "JJJ", "KKK")
    assert panel.close.shape == (DAYS, 12)
    for company in world.companies:
        raw = company.raw(world.today)
        column = panel.companies.index(company.ticker.replace("-", ""))
        np.testing.assert_allclose(panel.close[:, column], raw["close"], rtol=1e-12)
        np.testing.assert_allclose(panel.volume[:, column], raw["volume"], rtol=1e-12)
    split, paid = panel.split[:, 1], panel.dividend[:, 1]
    assert panel.sessions[split != 1.0].strftime("%m-%d").tolist() == ["02-26"]
    assert (split[split != 1.0].tolist(), paid[paid != 0.0].tolist()) == ([2.0], [0.5])
    assert report.added["bars"] == 12 * DAYS
    assert world.names("yahoo").count("DDD-A") == 1
    assert "bars: 4 of 12" in said
    # What was known at an earlier close is what there was.
    early = store.as_of(pd.Timestamp("2024-02-20 21:00", tz="UTC")).companies
    assert str(early.panel().sessions[-1].date()) == "2024-02-20"
    assert (early.panel().split == 1.0).all()
    facts = view.facts()
    assert len(facts) == 12
    assert facts["value"].tolist()[:2] == [1100.0, 1101.0]
    assert world.count("sec") == 1 + 2 * 11  # the two classes of shares have one number


def test_what_is_stored_is_not_asked_again(settings: Settings, world: World, tmp_path: Path) -> None:
    store = Store(tmp_path)
    fetched(store, settings, world)
    again = fetched(store, settings, world)
    assert again.rows_added == 0
    assert world.asked == [("sec", "/files/company_tickers_exchange.json")]


def test_an_evening_adds_its_session_and_corrections_are_known_later(
    bare: Settings, world: World, brought: Store
) -> None:
    before = brought.as_of(world.now).companies.panel()
    world.companies[2].corrected = {"2024-03-07": 50.0}
    world.companies[4].dividends = {"2024-03-11": 0.25}
    world.today = "2024-03-11"
    report = fetched(brought, bare, world)
    assert report.added == {"bars": 13, "dividends": 1}
    assert report.revised == 1
    assert world.count("ishares") == 0
    old, new = brought.as_of(pd.Timestamp("2024-03-11 20:00", tz="UTC")), brought.as_of(world.now)
    np.testing.assert_array_equal(old.companies.panel(last="2024-03-08").close, before.close)
    assert new.companies.panel(["CCC"]).close[-3, 0] == 50.0


def test_a_killed_fetch_continues_where_it_stopped(bare: Settings, world: World, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(line: str) -> None:
        if line.startswith("bars: 8"):
            raise Killed

    store = Store(tmp_path)
    with pytest.raises(Killed):
        fetched(store, bare, world, say=kill)
    first = set(world.names("yahoo"))
    report = fetched(Store(tmp_path), bare, world)
    assert len(first) == 8
    assert set(world.names("yahoo")) == set(world.priced) - first
    assert not report.failures
    assert store.as_of().companies.panel().close.shape == (DAYS, 12)
    assert not np.isnan(store.as_of().companies.panel().close).any()


SCRIPT = """
import sys
from pathlib import Path
import pandas as pd
from bullbear.data.store import Store
from bullbear.data.companies.fetching import fetch_companies
from bullbear.settings import Settings
settings = Settings.model_validate_json(Path(sys.argv[2]).read_text())
fetch_companies(Store(Path(sys.argv[1])), settings, pd.Timestamp(sys.argv[3]), say=lambda line: print(line, flush=True))
"""


@pytest.mark.slow
def test_a_process_killed_while_it_fetches_leaves_a_store_that_the_next_completes(
    bare: Settings, world: World, tmp_path: Path
) -> None:
    place, settings = tmp_path / "data", tmp_path / "settings.json"
    settings.write_text(bare.model_dump_json())
    command = [sys.executable, "-c", SCRIPT, str(place), str(settings), str(world.now)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("bars: 4"):
                process.send_signal(signal.SIGKILL)
                break
    asked = len(world.names("yahoo"))
    time.sleep(0.05)
    report = fetched(Store(place), bare, world)
    assert 4 <= asked < 12
    assert not report.failures
    assert len(world.names("yahoo")) <= 8
    assert not np.isnan(Store(place).as_of().companies.panel().close).any()


def test_one_bad_ticker_stops_nothing(bare: Settings, world: World, tmp_path: Path) -> None:
    del world.priced["CCC"]
    store = Store(tmp_path)
    report = fetched(store, bare, world)
    assert [(each.provider, each.series, each.status) for each in report.failures] == [("yahoo", "CCC", 404)]
    assert len(report.arrived) == 1 + 11
    assert status(store)["CCC"] == "listed"  # the fund holds it


def test_a_wave_of_429_is_waited_out_and_a_lasting_one_ends_the_fetch(
    bare: Settings, world: World, tmp_path: Path
) -> None:
    world.refusals["yahoo", "*"] = [429, 2]
    store = Store(tmp_path)
    assert not fetched(store, bare, world, only=("aaa", "BBB")).failures
    world.refusals["yahoo", "*"] = [429, 10**9]
    report = fetched(store, bare, world)
    assert len(report.failures) == 10
    assert len(report.not_asked["yahoo"]) == 9
    assert world.count("yahoo") == 3  # three tries, then nobody else is asked for
    world.refusals.clear()
    assert not fetched(store, bare, world).failures
    assert store.as_of().companies.panel().close.shape == (DAYS, 12)


def test_a_renamed_company_goes_on(bare: Settings, world: World, brought: Store) -> None:
    world.companies[5].ticker = "FIR"
    world.settle()
    world.today = "2024-03-11"
    report = fetched(brought, bare, world)
    assert report.notes == ["FFF was renamed FIR (FFF, FIR WORKS INC)"]
    assert not report.failures
    view = brought.as_of().companies
    assert not np.isnan(view.panel(["FFF"]).close).any()
    days = (("FFF", "2024-03-08"), ("FIR", "2024-03-11"), ("FFF", "2024-03-11"))
    assert [view.company_of(*each) for each in days] == ["FFF", "FFF", None]


def test_a_recycled_ticker_is_another_company(bare: Settings, world: World, tmp_path: Path) -> None:
    store = Store(tmp_path)
    world.today, world.listed = "2024-02-16", "2024-02-15"
    fetched(store, bare, world)
    world.companies[6].last = "2024-02-16"
    heir = Company(2000, "GGG", "Gorse Bancorp", "Financials", first="2024-03-04")
    world.companies[6:7] = [world.companies[6], heir]
    world.priced["GGG"] = heir
    world.held[6] = ("GGG", heir.name, heir.sector)
    world.today, world.listed = "2024-03-18", "2024-03-15"
    report = fetched(store, bare, world)
    assert not report.failures
    view = store.as_of().companies
    panel = view.panel(["GGG", "GGG.2"])
    spans = [panel.sessions[panel.traded[:, column]] for column in (0, 1)]
    assert [(str(each[0].date()), str(each[-1].date())) for each in spans] == [
        ("2023-10-02", "2024-02-16"),
        ("2024-03-04", "2024-03-18"),
    ]
    assert [view.company_of("GGG", day) for day in ("2024-02-16", "2024-02-20", "2024-03-18")] == ["GGG", None, "GGG.2"]
    assert status(store)["GGG"] == "delisted"
    assert fetched(store, bare, world).rows_added == 0


def test_the_heir_of_a_ticker_is_priced_while_its_former_owner_lives_on(
    bare: Settings, world: World, brought: Store
) -> None:
    world.companies[6].ticker = "GGX"
    heir = Company(2000, "GGG", "Gorse Bancorp", "Financials", first="2024-03-11")
    world.companies.append(heir)
    world.settle()
    for day in ("2024-03-11", "2024-03-12", "2024-03-14", "2024-03-28"):
        world.today = world.listed = day
        fetched(brought, bare, world)
        panel = brought.as_of(world.now).companies.panel(["GGG", "GGG.2"])
        known = panel.traded.sum(axis=0).tolist()
        assert known == [DAYS + len(heir.raw(day)), len(heir.raw(day))]
    np.testing.assert_allclose(panel.close[panel.traded[:, 1], 1], heir.raw(day)["close"], rtol=1e-12)


def test_a_company_that_is_gone_is_delisted_after_its_last_bar(bare: Settings, world: World, brought: Store) -> None:
    world.companies[7].last = "2024-03-12"
    world.today, world.listed = "2024-03-18", "2024-03-15"
    world.held = [line for line in world.held if line[0] != "HHH"]
    assert fetched(brought, bare, world).notes == []  # four sessions without a bar
    world.today = "2024-03-27"
    report = fetched(brought, bare, world)
    assert report.notes == ["HHH (HHH) is delisted, last bar 2024-03-12"]
    assert status(brought)["HHH"] == "delisted"
    world.today = "2024-03-28"
    fetched(brought, bare, world)
    assert "HHH" not in world.names("yahoo")


def test_bars_after_a_long_pause_are_refused_where_no_number_says_whose_they_are(
    bare: Settings, world: World, tmp_path: Path
) -> None:
    del world.companies[-1]  # a class of shares, whose spelling only the SEC knows
    world.settle()
    anonymous = bare.model_copy(update={"http": bare.http.model_copy(update={"edgar_user_agent": None})})
    store = Store(tmp_path)
    world.companies[6].last = "2024-02-16"
    fetched(store, anonymous, world)
    world.priced["GGG"] = Company(2000, "GGG", "Gorse Bancorp", first="2024-03-11")
    world.today = "2024-03-13"
    (failure,) = fetched(store, anonymous, world).failures
    assert "bars of GGG: none from 2024-02-16 to 2024-03-11" in str(failure)
    assert str(store.as_of().companies.panel(["GGG"], last="2024-03-13").sessions[-1].date()) == "2024-03-13"
    assert np.isnan(store.as_of().companies.panel(["GGG"]).close[-1, 0])


def test_a_later_split_leaves_the_stored_bars_as_traded(bare: Settings, world: World, brought: Store) -> None:
    before = brought.as_of().companies.panel(["AAA"]).close
    world.companies[0].splits = {"2024-03-12": 3.0}
    world.today = "2024-03-12"
    report = fetched(brought, bare, world)
    assert (report.revised, report.added["splits"]) == (0, 1)
    panel = brought.as_of().companies.panel(["AAA"])
    np.testing.assert_array_equal(panel.close[:DAYS], before)
    assert panel.split[-1, 0] == 3.0


def test_a_split_that_the_provider_lists_late_restates_the_whole_history(
    bare: Settings, world: World, tmp_path: Path
) -> None:
    first = world.companies[0]
    first.splits, first.lists_splits = {"2024-03-05": 2.0}, False
    store = Store(tmp_path)
    fetched(store, bare, world)
    traded = first.raw(world.today)["close"].to_numpy()
    assert store.as_of().companies.panel(["AAA"]).close[0, 0] == traded[0] / 2  # divided, and nothing says so
    first.lists_splits = True
    world.today = "2024-03-11"
    report = fetched(store, bare, world)
    assert report.notes == ["AAA: the provider has restated its bars, all of them are read again"]
    assert report.revised == 106
    panel = store.as_of().companies.panel(["AAA"], last="2024-03-08")
    np.testing.assert_allclose(panel.close[:, 0], traded, rtol=1e-9)
    assert panel.sessions[panel.split[:, 0] == 2.0].strftime("%m-%d").tolist() == ["03-05"]


def test_figures_are_asked_for_again_where_a_filing_is_new(settings: Settings, world: World, tmp_path: Path) -> None:
    for company in world.companies:
        filing(company, "1", "2023-11-03", 100.0)
    store = Store(tmp_path)
    fetched(store, settings, world)
    filing(world.companies[0], "2", "2024-03-12", 90.0)  # restated
    world.today, world.listed = "2024-03-13", "2024-03-12"
    assert "facts" not in fetched(store, settings, world).added  # asked within the week
    world.today = "2024-03-18"
    report = fetched(store, settings, world)
    assert report.added["facts"] == 1
    asked = world.names("sec")
    assert sum("companyfacts" in path for path in asked) == 1
    assert sum("submissions" in path for path in asked) == 11
    versions = store.as_of().companies.facts(companies=["AAA"])
    assert versions["value"].tolist() == [100.0, 90.0]
    assert str(versions["known_at"].iloc[1].tz_convert("America/New_York")) == "2024-03-12 22:00:00-04:00"
    past = store.as_of(pd.Timestamp("2024-03-12 20:00", tz="UTC")).companies.facts(companies=["AAA"])
    assert past["value"].tolist() == [100.0]


def test_without_a_declared_name_bars_come_and_facts_are_refused(
    settings: Settings, world: World, tmp_path: Path
) -> None:
    del world.companies[-1]  # a class of shares, whose spelling only the SEC knows
    world.settle()
    anonymous = settings.model_copy(update={"http": settings.http.model_copy(update={"edgar_user_agent": None})})
    store = Store(tmp_path)
    (failure,) = fetched(store, anonymous, world).failures
    assert str(failure) == (
        'edgar facts: not asked, `edgar_user_agent` is not set; set `edgar_user_agent = "NAME ADDRESS"` in `[http]` of '
        "bullbear.toml, or leave facts out with `facts = false` in `[fetch]`"
    )
    assert world.count("sec") == 0
    assert store.as_of().companies.panel().close.shape == (DAYS, 11)


def test_the_sec_is_left_alone_when_it_locks_us_out(settings: Settings, world: World, tmp_path: Path) -> None:
    world.refusals["sec", "*"] = [403, 10**9]
    report = fetched(Store(tmp_path), settings, world)
    assert world.count("sec") == 1
    assert len(report.arrived) == 1 + 11  # the list and bars, but for a class of shares that only the SEC can spell
    assert "wait ten minutes" in str(report.failures[0])


def test_impossible_bars_are_set_aside_and_misprints_are_not(bare: Settings, world: World, tmp_path: Path) -> None:
    world.companies[0].corrected = {"2024-03-05": -1.0, "2024-03-06": 3000.0}
    store = Store(tmp_path)
    report = fetched(store, bare, world)
    assert report.quarantined == 1
    view = store.as_of().companies
    aside = view.quarantine()
    assert aside[["company", "kind", "reason"]].values.tolist() == [["AAA", "bars", "price not positive"]]
    panel = view.panel(["AAA"], first="2024-03-05", last="2024-03-06")
    assert np.isnan(panel.close[0, 0])
    assert panel.close[1, 0] == 3000.0


def test_an_answer_without_any_close_is_a_failure_of_its_ticker(bare: Settings, world: World, brought: Store) -> None:
    class Unclosed(Company):
        def raw(self, today: str) -> pd.DataFrame:
            return super().raw(today).assign(close=np.nan)

    world.today = "2024-03-11"
    world.priced["HHH"] = Unclosed(1007, "HHH", "Hazel Works, Inc.")
    report = fetched(brought, bare, world)
    (failure,) = map(str, report.failures)
    assert failure.startswith("yahoo HHH: answer for HHH: ")
    assert "none with a close" in failure
    assert "HHH" not in report.arrived
    assert len(report.arrived) == 11
    world.settle()
    assert fetched(brought, bare, world).added == {"bars": 1}


def test_an_unknown_company_or_fund_is_refused(bare: Settings, world: World, tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(InputError, match=r"--only: got 'XYZ'; allowed: a company that the funds held"):
        fetched(store, bare, world, only=("XYZ",))
    none = bare.model_copy(update={"fetch": bare.fetch.model_copy(update={"holdings": ()})})
    with pytest.raises(InputError, match=r"holdings of `\[fetch\]`"):
        fetched(store, none, world)
