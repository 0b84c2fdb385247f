"""FRED of the St. Louis Fed: `fredgraph.csv` without a key, and with one the real-time history of ALFRED.

The keyless file holds the latest vintage only, under the header `observation_date,ID` (`DATE,ID` until 2024); unknown
values are `.` or blank, and an unknown ID is answered by a web page with status 200. With a key, `series/observations`
tells every value with the days on which it was the current one (`realtime_start`); from these each vintage is put
together, known at the rule's time of day on its day of release. The service gives at most 2,000 vintages at once, so a
daily series is asked for in spans.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from bullbear.data import publication
from bullbear.data.providers.delivery import Delivery, Frames, cells_of, checked, days, numbers, table, tidy
from bullbear.data.providers.http import RETRY_LATER, Answer, Ask, Client
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
    answer: Answer


def fetch(client: Client, url: str, series: str, since: date | None) -> Delivery:
    """The latest vintage of `series` from `since` on.

    Raises
    ------
    FetchError
        It did not come, or cannot be used.

    References
    ----------
    https://fred.stlouisfed.org/graph/fredgraph.csv?id=DGS10
    """
    params = {"id": series} | ({"cosd": since.isoformat()} if since else {})
    ask = Ask("fred", series, f"{url}/graph/fredgraph.csv", params)
    answer = client.get(ask)
    head = next(cells_of(ask, answer.text), [""])[0].strip()
    dated = head if head in _HEADERS else _HEADERS[0]
    cells = table(answer, (dated, series))
    frame = pd.DataFrame({"date": days(ask, cells[dated]), "value": numbers(ask, cells[series])})
    notes: list[str] = []
    frames: Frames = {("macro", series): tidy(ask, "macro", frame.dropna(subset="value"), notes)}
    return Delivery(checked(ask, frames), answer.served_at, notes)


def fetch_vintages(client: Client, url: str, key: str, series: str, since: date | None) -> Delivery:
    """Every vintage of `series` from that of `since` on (None: all).

    Raises
    ------
    FetchError
        It did not come, or cannot be used.

    References
    ----------
    https://fred.stlouisfed.org/docs/api/fred/series_observations.html (output_type 1, real-time periods)
    """
    answers = _spans(client, url, key, series, since or _FIRST)
    ask, notes = answers[-1].answer.ask, list[str]()
    changes = tidy(ask, "vintages", _joined(answers), notes, later=("until",))
    whole = _whole(series, changes)
    if whole.empty:
        raise ask.fault("no known value", RETRY_LATER)
    clocks = [each.answer.served_at for each in answers if each.answer.served_at is not None]
    return Delivery(checked(ask, {("vintages", series): whole}), min(clocks, default=None), notes)


def _spans(client: Client, url: str, key: str, series: str, since: date) -> list[_Span]:
    """What was current from `since` on, in spans of time that the service serves at once, in their order.

    It serves at most 2,000 vintages at a time; a span with more is halved.
    """
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
        ask = Ask("alfred", series, f"{url}/fred/series/observations", {**params, "offset": str(len(rows))},
                  remedies={400: "check FRED_API_KEY and the series' name"})  # fmt: skip
        answer = client.get(ask)
        page = parsed(answer, _Page)
        rows += page.observations
        if not page.observations or len(rows) >= page.count:
            break
        if not page.count > 0 or answer.body == before:
            raise ask.fault("no usable count of observations, or the same page twice", RETRY_LATER)
        before = answer.body
    else:
        raise ask.fault(f"more than {MOST_PAGES} pages", RETRY_LATER)
    cells = columns_of(ask, rows, ("realtime_start", "date", "value"))
    frame = pd.DataFrame(
        {
            "vintage": days(ask, cells["realtime_start"]),
            "date": days(ask, cells["date"]),
            "value": cells["value"],
            "until": pd.Series([row.realtime_end for row in rows], dtype="str"),
        }
    )
    return _Span(pd.Timestamp(first), frame, answer)


def _joined(spans: list[_Span]) -> pd.DataFrame:
    """The observations of all spans; what a span repeats of the one before is left out.

    A value that was current when a span began is listed with the span's first day instead of its own day of release.
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
    """Each vintage in full, from the changes that it brought."""
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
