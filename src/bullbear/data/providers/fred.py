"""FRED of the St. Louis Fed: `fredgraph.csv` without a key, and with one the real-time history of ALFRED.

The keyless file holds the latest vintage only, under the header `observation_date,ID` (`DATE,ID` until 2024); unknown
values are `.` or blank, and an unknown ID is answered by a web page with status 200. With a key, `series/observations`
tells every value with the days on which it was the current one (`realtime_start`); from these each vintage is put
together, known at the rule's time of day on its day of release.
"""

from __future__ import annotations

import bisect
from datetime import date

import pandas as pd

from bullbear.data import publication
from bullbear.data.providers.delivery import FORMAT_CHANGED, Delivery, Frames, checked, days, numbers, table, tidy
from bullbear.data.providers.http import Ask, Client

PAGE = 100_000
KEPT = 600  # observations per vintage: fifty years of months, a decade of weeks
_HEADERS = ("observation_date", "DATE")


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
    head = answer.text.split("\n", 1)[0]
    dated = next((name for name in _HEADERS if head.startswith(name)), _HEADERS[0])
    cells = table(answer, (dated, series))
    frame = pd.DataFrame({"date": days(ask, cells[dated]), "value": numbers(ask, cells[series])})
    notes: list[str] = []
    frames: Frames = {("macro", series): tidy(ask, frame.dropna(subset="value"), ["date"], notes)}
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
    params = {
        "series_id": series,
        "api_key": key,
        "file_type": "json",
        "realtime_start": since.isoformat() if since else "1776-07-04",
        "realtime_end": "9999-12-31",
        "limit": str(PAGE),
    }
    told: list[dict[str, str]] = []
    while True:
        ask = Ask("alfred", series, f"{url}/fred/series/observations", {**params, "offset": str(len(told))},
                  remedies={400: "check FRED_API_KEY and the series' name"})  # fmt: skip
        answer = client.get(ask)
        page = answer.json
        if not isinstance(page, dict) or not isinstance(page.get("observations"), list) or "count" not in page:
            raise ask.fault("no observations and count in the answer", FORMAT_CHANGED)
        told += page["observations"]
        if len(told) >= int(page["count"]) or not page["observations"]:
            break
    cells = pd.DataFrame(told)
    for name in ("realtime_start", "date", "value"):
        if name not in cells:
            raise ask.fault(f"no {name} in the observations", FORMAT_CHANGED)
    frame = pd.DataFrame(
        {
            "vintage": days(ask, cells["realtime_start"]),
            "date": days(ask, cells["date"]),
            "value": numbers(ask, cells["value"]),
        }
    )
    notes: list[str] = []
    frames: Frames = {("vintages", series): _whole(series, tidy(ask, frame, ["vintage", "date"], notes))}
    return Delivery(checked(ask, frames), answer.served_at, notes)


def _whole(series: str, changes: pd.DataFrame) -> pd.DataFrame:
    """Each vintage in full, from the changes that it brought."""
    values: dict[pd.Timestamp, float] = {}
    order: list[pd.Timestamp] = []
    parts = []
    for vintage, brought in changes.groupby("vintage", sort=True):
        for event, value in zip(brought["date"], brought["value"], strict=True):
            if event not in values:
                bisect.insort(order, event)
            values[event] = value
        kept = order[-KEPT:]
        parts.append(pd.DataFrame({"vintage": vintage, "date": kept, "value": [values[event] for event in kept]}))
    whole = pd.concat(parts, ignore_index=True).dropna(subset="value")
    rule = publication.RULES.get(series)
    released = publication.at(whole["vintage"].to_numpy().astype("datetime64[D]"), rule.time if rule else "23:59")
    whole = whole.astype({"vintage": "datetime64[us]", "date": "datetime64[us]"}).reset_index(drop=True)
    return whole.assign(known_at=released)
