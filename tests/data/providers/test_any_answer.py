"""Any response: each part of a realistic response replaced, dropped or cut, and the outcome is rows or one refusal.

The walk visits every leaf and every container of the JSON of Yahoo, Tiingo, ALFRED, FINRA and Cboe's ratios, every cell
and line of the text of the others; the slow one tries every value there.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from bullbear.data.loading import Loader
from bullbear.data.providers import cboe, finra, fred, ishares, put_call, tiingo, yahoo
from bullbear.data.providers.http import Request, Response
from bullbear.data.store import Store
from bullbear.errors import FetchError

if TYPE_CHECKING:
    from pathlib import Path

    from bullbear.data.providers.delivery import Delivery

NOW = pd.Timestamp("2024-02-02 23:30", tz="UTC")
HUGE = 10**400
REPLACEMENTS = [None, "", "x", ".", [], {}, True, HUGE, math.nan, -math.inf, -1, 4e12, "1e999"]
CELLS = ["", "x", ".", "N/A", "null", "true", "1e999", "-5", "0", "9999-12-31", "\ufeff", "\0", '"', "1,000", "٣"]
DROP = object()
_judged: set[str] = set()


class OneAnswer:
    """A client that gets the same body whatever it asks for."""

    def __init__(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.body, self.headers = body, headers or {}

    def get(self, request: Request) -> Response:
        return Response(request, 200, self.headers, self.body, NOW)


STAMPS = [1706711400, 1706797800]  # the opens of 2024-01-31 and 2024-02-01
YAHOO = {
    "chart": {
        "result": [
            {
                "meta": {"currency": "USD", "regularMarketTime": 1706821200},
                "timestamp": STAMPS,
                "events": {
                    "dividends": {"1706711400": {"amount": 0.4, "date": 1706711400}},
                    "splits": {"1706797800": {"date": 1706797800, "numerator": 2.0, "denominator": 1.0}},
                },
                "indicators": {
                    "quote": [
                        {
                            "open": [97.2, 96.4], "high": [98.5, 97.7], "low": [96.1, 95.9],
                            "close": [96.3, 97.5], "volume": [42000000, 38000000],
                        }
                    ],
                    "adjclose": [{"adjclose": [95.8, 97.5]}],
                },
            }
        ],
        "error": None,
    }
}  # fmt: skip
TIINGO = [
    {"date": f"2024-01-{day}T00:00:00.000Z", "open": 98.1, "high": 99.0, "low": 97.3, "close": close,
     "volume": 31000000, "adjClose": 97.0, "divCash": 0.0, "splitFactor": 1.0}
    for day, close in ((30, 98.0), (31, 97.6))
]  # fmt: skip
ALFRED = {
    "count": 3, "offset": 0, "limit": 100000,
    "observations": [
        {"realtime_start": "2024-01-05", "realtime_end": "2024-02-01", "date": "2023-11-01", "value": "3.7"},
        {"realtime_start": "2024-02-02", "realtime_end": "9999-12-31", "date": "2023-11-01", "value": "3.8"},
        {"realtime_start": "2024-02-02", "realtime_end": "9999-12-31", "date": "2023-12-01", "value": "3.7"},
    ],
}  # fmt: skip
FINRA = [
    {"symbolCode": "IWM", "settlementDate": day, "currentShortPositionQuantity": 90000000, "revisionFlag": flag,
     "averageDailyVolumeQuantity": 30000000, "daysToCoverQuantity": 3.0}
    for day, flag in (("2023-12-29", None), ("2024-01-12", "R"))
]  # fmt: skip
FRED = "observation_date,DGS10\n2024-01-29,4.08\n2024-01-30,4.06\n2024-01-31,.\n"
CBOE = "DATE,OPEN,HIGH,LOW,CLOSE\r\n01/30/2024,13.6,13.9,13.1,13.3\r\n01/31/2024,13.3,14.6,13.2,14.4\r\n"
REGSHO = (
    "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market\n20240131|IWM|9000000.5|100|17000000|B,Q,N\n"
    "20240131|SPY|8000000|50|16000000|B,Q,N\n2\n"
)
ISHARES = (
    'Fund Holdings as of,"Jan 31, 2024"\nShares Outstanding,"281,250,000.00"\n\xa0\n'
    "Ticker,Name,Sector,Market Value,Weight (%),Quantity\n"
    + "".join(f'T{n},"COMPANY {n}, INC",Energy,"1,000.00",10.00,"5,000.00"\n' for n in range(10))
    + '\xa0\n"The content is owned"\n'
)

PUT_CALL = {
    "ratios": [
        {"name": "TOTAL PUT/CALL RATIO", "value": "0.86"}, {"name": "INDEX PUT/CALL RATIO", "value": "1.06"},
        {"name": "EQUITY PUT/CALL RATIO", "value": "0.58"}, {"name": "SPX + SPXW PUT/CALL RATIO", "value": "1.23"},
    ],
    "SUM OF ALL PRODUCTS": [{"name": "VOLUME", "call": 9428474, "put": 7490078, "total": 16918552}],
}  # fmt: skip

JSON: dict[str, tuple[Any, Callable[[Any], Delivery]]] = {
    "yahoo": (YAHOO, lambda client: yahoo.fetch(client, "", "IWM", date(2024, 1, 30), NOW)),
    "tiingo": (TIINGO, lambda client: tiingo.fetch(client, "", "key-of-tiingo", "IWM", date(2024, 1, 30))),
    "alfred": (ALFRED, lambda client: fred.fetch_vintages(client, "", "key-of-fred", "UNRATE", None)),
    "finra": (FINRA, lambda client: finra.fetch_short_interest(client, "", "IWM")),
    "putcall": (PUT_CALL, lambda client: put_call.fetch(client, "", tuple(put_call.NAMES), date(2024, 1, 31))),
}
TEXT: dict[str, tuple[str, str, Callable[[Any], Delivery]]] = {
    "fred": (FRED, ",", lambda client: fred.fetch(client, "", "DGS10", None)),
    "cboe": (CBOE, ",", lambda client: cboe.fetch(client, "", "VIX3M")),
    "regsho": (REGSHO, "|", lambda client: finra.fetch_short_volume(client, "", ("IWM",), date(2024, 1, 31))),
    "ishares": (ISHARES, ",", lambda client: ishares.fetch(client, "", "IWM")),
}
NOT_NEGATIVE = {"volume", "short_volume", "total_volume", "shares_short", "avg_daily_volume", "days_to_cover",
                "dividend", "split"}  # fmt: skip


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every part of a JSON document but the whole, containers included."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield (*at, key)
        yield from places(document[key], (*at, key))


def changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    document = copy.deepcopy(document)
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    if value is DROP:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return document


def retyped(value: Any) -> list[Any]:
    """The same content in another type, as some versions of a service send it."""
    if isinstance(value, str):
        return [[value], value.encode().hex()]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [str(value), float(value), [value]]
    return [[value]]


def outcome(fetch: Callable[[Any], Delivery], client: OneAnswer, loader: Loader) -> Delivery | FetchError:
    """Rows that every reader can rely on, or one refusal of one line that names provider and series."""
    try:
        delivery = fetch(client)
    except FetchError as bad:
        refused = bad
    else:
        assert_sound(delivery, loader)
        return delivery
    assert str(refused).startswith(f"{refused.provider} {refused.series}: ")
    assert "\n" not in str(refused)
    assert len(str(refused)) < 500
    assert "key-of" not in str(refused)
    return refused


def assert_sound(delivery: Delivery, loader: Loader) -> None:
    assert delivery.frames
    for (folder, name), frame in delivery.frames.items():
        assert len(frame)
        keys = [column for column in frame if str(frame[column].dtype).startswith("datetime64[us]")]
        assert keys
        for key in keys:
            assert frame[key].between("1850-01-01", "2100-01-01").all()
        if folder != "holdings":
            assert not frame.duplicated(keys).any()
            assert frame[keys[0]].is_monotonic_increasing
        for column in frame.columns.difference([*keys, "known_at"]):
            assert str(frame[column].dtype) in ("float64", "str"), column
            if frame[column].dtype == "float64":
                assert not np.isinf(frame[column]).any()
                assert column not in NOT_NEGATIVE or not (frame[column] < 0).any()
        if (text := f"{id(loader)} {name} {frame.to_csv()}") not in _judged:
            _judged.add(text)
            loader.add(folder, name, frame)  # what is delivered can be judged and stored


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    return Loader(Store(tmp_path).as_of(), NOW)


# The ordinary suite takes every seventh value of each part, another seventh at the next part.
SEVENTHS = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])


@SEVENTHS
@pytest.mark.parametrize("provider", JSON)
def test_each_part_of_a_json_answer_may_be_anything(provider: str, step: int, loader: Loader) -> None:
    document, fetch = JSON[provider]
    whole = outcome(fetch, OneAnswer(json.dumps(document).encode()), loader)
    assert not isinstance(whole, FetchError)
    assert whole.notes == []
    kept = tries = 0
    for number, place in enumerate(places(document)):
        inner = document
        for key in place:
            inner = inner[key]
        for value in [DROP, *[*REPLACEMENTS, *retyped(inner)][number % step :: step]]:
            tries += 1
            body = json.dumps(changed(document, place, value)).encode()
            kept += not isinstance(outcome(fetch, OneAnswer(body), loader), FetchError)
    # Both outcomes occur: nothing here passes because everything is refused, or because nothing is.
    assert 0.1 < kept / tries < 0.95


QUOTE = ("chart", "result", 0, "indicators", "quote", 0)


@pytest.mark.parametrize(
    ("provider", "place", "column"),
    [
        ("yahoo", (*QUOTE, "open", 0), "open"),
        ("yahoo", (*QUOTE, "low", 0), "low"),
        ("yahoo", (*QUOTE, "close", 0), "close"),
        ("yahoo", (*QUOTE, "volume", 0), "volume"),
        ("tiingo", (0, "high"), "high"),
        ("tiingo", (0, "volume"), "volume"),
        ("tiingo", (0, "divCash"), "dividend"),
        ("tiingo", (0, "splitFactor"), "split"),
        ("finra", (0, "averageDailyVolumeQuantity"), "avg_daily_volume"),
        ("finra", (0, "daysToCoverQuantity"), "days_to_cover"),
    ],
)
@pytest.mark.parametrize("unknown", [None, "", ".", "N/A", DROP])
def test_an_unknown_cell_is_unknown_and_its_row_stays(
    loader: Loader, provider: str, place: tuple[Any, ...], column: str, unknown: Any
) -> None:
    document, fetch = JSON[provider]
    if provider == "yahoo" and unknown is DROP:
        unknown = math.nan  # a list that is shorter than the others is another matter
    whole = outcome(fetch, OneAnswer(json.dumps(document).encode()), loader)
    found = outcome(fetch, OneAnswer(json.dumps(changed(document, place, unknown)).encode()), loader)
    assert not isinstance(whole, FetchError)
    assert not isinstance(found, FetchError)
    key = next(iter(whole.frames))
    expected = whole.frames[key].copy()
    expected.loc[0, column] = np.nan
    pd.testing.assert_frame_equal(found.frames[key], expected)
    assert found.notes == []


def test_an_unknown_first_value_brings_no_vintage(loader: Loader) -> None:
    document = changed(ALFRED, ("observations", 2, "value"), None)
    found = outcome(JSON["alfred"][1], OneAnswer(json.dumps(document).encode()), loader)
    assert not isinstance(found, FetchError)
    vintages = found.frames["vintages", "UNRATE"]
    assert vintages[["vintage", "value"]].astype("str").to_numpy().tolist() == [
        ["2024-01-05", "3.7"],
        ["2024-02-02", "3.8"],
    ]
    alone = {"count": 2, "observations": [ALFRED["observations"][0], document["observations"][2]]}
    found = outcome(JSON["alfred"][1], OneAnswer(json.dumps(alone).encode()), loader)
    assert not isinstance(found, FetchError)
    assert found.frames["vintages", "UNRATE"]["value"].tolist() == [3.7]


@pytest.mark.parametrize(
    ("provider", "place", "value", "note"),
    [
        ("yahoo", (*QUOTE, "volume", 0), -5, "yahoo IWM: 1 impossible values of volume left out (first: -5)"),
        ("yahoo", (*QUOTE, "high", 0), math.inf, "yahoo IWM: 1 impossible values of high left out (first: inf)"),
        ("yahoo", ("chart", "result", 0, "timestamp", 0), 4e12, "yahoo IWM: 1 rows without a usable day left out"),
        ("yahoo", ("chart", "result", 0, "timestamp", 0), None, "yahoo IWM: 1 rows without a usable day left out"),
        ("tiingo", (0, "close"), HUGE, "tiingo IWM: 1 impossible values of close left out (first: inf)"),
        ("tiingo", (0, "date"), "9999-12-31", "tiingo IWM: 1 rows without a usable day left out"),
        ("finra", (0, "currentShortPositionQuantity"), -1,
         "finra IWM: 1 impossible values of shares_short left out (first: -1)"),
        ("alfred", ("observations", 0, "realtime_start"), None, "alfred UNRATE: 1 rows without a usable day left out"),
        ("alfred", ("observations", 0, "value"), "1e999",
         "alfred UNRATE: 1 impossible values of value left out (first: inf)"),
    ],
)  # fmt: skip
def test_what_is_impossible_is_left_out_with_a_note(
    loader: Loader, provider: str, place: tuple[Any, ...], value: Any, note: str
) -> None:
    document, fetch = JSON[provider]
    found = outcome(fetch, OneAnswer(json.dumps(changed(document, place, value)).encode()), loader)
    assert not isinstance(found, FetchError)
    assert found.notes == [note]


@pytest.mark.parametrize(
    ("provider", "place", "value", "message"),
    [
        ("yahoo", (*QUOTE, "close", 1), True,
         "yahoo IWM: chart.result.0.indicators.quote.0.close.1: True is refused (not a number); the provider has"),
        ("yahoo", ("chart", "result", 0, "timestamp"), None,
         "yahoo IWM: chart.result.0.timestamp: None is refused (Input should be a valid list); "),
        ("yahoo", ("chart", "result", 0, "indicators"), DROP,
         "yahoo IWM: no chart.result.0.indicators in the response; "),
        ("yahoo", ("chart", "result", 0, "events", "dividends", "1706711400", "amount"), None,
         "yahoo IWM: a dividend without its day or amount; "),
        ("yahoo", ("chart", "result", 0, "events", "splits", "1706797800", "date"), None,
         "yahoo IWM: a split without its day or ratio; "),
        ("tiingo", (0, "close"), "x", "tiingo IWM: 0.close: 'x' is refused (not a number); "),
        ("alfred", ("observations", 0, "date"), "x", "alfred UNRATE: 'x' in column date is not a date as YYYY-MM-DD; "),
        ("alfred", ("count",), None, "alfred UNRATE: no usable count of observations, or the same page twice; "),
        ("finra", (0, "settlementDate"), 20240112, "finra IWM: 0.settlementDate: 20240112 is refused (not a text); "),
    ],
)  # fmt: skip
def test_another_type_is_refused_in_one_line(
    loader: Loader, provider: str, place: tuple[Any, ...], value: Any, message: str
) -> None:
    document, fetch = JSON[provider]
    found = outcome(fetch, OneAnswer(json.dumps(changed(document, place, value)).encode()), loader)
    assert isinstance(found, FetchError)
    assert str(found).startswith(message)


@SEVENTHS
@pytest.mark.parametrize("provider", TEXT)
def test_each_cell_and_line_of_a_text_may_be_anything(provider: str, step: int, loader: Loader) -> None:
    text, delimiter, fetch = TEXT[provider]
    assert not isinstance(outcome(fetch, OneAnswer(text.encode()), loader), FetchError)
    lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    outcomes = set()

    def tried(changed_lines: list[list[str]]) -> None:
        told = io.StringIO()
        csv.writer(told, delimiter=delimiter).writerows(changed_lines)
        outcomes.add(type(outcome(fetch, OneAnswer(told.getvalue().encode()), loader)))

    for row, cells in enumerate(lines):
        if 5 < row < len(lines) - 2:
            continue  # of ten companies two are enough
        tried(lines[:row] + lines[row + 1 :])
        tried(lines[: row + 1] + lines[row:])
        for column in range(len(cells)):
            for cell in CELLS[(row + column) % step :: step]:
                other = [list(line) for line in lines]
                other[row][column] = cell
                tried(other)
            tried([line if n != row else cells[:column] + cells[column + 1 :] for n, line in enumerate(lines)])
    assert len(outcomes) == 2


@pytest.mark.parametrize("provider", [*JSON, *TEXT])
def test_an_answer_may_be_any_bytes(provider: str, loader: Loader) -> None:
    if provider in JSON:
        body, fetch = json.dumps(JSON[provider][0]).encode(), JSON[provider][1]
    else:
        body, fetch = TEXT[provider][0].encode(), TEXT[provider][2]
    for length in range(0, len(body), 7):
        outcome(fetch, OneAnswer(body[:length]), loader)
    for odd in (
        b"\xef\xbb\xbf", b"\xff\xfe\x00", b"null", b"true", b"[]", b"{}", b"[[]]", b"0", b'"x"', b"[" * 100_000,
        b"1" * 10_000, b'{"a":' * 5_000, b",,,\n,,,\n", b"\n\n", b"\x00\x00", b"\xff" * 50, b'"' * 3, b"," * 200_000,
        body.decode().encode("utf-16"), body.decode().encode("utf-16-le"), body.decode().encode("utf-32"),
    ):  # fmt: skip
        assert isinstance(outcome(fetch, OneAnswer(odd), loader), FetchError)


@pytest.mark.parametrize("provider", [*JSON, *TEXT])
def test_a_byte_order_mark_and_other_line_ends_change_nothing(provider: str, loader: Loader) -> None:
    if provider in JSON:
        text, fetch = json.dumps(JSON[provider][0], indent=1), JSON[provider][1]
    else:
        text, fetch = TEXT[provider][0].replace("\r\n", "\n"), TEXT[provider][2]
    plain = outcome(fetch, OneAnswer(text.encode()), loader)
    assert not isinstance(plain, FetchError)
    for other in (
        "\ufeff" + text,
        text.replace("\n", "\r\n"),
        "\ufeff" + text.replace("\n", "\r\n"),
        text.replace("\n", "\r"),
    ):
        found = outcome(fetch, OneAnswer(other.encode()), loader)
        assert not isinstance(found, FetchError)
        for key, frame in plain.frames.items():
            pd.testing.assert_frame_equal(found.frames[key], frame)
        assert found.notes == plain.notes
