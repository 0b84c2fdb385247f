"""Five years of short interest, as each publication showed it, and of short volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.report.charts import PER_CENT, Chart
from bullbear.report.palette import role
from bullbear.report.section import Block, Grid, Section, Text
from bullbear.report.words import day, per_cent


@dataclass(frozen=True)
class ShortSelling:
    """Short interest as first published, by settlement date, and short volume by session; None of what is unknown.

    `interest`: `published_on`, `shares_short`, `days_to_cover`, `share_outstanding`; `revised` counts those that a
    later publication changed. `volume` is the share of reported volume that was sold short, over `window` sessions.
    """

    ticker: str
    interest: pd.DataFrame | None
    revised: int
    volume: pd.Series | None
    window: int


def short_selling_section(found: ShortSelling) -> Section:
    """The section; without data one plain sentence each."""
    blocks: list[Block] = []
    if found.interest is None:
        blocks.append(Text(f"The data hold no short interest of {found.ticker}."))
    else:
        blocks += [Text(_newest(found)), Grid(_interest(found, found.interest))]
    if found.volume is None:
        blocks.append(Text(f"The data hold no short volume of {found.ticker}."))
    else:
        blocks.append(_volume(found, found.volume))
    return Section("short-selling", "Short interest and short volume", blocks, "Short selling")


def _newest(found: ShortSelling) -> str:
    assert found.interest is not None
    newest = found.interest.iloc[-1]
    settled = day(found.interest.index[-1])
    parts = [f"{newest['shares_short'] / 1e6:,.1f} million shares of {found.ticker} were sold short on {settled}"]
    if np.isfinite(newest["days_to_cover"]):
        parts.append(f"{newest['days_to_cover']:.1f} days of average volume")
    if np.isfinite(newest["share_outstanding"]):
        parts.append(f"{per_cent(newest['share_outstanding'])} of the shares outstanding")
    text = f"{parts[0]}{''.join(f', {part}' for part in parts[1:])}, published on {day(newest['published_on'])}."
    if found.revised:
        text += f" {found.revised} of the counts shown were changed by a later publication."
    return text


def _interest(found: ShortSelling, table: pd.DataFrame) -> Sequence[Chart]:
    wanted: tuple[tuple[str, str, float, dict[str, Any], str], ...] = (
        ("shares_short", "Shares short, millions", 1e-6, {}, "%{y:,.1f} million"),
        ("days_to_cover", "Days to cover", 1.0, {}, "%{y:.1f} days"),
        ("share_outstanding", "Share of shares outstanding", 100.0, PER_CENT, "%{y:.0f} %"),
    )
    charts = []
    for name, title, scale, axis, hover in wanted:
        values = scale * table[name].to_numpy(dtype=float)
        if not np.isfinite(values).any():
            continue
        trace = {
            "type": "scatter", "mode": "lines", "name": title, "x": pd.DatetimeIndex(table["published_on"]),
            "y": values, "line": {"color": role("bear"), "width": 1.6, "shape": "hv"},
            "hovertemplate": f"{hover}<extra></extra>",
        }  # fmt: skip
        layout = {
            "xaxis": {"type": "date", "nticks": 6, "hoverformat": "published %-d %b %Y"},
            "yaxis": {"rangemode": "tozero", "nticks": 5, **axis},
        }
        charts.append(
            Chart(
                f"short-{name.replace('_', '-')}",
                title,
                {"data": [trace], "layout": layout},
                "As first published; a step on each day of publication.",
                f"Step line over {len(table)} publications, from {np.nanmin(values):,.1f} to {np.nanmax(values):,.1f}.",
                height=260,
            )
        )
    return charts


def _volume(found: ShortSelling, volume: pd.Series) -> Chart:
    usual = float(volume.median())
    days = pd.DatetimeIndex(volume.index)
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": f"short volume, {found.window} sessions", "x": days,
            "y": 100.0 * volume.to_numpy(), "line": {"color": role("bear"), "width": 1.3},
            "hovertemplate": "%{y:.0f} %",
        },
        {
            "type": "scatter", "mode": "lines", "name": "median", "x": [days[0], days[-1]], "y": [100.0 * usual] * 2,
            "line": {"color": role("usual"), "width": 1.3, "dash": "dash"}, "hovertemplate": "%{y:.0f} %",
        },
    ]  # fmt: skip
    layout = {"xaxis": {"type": "date", "hoverformat": "%a %-d %b %Y"}, "yaxis": {"nticks": 6, **PER_CENT}}
    now = per_cent(volume.iloc[-1])
    return Chart(
        "short-volume",
        "Short volume, as a share of reported volume",
        {"data": traces, "layout": layout},
        f"{now} over the {found.window} sessions to {day(days[-1])}; the median of the time shown: {per_cent(usual)}. "
        "Most of it is market makers' hedging: look at its changes, not at its level.",
        f"Line by day: short volume, {now} at the end, and its median, {per_cent(usual)}.",
        height=300,
    )
