"""FRED of the St. Louis Fed: `fredgraph.csv` without a key, and with one the real-time history of ALFRED.

The keyless file holds the latest vintage only, under the header `observation_date,ID` (`DATE,ID` until 2024); unknown
values are `.` or blank, and an unknown ID gives a web page with status 200. With a key, `series/observations` lists
every value with the day from which it was current (`realtime_start`). The vintages are rebuilt from these, each known
at the publication rule's time on its release day. The service gives at most 2,000 vintages per request, so a daily
series is requested in spans.

References
----------
https://fred.stlouisfed.org/graph/fredgraph.csv?id=DGS10
https://fred.stlouisfed.org/docs/api/fred/series_observations.html (output_type 1, real-time periods)
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from bullbear.data import publication
from bullbear.data.providers.delivery import Delivery, Frames, cells_of, checked, days, numbers, table, tidy
from bullbear.data.providers.http import RETRY_LATER, Client, Request, Response
from bullbear.data.providers.wire import Number, Text, Wire, columns_of, parsed
from bullbear.errors import FetchError

PAGE = 100_000
MOST_PAGES = 100
KEPT = 600  # observations per vintage: fifty years of months, a decade of weeks
_HEADERS = ("observation_date", "DATE")
# All of real time, as the service counts it, and the part of it that holds vintages.
_FIRST, _LAST = date(1776, 7, 4), date(9999, 12, 31)
_EARLIEST, _LATEST, _SHORTEST = date(1950, 1, 1), date(2040, 1, 1), timedelta(days=31)


class _Observation(Wire):
    realtime_start: Text = ""
    realtime_end: Text = ""
    date: Text = ""
    value: Number = np.nan


class _Page(Wire):
    count: Number
    observations: list[_Observation]


@dataclass(frozen=True)
class _Span:
    """The observations that were current on some day from `first` on."""

    first: pd.Timestamp
    rows: pd.DataFrame
    response: Response


def fetch(client: Client, url: str, series: str, since: date | None) -> Delivery:
    """The latest vintage of `series` from `since` on."""
    params = {"id": series} | ({"cosd": since.isoformat()} if since else {})
    request = Request("fred", series, f"{url}/graph/fredgraph.csv", params)
    response = client.get(request)
    head = next(cells_of(request, response.text), [""])[0].strip()
    dated = head if head in _HEADERS else _HEADERS[0]
    cells = table(response, (dated, series))
    frame = pd.DataFrame({"date": days(request, cells[dated]), "value": numbers(request, cells[series])})
    notes: list[str] = []
    frames: Frames = {("macro", series): tidy(request, "macro", frame.dropna(subset="value"), notes)}
    return Delivery(checked(request, frames), response.served_at, notes)


def fetch_vintages(client: Client, url: str, key: str, series: str, since: date | None) -> Delivery:
    """Every vintage of `series` from that of `since` on (None: all)."""
    responses = _spans(client, url, key, series, since or _FIRST)
    request, notes = responses[-1].response.request, list[str]()
    changes = tidy(request, "vintages", _joined(responses), notes, later=("until",))
    whole = _whole(series, changes)
    if whole.empty:
        raise request.error("no known value", RETRY_LATER)
    clocks = [each.response.served_at for each in responses if each.response.served_at is not None]
    return Delivery(checked(request, {("vintages", series): whole}), min(clocks, default=None), notes)


def _spans(client: Client, url: str, key: str, series: str, since: date) -> list[_Span]:
    """What was current from `since` on, in consecutive spans; one with too many vintages for the service is halved."""
    spans: list[_Span] = []
    pending = [(since, _LAST)]
    while pending:
        first, last = pending.pop(0)
        try:
            spans.append(_span(client, url, key, series, first, last))
        except FetchError as refused:
            early, late = max(first, _EARLIEST), min(last, _LATEST)
            too_many = refused.status == 400 and "vintage" in refused.problem.lower()
            if too_many and late - early >= _SHORTEST:
                middle = early + (late - early) / 2
                pending[:0] = [(first, middle), (middle + timedelta(days=1), last)]
            elif too_many or refused.status != 400 or spans or not pending:
                raise
            # Else the span lies before the first vintage: the service says that the series does not exist.
    return spans


def _span(client: Client, url: str, key: str, series: str, first: date, last: date) -> _Span:
    params = {
        "series_id": series,
        "api_key": key,
        "file_type": "json",
        "realtime_start": first.isoformat(),
        "realtime_end": last.isoformat(),
        "limit": str(PAGE),
    }
    rows: list[_Observation] = []
    before: bytes | None = None
    for _ in range(MOST_PAGES):
        request = Request("alfred", series, f"{url}/fred/series/observations", {**params, "offset": str(len(rows))},
                  remedies={400: "check FRED_API_KEY and the series' name"})  # fmt: skip
        response = client.get(request)
        page = parsed(response, _Page)
        rows += page.observations
        if not page.observations or len(rows) >= page.count:
            break
        if not page.count > 0 or response.body == before:
            raise request.error("no usable count of observations, or the same page twice", RETRY_LATER)
        before = response.body
    else:
        raise request.error(f"more than {MOST_PAGES} pages", RETRY_LATER)
    cells = columns_of(request, rows, ("realtime_start", "date", "value"))
    frame = pd.DataFrame(
        {
            "vintage": days(request, cells["realtime_start"]),
            "date": days(request, cells["date"]),
            "value": cells["value"],
            "until": pd.Series([row.realtime_end for row in rows], dtype="str"),
        }
    )
    return _Span(pd.Timestamp(first), frame, response)


def _joined(spans: list[_Span]) -> pd.DataFrame:
    """The observations of all spans, without those that a span repeats from the one before.

    A value that was current when a span began is listed with the span's first day, not with its own release day.
    """
    current = pd.Series(dtype="float64")
    parts: list[pd.DataFrame] = []
    for span in spans:
        rows = span.rows
        if parts:
            known = current.reindex(pd.DatetimeIndex(rows["date"])).to_numpy()
            rows = rows[~(rows["vintage"].eq(span.first).to_numpy() & (rows["value"].to_numpy() == known))]
        parts.append(rows)
        ordered = span.rows.dropna(subset=["vintage", "date"]).sort_values("vintage", kind="stable")
        latest = ordered.drop_duplicates("date", keep="last").set_index("date")["value"]
        current = pd.concat([current[~current.index.isin(latest.index)], latest])
    return pd.concat(parts, ignore_index=True)


def _whole(series: str, changes: pd.DataFrame) -> pd.DataFrame:
    """Each vintage in full, rebuilt from its changes."""
    values: dict[pd.Timestamp, float] = {}
    order: list[pd.Timestamp] = []
    parts = []
    # An unknown value of a new period says nothing; one of a known period withdraws it.
    for vintage, brought in changes.groupby("vintage", sort=True):
        says = brought["value"].notna() | brought["date"].isin(order)
        for event, value in zip(brought["date"][says], brought["value"][says], strict=True):
            if event not in values:
                bisect.insort(order, event)
            values[event] = value
        if not says.any():
            continue
        kept = order[-KEPT:]
        parts.append(pd.DataFrame({"vintage": vintage, "date": kept, "value": [values[event] for event in kept]}))
    if not parts:
        return changes[:0]
    whole = pd.concat(parts, ignore_index=True).dropna(subset="value")
    rule = publication.RULES.get(series)
    released = publication.at(whole["vintage"].to_numpy().astype("datetime64[D]"), rule.time if rule else "23:59")
    whole = whole.astype({"vintage": "datetime64[us]", "date": "datetime64[us]"}).reset_index(drop=True)
    return whole.assign(known_at=released)
