"""The price with its averages, levels and channel, the agents' trades, and the events of the odds below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.factors.engine.registry import Bars
from bullbear.report.charts import Chart
from bullbear.report.level_chart import DrawnLevel, LevelChart
from bullbear.report.palette import role
from bullbear.report.section import Section, Text
from bullbear.report.tables import Table
from bullbear.report.trades import Trade, hover_text
from bullbear.report.words import day, per_cent, price
from bullbear.wording import capital

AVERAGES = (50, 200)
LABELLED, APART = 3, 0.012
"""Levels that get their price written at either side, and how far apart two of these are, as a fraction."""
_ASIDE = {"aside": True}


@dataclass(frozen=True)
class EventMark:
    """What happened on a session, of the events that are said to forecast a rise or a fall."""

    session: pd.Timestamp
    rises: bool
    text: str


@dataclass(frozen=True)
class PriceData:
    """All sessions of a ticker up to the close, in dividend-adjusted prices scaled to the close as quoted.

    `levels` is the chart of that close, None where the history is too short; candles are drawn of its sessions.
    """

    ticker: str
    bars: Bars
    levels: LevelChart | None
    trades: Sequence[Trade] = ()
    events: Sequence[EventMark] = ()


def price_section(data: PriceData) -> Section:
    """The price chart and the table of the nearest levels."""
    blocks: list[Any] = [_chart(data)]
    if data.levels is not None and data.levels.levels:
        blocks.append(_table(data.levels))
    elif data.levels is None:
        blocks.append(Text("The history is too short for levels and a channel.", "soft"))
    return Section("price", f"The price of {data.ticker}", blocks, "Price")


def _chart(data: PriceData) -> Chart:
    days = pd.DatetimeIndex(data.bars.sessions)
    close = np.asarray(data.bars.close, dtype=float)
    candles = len(data.levels.sessions) if data.levels is not None else 0
    traces = [*_prices(data, days, close, candles), *_averages(days, close)]
    if data.levels is not None:
        traces += [*_levels(data.levels), *_channel(data.levels, days)]
    traces += _trades(data.trades, days, close)
    layout: dict[str, Any] = {
        "margin": {"r": 62},
        "hoverdistance": 8,
        "xaxis": {
            "type": "date", "rangeslider": {"visible": False}, "hoverformat": "%a %-d %b %Y",
            "rangebreaks": [{"bounds": ["sat", "mon"]}],
        },
        "yaxis": {"hoverformat": ".2f", "domain": [0, 1]},
    }  # fmt: skip
    if data.events:
        traces += _events(data.events)
        layout["yaxis"]["domain"] = [0.14, 1]
        layout["yaxis2"] = {
            "domain": [0, 0.09], "range": [-0.7, 1.7], "fixedrange": True, "showgrid": False, "zeroline": False,
            "tickvals": [0, 1], "ticktext": ["fall", "rise"],
        }  # fmt: skip
        layout["xaxis"]["anchor"] = "y2"
    return Chart(
        "price-chart",
        f"{data.ticker} with its averages, levels, channel and trades",
        {"data": traces, "layout": layout},
        f"{'Candles of the last two years and closes' if candles else 'Closes'} before, adjusted for dividends and "
        "scaled to the last close as quoted. Lines across: support below and resistance above, wider the stronger; "
        "shaded: the trend channel. Triangles: what the agents bought and sold at the open of that session. "
        "The strip below marks events that are said to come before a rise or a fall; most mean nothing (see the odds).",
        f"Candles and lines: the price of {data.ticker} up to {days[-1].date()}, last close {price(close[-1])}.",
        height=560,
        period="1Y",
    )


def _prices(data: PriceData, days: pd.DatetimeIndex, close: np.ndarray, candles: int) -> list[dict[str, Any]]:
    first = max(len(close) - candles, 0)
    line = {
        "type": "scatter", "mode": "lines", "name": "close", "x": days[: first + 1], "y": close[: first + 1],
        "line": {"color": role("ink"), "width": 1.2}, "hovertemplate": "%{y:.2f}",
    }  # fmt: skip
    if not candles:
        return [line | {"x": days, "y": close}]
    shown = slice(first, None)
    bars = {
        "type": "candlestick", "name": data.ticker, "x": days[shown],
        **{name: np.asarray(getattr(data.bars, name))[shown] for name in ("open", "high", "low", "close")},
        "increasing": {"line": {"color": role("bull"), "width": 1}, "fillcolor": role("bull", 0.55)},
        "decreasing": {"line": {"color": role("bear"), "width": 1}, "fillcolor": role("bear", 0.55)},
        "hovertemplate": "open %{open:.2f}, high %{high:.2f}, low %{low:.2f}, close %{close:.2f}<extra></extra>",
        "showlegend": False,
    }  # fmt: skip
    return [line | {"showlegend": False}, bars] if first else [bars]


def _averages(days: pd.DatetimeIndex, close: np.ndarray) -> list[dict[str, Any]]:
    styles = (("purple", "solid"), ("green", "dash"))
    return [
        {
            "type": "scatter", "mode": "lines", "name": f"{window}-session average", "x": days,
            "y": pd.Series(close).rolling(window).mean().to_numpy(),
            "line": {"color": role(colour), "width": 1.4, "dash": dash}, "hovertemplate": "%{y:.2f}",
        }
        for window, (colour, dash) in zip(AVERAGES, styles, strict=True)
        if len(close) > window
    ]  # fmt: skip


def _levels(chart: LevelChart) -> list[dict[str, Any]]:
    """A line for each level from its first touch on; the nearest carry their price at the right."""
    traces: list[dict[str, Any]] = []
    end = str(chart.sessions[-1].date())
    named: set[str] = set()
    for level in chart.levels:
        first = max(level.first_touch, chart.sessions[0])
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": "support and resistance", "legendgroup": "levels",
                "showlegend": "levels" not in named, "x": [str(first.date()), end], "y": [level.price, level.price],
                "line": {"color": role("grey", 0.55), "width": round(0.7 + min(level.strength, 4.0) * 0.4, 2)},
                "meta": _ASIDE, "hoverinfo": "skip",
            }
        )  # fmt: skip
        named.add("levels")
    written = _labelled(chart)
    if written:
        traces.append(
            {
                "type": "scatter", "mode": "text", "showlegend": False, "meta": {"aside": True, "months": 24},
                "x": [end] * len(written), "y": [level.price for level in written],
                "text": [f"  {price(level.price)}" for level in written], "textposition": [
                    "top right" if level.kind == "resistance" else "bottom right" for level in written
                ],
                "textfont": {"color": role("soft"), "size": 12}, "cliponaxis": False, "hoverinfo": "skip",
            }
        )  # fmt: skip
    return traces


def _labelled(chart: LevelChart) -> list[DrawnLevel]:
    """The nearest level at either side, and more where they are so far apart that labels do not overlap.

    Labels of supports stand below their line and those of resistances above, so the two nearest never do.
    """
    chosen: list[DrawnLevel] = []
    for kind in ("support", "resistance"):
        for place, level in enumerate(nearest(chart, kind)):
            if place == 0 or all(abs(level.price / other.price - 1.0) >= APART for other in chosen):
                chosen.append(level)
    return chosen


def nearest(chart: LevelChart, kind: str, count: int = LABELLED) -> list[DrawnLevel]:
    """The levels of a kind, the nearest to the close first."""
    return sorted((each for each in chart.levels if each.kind == kind), key=lambda each: abs(each.distance))[:count]


def _channel(chart: LevelChart, days: pd.DatetimeIndex) -> list[dict[str, Any]]:
    found = chart.channel
    if found is None:
        return []
    last = chart.sessions[-1]
    ago = int(days.get_indexer(pd.DatetimeIndex([last]))[0] - days.get_indexer(pd.DatetimeIndex([found.since]))[0])
    before = [edge - found.slope * ago for edge in (found.lower, found.upper)]
    start, end = str(found.since.date()), str(last.date())
    return [
        {
            "type": "scatter", "mode": "lines", "fill": "toself", "hoverinfo": "skip", "showlegend": False,
            "x": [start, end, end, start, start], "y": [before[0], found.lower, found.upper, before[1], before[0]],
            "line": {"width": 0}, "fillcolor": role("sky", 0.12), "meta": _ASIDE, "legendgroup": "channel",
        },
        {
            "type": "scatter", "mode": "lines", "name": "trend channel", "hoverinfo": "skip", "meta": _ASIDE,
            "x": [start, end, None, start, end], "y": [before[0], found.lower, None, before[1], found.upper],
            "line": {"color": role("sky"), "width": 1.2}, "legendgroup": "channel",
        },
    ]  # fmt: skip


def _trades(trades: Sequence[Trade], days: pd.DatetimeIndex, close: np.ndarray) -> list[dict[str, Any]]:
    traces = []
    for agent in ("bull", "bear"):
        for bought in (True, False):
            marks = [each for each in trades if each.bought == bought and (each.agent == "bear") == (agent == "bear")]
            rows = days.get_indexer(pd.DatetimeIndex([each.executed_on for each in marks]))
            marks = [mark for mark, row in zip(marks, rows.tolist(), strict=True) if row >= 0]
            if not marks:
                continue
            held = close[rows[rows >= 0]]
            traces.append(
                {
                    "type": "scatter", "mode": "markers", "x": pd.DatetimeIndex([each.executed_on for each in marks]),
                    "y": held * (0.985 if bought else 1.015), "text": [_told(each) for each in marks],
                    "name": f"{agent.capitalize()} {'buys' if bought else 'sells'}",
                    "hovertemplate": "%{text}<extra></extra>", "cliponaxis": False,
                    "marker": {
                        "symbol": "triangle-up" if bought else "triangle-down-open", "size": 9,
                        "color": role(agent), "line": {"width": 1.5, "color": role(agent)},
                    },
                }
            )  # fmt: skip
    return traces


def _told(trade: Trade) -> str:
    """The day, the agent and the trade, with the first reason of its decision."""
    return hover_text(f"{day(trade.executed_on)}, {capital(trade.agent)}: {trade.sentence}", trade.reasons[:1])


def _events(events: Sequence[EventMark]) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter", "mode": "markers", "yaxis": "y2", "showlegend": False,
            "x": pd.DatetimeIndex([each.session for each in marks]), "y": [int(rises)] * len(marks),
            "text": [each.text for each in marks], "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "symbol": "line-ns-open", "size": 9, "color": role("bull" if rises else "bear"),
                "line": {"width": 1.5, "color": role("bull" if rises else "bear")},
            },
        }
        for rises in (True, False)
        if (marks := [each for each in events if each.rises == rises])
    ]  # fmt: skip


def _table(chart: LevelChart) -> Table:
    shown = [*reversed(nearest(chart, "resistance")), *nearest(chart, "support")]
    return Table(
        f"The nearest levels at the close of {day(chart.session)}, {price(chart.close)}; the average true range is "
        f"{price(chart.atr)}",
        ("level", "kind", "from the close", "in ATRs", "touches", "first touch", "last touch"),
        tuple(
            (
                price(level.price),
                level.kind,
                per_cent(level.price / chart.close - 1.0, 1, signed=True),
                f"{level.distance:+.1f}",
                str(level.touches),
                str(level.first_touch.date()),
                str(level.last_touch.date()),
            )
            for level in shown
        ),
        left=(0, 1),
    )
