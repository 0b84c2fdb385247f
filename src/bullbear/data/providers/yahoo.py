"""Yahoo's daily bars as traded, with dividends and splits, from the chart endpoint that yfinance calls.

yfinance (1.7) itself is not used: its host is fixed, it keeps caches outside the home by default and turns most
failures into an empty frame, so that a fetch could neither be replayed in a test nor explain what went wrong. Without
it we lack its cookies and its repairs.

Prices under `quote`, and dividends, are already divided by later splits; both are multiplied back with the splits of
the same response, which reaches to today. `adjclose` is ignored: it is restated at each dividend, and we derive our
own.

The last row of a running session has the time of its last trade; it is left out, and so is a session whose feed stopped
before the close. After the close the last session may be listed twice, with the times of its open and its last trade:
the later row is kept, unless it lacks values that the earlier one has.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.adjusting import PRICES, split_factor
from bullbear.data.csv_files import LAYOUTS
from bullbear.data.providers.delivery import LARGEST, Delivery, Frames, checked, tidy
from bullbear.data.providers.http import RETRY_LATER, Client, Request, Response
from bullbear.data.providers.messages import LONGEST, message_in
from bullbear.data.providers.wire import FORMAT_CHANGED, Number, Stamp, Wire, parsed
from bullbear.errors import FetchError
from bullbear.sessions import NEW_YORK

_VALUES = (*PRICES, "volume")
_LARGEST_SPLIT = 1e6
_BEFORE_CLOSE = pd.Timedelta(minutes=1)
_LATER_KEPT = "listed twice with different values, the last complete row is kept"


class _Quote(Wire):
    open: list[Number]
    high: list[Number]
    low: list[Number]
    close: list[Number]
    volume: list[Number]


class _Indicators(Wire):
    quote: list[_Quote]


class _Meta(Wire):
    regularMarketTime: Stamp = None  # noqa: N815


class _Split(Wire):
    date: Stamp
    numerator: Number
    denominator: Number


class _Dividend(Wire):
    date: Stamp
    amount: Number


class _Events(Wire):
    splits: dict[str, _Split] | None = None
    dividends: dict[str, _Dividend] | None = None


class _Result(Wire):
    timestamp: list[Stamp]
    indicators: _Indicators
    meta: _Meta | None = None
    events: _Events | None = None


class _Chart(Wire):
    result: list[_Result] | None = None
    error: Any = None


class _Response(Wire):
    chart: _Chart


def fetch(client: Client, url: str, ticker: str, since: date, now: pd.Timestamp) -> Delivery:
    """Bars of `ticker` from `since` on."""
    params = {
        "period1": str(int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp())),
        "period2": str(int((now + timedelta(days=2)).timestamp())),
        "interval": "1d",
        "events": "div,split",
        "includeAdjustedClose": "true",
    }
    request = Request("yahoo", ticker, f"{url}/v8/finance/chart/{quote(ticker)}", params)
    response = client.get(request)
    result = _result(response)
    notes: list[str] = []
    regular = _regular(request, result, notes)
    if regular is not None:
        return Delivery({("raw_bars", ticker): regular}, response.served_at, notes)
    traded = result.meta.regularMarketTime if result.meta else None
    bars = _without_running(_bars(request, result), traded, request, notes)
    bars = tidy(request, "raw_bars", bars, notes, later=("complete", "stamp"))
    splits, dividends = _splits(request, result, notes), _dividends(request, result, notes)
    frames: Frames = {("raw_bars", ticker): _as_traded(bars, splits, dividends)}
    return Delivery(checked(request, frames), response.served_at, notes)


def _regular(request: Request, result: _Result, notes: list[str]) -> pd.DataFrame | None:
    """The bars of a response in which nothing is missing, doubtful or adjusted; None for any other.

    The last session may be listed twice, as it is after a close.

    Equal to what the checks below make of it, twenty times faster: an evening has thousands of such responses.
    """
    events = result.events
    if not result.indicators.quote or not result.timestamp or None in result.timestamp:
        return None
    if events is not None and (events.splits or events.dividends):
        return None
    quote, count = result.indicators.quote[0], len(result.timestamp)
    lists = [getattr(quote, name) for name in _VALUES]
    if any(len(each) != count for each in lists):
        return None
    values = np.array(lists, dtype=np.float64)
    if not (np.abs(values) <= LARGEST).all() or (values[-1] < 0).any():
        return None
    traded = result.meta.regularMarketTime if result.meta else None
    seconds = np.array([*result.timestamp, *([] if traded is None else [traded])], dtype=np.float64)
    moments = pd.DatetimeIndex(seconds.round().astype("datetime64[s]")).tz_localize("UTC").tz_convert(NEW_YORK)
    local = moments.tz_localize(None).normalize().as_unit("us")
    days = local[:count]
    first, last = map(pd.Timestamp, LAYOUTS["prices"].span)
    if not days.is_monotonic_increasing or days[0] < first or days[-1] > last:
        return None
    twice = count > 1 and days[-1] == days[-2]
    if not days[: count - twice].is_unique:
        return None
    if twice and not (values[-1, -1] > 0 and seconds[count - 1] > seconds[count - 2]):
        return None  # the earlier row may be the one to keep
    of_last = traded is not None and local[-1] == days[-1] and sessions.is_session(days[-1])
    if of_last and moments[-1] < sessions.closes(days[-1:])[0] - _BEFORE_CLOSE:
        return None  # the session runs
    if twice:
        same = (values[:, -1] == values[:, -2]).all()
        shown = "1 repeated rows left out" if same else f"{days[-1].date()} {_LATER_KEPT}"
        notes.append(request.note(shown))
        days, values = days.delete(-2), np.delete(values, -2, axis=1)
    columns = dict(zip(_VALUES, values, strict=True))
    return pd.DataFrame({"date": days, **columns, "dividend": 0.0, "split": 1.0})


def _result(response: Response) -> _Result:
    try:
        chart = parsed(response, _Response).chart
    except FetchError:
        if _is_without_bars(response.json):
            raise response.request.error("no bars", "check the ticker", status=404) from None
        raise
    if not chart.result:
        said = message_in(chart.error) or (chart.error if isinstance(chart.error, str) else "")
        if said:
            raise response.request.error(said[:LONGEST], "check the ticker")
        raise response.request.error("no result in the chart", FORMAT_CHANGED)
    result: _Result = chart.result[0]
    return result


def _is_without_bars(document: Any) -> bool:
    """Whether the answer is that of a ticker which is known and has no bars, such as a delisted one."""
    try:
        result = document["chart"]["result"][0]
        return "meta" in result and "timestamp" not in result and not any(result["indicators"]["quote"][0].values())
    except (TypeError, KeyError, IndexError, AttributeError):
        return False


def _bars(request: Request, result: _Result) -> pd.DataFrame:
    """The bars with the time of each, in seconds."""
    if not result.indicators.quote:
        raise request.error("no quote in the chart", FORMAT_CHANGED)
    quote, stamps = result.indicators.quote[0], result.timestamp
    columns = {name: getattr(quote, name) for name in _VALUES}
    if any(len(values) != len(stamps) for values in columns.values()):
        raise request.error("columns of different length in the chart", FORMAT_CHANGED)
    frame = pd.DataFrame({name: np.array(values, dtype=np.float64) for name, values in columns.items()})
    frame.insert(0, "date", _days(stamps))
    blank = frame[list(PRICES)].isna().all(axis=1)
    # A row with a close comes before one without, then one with a volume, then the later one.
    complete = 2.0 * frame["close"].notna() + (frame["volume"] > 0)
    return frame.assign(complete=complete, stamp=np.array(stamps, dtype=np.float64))[~blank]


def _days(stamps: Sequence[float | None]) -> pd.Series:
    seconds = np.array([np.nan if stamp is None else stamp for stamp in stamps], dtype=np.float64)
    moments = pd.to_datetime(pd.Series(seconds).round(), unit="s", utc=True)
    return moments.dt.tz_convert(NEW_YORK).dt.tz_localize(None).dt.normalize().dt.as_unit("us")


def _without_running(bars: pd.DataFrame, traded: float | None, request: Request, notes: list[str]) -> pd.DataFrame:
    """The bars without the last session if the feed stopped before its close, else without its rows without a close."""
    if bars["date"].isna().all():
        return bars
    last = bars["date"].max()
    running = False
    if traded is not None and sessions.is_session(last):
        seen = pd.Timestamp(traded, unit="s", tz="UTC")
        close = sessions.closes(pd.DatetimeIndex([last]))[0]
        # The last value of an index may come some seconds before the close.
        running = last == _days([traded])[0] and seen < close - _BEFORE_CLOSE
    own = bars["date"].eq(last)
    halves = own & (running | bars["close"].isna())
    if running or not bars["close"][own].notna().any():
        notes.append(request.note(f"{last.date()} left out, the session is incomplete"))
    return bars[~halves]


def _splits(request: Request, result: _Result, notes: list[str]) -> pd.DataFrame:
    """Splits with their ratio; an impossible one, such as 1:0, is left out with a note."""
    events = list(((result.events and result.events.splits) or {}).values())
    stamps = [event.date for event in events]
    above, below = (np.array([getattr(e, n) for e in events], dtype=np.float64) for n in ("numerator", "denominator"))
    if np.isnan(above).any() or np.isnan(below).any() or None in stamps:
        raise request.error("a split without its day or ratio", RETRY_LATER)
    ratios = np.divide(above, below, out=np.full_like(above, np.nan), where=(above > 0) & (below > 0))
    possible = (ratios >= 1 / _LARGEST_SPLIT) & (ratios <= _LARGEST_SPLIT)
    for event in (each for each, fine in zip(events, possible, strict=True) if not fine):
        shown = f"{event.numerator:g}:{event.denominator:g} on {_days([event.date])[0].date()}"
        notes.append(request.note(f"split {shown} left out, impossible ratio"))
    listed = pd.DataFrame({"event_date": _days(stamps), "ratio": ratios, "stamp": stamps})[possible]
    listed = listed.sort_values("stamp").drop_duplicates(["event_date", "ratio"], keep="last")
    twice = listed["event_date"].duplicated(keep="last")
    if twice.any():
        day = listed["event_date"][twice].iloc[0].date()
        notes.append(request.note(f"two splits listed on {day}, the later one is kept"))
    return listed[~twice][["event_date", "ratio"]].sort_values("event_date", ignore_index=True)


def _dividends(request: Request, result: _Result, notes: list[str]) -> pd.DataFrame:
    """Dividends with their amount; one that pays nothing is left out with a note."""
    events = list(((result.events and result.events.dividends) or {}).values())
    stamps = [event.date for event in events]
    amounts = np.array([event.amount for event in events], dtype=np.float64)
    if np.isnan(amounts).any() or None in stamps:
        raise request.error("a dividend without its day or amount", RETRY_LATER)
    paid = (amounts > 0) & (amounts < LARGEST)
    if not paid.all():
        notes.append(request.note(f"{int((~paid).sum())} dividends left out, impossible amount"))
    listed = pd.DataFrame({"date": _days(stamps), "amount": amounts})[paid]
    return listed.drop_duplicates().sort_values("date", ignore_index=True)


def _as_traded(bars: pd.DataFrame, splits: pd.DataFrame, dividends: pd.DataFrame) -> pd.DataFrame:
    factor = split_factor(splits, bars["date"])
    raw = bars.assign(**{name: bars[name].to_numpy() * factor for name in PRICES})
    raw["volume"] = bars["volume"].to_numpy() / factor
    paid = dividends["amount"].to_numpy() * split_factor(splits, dividends["date"])
    actions = pd.DataFrame({"date": dividends["date"], "dividend": paid}).groupby("date").sum()
    ratios = splits.set_axis(["date", "split"], axis=1)
    together = raw.merge(actions, on="date", how="outer").merge(ratios, on="date", how="outer")
    blanks: dict[str, float | str] = {"dividend": 0.0, "split": 1.0, "doubt": ""}
    return together.fillna(blanks).sort_values("date", ignore_index=True)
