"""The outlook: what is unusual stands out, the fan starts at today's close, and the table says all of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.report.charts import Chart
from bullbear.report.section import Section, Text
from bullbear.report.sections.outlook import FanData, OutlookData, outlook_section
from bullbear.report.tables import Table

ROW = {"question": "dip8", "statement": "A close 8 % or more below today's within the month.", "p": 0.191,
       "p_low": 0.142, "p_high": 0.252, "climatology": 0.123, "lift": 1.55, "skill": 0.104,
       "skill_low": 0.041, "skill_high": 0.162, "model": "wild", "run_id": "ab12cd34ef"}  # fmt: skip
ALONE = ROW | {"question": "rally5", "statement": "It rises.", "p": 0.31, "p_low": 0.25, "p_high": 0.37,
               "climatology": 0.31, "model": None, "run_id": None, "skill": 0.0,
               "skill_low": None, "skill_high": None}  # fmt: skip
SPREAD = {"volatility": 0.1316, "volatility_climatology": 0.187, "quantiles": {"0.05": -0.061, "0.95": 0.0566}}


def fan() -> FanData:
    """Three sessions ahead of a price that ended at 110."""
    quantiles = np.outer([-0.06, -0.02, 0.01, 0.03, 0.06], [0.5, 0.8, 1.0])
    past = pd.Series([100.0, 121.0, 110.0], pd.DatetimeIndex(["2019-12-27", "2019-12-30", "2019-12-31"]))
    return FanData(quantiles, 1.5 * quantiles, past, pd.DatetimeIndex(["2020-01-02", "2020-01-03", "2020-01-06"]))


def _section(**changes: Any) -> Section:
    given: dict[str, Any] = {"rows": [ROW, ALONE], "distribution": SPREAD, "fan": fan(), "resolves_on": "2020-01-06"}
    return outlook_section(OutlookData(**(given | changes)))


def test_what_is_unusual_is_bold_and_strong() -> None:
    bars, _ = _section().charts
    layout, data = bars.figure["layout"], bars.figure["data"]
    texts = [each["text"] for each in layout["annotations"]]
    assert texts == [
        "<b>A close 8 % or more below today's within the<br>month</b>", "19 %, usually 12 %",
        "It rises", "31 %, usually 31 %",
    ]  # fmt: skip
    assert data[0]["x"] == pytest.approx([19.1, 31.0])
    assert data[0]["marker"]["color"] == ["@forecast", "@forecast/0.55"]
    assert data[0]["error_x"]["array"] == pytest.approx([6.1, 6.0])
    assert data[0]["error_x"]["arrayminus"] == pytest.approx([4.9, 6.0])
    assert data[1]["x"] == pytest.approx([12.3, 31.0])
    assert "Unusual: A close 8 %" in bars.alt


def test_the_fan_starts_at_the_close_and_ends_with_its_numbers() -> None:
    _, chart = _section().charts
    assert isinstance(chart, Chart)
    traces = {trace["name"]: trace for trace in chart.figure["data"]}
    assert traces["so far"]["y"] == pytest.approx([-9.0909, 10.0, 0.0], abs=1e-4)
    assert traces["median"]["y"] == pytest.approx([0.0, 0.5, 0.8, 1.0])
    assert list(traces["median"]["x"]) == list(
        pd.DatetimeIndex(["2019-12-31", "2020-01-02", "2020-01-03", "2020-01-06"])
    )
    assert [each["text"] for each in chart.figure["layout"]["annotations"]] == ["-6.0 %", "+1.0 %", "+6.0 %"]
    assert chart.title == "Total return from the close of 31 Dec 2019"


def test_the_table_and_the_sentence_say_the_numbers() -> None:
    blocks = _section().blocks
    text = next(block.text for block in blocks if isinstance(block, Text))
    assert text == (
        "Volatility 13 % a year, usually 19 %; in nine cases of ten the return lies between -6.1 % and +5.7 %."
    )
    table = next(block for block in blocks if isinstance(block, Table))
    assert table.rows[0][2:] == ("19.1 %", "14.2 % to 25.2 %", "12.3 %", "+10.4 %", "+4.1 % to +16.2 %", "wild")
    assert table.rows[1][5:] == ("–", "–", "none: the base rate")


def test_an_entry_without_outlook_or_distribution_has_an_empty_section() -> None:
    assert list(_section(rows=[], distribution=None, fan=None).blocks) == []
