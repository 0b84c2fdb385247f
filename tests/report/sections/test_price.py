"""The price chart: what is drawn where, and nothing that is not there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.factors.engine.registry import Bars
from bullbear.report.charts import Chart
from bullbear.report.level_chart import DrawnChannel, DrawnLevel, LevelChart
from bullbear.report.section import Text
from bullbear.report.sections.price import EventMark, PriceData, price_section
from bullbear.report.tables import Table
from bullbear.report.trades import Trade
from bullbear.sessions import between

DAYS = between("2018-01-02", "2019-12-31")
CLOSE = 100 + np.arange(len(DAYS)) / 10


def _level(price: float, kind: Any, distance: float, strength: float = 1.0) -> DrawnLevel:
    first = DAYS[-100]
    return DrawnLevel(price, 0.5, kind, distance, 3, 1, strength, first, first, DAYS[-20], None, ())


@pytest.fixture
def data() -> PriceData:
    bars = Bars(sessions=DAYS.to_numpy(), open=CLOSE - 0.2, high=CLOSE + 1, low=CLOSE - 1, close=CLOSE,
                volume=np.ones(len(DAYS)))  # fmt: skip
    last = slice(-120, None)
    chart = LevelChart(
        ticker="IWM", session=DAYS[-1], simulated=False, close=float(CLOSE[-1]), atr=2.0,
        levels=(_level(155.0, "resistance", 2.4), _level(149.5, "support", -0.4), _level(149.0, "support", -0.6, 4.0)),
        channel=DrawnChannel(140.0, 152.0, 0.1, 6.0, 0.8, DAYS[-61]), patterns=(), breaks=(), sessions=DAYS[last],
        opens=bars.open[last], highs=bars.high[last], lows=bars.low[last], closes=bars.close[last],
        volumes=bars.volume[last],
    )  # fmt: skip
    trades = [
        Trade(DAYS[-51], DAYS[-50], "IWM", "bull", "bull", 0.0, 0.6, 146.0, "order", ("uptrend", "a second reason")),
        Trade(DAYS[-31], DAYS[-30], "TWM", "bear", "bear", 0.1, 0.0, 12.0, "stop", ()),
        Trade(DAYS[-1], pd.Timestamp("2020-01-02"), "IWM", "bull", "bull", 0.6, 0.7, 150.0, "order", ()),
    ]
    events = [EventMark(DAYS[-5], True, "RSI left 30"), EventMark(DAYS[-4], False, "a death cross")]
    return PriceData("IWM", bars, chart, trades, events)


def _traces(data: PriceData) -> dict[str, list[dict[str, Any]]]:
    chart = price_section(data).blocks[0]
    assert isinstance(chart, Chart)
    found: dict[str, list[dict[str, Any]]] = {}
    for trace in chart.figure["data"]:
        found.setdefault(str(trace.get("name", trace.get("mode"))), []).append(dict(trace))
    return found


def test_closes_run_into_the_candles_without_a_gap(data: PriceData) -> None:
    traces = _traces(data)
    (line,), (candles,) = traces["close"], traces["IWM"]
    assert len(line["x"]) + len(candles["x"]) == len(DAYS) + 1
    assert line["x"][-1] == candles["x"][0]
    assert candles["close"][-1] == CLOSE[-1]


def test_averages_are_of_as_many_sessions_as_they_say(data: PriceData) -> None:
    (fifty,) = _traces(data)["50-session average"]
    assert np.isnan(fifty["y"][48])
    assert fifty["y"][49] == pytest.approx(CLOSE[:50].mean())
    assert "200-session average" in _traces(data)


def test_the_channel_goes_back_at_its_slope(data: PriceData) -> None:
    (channel,) = _traces(data)["trend channel"]
    assert channel["y"][:2] == pytest.approx([140.0 - 6.0, 140.0])  # sixty sessions of 0.1
    assert channel["y"][3:] == pytest.approx([152.0 - 6.0, 152.0])
    assert channel["x"][0] == str(DAYS[-61].date())


def test_levels_start_at_their_first_touch_and_labels_keep_apart(data: PriceData) -> None:
    traces = _traces(data)
    assert [line["y"][0] for line in traces["support and resistance"]] == [155.0, 149.5, 149.0]
    assert {line["x"][0] for line in traces["support and resistance"]} == {str(DAYS[-100].date())}
    (labels,) = traces["text"]
    assert [text.strip() for text in labels["text"]] == ["149.50", "155.00"]  # 149.00 would stand on 149.50
    assert labels["textposition"] == ["bottom right", "top right"]
    assert data.levels is not None
    near = replace(data.levels, levels=(_level(150.0, "resistance", 0.1), *data.levels.levels))
    (labels,) = _traces(replace(data, levels=near))["text"]
    assert [text.strip() for text in labels["text"]] == ["149.50", "150.00", "155.00"]
    table = price_section(data).blocks[1]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["155.00", "149.50", "149.00"]


def test_trades_stand_beside_the_close_of_their_session(data: PriceData) -> None:
    traces = _traces(data)
    (buys,), (sells,) = traces["Bull buys"], traces["Bear sells"]
    assert buys["text"] == ["21 Oct 2019, Bull: bought IWM, 0 % to 60 % at 146.00<br>uptrend"]
    assert sells["text"] == ["18 Nov 2019, Bear: stopped out of TWM, 10 % to 0 % at 12.00"]
    assert list(buys["x"]) == [DAYS[-50]]  # the one after the close is not shown
    assert buys["y"] == pytest.approx(CLOSE[[-50]] * 0.985)
    assert sells["y"] == pytest.approx(CLOSE[[-30]] * 1.015)
    assert "Bull sells" not in traces


def test_a_short_history_has_a_line_and_says_why(data: PriceData) -> None:
    bare = replace(data, levels=None, trades=(), events=())
    (line,) = _traces(bare)["close"]
    assert len(line["x"]) == len(DAYS)
    note = price_section(bare).blocks[1]
    assert isinstance(note, Text)
    assert "too short" in note.text
