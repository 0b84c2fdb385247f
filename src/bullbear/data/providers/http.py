"""The HTTP client of all providers; the only module that imports the HTTP libraries.

Only failures that may pass are retried: too many requests, a server error, a time-out, a connection cut short. Between
tries it waits as long as `Retry-After` says, else exponentially with full jitter. A provider that wants a longer wait
than `longest_wait`, or refuses the key, is not asked again in this run (`FetchError.stop`).

A web page with status 200 is refused here; each provider checks its own header. Query strings can carry keys, so
messages name host and path only, and the libraries' log of requests is off.
"""

from __future__ import annotations

import email.utils
import json
import logging
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import pandas as pd
import tenacity

from bullbear.data.providers.messages import provider_message
from bullbear.errors import FetchError
from bullbear.settings import HttpSettings

# httpx writes every address, query and key included, at level INFO.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 524})
_MEBIBYTE = 1 << 20
_CONNECT = 5.0
"""Seconds to open a connection; who is offline should not wait for each provider."""
_CONNECT_TRIES = 2


@dataclass(frozen=True)
class Request:
    """One request to a provider for a series.

    Attributes
    ----------
    remedies
        What to do about a status of the response.
    spacing
        A name and seconds: two requests of that name, to whatever host, are at least so far apart, also when one is
        tried again.
    """

    provider: str
    series: str
    url: str
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    json: Mapping[str, Any] | None = None
    remedies: Mapping[int, str] | None = None
    spacing: tuple[str, float] | None = None

    def note(self, text: str) -> str:
        """A note about this request."""
        return f"{self.provider} {self.series}: {text}"

    def error(self, problem: str, remedy: str, *, status: int = 0, stop: bool = False) -> FetchError:
        """The error of this request; `stop` means: do not ask this provider again in this run."""
        return FetchError(self.provider, self.series, self._without_keys(problem), remedy, status=status, stop=stop)

    def _without_keys(self, text: str) -> str:
        # A provider that explains a refusal may repeat the key that it was sent.
        keys = [value for name, value in (self.params or {}).items() if "key" in name or "token" in name]
        keys += [value.split()[-1] for name, value in (self.headers or {}).items() if name == "Authorization"]
        for key in filter(None, keys):
            text = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", "***", text)
        return text


@dataclass(frozen=True)
class Response:
    """A complete response; `served_at` is the provider's clock, if it sent one."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes
    served_at: pd.Timestamp | None

    @property
    def text(self) -> str:
        """The body as text; FetchError if it is not UTF-8, or a web page."""
        try:
            text = self.body.decode("utf-8").lstrip("\ufeff")
        except UnicodeDecodeError:
            raise self.request.error("bytes that are not UTF-8 text", RETRY_LATER) from None
        if "\0" in text:  # as UTF-16 has them
            raise self.request.error("bytes that are not UTF-8 text", RETRY_LATER)
        if text.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<?xml", "<head", "<script")):
            raise self.request.error("a web page instead of data", _PAGE)
        return text

    @property
    def json(self) -> Any:
        """The body as JSON, or a FetchError."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            raise self.request.error("JSON that ends early or is malformed", RETRY_LATER) from None


_REMEDIES = {
    401: "check the key in the environment or `[keys]`",
    403: "check the key, or set another `user_agent` in `[http]`; the provider refuses this client",
    404: "check the series' name and `[urls]`",
}
_AS_IT_SAYS = "do what the provider says, then run `bullbear fetch` again; stored rows are untouched"
RETRY_LATER = "run `bullbear fetch` again; what arrived is kept"
_PAGE = "check the series' name and `[urls]`; the provider may ask for a key or a browser now"


class Client:
    """Sends requests, with pauses and retries; use it as a context manager."""

    def __init__(
        self,
        settings: HttpSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self._sleep = sleep
        self._asked: dict[str, float] = {}
        self._http = httpx.Client(
            timeout=httpx.Timeout(settings.timeout, connect=min(settings.timeout, _CONNECT)),
            verify=_certificates(),
            headers={"User-Agent": settings.user_agent, "Accept-Encoding": "gzip, deflate"},
            follow_redirects=True,
            max_redirects=3,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *reason: object) -> None:
        self._http.close()

    def get(self, request: Request) -> Response:
        """The response to `request`; one with JSON is posted.

        FetchError if no usable response came within the bounds of `HttpSettings`.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgain),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.settings.attempts),
                tenacity.stop_after_delay(self.settings.deadline),
                _Unreachable(),
            ),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._once, request)
        except _TryAgain as last:
            tries = retrying.statistics["attempt_number"]
            raise request.error(f"{last.problem}, {tries} tries", last.remedy, stop=last.stop) from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.retry_after if isinstance(failure, _TryAgain) else None
        if asked is not None:
            return asked
        jitter = tenacity.wait_random_exponential(multiplier=self.settings.first_wait, max=self.settings.longest_wait)
        # Full jitter may draw zero; half the first wait is the least that is polite.
        return max(jitter(state), self.settings.first_wait / 2)

    def _once(self, request: Request) -> Response:
        self._pause(request)
        try:
            status, headers, body = self._read(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as away:
            host = urlsplit(request.url).netloc
            why = "no answer" if isinstance(away, httpx.ConnectTimeout) else _first_line(away)
            raise _TryAgain(
                f"cannot connect to {host} ({why})", "check the network; " + RETRY_LATER, stop=True, unreachable=True
            ) from None
        except httpx.TimeoutException:
            raise _TryAgain(f"no response within {self.settings.timeout:g} s", RETRY_LATER) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as wrong:
            raise request.error(_first_line(wrong), "correct `[urls]` in bullbear.toml") from None
        except (httpx.TransportError, httpx.DecodingError) as cut:
            raise _TryAgain(f"connection cut: {_first_line(cut)}", "check the network; " + RETRY_LATER) from None
        said = provider_message(body) if status >= 300 else ""
        problem = f"HTTP {status}: {said}" if said else f"HTTP {status}"
        if status in _AGAIN:
            raise self._try_again(request, status, problem, _seconds(headers.get("retry-after")))
        if status >= 300 or status == 204:
            # The provider's own explanation is better than our guess from the status.
            guess = None if said else (request.remedies or {}).get(status)
            remedy = guess or _REMEDIES.get(status, _AS_IT_SAYS if said else RETRY_LATER)
            raise request.error(problem, remedy, status=status, stop=status in (401, 407))
        if not body.strip():
            raise _TryAgain("an empty response", RETRY_LATER)
        return Response(request, status, headers, body, _instant(headers.get("date")))

    def _try_again(self, request: Request, status: int, problem: str, asked: float | None) -> _TryAgain | FetchError:
        if asked is not None and asked > self.settings.longest_wait:
            return request.error(
                f"{problem}, asks to wait {asked:.0f} s", f"wait that long, then {RETRY_LATER}", stop=True
            )
        remedy = "ask less often (`pause` in `[http]`); " + RETRY_LATER if status == 429 else RETRY_LATER
        return _TryAgain(problem, remedy, retry_after=asked, stop=status == 429)

    def _read(self, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body; a body that is too large or too slow is refused while it arrives."""
        limit, began = int(self.settings.largest_megabytes * _MEBIBYTE), time.monotonic()
        method = "GET" if request.json is None else "POST"
        with self._http.stream(
            method, request.url, params=request.params, headers=request.headers, json=request.json
        ) as response:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > limit:
                    raise request.error(
                        f"more than {limit:,} bytes", "raise `largest_megabytes` in `[http]` if that is right"
                    )
                if time.monotonic() - began > self.settings.deadline:
                    raise _TryAgain(f"still sending after {self.settings.deadline:g} s", RETRY_LATER)
            return response.status_code, response.headers, bytes(body)

    def _pause(self, request: Request) -> None:
        name, least = request.spacing or (urlsplit(request.url).netloc, 0.0)
        pause = max(self.settings.pause, least)
        since = time.monotonic() - self._asked.get(name, -1e9)
        if since < pause:
            self._sleep(pause - since)
        self._asked[name] = time.monotonic()


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # reads a large file


class _TryAgain(Exception):
    """A failure that another try may mend; `retry_after` in seconds if the provider said so."""

    def __init__(
        self,
        problem: str,
        remedy: str,
        *,
        retry_after: float | None = None,
        stop: bool = False,
        unreachable: bool = False,
    ) -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.retry_after, self.stop = problem, remedy, retry_after, stop
        self.unreachable = unreachable


class _Unreachable(tenacity.stop.stop_base):
    """No connection could be opened, twice: more tries would make somebody who is offline wait for minutes."""

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        failure = retry_state.outcome.exception() if retry_state.outcome else None
        again = isinstance(failure, _TryAgain) and failure.unreachable
        return again and retry_state.attempt_number >= _CONNECT_TRIES


def _seconds(text: str | None) -> float | None:
    """The seconds of `Retry-After`, which holds seconds or a date; None if it is absent or unreadable."""
    if text is None:
        return None
    try:
        return max(float(text), 0.0) if float(text) < float("inf") else None
    except ValueError:
        moment = _instant(text)
        return None if moment is None else max((moment - pd.Timestamp.now("UTC")).total_seconds(), 0.0)


def _instant(text: str | None) -> pd.Timestamp | None:
    """An HTTP date; None if it is absent, unreadable or outside 1991 to 2099."""
    if text is None:
        return None
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if not 1990 < moment.year < 2100:
        return None
    return pd.Timestamp(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).tz_convert("UTC").as_unit("us")


def _first_line(bad: Exception) -> str:
    # An address in the message could carry a key.
    return (str(bad).splitlines() or [type(bad).__name__])[0].split("?")[0] or type(bad).__name__
