"""Macro, credit, sector and breadth dashboards: today's value, its percentile, and the last years."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.report.charts import PER_CENT, Chart
from bullbear.report.palette import role
from bullbear.report.section import Block, Grid, Heading, Section, Text
from bullbear.report.words import day
from bullbear.wording import capital, percent


@dataclass(frozen=True)
class Gauge:
    """One indicator: its value now, where it stands among all its earlier values, and its last years.

    `percentile` is the share of earlier sessions with a lower value, ties by half, from 0 to 1; `since` the first of
    them. `form` is a format specification of the value after `scale` ("+.1f" of 100 times it, say), `unit` what
    follows. `history` is thinned out to one value a week.
    """

    name: str
    title: str
    about: str
    unit: str
    form: str
    scale: float
    value: float
    as_of: pd.Timestamp
    percentile: float
    since: pd.Timestamp
    history: pd.Series

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return f"{format(self.scale * self.value, self.form)}{self.unit}"

    @property
    def stands(self) -> str:
        """Where it stands among its earlier values."""
        if math.isnan(self.percentile):
            return "its first value"
        since = f"since {self.since.year}"
        if self.percentile <= 0.005:
            return f"the lowest {since}"
        if self.percentile >= 0.995:
            return f"the highest {since}"
        return f"higher than on {percent(self.percentile, 0)} of days {since}"


@dataclass(frozen=True)
class Dashboard:
    """Some gauges that belong together; `missing` names those without a value."""

    name: str
    title: str
    gauges: tuple[Gauge, ...]
    missing: tuple[str, ...]
    bars: tuple[Gauge, ...] = ()
    """Gauges of one kind that are compared with each other rather than with their past."""


def dashboards_section(boards: Sequence[Dashboard]) -> Section:
    """All boards in one section; a board without any value is one sentence."""
    blocks: list[Block] = [
        Text(
            "Each number is what was known at the close. The percentile compares it with every earlier day, as it "
            "was known on that day; the line shows the last five years."
        )
    ]
    for board in boards:
        blocks.append(Heading(board.title))
        if not board.gauges and not board.bars:
            blocks.append(Text("The data hold none of its series."))
            continue
        if board.bars:
            blocks.append(_bars(board))
        blocks.append(Grid([_gauge(each) for each in board.gauges]))
        if board.missing:
            blocks.append(Text(f"Without data: {', '.join(board.missing)}.", "soft"))
    return Section("dashboards", "Macro, credit, sectors and breadth", blocks, "Dashboards")


def _gauge(gauge: Gauge) -> Chart:
    days, values = pd.DatetimeIndex(gauge.history.index), gauge.scale * gauge.history.to_numpy()
    decimals = "".join(each for each in gauge.form if each.isdigit()) or "2"
    hover = f"%{{y:{'+' if '+' in gauge.form else ''}.{decimals}f}}{gauge.unit}<extra></extra>"
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": gauge.title, "x": days, "y": values, "showlegend": False,
            "line": {"color": role("forecast"), "width": 1.4}, "hovertemplate": hover,
        },
        {
            "type": "scatter", "mode": "markers", "name": "now", "x": days[-1:], "y": values[-1:], "showlegend": False,
            "marker": {"color": role("ink"), "size": 8}, "hoverinfo": "skip",
        },
    ]  # fmt: skip
    layout = {
        "xaxis": {"type": "date", "nticks": 5, "hoverformat": "%-d %b %Y"},
        "yaxis": {"nticks": 4, "zeroline": True, **(PER_CENT if gauge.unit == " %" else {})},
    }
    return Chart(
        f"gauge-{gauge.name.replace('_', '-')}",
        f"{gauge.title}: {gauge.shown}",
        {"data": traces, "layout": layout},
        f"{capital(gauge.stands)}. {gauge.about}",
        f"Line over five years to {day(gauge.as_of)}: {gauge.title} is {gauge.shown}, {gauge.stands}.",
        height=190,
    )


def _bars(board: Dashboard) -> Chart:
    ordered = sorted(board.bars, key=lambda each: each.value)
    values = [float(np.round(each.scale * each.value, 2)) for each in ordered]
    trace = {
        "type": "bar", "orientation": "h", "x": values, "y": [each.title for each in ordered],
        "marker": {"color": [role("bull") if value >= 0 else role("bear") for value in values]},
        "customdata": [each.stands for each in ordered], "hovertemplate": "%{x:+.1f} %, %{customdata}<extra></extra>",
    }  # fmt: skip
    layout = {
        "hovermode": "closest",
        "bargap": 0.35,
        "xaxis": {"nticks": 6, "zeroline": True, **PER_CENT},
        "yaxis": {"type": "category", "fixedrange": True},
    }
    best, worst = ordered[-1], ordered[0]
    return Chart(
        f"bars-{board.name}",
        "Nine sectors against SPY",
        {"data": [trace], "layout": layout},
        f"{board.bars[0].about} {best.title} leads ({best.shown}), {worst.title} trails ({worst.shown}).",
        f"Bars from {worst.title}, {worst.shown}, to {best.title}, {best.shown}.",
        height=60 + 30 * len(ordered),
    )
