"""Yahoo's daily bars as traded, with dividends and splits, from the chart endpoint that yfinance calls.

`v8/finance/chart/TICKER` is asked directly: yfinance (1.7) fixes the host in its constants, gets cookies from another
one and, unless configured, keeps caches outside the home and turns most failures into an empty frame, so that it can
be neither replayed nor trusted to say what went wrong. The price is its cookies and its repairs. What the endpoint
tells as `quote` is already divided by later splits, and so are dividends; both are multiplied back with the splits of
the same answer, which reaches to today. `adjclose` is left aside: it is restated at each dividend, and we derive our
own.

The last row of a running session carries the time of its last trade; it is left out, and so is one whose feed stopped
before the close.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.adjusting import PRICES, split_factor
from bullbear.data.providers.delivery import FORMAT_CHANGED, Delivery, Frames, checked, tidy
from bullbear.data.providers.http import Answer, Ask, Client
from bullbear.sessions import NEW_YORK

_VALUES = (*PRICES, "volume")


def fetch(client: Client, url: str, ticker: str, since: date, now: pd.Timestamp) -> Delivery:
    """Bars of `ticker` from `since` on.

    Raises
    ------
    FetchError
        They did not come, or cannot be used.
    """
    params = {
        "period1": str(int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp())),
        "period2": str(int((now + timedelta(days=2)).timestamp())),
        "interval": "1d",
        "events": "div,split",
        "includeAdjustedClose": "true",
    }
    ask = Ask("yahoo", ticker, f"{url}/v8/finance/chart/{quote(ticker)}", params)
    answer = client.get(ask)
    result = _result(answer)
    notes: list[str] = []
    bars = _bars(answer, result)
    bars = _without_running(bars, result.get("meta") or {}, ask, notes)
    bars = tidy(ask, bars, ["date"], notes)
    splits, dividends = _splits(ask, result), _dividends(ask, result)
    frames: Frames = {("raw_bars", ticker): _as_traded(bars, splits, dividends)}
    return Delivery(checked(ask, frames), answer.served_at, notes)


def _result(answer: Answer) -> dict[str, Any]:
    chart = answer.json.get("chart") if isinstance(answer.json, dict) else None
    if not isinstance(chart, dict):
        raise answer.ask.fault("no chart in the answer", FORMAT_CHANGED)
    error = chart.get("error")
    if error:
        told = str(error.get("description") if isinstance(error, dict) else error)[:120]
        raise answer.ask.fault(told, "check the ticker")
    results = chart.get("result")
    if not isinstance(results, list) or not results or not isinstance(results[0], dict):
        raise answer.ask.fault("no result in the chart", FORMAT_CHANGED)
    return results[0]


def _bars(answer: Answer, result: dict[str, Any]) -> pd.DataFrame:
    try:
        stamps = result["timestamp"]
        quotes = result["indicators"]["quote"][0]
        columns = {name: quotes[name] for name in _VALUES}
    except (KeyError, IndexError, TypeError):
        raise answer.ask.fault("no timestamp, open, high, low, close and volume in the chart", FORMAT_CHANGED) from None
    if any(not isinstance(values, list) or len(values) != len(stamps) for values in columns.values()):
        raise answer.ask.fault("columns of different length in the chart", FORMAT_CHANGED)
    try:
        frame = pd.DataFrame({name: np.array(values, dtype=np.float64) for name, values in columns.items()})
        frame.insert(0, "date", _days(stamps))
    except (TypeError, ValueError):
        raise answer.ask.fault("a cell of the chart that is no number", FORMAT_CHANGED) from None
    blank = frame[list(PRICES)].isna().all(axis=1)
    return frame[~blank].assign(stamp=np.array(stamps)[~blank.to_numpy()])


def _days(stamps: list[float]) -> pd.Series:
    moments = pd.to_datetime(pd.Series(stamps, dtype="int64"), unit="s", utc=True)
    return moments.dt.tz_convert(NEW_YORK).dt.tz_localize(None).dt.normalize().dt.as_unit("us")


def _without_running(bars: pd.DataFrame, meta: dict[str, Any], ask: Ask, notes: list[str]) -> pd.DataFrame:
    """Leave out the last session if the feed had not seen its close, and rows of it without one."""
    if bars.empty:
        return bars.drop(columns="stamp")
    last = bars["date"].max()
    traded = meta.get("regularMarketTime")
    running = False
    if isinstance(traded, int) and sessions.is_session(last):
        seen = pd.Timestamp(traded, unit="s", tz="UTC")
        close = sessions.closes(pd.DatetimeIndex([last]))[0]
        # Indices stop a little before the close's stroke; a minute's grace covers that.
        running = last == _days([traded])[0] and seen < close - pd.Timedelta(minutes=1)
    halves = bars["date"].eq(last) & (bars["close"].isna() | running)
    if halves.any():
        notes.append(f"yahoo {ask.series}: {last.date()} left out, the session is half written")
    return bars[~halves].drop(columns="stamp")


def _splits(ask: Ask, result: dict[str, Any]) -> pd.DataFrame:
    told = _events(ask, result, "splits", ("numerator", "denominator"))
    return pd.DataFrame({"event_date": told["date"], "ratio": told["numerator"] / told["denominator"]})


def _dividends(ask: Ask, result: dict[str, Any]) -> pd.DataFrame:
    return _events(ask, result, "dividends", ("amount",))


def _events(ask: Ask, result: dict[str, Any], kind: str, names: tuple[str, ...]) -> pd.DataFrame:
    events = (result.get("events") or {}).get(kind) or {}
    try:
        told = pd.DataFrame([{name: event[name] for name in ("date", *names)} for event in events.values()])
        if told.empty:
            empty = {name: pd.Series(dtype="float64") for name in names}
            return pd.DataFrame({"date": pd.Series(dtype="datetime64[us]"), **empty})
        told = told.astype(dict.fromkeys(names, "float64"))
        if not (told[list(names)] > 0).all(axis=None):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ask.fault(f"{kind} without {', '.join(names)}", FORMAT_CHANGED) from None
    told["date"] = _days(told["date"].tolist())
    return told.drop_duplicates().sort_values("date", ignore_index=True)


def _as_traded(bars: pd.DataFrame, splits: pd.DataFrame, dividends: pd.DataFrame) -> pd.DataFrame:
    factor = split_factor(splits, bars["date"])
    raw = bars.assign(**{name: bars[name].to_numpy() * factor for name in PRICES})
    raw["volume"] = bars["volume"].to_numpy() / factor
    paid = dividends["amount"].to_numpy() * split_factor(splits, dividends["date"])
    actions = pd.DataFrame({"date": dividends["date"], "dividend": paid}).groupby("date").sum()
    ratios = pd.DataFrame({"date": splits["event_date"], "split": splits["ratio"]}).groupby("date").prod()
    together = raw.merge(actions, on="date", how="outer").merge(ratios, on="date", how="outer")
    return together.fillna({"dividend": 0.0, "split": 1.0}).sort_values("date", ignore_index=True)
