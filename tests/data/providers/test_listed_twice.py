"""One contradictory row never refuses a history: the later one is kept where that is known, else the day goes."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from bullbear.data.fetching import fetch_all
from bullbear.data.providers import cboe, finra, fred, ishares, tiingo, yahoo
from bullbear.data.providers.http import Request, Response
from bullbear.data.status import status
from bullbear.data.store import Store
from bullbear.errors import FetchError

if TYPE_CHECKING:
    from pathlib import Path

    from bullbear.data.providers.delivery import Delivery
    from bullbear.settings import Settings

NOW = pd.Timestamp("2024-02-02 23:30", tz="UTC")
OPEN, CLOSE = 1706797800, 1706821200  # of 2024-02-01


class OneAnswer:
    def __init__(self, body: str) -> None:
        self.body = body

    def get(self, request: Request) -> Response:
        return Response(request, 200, {}, self.body.encode(), NOW)


def chart(rows: list[tuple[int, float | None, float]], splits: list[tuple[int, float, float]] = []) -> Delivery:  # noqa: B006
    """Yahoo's response with rows of time, close and volume."""
    closes = [close for _, close, _ in rows]
    quote = dict.fromkeys(("open", "high", "low", "close"), closes) | {"volume": [volume for *_, volume in rows]}
    quote |= {"open": [close or 96.0 for close in closes]}
    events = {str(at): {"date": at, "numerator": new, "denominator": old} for at, new, old in splits}
    result = {
        "meta": {"regularMarketTime": CLOSE},
        "timestamp": [stamp for stamp, *_ in rows],
        "events": {"splits": events},
        "indicators": {"quote": [quote]},
    }
    body = json.dumps({"chart": {"result": [result], "error": None}})
    return yahoo.fetch(OneAnswer(body), "", "IWM", date(2024, 1, 30), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1)])
def test_yahoo_keeps_the_row_of_the_last_trade(order: tuple[int, ...]) -> None:
    rows = [(OPEN - 86400, 96.3, 42e6), (OPEN, 97.5, 30e6), (CLOSE + 1, 97.5, 38e6)]
    found = chart([rows[place] for place in order])
    bars = found.frames["raw_bars", "IWM"]
    assert bars["volume"].tolist() == [42e6, 38e6]
    assert "yahoo IWM: 2024-02-01 listed twice with different values, the last complete row is kept" in found.notes


@pytest.mark.parametrize("last", [(CLOSE + 1, None, 38e6), (CLOSE + 1, 97.6, 0.0)])
def test_yahoo_keeps_the_row_that_has_a_close_and_a_volume(last: tuple[int, float | None, float]) -> None:
    found = chart([(OPEN - 86400, 96.3, 42e6), (OPEN, 97.5, 30e6), last])
    assert found.frames["raw_bars", "IWM"]["volume"].tolist() == [42e6, 30e6]


def test_of_two_rows_of_an_index_the_later_is_kept() -> None:
    found = chart([(OPEN, 97.5, 0.0), (CLOSE + 1, 97.6, 0.0)])  # an index has no volume
    assert found.frames["raw_bars", "IWM"]["close"].tolist() == [97.6]


def test_of_two_rows_of_one_moment_neither_is_believed() -> None:
    found = chart([(OPEN - 86400, 96.3, 42e6), (OPEN, 97.5, 30e6), (OPEN, 91.0, 30e6)])
    bars = found.frames["raw_bars", "IWM"]
    assert bars["doubt"].tolist() == ["", "listed twice with different values"]
    assert found.notes == ["yahoo IWM: 2024-02-01 listed twice with different values, set aside"]


@pytest.mark.parametrize(("new", "old"), [(1.0, 0.0), (0.0, 1.0), (-2.0, 1.0), (1e9, 1.0)])
def test_a_split_without_a_possible_ratio_is_left_out(new: float, old: float) -> None:
    found = chart([(OPEN - 86400, 96.3, 42e6), (OPEN, 97.5, 30e6)], [(OPEN, new, old)])
    bars = found.frames["raw_bars", "IWM"]
    assert (bars["split"].tolist(), bars["close"].tolist()) == ([1.0, 1.0], [96.3, 97.5])
    assert found.notes == [f"yahoo IWM: split {new:g}:{old:g} on 2024-02-01 left out, impossible ratio"]


def test_a_split_that_is_listed_twice_divides_once() -> None:
    found = chart([(OPEN - 86400, 48.0, 42e6), (OPEN, 48.5, 30e6)], [(OPEN, 2.0, 1.0), (OPEN - 3600, 4.0, 2.0)])
    assert found.frames["raw_bars", "IWM"]["split"].tolist() == [1.0, 2.0]
    assert found.frames["raw_bars", "IWM"]["close"].tolist() == [96.0, 48.5]
    found = chart([(OPEN - 86400, 48.0, 42e6), (OPEN, 48.5, 30e6)], [(OPEN, 2.0, 1.0), (OPEN - 3600, 3.0, 1.0)])
    assert found.frames["raw_bars", "IWM"]["split"].tolist() == [1.0, 2.0]
    assert found.notes == ["yahoo IWM: two splits listed on 2024-02-01, the later one is kept"]


def test_a_doubled_bar_is_set_aside_and_the_history_is_stored(
    world: Any, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = {"prices": ("IWM",), "indices": (), "macro": (), "short_interest": (), "short_volume": (), "holdings": ()}
    settings = settings.model_copy(update={"fetch": settings.fetch.model_copy(update=fetch)})
    told = chart([(OPEN - 86400, 96.3, 42e6), (OPEN, 97.5, 30e6), (OPEN, 91.0, 30e6)])
    monkeypatch.setattr(yahoo, "fetch", lambda *_: told)
    store = Store(tmp_path)
    report = fetch_all(store, settings, NOW)
    assert (report.failures, report.quarantined) == ([], 1)
    assert store.as_of().bars("IWM")["close"].tolist() == [96.3]
    assert status(store.as_of()).loc[0, "reasons"] == "listed twice with different values (1)"


def test_tiingo_sets_a_doubled_day_aside() -> None:
    bar = {"open": 96.0, "high": 98.0, "low": 95.0, "close": 97.5, "volume": 3e7, "divCash": 0.0, "splitFactor": 1.0}
    days = ["2024-01-31T00:00:00.000Z", "2024-02-01T00:00:00.000Z", "2024-02-01T00:00:00.000Z"]
    rows = [{**bar, "date": day, "close": 97.5 - place} for place, day in enumerate(days)]
    found = tiingo.fetch(OneAnswer(json.dumps(rows)), "", "key", "IWM", date(2024, 1, 31))  # type: ignore[arg-type]
    assert found.frames["raw_bars", "IWM"]["doubt"].tolist() == ["", "listed twice with different values"]


def positions(*rows: tuple[str, int, str | None]) -> Delivery:
    body = [
        {"symbolCode": "IWM", "settlementDate": day, "currentShortPositionQuantity": shares, "revisionFlag": flag,
         "averageDailyVolumeQuantity": 3e7, "daysToCoverQuantity": 3.0}
        for day, shares, flag in rows
    ]  # fmt: skip
    return finra.fetch_short_interest(OneAnswer(json.dumps(body)), "", "IWM")  # type: ignore[arg-type]


@pytest.mark.parametrize("flags", [("R", None), (None, "R")])
def test_finra_keeps_the_revision(flags: tuple[str | None, str | None]) -> None:
    shares = [8 if flag else 9 for flag in flags]
    found = positions(("2024-01-12", 5, None), *(("2024-01-31", n, f) for n, f in zip(shares, flags, strict=True)))
    assert found.frames["short_interest", "IWM"]["shares_short"].tolist() == [5.0, 8.0]
    assert found.notes == ["finra IWM: 2024-01-31 listed twice with different values, the last complete row is kept"]


def test_finra_leaves_out_what_contradicts_itself() -> None:
    found = positions(("2024-01-12", 5, None), ("2024-01-31", 8, None), ("2024-01-31", 9, None))
    assert found.frames["short_interest", "IWM"]["shares_short"].tolist() == [5.0]
    assert found.notes == ["finra IWM: 2024-01-31 listed twice with different values, left out"]


def volumes(*rows: str) -> Delivery:
    head = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
    body = "\n".join([head, *(f"20240131|{row}" for row in rows), str(len(rows))])
    return finra.fetch_short_volume(OneAnswer(body), "", ("IWM", "SPY"), date(2024, 1, 31))  # type: ignore[arg-type]


def test_lines_of_different_facilities_are_summed() -> None:
    found = volumes("IWM|500.5|1|900|B", "IWM|300|1|700|Q", "SPY|4|1|9|B,Q,N")
    assert found.frames["short_volume", "IWM"].loc[0, ["short_volume", "total_volume"]].tolist() == [800.5, 1600.0]
    assert found.notes == ["regsho IWM/SPY 2024-01-31: 2 lines of different facilities summed"]


@pytest.mark.parametrize("second", ["IWM|300|1|700|B,Q,N", "IWM|300|1|700|B", "IWM|300|1|700|"])
def test_lines_that_share_a_facility_are_no_parts_of_a_sum(second: str) -> None:
    found = volumes("IWM|500.5|1|900|B", second.replace("B,Q,N", "B,Q"), "SPY|4|1|9|B,Q,N")
    assert set(found.frames) == {("short_volume", "SPY")}
    assert found.notes == ["regsho IWM/SPY 2024-01-31: 2024-01-31 listed twice with different values, left out"]


def test_a_file_whose_only_ticker_contradicts_itself_says_why() -> None:
    head = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
    body = f"{head}\n20240131|IWM|5|1|9|B,Q\n20240131|IWM|6|1|9|B,Q\n2"
    why = "2024-01-31 listed twice with different values, left out"
    with pytest.raises(FetchError, match=rf"regsho IWM 2024-01-31: no rows that can be used \({why}\)"):
        finra.fetch_short_volume(OneAnswer(body), "", ("IWM",), date(2024, 1, 31))  # type: ignore[arg-type]


def test_fred_and_cboe_keep_the_other_days() -> None:
    body = "observation_date,DGS10\n2024-01-29,4.08\n2024-01-30,4.06\n2024-01-30,4.60\n2024-01-31,3.99\n"
    found = fred.fetch(OneAnswer(body), "", "DGS10", None)  # type: ignore[arg-type]
    assert found.frames["macro", "DGS10"]["value"].tolist() == [4.08, 3.99]
    body = "DATE,OPEN,HIGH,LOW,CLOSE\n01/30/2024,13,14,13,13.3\n01/31/2024,13,15,13,14.3\n01/31/2024,13,15,13,14.4\n"
    found = cboe.fetch(OneAnswer(body), "", "VIX3M")  # type: ignore[arg-type]
    assert found.frames["raw_bars", "^VIX3M"]["doubt"].tolist() == ["", "listed twice with different values"]
    assert found.frames["macro", "CBOE_VIX3M"]["value"].tolist() == [13.3]
    assert found.notes == ["cboe VIX3M: 2024-01-31 listed twice with different values, set aside"]


def test_of_two_values_of_one_vintage_the_lasting_one_is_kept() -> None:
    rows = [("9999-12-31", "3.8"), ("2024-01-05", "3.7")]
    told = [{"realtime_start": "2024-01-05", "realtime_end": until, "date": "2023-12-01", "value": value}
            for until, value in rows]  # fmt: skip
    body = json.dumps({"count": 2, "observations": told})
    found = fred.fetch_vintages(OneAnswer(body), "", "key", "UNRATE", None)  # type: ignore[arg-type]
    assert found.frames["vintages", "UNRATE"]["value"].tolist() == [3.8]


def test_ishares_sums_the_lots_of_a_ticker_and_leaves_unknown_cells_unknown() -> None:
    lines = [f'T{n},"COMPANY {n}",Energy,100,10.00,5' for n in range(9)]
    lines += ['RTY,"FUTURE",Cash,-,4.00,2', 'RTY,"FUTURE",Cash,-,6.00,3', ",,,,,"]
    body = 'Fund Holdings as of,"Jan 31, 2024"\nTicker,Name,Sector,Market Value,Weight (%),Shares\n' + "\n".join(lines)
    found = ishares.fetch(OneAnswer(body), "", "IWM")  # type: ignore[arg-type]
    own = found.frames["holdings", "IWM"].set_index("ticker").loc["RTY"]
    assert (own["weight"], own["shares"]) == (10.0, 5.0)
    assert pd.isna(own["market_value"])
