"""The record: answers are shaded where they were yes, strips keep their scale, and a base rate has no skill to draw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate.cumulative import cumulative_band
from bullbear.evaluate.reliability import calibration_table
from bullbear.report.section import Section, Text
from bullbear.report.sections.record import QuestionRecord, record_section
from bullbear.sessions import between, closes


def record(question: str = "dip5", *, skilled: bool = True) -> QuestionRecord:
    """Three years of forecasts of an event that comes and goes by the quarter."""
    days = between("2017-01-03", "2019-12-31")
    y = (np.arange(len(days)) // 60 % 3 == 0).astype(float)
    p = np.where(y == 1.0, 0.5, 0.2) if skilled else np.full(len(y), 0.3)
    y[-21:] = np.nan
    after = between(days[0], days[-1] + pd.Timedelta(days=60))
    made = Predictions.of(
        decided_at=closes(days), resolved_at=closes(after[21 : 21 + len(days)]), asset="IWM", p=p, climatology=0.3, y=y,
        question=question,
    )  # fmt: skip
    known = ~np.isnan(y)
    return QuestionRecord(
        question=question, statement="A close 5 % or more below today's within the month.", model="outlook", days=days,
        p=p, climatology=np.full(len(y), 0.3), y=y, share=float(y[known].mean()),
        calibration=calibration_table(y[known], p[known], n_effective=60.0), cumulative=cumulative_band(made),
    )  # fmt: skip


def _section(*records: QuestionRecord) -> Section:
    return record_section(records)


def test_answers_are_shaded_from_the_day_they_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    each = record()
    past = _section(each).charts[0]
    shade, base, forecast = past.figure["data"]
    assert list(shade["y"][:3]) == pytest.approx([54.0, 0.0, 54.0])  # 1.08 times the highest forecast
    assert list(shade["x"][:3]) == [each.days[0], each.days[60], each.days[180]]
    assert forecast["y"].values[0] == 50.0
    assert base["y"].values[0] == 30.0
    assert past.figure["layout"]["yaxis"]["range"] == pytest.approx([0.0, 54.0])


def test_every_question_has_a_strip_a_diagram_and_a_curve() -> None:
    section = _section(record("dip5"), record("dip8"))
    assert [chart.id for chart in section.charts] == [
        "past-outlooks", "reliability-dip5", "reliability-dip8", "cumulative-dip5", "cumulative-dip8",
    ]  # fmt: skip
    layout: Any = section.charts[0].figure["layout"]
    assert layout["xaxis"]["anchor"] == "y2"
    assert layout["yaxis"]["domain"][0] > layout["yaxis2"]["domain"][1]
    assert "dip8" in layout["annotations"][1]["text"]


def test_the_curve_ends_at_the_skill_of_the_whole_record() -> None:
    each = record()
    curve = _section(each).charts[-1]
    last = each.cumulative.iloc[-1]
    assert curve.figure["data"][2]["y"][-1] == pytest.approx(100 * last["skill"])
    assert last["low"] < last["skill"] < last["high"]
    assert f"{100 * last['skill']:+.1f} % at the end" in curve.caption


def test_a_base_rate_has_no_curve_and_a_short_record_neither() -> None:
    plain = _section(record("up", skilled=False))
    assert [chart.id for chart in plain.charts] == ["past-outlooks", "reliability-up"]
    said = [block.text for block in plain.blocks if isinstance(block, Text)]
    assert said[-1] == "The champion of up is the base rate itself: its skill is zero."
    short = replace(record(), cumulative=record().cumulative.iloc[:0])
    assert [chart.id for chart in _section(short).charts] == ["past-outlooks", "reliability-dip5"]
