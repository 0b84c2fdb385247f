"""Yahoo's answers without gaps or corporate actions take a short way, to the same rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from tests.data.companies.exchange import World, twelve
from tests.data.companies.exchange import yahoo as answered

from bullbear.data.providers import yahoo
from bullbear.data.providers.http import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable


NOW = pd.Timestamp("2024-03-08T23:30Z")


class Replay:
    """A client that answers every request with one document."""

    def __init__(self, document: Any) -> None:
        self.body = json.dumps(document).encode()

    def get(self, request: Request) -> Response:
        return Response(request, 200, {}, self.body, NOW)


def chart(ticker: str) -> dict[str, Any]:
    document: dict[str, Any] = answered(World(twelve()), f"/v8/finance/chart/{ticker}", {"period1": "1706745600"})[1]
    return document


def rows(document: Any) -> tuple[pd.DataFrame, list[str]]:
    delivery = yahoo.fetch(Replay(document), "http://x", "AAA", pd.Timestamp("2024-02-01").date(), NOW)  # type: ignore[arg-type]
    return delivery.frames["raw_bars", "AAA"], delivery.notes


def result_of(document: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = document["chart"]["result"][0]
    return result


def last_trade_is_the_stamp(result: dict[str, Any]) -> None:
    result["timestamp"][-1] = result["meta"]["regularMarketTime"]


def no_meta(result: dict[str, Any]) -> None:
    del result["meta"]


def last_session_twice(result: dict[str, Any]) -> None:
    result["timestamp"].append(result["meta"]["regularMarketTime"])
    for name, values in result["indicators"]["quote"][0].items():
        values.append(values[-1] * (1.5 if name == "volume" else 1.0))


def last_session_repeated(result: dict[str, Any]) -> None:
    result["timestamp"].append(result["meta"]["regularMarketTime"])
    for values in result["indicators"]["quote"][0].values():
        values.append(values[-1])


def nothing(result: dict[str, Any]) -> None:
    pass


@pytest.mark.parametrize(
    "change", [nothing, last_trade_is_the_stamp, no_meta, last_session_twice, last_session_repeated]
)
def test_a_regular_answer_gives_the_same_rows_on_both_ways(
    change: Callable[[dict[str, Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = chart("AAA")
    change(result_of(document))
    short = rows(document)
    assert len(short[0]) == 26
    monkeypatch.setattr(yahoo, "_regular", lambda request, result, notes: None)
    whole = rows(document)
    pd.testing.assert_frame_equal(short[0], whole[0], check_exact=True)
    assert short[1] == whole[1]
    assert len(short[1]) == (change in (last_session_twice, last_session_repeated))


def null_close(result: dict[str, Any]) -> None:
    result["indicators"]["quote"][0]["close"][3] = None


def running(result: dict[str, Any]) -> None:
    result["meta"]["regularMarketTime"] -= 3600


def twice_without_volume(result: dict[str, Any]) -> None:
    result["timestamp"][-1] = result["timestamp"][-2] + 60
    result["indicators"]["quote"][0]["volume"][-1] = 0


def another_day_twice(result: dict[str, Any]) -> None:
    result["timestamp"][5] = result["timestamp"][4] + 60


def backwards(result: dict[str, Any]) -> None:
    result["timestamp"].reverse()


def negative_volume(result: dict[str, Any]) -> None:
    result["indicators"]["quote"][0]["volume"][3] = -5


def split(result: dict[str, Any]) -> None:
    stamp = result["timestamp"][5]
    result["events"]["splits"] = {str(stamp): {"date": stamp, "numerator": 2, "denominator": 1}}


@pytest.mark.parametrize(
    "change", [null_close, running, twice_without_volume, another_day_twice, backwards, negative_volume, split]
)
def test_an_irregular_answer_goes_through_every_check(change: Callable[[dict[str, Any]], None]) -> None:
    document = chart("AAA")
    change(result_of(document))
    request = Request("yahoo", "AAA", "http://x")
    assert yahoo._regular(request, yahoo._Result.model_validate(result_of(document)), []) is None
