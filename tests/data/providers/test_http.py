"""The client: bounded tries, waits with jitter, Retry-After honoured, limits kept, keys never told."""

from __future__ import annotations

import logging
import socket
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bullbear.data.providers import fred, tiingo
from bullbear.data.providers.http import Client, Request, _instant, _seconds
from bullbear.data.providers.messages import provider_message
from bullbear.errors import FetchError
from bullbear.settings import HttpSettings

if TYPE_CHECKING:
    from typing import Any


def ask(url: str) -> Request:
    return Request("fred", "DGS10", f"{url}/graph/fredgraph.csv", {"id": "DGS10", "api_key": "secret"})


def client(waits: list[float], **settings: Any) -> Client:
    return Client(HttpSettings(**{"pause": 0.0, **settings}), sleep=waits.append)


def test_waits_grow_with_jitter_and_are_bounded(world: Any, url: str) -> None:
    world.misbehave("fred", "500")
    drawn = []
    for _ in range(20):
        waits: list[float] = []
        refused = pytest.raises(FetchError, match=r"^fred DGS10: HTTP 500, 6 tries; run `bullbear fetch` again")
        with client(waits, attempts=6, first_wait=1.0, longest_wait=6.0) as asking, refused:
            asking.get(ask(url))
        assert len(waits) == 5
        assert all(0.5 <= wait <= 6.0 for wait in waits)
        drawn.append(waits)
    assert len({tuple(waits) for waits in drawn}) == 20
    means = [sum(column) / 20 for column in zip(*drawn, strict=True)]
    assert means[3] > 1.5 * means[0]


def test_retry_after_is_honoured(world: Any, url: str) -> None:
    world.misbehave("fred", "429 with Retry-After", times=2)
    waits: list[float] = []
    with client(waits) as asking:
        assert asking.get(ask(url)).status == 200
    assert waits == [0.05, 0.05]


def test_a_wait_longer_than_ours_ends_the_asking(world: Any, url: str) -> None:
    world.misbehave("fred", "429 for an hour")
    waits: list[float] = []
    with client(waits) as asking, pytest.raises(FetchError, match="asks to wait 3600 s; wait that long") as told:
        asking.get(ask(url))
    assert (waits, told.value.stop, world.count("fred")) == ([], True, 1)


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("-3", 0.0), ("soon", None), (None, None), ("inf", None)])
def test_retry_after_as_told(text: str | None, seconds: float | None) -> None:
    assert _seconds(text) == seconds


def test_retry_after_as_a_date() -> None:
    assert _seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


@pytest.mark.parametrize(
    "text", [None, "", "soon", "Fri, 31 Dec 9999 23:59:59 -1200", "Mon, 01 Jan 1900 00:00:00 GMT", "31 Dec 2100000"]
)
def test_a_clock_that_no_server_has_is_none(text: str | None) -> None:
    assert _instant(text) is None


def test_requests_keep_their_distance(world: Any, url: str) -> None:
    waits: list[float] = []
    with client(waits, pause=5.0) as asking:
        asking.get(ask(url))
        asking.get(ask(url))
    assert len(waits) == 1
    assert 4.0 < waits[0] <= 5.0


def test_a_body_beyond_the_limit_is_refused(world: Any, url: str) -> None:
    with client([], largest_megabytes=0.0001) as asking, pytest.raises(FetchError, match="more than 104 bytes"):
        asking.get(ask(url))


def test_a_key_is_in_no_message_and_no_log(world: Any, url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with client([], attempts=1) as asking:
        for fault in ("401", "500", "reset", "html", "truncated"):
            world.misbehave("alfred", fault)
            with pytest.raises(FetchError) as told:
                fred.fetch_vintages(asking, url, "secret-fred", "UNRATE", None)
            assert "secret" not in str(told.value)
            world.misbehave("tiingo", fault)
            with pytest.raises(FetchError) as told:
                tiingo.fetch(asking, url, "secret-tiingo", "IWM", date(2024, 1, 2))
            assert "secret" not in str(told.value)
            assert world.asked[-1][2] == "Token secret-tiingo"
    assert "secret" not in caplog.text


def test_an_address_that_is_none_is_refused(world: Any) -> None:
    with client([], attempts=1) as asking, pytest.raises(FetchError, match=r"correct `\[urls\]` in bullbear\.toml"):
        asking.get(Request("fred", "DGS10", "fred.example/x"))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("unknown ticker", "HTTP 404: No data; check the series' name and `[urls]`"),
        ("detail", "HTTP 404: Not found: ticker IWM; check the series' name and `[urls]`"),
        ("overloaded", "HTTP 503: Back at 08:00 ET, 1 tries; run `bullbear fetch` again; what arrived is kept"),
        (
            "wrong key",
            "HTTP 400: Bad Request. The value *** for variable api_key is not known.; do what the provider says, then "
            "run `bullbear fetch` again; stored rows are untouched",
        ),
    ],
)
def test_a_refusal_is_shown_in_the_providers_own_words(world: Any, url: str, fault: str, message: str) -> None:
    world.misbehave("alfred", fault)
    with client([], attempts=1) as asking, pytest.raises(FetchError, match="alfred UNRATE") as told:
        fred.fetch_vintages(asking, url, "secret-fred", "UNRATE", None)
    assert str(told.value) == f"alfred UNRATE: {message}"


def test_without_an_explanation_the_status_is_explained() -> None:
    assert provider_message(b"<html>no</html>") == ""
    assert provider_message(b'{"code": 17, "message": " "}') == ""
    assert provider_message(b"[" * 100_000) == ""
    assert provider_message(b'{"message": "' + b"a " * 500 + b'"}') == ("a " * 98) + "a..."
    assert provider_message(b'{"message": "one\\u001b[31m two\\nthree"}') == "one [31m two three"


def test_an_unreachable_provider_is_tried_twice_and_then_left_alone() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        waits: list[float] = []
        refused = pytest.raises(FetchError, match=r"^fred DGS10: cannot connect to 127\.0\.0\.1:\d+ \(.*\), 2 tries")
        with client(waits, attempts=6, first_wait=1.0) as asking, refused as told:
            asking.get(ask(f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert (len(waits), told.value.stop) == (1, True)
