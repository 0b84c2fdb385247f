"""Cboe's put/call ratios: one JSON file a day, `YYYY-MM-DD_daily_options`, since 2019-10-07.

The file lists `ratios` of name and value, the value a text; other parts hold volumes and are not read. It does not
repeat its day. A day without a file, or whose file is not there yet, has status 403. Cboe's older files (`totalpc.csv`,
`equitypc.csv`, `indexpc.csv`) end on 2019-10-04 and come with a snapshot.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from bullbear.data.providers.delivery import Delivery, Frames, checked, tidy
from bullbear.data.providers.http import Client, Request
from bullbear.data.providers.wire import FORMAT_CHANGED, Number, Text, Wire, parsed
from bullbear.errors import FetchError

NAMES = {
    "CBOE_PC_TOTAL": "TOTAL PUT/CALL RATIO",
    "CBOE_PC_EQUITY": "EQUITY PUT/CALL RATIO",
    "CBOE_PC_INDEX": "INDEX PUT/CALL RATIO",
}


class _Ratio(Wire):
    name: Text = ""
    value: Number = np.nan


class _Day(Wire):
    ratios: list[_Ratio]


def fetch(client: Client, url: str, series: tuple[str, ...], day: date) -> Delivery:
    """The ratios of one day; a FetchError with status 403 where there is no file, or if a series is unknown."""
    request = Request(
        "putcall",
        f"{'/'.join(series)} {day}",
        f"{url}/data/us/options/market_statistics/daily/{day}_daily_options",
        remedies={403: "the day has no file, or not yet; the next fetch asks again"},
    )
    unknown = sorted(set(series) - NAMES.keys())
    if unknown:
        raise request.error(f"no such ratio as {unknown[0]}", f"name some of {', '.join(NAMES)} in `[fetch] put_call`")
    response = client.get(request)
    listed = parsed(response, _Day).ratios
    notes: list[str] = []
    frames: Frames = {}
    unusable = request.error("none of the ratios in the response", FORMAT_CHANGED)
    for name in series:
        values = [each.value for each in listed if each.name.upper() == NAMES[name]]
        frame = pd.DataFrame({"date": pd.DatetimeIndex([pd.Timestamp(day)] * len(values)).as_unit("us")})
        frame = frame.assign(value=np.array(values, dtype=np.float64)).dropna(subset="value")
        if frame.empty:
            notes.append(request.note(f"no {name}"))
            continue
        try:
            frames["macro", name] = tidy(request, "macro", frame, notes)
        except FetchError as bad:
            unusable = bad  # the other ratios of the day may be sound
    if not frames:
        raise unusable
    return Delivery(checked(request, frames), response.served_at, notes)
