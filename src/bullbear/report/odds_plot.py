"""The plot of one event: the path after each past case, their median, and the path after the latest one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bullbear.odds.event_paths import EventPaths
from bullbear.report.plots import BLUE, GREY, ORANGE, png
from bullbear.report.ticks import PercentTicks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def odds_plot(event_paths: EventPaths, *, simulated: bool = False) -> bytes:
    """The total return after each case of an event, as a PNG."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        past, latest = event_paths.past, event_paths.latest
        if len(past):
            ahead = np.arange(past.shape[1])
            axes.plot(ahead, past.T, color=BLUE, alpha=0.25, lw=0.7)
            low, middle, high = np.nanquantile(past, (0.1, 0.5, 0.9), axis=0)
            axes.fill_between(ahead, low, high, color=BLUE, alpha=0.12, lw=0, label="middle 80%")
            axes.plot(ahead, middle, color=BLUE, lw=2.2, label=f"median of {len(past)} past cases")
        today = f"since {event_paths.occurred_on.date()}"
        axes.plot(np.arange(len(latest)), latest, color=ORANGE, lw=2.2, ls="--", label=today)
        axes.plot(len(latest) - 1, latest[-1], "o", color=ORANGE, ms=7)
        axes.axhline(0.0, color=GREY, lw=1)
        axes.yaxis.set_major_formatter(PercentTicks(signed=True))
        title = f"{event_paths.ticker}, {event_paths.event.direction}: {event_paths.event.says}"
        axes.set_title(title, fontsize=10, loc="left", wrap=True)
        axes.set(xlabel="sessions since the event", ylabel="total return since the event's close")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)

    return png(draw, (7.6, 4.8), simulated)
