"""The outlook: every question beside its base rate, and the fan of the month's returns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.forecasting.card.outlook import is_unusual, stated, width_of
from bullbear.report.charts import PER_CENT, Chart
from bullbear.report.palette import role
from bullbear.report.section import Block, Section, Text
from bullbear.report.tables import Table
from bullbear.report.words import UNKNOWN, day, per_cent

_SO_FAR = 45
"""Sessions before the fan."""
_LINE = 46
"""Characters of a line of a statement over its bar; a phone shows as many."""


@dataclass(frozen=True)
class FanData:
    """Quantiles 5, 25, 50, 75 and 95 % of the total return after each coming session, and the usual ones: (5, h).

    `past` are total-return closes up to the forecast's, by session; `ahead` the h sessions to come.
    """

    quantiles: np.ndarray
    usual: np.ndarray
    past: pd.Series
    ahead: pd.DatetimeIndex


@dataclass(frozen=True)
class OutlookData:
    """The rows of `outlook` and the `distribution` of `forecast --json`, and the fan; None where there is none."""

    rows: Sequence[Mapping[str, Any]]
    distribution: Mapping[str, Any] | None
    fan: FanData | None
    resolves_on: str


def outlook_section(data: OutlookData) -> Section:
    """Bars against usual, the fan, the sentence of the distribution, and the table of all questions."""
    blocks: list[Block] = []
    if data.rows:
        blocks.append(_bars(data.rows))
    if data.fan is not None:
        blocks.append(_fan(data.fan))
    if data.distribution:
        blocks.append(Text(width_of(data.distribution)))
    if data.rows:
        blocks.append(_table(data.rows))
    return Section("outlook", f"The outlook to {day(data.resolves_on)}", blocks, "Outlook")


def _bars(rows: Sequence[Mapping[str, Any]]) -> Chart:
    place = np.arange(len(rows))[::-1].tolist()
    p = [100.0 * float(row["p"]) for row in rows]
    usual = [100.0 * float(row["climatology"]) for row in rows]
    low = [p[n] if row["p_low"] is None else 100.0 * row["p_low"] for n, row in enumerate(rows)]
    high = [p[n] if row["p_high"] is None else 100.0 * row["p_high"] for n, row in enumerate(rows)]
    told = [f"{per_cent(row['p'])}, usually {per_cent(row['climatology'])}" for row in rows]
    statements = [textwrap.wrap(stated(row), _LINE) for row in rows]
    notes: list[dict[str, Any]] = []
    for n, row in enumerate(rows):
        shown = "<br>".join(statements[n])
        notes.append(
            {
                "x": 0, "y": place[n] + 0.24, "xanchor": "left", "yanchor": "bottom", "align": "left", "xshift": 2,
                "showarrow": False, "text": f"<b>{shown}</b>" if is_unusual(row) else shown,
            }
        )  # fmt: skip
        edge = max(p[n], usual[n], high[n])
        notes.append(
            {"x": edge, "y": place[n], "xanchor": "left", "xshift": 8, "showarrow": False, "text": told[n]}
        )  # fmt: skip
    traces = [
        {
            "type": "bar", "orientation": "h", "name": "this month", "x": p, "y": place, "width": 0.34,
            "marker": {"color": [role("forecast", 1.0 if is_unusual(row) else 0.55) for row in rows]},
            "error_x": {
                "type": "data", "symmetric": False, "array": [b - a for a, b in zip(p, high, strict=True)],
                "arrayminus": [b - a for a, b in zip(low, p, strict=True)], "color": role("ink"), "thickness": 1.4,
                "width": 4,
            },
            "hovertemplate": "%{text}<extra></extra>", "text": told, "textposition": "none", "showlegend": False,
        },
        {
            "type": "scatter", "mode": "markers", "name": "base rate", "x": usual, "y": place, "hoverinfo": "skip",
            "marker": {
                "symbol": "line-ns-open", "size": 20, "color": role("usual"),
                "line": {"width": 3, "color": role("usual")},
            },
        },
        {
            "type": "scatter", "mode": "markers", "name": "forecast with its 90 % interval", "x": [None], "y": [None],
            "marker": {"symbol": "square", "size": 11, "color": role("forecast")},
        },
    ]  # fmt: skip
    layout = {
        "hovermode": "closest",
        "dragmode": False,
        "xaxis": {"range": [0, 100], "fixedrange": True, "zeroline": False, **PER_CENT},
        "yaxis": {"range": [-0.5, len(rows) - 0.15], "visible": False, "fixedrange": True},
        "annotations": notes,
    }
    unusual = [f"{stated(row)}." for row in rows if is_unusual(row)]
    return Chart(
        "against-usual",
        "This month against usual",
        {"data": traces, "layout": layout},
        "Bars are the forecasts with their 90 % intervals, the upright marks the base rates. Strong bars and bold "
        "statements: the interval does not hold the base rate, so the month is unusual in this.",
        "Bars: the probability of each question beside its base rate. "
        + (f"Unusual: {' '.join(unusual)}" if unusual else "Nothing is unusual."),
        height=70 + sum(44 + 17 * len(lines) for lines in statements),
    )


def _fan(fan: FanData) -> Chart:
    past = pd.DatetimeIndex(fan.past.index)
    now = past[-1:]
    days = now.append(fan.ahead)
    low, lower, middle, upper, high = 100.0 * np.column_stack([np.zeros(5), fan.quantiles])
    least, most = 100.0 * np.column_stack([np.zeros(2), fan.usual[[0, -1]]])
    so_far = 100.0 * (fan.past.to_numpy(dtype=float) / float(fan.past.iloc[-1]) - 1.0)

    def line(name: str, y: np.ndarray, **options: Any) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": days,
            "y": y,
            "hovertemplate": "%{y:+.1f} %",
        } | options

    edge = {"width": 0, "color": role("forecast")}
    usual = {"color": role("usual"), "width": 1.6, "dash": "dash"}
    traces = [
        line("so far", so_far, x=past, line={"color": role("ink"), "width": 1.5}),
        line("95 of 100 below", high, line=edge, showlegend=False),
        line("90 % of outcomes", low, line=edge, fill="tonexty", fillcolor=role("forecast", 0.16),
             hovertemplate="5 of 100 below : %{y:+.1f} %<extra></extra>"),
        line("75 of 100 below", upper, line=edge, showlegend=False),
        line("50 % of outcomes", lower, line=edge, fill="tonexty", fillcolor=role("forecast", 0.32),
             hovertemplate="25 of 100 below : %{y:+.1f} %<extra></extra>"),
        line("median", middle, line={"color": role("forecast"), "width": 2.2}),
        line("usual 90 %", most, line=usual, legendgroup="usual"),
        line("usual 90 %", least, line=usual, legendgroup="usual", showlegend=False),
    ]  # fmt: skip
    ends = [
        {
            "x": str(days[-1].date()), "y": float(each[-1]), "xanchor": "left", "xshift": 6, "showarrow": False,
            "text": f"{each[-1]:+.1f} %", "font": {"color": role("forecast"), "size": 13},
        }
        for each in (low, middle, high)
    ]  # fmt: skip
    layout = {
        "margin": {"r": 62},
        "xaxis": {
            "type": "date", "hoverformat": "%a %-d %b %Y",
            "range": [str(past[-_SO_FAR:][0].date()), str((days[-1] + pd.Timedelta(days=1)).date())],
        },
        "yaxis": {"zeroline": True, **PER_CENT},
        "shapes": [
            {
                "type": "line", "x0": str(now[0].date()), "x1": str(now[0].date()), "yref": "paper", "y0": 0, "y1": 1,
                "line": {"color": role("grey"), "width": 1},
            }
        ],
        "annotations": ends,
    }  # fmt: skip
    return Chart(
        "fan",
        f"Total return from the close of {day(now[0])}",
        {"data": traces, "layout": layout},
        "The bands should hold 90 and 50 of 100 months after each coming session; where they are narrower than the "
        "dashed lines, the month should be quieter than usual.",
        f"Fan: after {len(fan.ahead)} sessions nine of ten outcomes lie between {low[-1]:+.1f} % and {high[-1]:+.1f} "
        f"%, usually between {least[-1]:+.1f} % and {most[-1]:+.1f} %.",
        height=430,
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        "Every question with its forecast, interval and base rate. The skill is that of the question's champion "
        "against the base rate, measured at its promotion; intervals are of 90 %",
        ("question", "statement", "forecast", "interval", "base rate", "skill", "skill's interval", "champion"),
        tuple(
            (
                str(row["question"]),
                f"{stated(row)}.",
                per_cent(row["p"], 1),
                f"{per_cent(row['p_low'], 1)} to {per_cent(row['p_high'], 1)}",
                per_cent(row["climatology"], 1),
                UNKNOWN if row["model"] is None else per_cent(row["skill"], 1, signed=True),
                UNKNOWN
                if row["model"] is None or row["skill_low"] is None
                else f"{per_cent(row['skill_low'], 1, signed=True)} to {per_cent(row['skill_high'], 1, signed=True)}",
                "none: the base rate" if row["model"] is None else str(row["model"]),
            )
            for row in rows
        ),
        stack=True,
        left=(0, 1, 7),
    )
