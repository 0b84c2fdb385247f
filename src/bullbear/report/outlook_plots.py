"""Pictures of the outlook: the fan of the month, each question against usual, past outlooks, and their reliability.

The style and the rules are those of `plots`; every picture is legible at the width of a phone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator, MultipleLocator

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate import Evaluation
from bullbear.forecasting.card.outlook import stated
from bullbear.report.plots import BLUE, GREEN, GREY, ORANGE, png
from bullbear.report.ticks import PercentTicks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.8
_LINE = 84
"""Characters of a statement; the rest is cut."""


def fan_plot(
    fan: np.ndarray, *, usual: np.ndarray | None = None, past: pd.Series | None = None, simulated: bool = False
) -> bytes:
    """The forecast quantiles of the total return after each session ahead, beside the usual ones.

    Parameters
    ----------
    fan
        Quantiles 5, 25, 50, 75 and 95 % of the simple return after 1 .. h sessions, shape (5, h).
    usual
        The same quantiles of climatology.
    past
        Total-return closes up to the forecast's, by session; drawn relative to the last.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        ahead = np.arange(fan.shape[1] + 1)
        low, lower, middle, upper, high = np.column_stack([np.zeros(5), fan])
        axes.fill_between(ahead, low, high, color=BLUE, alpha=0.18, lw=0, label="90% of outcomes")
        axes.fill_between(ahead, lower, upper, color=BLUE, alpha=0.32, lw=0, label="50% of outcomes")
        axes.plot(ahead, middle, color=BLUE, lw=2.0, label="median")
        if usual is not None:
            ends = np.column_stack([np.zeros(2), usual[[0, -1]]])
            axes.plot(ahead, ends[0], color=ORANGE, ls="--", lw=1.5, label="usual 90%")
            axes.plot(ahead, ends[1], color=ORANGE, ls="--", lw=1.5)
        title = "Total return from today's close"
        if past is not None and len(past):
            values = past.to_numpy(dtype=float)
            axes.plot(np.arange(1 - len(values), 1), values / values[-1] - 1.0, color="black", lw=1.4, label="so far")
            title = f"Total return from the close of {pd.Timestamp(past.index[-1]).date()}"
        axes.axvline(0.0, color=GREY, lw=1.0)
        axes.axhline(0.0, color=GREY, lw=1.0)
        for value in (low[-1], middle[-1], high[-1]):
            axes.annotate(
                f"{value:+.1%}", (ahead[-1], value), xytext=(5, 0), textcoords="offset points", va="center",
                fontsize=10, color=BLUE, annotation_clip=False,
            )  # fmt: skip
        axes.set(xlabel="sessions", title=title)
        third = max(fan.shape[1] // 3, 1)
        crowded = past is not None and len(past) > 6 * third
        axes.xaxis.set_major_locator(MultipleLocator(3 * third if crowded else third))
        axes.yaxis.set_major_formatter(PercentTicks(signed=True))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)

    return png(draw, (WIDTH, 4.8), simulated)


def against_usual_plot(outlook: Sequence[Mapping[str, Any]], *, simulated: bool = False) -> bytes:
    """The probability of each question with its interval, and a mark at the usual one.

    Parameters
    ----------
    outlook
        The entries of `outlook` in `forecast --json`: statement, p, p_low, p_high and climatology are read; an end of
        the interval may be None.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        rows = np.arange(len(outlook))[::-1]
        for row, each in zip(rows, outlook, strict=True):
            p, usual = float(each["p"]), float(each["climatology"])
            axes.barh(row, p, height=0.34, color=BLUE, alpha=0.85)
            low, high = each.get("p_low"), each.get("p_high")
            if low is not None and high is not None:
                axes.plot([low, high], [row, row], color="black", lw=1.3, solid_capstyle="butt")
            axes.plot([usual, usual], [row - 0.24, row + 0.24], color=ORANGE, lw=3.0, solid_capstyle="butt")
            edge = max(p, usual, float(high or 0.0))
            axes.text(edge + 0.015, row, f"{p:.0%} (usually {usual:.0%})", va="center", fontsize=10)
            statement = textwrap.shorten(stated(each), _LINE, placeholder=" ...")
            axes.text(0.0, row + 0.27, statement, va="bottom", fontsize=10, color="black")
        axes.plot([], [], color=BLUE, lw=7, alpha=0.85, label="this month")
        axes.plot([], [], color="black", lw=1.3, label="interval")
        axes.plot([], [], color=ORANGE, lw=3, label="usually")
        axes.set(xlim=(0.0, 1.0), ylim=(-0.5, len(outlook) - 0.2), yticks=[], title="This month against usual")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(PercentTicks())
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)

    return png(draw, (WIDTH, 1.5 + 0.72 * max(len(outlook), 1)), simulated)


def past_outlooks_plot(predictions: Mapping[str, Predictions], *, simulated: bool = False) -> bytes:
    """Past forecasts of each question beside the base rate; shaded where the answer came out as yes.

    Parameters
    ----------
    predictions
        By question, in the order of the strips; of one asset each.
    """

    def draw(figure: Figure) -> None:
        panels = figure.subplots(max(len(predictions), 1), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, each) in zip(panels, predictions.items(), strict=False):
            table = each.table
            days = table["decided_at"].dt.tz_convert(None).to_numpy()
            p, base, y = (table[column].to_numpy() for column in ("p", "climatology", "y"))
            axes.fill_between(
                days, 0.0, 1.0, where=y == 1.0, step="post", color=GREEN, alpha=0.22, lw=0,
                transform=axes.get_xaxis_transform(), label="came out as yes",
            )  # fmt: skip
            axes.plot(days, p, color=BLUE, lw=1.1, label="forecast")
            axes.plot(days, base, color=ORANGE, ls="--", lw=1.5, label="usual")
            axes.set_title(name, loc="left", fontsize=10, pad=3)
            axes.set_ylim(0.0, max(0.2, min(1.0, 1.08 * float(np.nanmax(np.append(p, base), initial=0.0)))))
            axes.yaxis.set_major_locator(MaxNLocator(3))
            axes.yaxis.set_major_formatter(PercentTicks())
            axes.margins(x=0.0)
        figure.suptitle("Past outlooks and what came of them", fontsize=12)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

    return png(draw, (WIDTH, 1.3 + 1.15 * max(len(predictions), 1)), simulated)


def reliability_plot(evaluations: Mapping[str, Evaluation], *, simulated: bool = False) -> bytes:
    """A reliability diagram for each question: the share of yes among days with about the same forecast.

    Intervals are Wilson's, over the effective number of observations.
    """
    lines = max(-(-len(evaluations) // 2), 1)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(lines, 2, squeeze=False).ravel()
        for axes, (name, found) in zip(panels, evaluations.items(), strict=False):
            _reliability(axes, name, found)
        for axes in panels[len(evaluations) :]:
            axes.set_visible(False)
        for axes in panels[::2]:
            axes.set_ylabel("share of yes")
        for axes in panels[max(len(evaluations) - 2, 0) : len(evaluations)]:
            axes.set_xlabel("forecast probability")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

    return png(draw, (WIDTH, 1.0 + 2.7 * lines), simulated)


def _reliability(axes: Axes, name: str, found: Evaluation) -> None:
    bins = found.calibration
    mean_p, share = np.array([each.mean_p for each in bins]), np.array([each.share_up for each in bins])
    spread = np.abs(np.array([[each.low for each in bins], [each.high for each in bins]]) - share)
    top = min(1.0, 1.1 * float(max(mean_p.max(), max(each.high for each in bins))))
    low = max(0.0, 0.9 * float(min(mean_p.min(), min(each.low for each in bins))))
    axes.plot([low, top], [low, top], color=GREY, lw=1.0, label="calibrated")
    axes.axhline(found.share_up, color=ORANGE, ls="--", lw=1.3, label="base rate")
    axes.errorbar(
        mean_p, share, spread, fmt="o", ms=4, color=BLUE, ecolor=BLUE, elinewidth=1.2, capsize=2,
        label=f"forecasts, {found.level:.0%} interval",
    )  # fmt: skip
    axes.set(xlim=(low, top), ylim=(low, top))
    axes.set_title(f"{name}: skill {found.bss:+.1%}" if np.isfinite(found.bss) else name, fontsize=10)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
        axis.set_major_formatter(PercentTicks())
