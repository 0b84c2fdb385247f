"""The record of the champions: past outlooks with what came of them, reliability, and skill as it grew."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.evaluate.reliability import CalibrationBin
from bullbear.report.charts import PER_CENT, Chart, Hundredths
from bullbear.report.palette import role
from bullbear.report.section import Block, Grid, Heading, Section, Text
from bullbear.report.words import per_cent

_STRIP, _GAP = 118, 0.22
"""Pixels of a strip of past outlooks, and the share of it that its name takes."""
_LABEL = 34
"""Characters of a statement over its strip: what a phone shows."""


@dataclass(frozen=True)
class QuestionRecord:
    """The out-of-sample forecasts of a question's champion, in order, and what came of them (`y`, NaN before).

    Arrays have shape (n_days,). `calibration` are bins of equal mass with `level` intervals; `cumulative` the frame of
    `evaluate.cumulative.cumulative_band`, empty for a short record.
    """

    question: str
    statement: str
    model: str
    days: pd.DatetimeIndex
    p: np.ndarray
    climatology: np.ndarray
    y: np.ndarray
    calibration: Sequence[CalibrationBin]
    share: float
    cumulative: pd.DataFrame
    level: float = 0.9


def record_section(records: Sequence[QuestionRecord]) -> Section:
    """Past outlooks as strips, then a reliability diagram and the cumulative skill of each question."""
    blocks: list[Block] = [
        Text(
            "All of this is out of sample: each forecast was made by a model that had seen only what was known at that "
            "close. Daily forecasts of a month overlap, so the intervals count far fewer independent months than days."
        ),
        _past(records),
        Heading("Reliability: did what was forecast at 30 % happen on 30 % of such days?"),
        Grid([_reliability(each) for each in records]),
    ]
    own = [each for each in records if len(each.cumulative) and np.nanmax(np.abs(each.cumulative["skill"])) > 0.0]
    if own:
        blocks += [
            Heading("Skill against the base rate, up to each month"),
            Text(
                "One minus the ratio of Brier scores, of all forecasts up to each month. Above zero: better than "
                "always forecasting the base rate. Bands are 90 % intervals at one month; those of the first years "
                "say little. They are asymptotic, so the last ones differ a little from the bootstrap intervals of the "
                "outlook's table, which were measured when the model became champion."
            ),
            Grid([_cumulative(each) for each in own]),
        ]
    named = {each.question for each in own}
    if same := [each.question for each in records if len(each.cumulative) and each.question not in named]:
        blocks.append(Text(f"The champion of {' and '.join(same)} is the base rate itself: its skill is zero.", "soft"))
    return Section("record", "Past outlooks and what came of them", blocks, "Past outlooks")


def _claim(each: QuestionRecord) -> str:
    return each.statement.removesuffix(".")


def _past(records: Sequence[QuestionRecord]) -> Chart:
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"xaxis": {"type": "date", "hoverformat": "%a %-d %b %Y"}, "annotations": []}
    height = 1.0 / len(records)
    for place, each in enumerate(records):
        axis = "y" if place == 0 else f"y{place + 1}"
        bottom = 1.0 - (place + 1) * height
        top = float(np.nanmax(np.append(each.p, each.climatology)))
        limit = 100.0 * min(1.0, max(0.2, 1.08 * top))
        shared = {"type": "scatter", "x": each.days, "yaxis": axis, "showlegend": place == 0}
        traces += [
            {
                **shared, **_answers(each, limit), "name": "came out as yes", "legendgroup": "yes", "mode": "lines",
                "line": {"width": 0, "shape": "hv"}, "fill": "tozeroy", "fillcolor": role("green", 0.25),
                "hoverinfo": "skip", "meta": {"aside": True},
            },
            {
                **shared, "y": Hundredths(100.0 * each.climatology), "name": "base rate", "legendgroup": "base",
                "mode": "lines", "line": {"color": role("usual"), "width": 1.5, "dash": "dash"},
                "hovertemplate": f"{each.question}: base rate %{{y:.0f}} %<extra></extra>",
            },
            {
                **shared, "y": Hundredths(100.0 * each.p), "name": "forecast", "legendgroup": "forecast",
                "mode": "lines", "line": {"color": role("forecast"), "width": 1.3},
                "hovertemplate": f"{each.question}: %{{y:.0f}} %<extra></extra>",
            },
        ]  # fmt: skip
        layout[f"yaxis{axis[1:]}"] = {
            "domain": [bottom, bottom + height * (1.0 - _GAP)], "range": [0, limit], "fixedrange": True, "nticks": 4,
            "zeroline": False, **PER_CENT,
        }  # fmt: skip
        label = f"<b>{each.question}</b>  {textwrap.shorten(_claim(each), _LABEL, placeholder='…')}"
        layout["annotations"].append(
            {
                "x": 0, "xref": "paper", "xanchor": "left", "y": bottom + height * (1.0 - _GAP), "yref": "paper",
                "yanchor": "bottom", "showarrow": False, "text": label,
            }
        )  # fmt: skip
    if len(records) > 1:
        layout["xaxis"]["anchor"] = f"y{len(records)}"
    return Chart(
        "past-outlooks",
        "Forecasts of each question, day by day",
        {"data": traces, "layout": layout},
        "Shaded: days after which the answer came out as yes. A good forecast is high where it is shaded and low where "
        "it is not, and differs from the dashed base rate for a reason.",
        "Lines by question: the forecast and the base rate by day; shaded where the answer was yes.",
        height=60 + _STRIP * len(records),
        period="5Y" if len(records[0].days) > 1300 else None,
    )


def _answers(each: QuestionRecord, limit: float) -> dict[str, Any]:
    """A step line that is `limit` while the answer is yes, by the days on which it changes."""
    yes = (each.y == 1.0).astype(float)
    turns = np.flatnonzero(np.diff(yes, prepend=-1.0))
    turns = np.append(turns, len(yes) - 1) if turns[-1] != len(yes) - 1 else turns
    return {"x": each.days[turns], "y": limit * yes[turns]}


def _reliability(each: QuestionRecord) -> Chart:
    bins = each.calibration
    p, share = (100.0 * np.array([getattr(one, name) for one in bins]) for name in ("mean_p", "share_up"))
    low, high = (100.0 * np.array([getattr(one, name) for one in bins]) for name in ("low", "high"))
    top = min(100.0, 1.08 * float(max(p.max(), high.max())))
    bottom = max(0.0, 0.92 * float(min(p.min(), low.min())))
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": "calibrated", "x": [bottom, top], "y": [bottom, top],
            "line": {"color": role("grey"), "width": 1.2}, "hoverinfo": "skip",
        },
        {
            "type": "scatter", "mode": "lines", "name": "base rate", "x": [bottom, top], "y": [100.0 * each.share] * 2,
            "line": {"color": role("usual"), "width": 1.5, "dash": "dash"}, "hoverinfo": "skip",
        },
        {
            "type": "scatter", "mode": "markers", "name": f"forecasts, {per_cent(each.level)} interval",
            "x": p.tolist(), "y": share.tolist(), "marker": {"color": role("forecast"), "size": 7},
            "error_y": {
                "type": "data", "symmetric": False, "array": (high - share).tolist(),
                "arrayminus": (share - low).tolist(), "color": role("forecast"), "thickness": 1.3, "width": 3,
            },
            "customdata": [one.n for one in bins],
            "hovertemplate": "forecast %{x:.0f} %, came true on %{y:.0f} % of %{customdata:,} days<extra></extra>",
        },
    ]  # fmt: skip
    axis = {"range": [bottom, top], "nticks": 5, "zeroline": False, **PER_CENT}
    layout = {
        "hovermode": "closest",
        "xaxis": {**axis, "title": {"text": "forecast"}},
        "yaxis": {**axis, "title": {"text": "came true"}},
    }
    return Chart(
        f"reliability-{each.question}",
        _claim(each),
        {"data": traces, "layout": layout},
        f"{each.question}: each dot is a group of days with about the same forecast; on the line it is calibrated.",
        f"Reliability diagram of {each.question}: {len(bins)} groups of days with about the same forecast, from "
        f"{p.min():.0f} % to {p.max():.0f} %, which came true on {share.min():.0f} % to {share.max():.0f} %.",
        height=330,
    )


def _cumulative(each: QuestionRecord) -> Chart:
    found = 100.0 * each.cumulative
    days = pd.DatetimeIndex(found.index).tz_localize(None)
    shared = {"type": "scatter", "mode": "lines", "x": days}
    # The first months swing too far for the scale of the rest: the axis is that of the last four fifths.
    settled = found.iloc[len(found) // 5 :]
    ends = np.array([0.0, np.nanmin(settled["low"]), np.nanmax(settled["high"])])
    air = 0.08 * max(float(ends.max() - ends.min()), 1.0)
    traces = [
        {
            **shared, "y": found["high"].to_numpy(), "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip",
        },
        {
            **shared, "y": found["low"].to_numpy(), "line": {"width": 0}, "fill": "tonexty",
            "fillcolor": role("forecast", 0.2), "name": f"{per_cent(each.level)} interval",
            "hoverinfo": "skip",
        },
        {
            **shared, "y": found["skill"].to_numpy(), "line": {"color": role("forecast"), "width": 2}, "name": "skill",
            "hovertemplate": "%{y:+.1f} %<extra></extra>",
        },
    ]  # fmt: skip
    last = each.cumulative.iloc[-1]
    said = f"{per_cent(last['skill'], 1, signed=True)} at the end"
    band = f"({per_cent(last['low'], 1, signed=True)} to {per_cent(last['high'], 1, signed=True)})"
    return Chart(
        f"cumulative-{each.question}",
        _claim(each),
        {
            "data": traces,
            "layout": {
                "xaxis": {"type": "date", "nticks": 6, "hoverformat": "%b %Y"},
                "yaxis": {
                    "range": [float(ends.min()) - air, float(ends.max()) + air], "nticks": 6, "zeroline": True,
                    "zerolinecolor": role("ink"), "zerolinewidth": 1.2, **PER_CENT,
                },
            },
        },
        f"{each.question}, model {each.model}: {said} {band}.",
        f"Line: Brier skill of {each.question} up to each month, {said} {band}.",
        height=290,
    )  # fmt: skip
