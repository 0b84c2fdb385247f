"""EDGAR's formats: tickers, filings, and the figures of filings with the day on which they were known."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from tests.data.companies.exchange import AGENT

from bullbear.data.providers import edgar
from bullbear.data.providers.http import Client
from bullbear.errors import FetchError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.data.companies.exchange import World

    from bullbear.settings import Settings


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings.http) as opened:
        yield opened


def fact(
    end: str, val: float, filed: str, *, start: str | None = None, form: str = "10-Q", accn: str = "1"
) -> dict[str, Any]:
    told = {"end": end, "val": val, "accn": accn, "fy": 2023, "fp": "Q3", "form": form, "filed": filed}
    return told if start is None else {"start": start, **told}


def usd(*facts: dict[str, Any]) -> dict[str, Any]:
    return {"label": "", "description": None, "units": {"USD": list(facts)}}


def facts_of(client: Client, settings: Settings, cik: str = "1000") -> pd.DataFrame:
    return edgar.fetch_facts(client, settings.urls.edgar, AGENT, cik).frames["facts", cik.zfill(10)]


def test_a_figure_is_known_at_the_end_of_its_filing_day(client: Client, settings: Settings, world: World) -> None:
    world.companies[0].facts = {
        "us-gaap": {"Assets": usd(fact("2023-09-30", 500.0, "2023-11-03"))},
        "dei": {"EntityCommonStockSharesOutstanding": {"units": {"shares": [fact("2023-10-27", 9e6, "2023-11-03")]}}},
    }
    rows = facts_of(client, settings).set_index("concept")
    assert rows.loc["total_assets", ["value", "unit", "form"]].tolist() == [500.0, "USD", "10-Q"]
    assert str(rows.loc["total_assets", "known_at"].tz_convert("America/New_York")) == "2023-11-03 22:00:00-04:00"
    assert rows.loc["total_assets", "start_date"] is pd.NaT
    assert rows.loc["shares_outstanding", ["event_date", "value"]].tolist() == [pd.Timestamp("2023-10-27"), 9e6]


def test_a_restated_figure_is_a_later_row_and_a_repeated_one_is_none(
    client: Client, settings: Settings, world: World
) -> None:
    year = {"start": "2022-01-01"}
    world.companies[0].facts = {
        "us-gaap": {
            "NetIncomeLoss": usd(
                fact("2022-12-31", 10.0, "2023-02-20", form="10-K", accn="1", **year),
                fact("2022-12-31", 10.0, "2023-05-05", form="10-K/A", accn="2", **year),
                fact("2022-12-31", 8.0, "2024-02-21", form="10-K", accn="3", **year),
            )
        }
    }
    rows = facts_of(client, settings)
    assert rows["value"].tolist() == [10.0, 8.0]
    assert [str(known.date()) for known in rows["known_at"].dt.tz_convert("America/New_York")] == [
        "2023-02-20",
        "2024-02-21",
    ]


def test_the_best_tag_of_a_filing_counts_and_of_one_days_filings_the_last(
    client: Client, settings: Settings, world: World
) -> None:
    quarter = {"start": "2023-07-01"}
    world.companies[0].facts = {
        "us-gaap": {
            "SalesRevenueNet": usd(fact("2023-09-30", 70.0, "2023-11-03", **quarter)),
            "RevenueFromContractWithCustomerExcludingAssessedTax": usd(
                fact("2023-09-30", 80.0, "2023-11-03", **quarter),
                fact("2023-06-30", 60.0, "2023-08-04", start="2023-04-01"),
            ),
            "Revenues": usd(
                fact("2023-09-30", 90.0, "2023-11-03", accn="1", **quarter),
                fact("2023-09-30", 91.0, "2023-11-03", accn="2", form="10-Q/A", **quarter),
            ),
        }
    }
    rows = facts_of(client, settings)
    assert dict(zip(rows["event_date"].dt.strftime("%m-%d"), rows["value"], strict=True)) == {
        "06-30": 60.0,
        "09-30": 91.0,
    }


def test_impossible_figures_are_left_out_with_a_note(client: Client, settings: Settings, world: World) -> None:
    told = [
        fact("2023-09-30", 500.0, "2023-11-03"),
        fact("2109-09-30", 500.0, "2023-11-03"),  # filed before its period ended
        fact("2023-06-30", 1e30, "2023-08-03"),
        fact("2023-03-31", 1.0, "2023-05-03", start="2023-06-30"),
    ]
    world.companies[0].facts = {"us-gaap": {"Assets": usd(*told)}}
    delivery = edgar.fetch_facts(client, settings.urls.edgar, AGENT, "1000")
    assert delivery.frames["facts", "0000001000"]["value"].tolist() == [500.0]
    assert delivery.notes == ["edgar facts of 1000: 3 impossible figures left out"]


@pytest.mark.parametrize("change", [{"val": "ten"}, {"filed": "Nov 3"}, {"end": None, "filed": True}])
def test_a_changed_format_is_refused(client: Client, settings: Settings, world: World, change: dict[str, Any]) -> None:
    world.companies[0].facts = {"us-gaap": {"Assets": usd(fact("2023-09-30", 1.0, "2023-11-03") | change)}}
    with pytest.raises(FetchError, match="the provider has changed its format"):
        facts_of(client, settings)


def test_a_profile_has_tickers_former_names_the_last_filing_and_the_day_struck_off(
    client: Client, settings: Settings, world: World
) -> None:
    world.companies[3].former = ("Cornel Works Inc",)
    world.companies[3].filings = [
        ("0-24-9", "2024-03-01", "4"),
        ("0-24-8", "2024-02-20", "10-K"),
        ("0-24-7", "2024-02-01", "25-NSE"),
    ]
    found = edgar.fetch_profile(client, settings.urls.edgar, AGENT, "1003")
    assert found.names == ("Dogwood Works, Inc.", "Cornel Works Inc")
    assert found.tickers == ("DDD", "DDD-A")
    assert (found.last_filing, found.struck_off) == ("0-24-8", pd.Timestamp("2024-02-01"))


def test_the_directory_has_every_ticker_with_its_number(client: Client, settings: Settings, world: World) -> None:
    entries = {entry.ticker: entry for entry in edgar.fetch_directory(client, settings.urls.sec, AGENT)}
    assert len(entries) == 12
    assert entries["DDD-A"] == edgar.Entry("0000001003", "DDD-A", "Dogwood Works, Inc.", "NYSE")
    assert world.agents == {AGENT}


def test_requests_keep_the_limit_of_the_sec_also_when_tried_again(
    client: Client, settings: Settings, world: World
) -> None:
    world.refusals["sec", "*"] = [429, 2]
    sent: list[float] = []
    # By the client's clock when it may send: under load a request takes longer on its way than the next one.
    client._http.event_hooks = {"request": [lambda _: sent.append(max(client._asked.values()))]}
    edgar.fetch_directory(client, settings.urls.sec, AGENT)
    edgar.fetch_profile(client, settings.urls.edgar, AGENT, "1000")
    gaps = [later - earlier for earlier, later in itertools.pairwise(sent)]
    assert len(world.arrived) == len(sent) == 4
    assert min(gaps) > 0.1


def test_a_client_that_is_locked_out_reads_what_to_do(client: Client, settings: Settings, world: World) -> None:
    world.refusals["sec", "*"] = [403, 9]
    with pytest.raises(FetchError, match=r"HTTP 403; wait ten minutes.*`edgar_user_agent` of `\[http\]`"):
        edgar.fetch_directory(client, settings.urls.sec, AGENT)
    assert world.count("sec") == 1


@pytest.mark.parametrize("agent", [None, "", "bullbear", "me@", "Jörg jane@example.org"])
def test_without_a_declared_name_nothing_is_asked(
    client: Client, settings: Settings, world: World, agent: str | None
) -> None:
    with pytest.raises(InputError, match=r"set `edgar_user_agent = \"NAME ADDRESS\"` in `\[http\]`"):
        edgar.fetch_directory(client, settings.urls.sec, agent or "")
    assert world.count("sec") == 0
