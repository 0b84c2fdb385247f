"""Plots as PNG bytes.

The same input gives the same bytes: no time stamp, version or user setting goes in. Colours are Okabe and Ito's, and
lines also differ by style. With `simulated`, SIMULATED is written across the plot and into the file's description.

References
----------
Okabe, M. and Ito, K. (2008), Color universal design, https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from io import BytesIO
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest
from bullbear.decide.account import Account
from bullbear.definitions import UP
from bullbear.evaluate import Evaluation
from bullbear.report.ticks import PercentTicks
from bullbear.report.words import account_name

SIMULATED = "SIMULATED"
BLUE, ORANGE, GREEN, GREY, PALE = "#0072B2", "#D55E00", "#009E73", "#555555", "#D9D9D9"
_SLEEVES = (BLUE, ORANGE, GREEN, GREY)
_MEMBERS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", GREY)
WORST_SHOWN = -1.0
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "legend.frameon": False,
    "legend.fontsize": 10.0,
    "figure.dpi": 130.0,
    "savefig.dpi": 130.0,
}
_LINES: dict[str, tuple[str, Literal["-", "--", ":", "-."]]] = {
    "buy_and_hold": (ORANGE, "--"),
    "ten_month_average": (GREEN, ":"),
    "volatility_target": (GREEN, "-."),
    "sixty_forty": (ORANGE, ":"),
    "jump_model": (GREY, "-."),
    "base_rate": (BLUE, ":"),
}


def calibration_plot(evaluation: Evaluation, predictions: Predictions, *, simulated: bool = False) -> bytes:
    """Reliability diagram with intervals over a histogram of the resolved forecasts.

    The intervals are Wilson's over the effective number of observations; the histogram is that of `p` in the resolved
    rows of `predictions`, which were evaluated.
    """

    def draw(figure: Figure) -> None:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        answers = "ups" if evaluation.question == UP.name else "yes"
        bins = evaluation.calibration
        mean_p, share = np.array([b.mean_p for b in bins]), np.array([b.share_up for b in bins])
        spread = np.abs(np.array([[b.low for b in bins], [b.high for b in bins]]) - share)
        p = predictions.resolved().table["p"].to_numpy()
        edges = _window(p)
        top.plot([0, 1], [0, 1], color=GREY, lw=1, label="perfect calibration")
        base = evaluation.share_up
        top.axhline(base, color=ORANGE, ls="--", lw=1.5, label=f"base rate of these days, {base:.1%}")
        top.errorbar(
            mean_p, share, spread, fmt="o", color=BLUE, capsize=3, label=f"forecasts, {evaluation.level:.0%} interval"
        )
        top.set(
            xlim=edges,
            ylim=(-0.02, 1.02),
            ylabel=f"share of {answers}",
            title=f"Share of {answers} among days with about the same forecast",
        )
        top.legend(loc="best")
        bottom.hist(p, bins=np.linspace(*edges, 41), color=BLUE, alpha=0.8)
        bottom.axvline(base, color=ORANGE, ls="--", lw=1.5)
        bottom.set(xlabel=f"forecast P({evaluation.question})", ylabel="days")
        for axis in (top.yaxis, bottom.xaxis):
            axis.set_major_formatter(PercentTicks())

    return png(draw, (6.8, 6.4), simulated)


def skill_plot(evaluation: Evaluation, *, simulated: bool = False) -> bytes:
    """Brier skill by calendar year around zero, with the interval of the skill over all years as a band.

    A year below -1 is cut there and its value written; a year with less than half of its sessions is hatched.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        years = [int(span.label) for span in evaluation.by_year]
        skills = [max(span.bss, WORST_SHOWN) for span in evaluation.by_year]
        if np.isfinite(evaluation.bss_low) and np.isfinite(evaluation.bss_high):
            label = f"all years, {evaluation.level:.0%} interval"
            axes.axhspan(evaluation.bss_low, evaluation.bss_high, color=ORANGE, alpha=0.2, lw=0, label=label)
        axes.axhline(evaluation.bss, color=ORANGE, ls="--", lw=1.5, label=f"all years, {evaluation.bss:+.1%}")
        bars = axes.bar(years, skills, color=[BLUE if skill >= 0 else PALE for skill in skills], edgecolor=BLUE, lw=1)
        for bar, span in zip(bars, evaluation.by_year, strict=True):
            if span.n < 126:
                bar.set_hatch("///")
            if span.bss < WORST_SHOWN:
                axes.text(int(span.label), WORST_SHOWN, f"{span.bss:.0%}", ha="center", va="bottom", rotation=90)
        axes.axhline(0.0, color="black", lw=1.2)
        axes.margins(y=0.15)
        axes.set(title="Brier skill against the base rate by year (above zero is better)", ylabel="skill")
        axes.yaxis.set_major_formatter(PercentTicks())
        axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
        axes.legend(loc="best")

    return png(draw, (6.8, 3.8), simulated)


def equity_plot(result: Backtest, *, simulated: bool = False) -> bytes:
    """Equity of the policy and the baselines on a log scale, their drawdowns, and the policy's weights."""

    def draw(figure: Figure) -> None:
        equity, falls, weights = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.5, 1.5])
        for name, account in result.baselines.items():
            colour, dash = _LINES.get(name, (GREY, "--"))
            equity.plot(account.equity.index, account.equity, color=colour, ls=dash, lw=1.2, label=account_name(name))
            falls.plot(account.equity.index, _drawdown(account), color=colour, ls=dash, lw=0.8)
        days = result.equity.index
        equity.plot(days, result.equity, color=BLUE, lw=1.8, label="policy")
        equity.set(yscale="log", ylabel="equity, log scale", title="Policy and baselines after costs, start = 1")
        low, high = equity.get_ylim()
        equity.yaxis.set_major_locator(
            LogLocator(subs=(1.0, 2.0, 5.0)) if high / low > 4.0 else MaxNLocator(6)  # else a decade may show no label
        )
        equity.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        equity.yaxis.set_minor_locator(NullLocator())
        equity.legend(loc="best")
        falls.fill_between(days, _drawdown(result.account), 0.0, color=BLUE, alpha=0.35, lw=0)
        falls.set(ylabel="drawdown")
        sleeves = result.account.sleeves
        held = [result.account.daily[f"{name}_weight"].to_numpy(dtype=float) for name in (*sleeves, "cash")]
        labels = result.account.labels.values()
        colours = [_SLEEVES[place % len(_SLEEVES)] for place in range(len(sleeves))]
        weights.stackplot(days, *held, labels=[*labels, "cash"], colors=[*colours, PALE], lw=0)
        weights.set(ylabel="weights", ylim=(0, 1), xlim=(days[0], days[-1]))
        figure.legend(*weights.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        for axes in (falls, weights):
            axes.yaxis.set_major_formatter(PercentTicks())

    return png(draw, (6.8, 7.2), simulated)


def probability_plot(predictions: Predictions, *, simulated: bool = False) -> bytes:
    """Forecasts of a question with their intervals and the base rate by day; marks at the edges are the outcomes."""
    table = predictions.table
    question = str(table["question"].iloc[0])
    ends = ("ended up", "ended down") if question == UP.name else ("yes", "no")

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        days = table["decided_at"].dt.tz_convert(None).to_numpy()
        p, low, high, base, y = (table[name].to_numpy() for name in ("p", "p_low", "p_high", "climatology", "y"))
        axes.fill_between(days, low, high, color=BLUE, alpha=0.2, lw=0, label="interval")
        axes.plot(days, p, color=BLUE, lw=1.2, label=f"forecast P({question})")
        axes.plot(days, base, color=ORANGE, ls="--", lw=1.6, label="base rate")
        bottom, top = _window(np.concatenate([p, low, high, base]))
        pad = 0.12 * (top - bottom)
        axes.set(ylim=(bottom - pad, top + pad), title="Forecasts and outcomes (marks)")
        # Marks stand at the edges of the panel, whatever range the forecasts span.
        for outcome, height, colour, label in ((1.0, 0.975, GREEN, ends[0]), (0.0, 0.025, GREY, ends[1])):
            at = days[y == outcome]
            axes.plot(
                at, np.full(len(at), height), "|", color=colour, ms=9, mew=0.6, transform=axes.get_xaxis_transform()
            )
            axes.annotate(
                label, (1.0, height), xycoords="axes fraction", xytext=(4, 0), textcoords="offset points",
                va="center", color=colour, fontsize=9, annotation_clip=False,
            )  # fmt: skip
        axes.yaxis.set_major_formatter(PercentTicks())
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)

    return png(draw, (6.8, 4.2), simulated)


def weights_plot(weights: pd.DataFrame, *, simulated: bool = False) -> bytes:
    """What each member of a pool weighs from each fit on, and the base rate below them all.

    Parameters
    ----------
    weights
        By UTC instants, a column per member and the base rate's last; see `learn.Training.weights`.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        *members, rest = weights.columns
        days = pd.DatetimeIndex(weights.index).tz_localize(None).to_numpy()
        colours = [_MEMBERS[place % len(_MEMBERS)] for place in range(len(members))]
        layers = weights[[rest, *members]].to_numpy(dtype=float).T
        shades = axes.stackplot(
            days, *layers, labels=[rest, *members], colors=[PALE, *colours], lw=0.4, edgecolor="white", step="post"
        )
        for place, shade in enumerate(shades[1:]):  # eight colours: a further member has a hatched one
            shade.set_hatch("" if place < len(_MEMBERS) else "///")
        axes.set(title="Weight of each member by the day of the fit", ylim=(0, 1), xlim=(days[0], days[-1]))
        axes.yaxis.set_major_formatter(PercentTicks())
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)

    return png(draw, (6.8, 4.2), simulated)


def factor_plot(values: pd.Series, *, unit: str, summary: str, simulated: bool = False) -> bytes:
    """One factor by session, with gaps where it is missing; its name is the title, `summary` a sentence under it."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(pd.DatetimeIndex(values.index).to_numpy(), values.to_numpy(dtype=float), color=BLUE, lw=0.9)
        axes.set_title(f"{values.name}{_latest(values)}\n{textwrap.fill(summary, 90)}", fontsize=9)
        axes.set_ylabel(textwrap.fill(unit, 30))

    return png(draw, (8.0, 4.2), simulated)


def _latest(values: pd.Series) -> str:
    known = values.dropna()
    return f": {known.iloc[-1]:.6g} on {pd.Timestamp(known.index[-1]).date()}" if len(known) else ""


def png(draw: Callable[[Figure], None], size: tuple[float, float], simulated: bool) -> bytes:
    """What `draw` draws on a figure of `size` inches, as a PNG."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own matplotlibrc would change the bytes
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        if simulated:
            figure.text(
                0.5, 0.5, SIMULATED, fontsize=54, fontweight="bold", color="#B00020", alpha=0.22, rotation=25,
                ha="center", va="center", zorder=100,
            ).set_in_layout(False)  # fmt: skip
        target = BytesIO()
        metadata = {"Software": None, "Description": SIMULATED} if simulated else {"Software": None}
        figure.savefig(target, format="png", metadata=metadata)
        return target.getvalue()


def _window(values: np.ndarray) -> tuple[float, float]:
    """A range within 0..1 around all finite values, with a margin, at least 0.2 wide."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.5, 0.5)
    air = max(0.02, (0.2 - (high - low)) / 2)
    return max(0.0, low - air), min(1.0, high + air)


def _drawdown(account: Account) -> np.ndarray:
    equity = account.equity.to_numpy(dtype=float)
    return np.asarray(equity / np.maximum.accumulate(equity) - 1.0)
